"""Which assets of a dandiset belong together: recordings, and the results that were made from them."""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from nwbspikegen.archive.share_metadata import SourceAsset, find_related
from nwbspikegen.archive.source_files import find_source
from nwbspikegen.nwb.provenance import NamedSource

# how sharing names results: an archive's path of a recording has no such part
_LABEL = "_desc-"


class Existing(NamedTuple):
    """An asset that a dandiset has under the path of a file: dandi's object, and its bytes' sha256."""

    asset: Any
    sha256: str


class _Listed(NamedTuple):
    path: str
    identifier: str
    digests: Collection[str]
    related: Collection[str] = ()


class Listing:
    """The assets of a draft with their fingerprints, asked for once, and those that were sent since.

    Parameters
    ----------
    dandiset : RemoteDandiset
        The draft.
    """

    def __init__(self, dandiset: Any) -> None:
        self.dandiset = dandiset
        self._sent: list[_Listed] = []

    def add(self, path: str, identifier: str, etag: str) -> None:
        """Note an asset that was sent, or found to be there with these bytes or others."""
        self._sent.append(_Listed(path, identifier, {etag}))

    def find_sources(self, sources: Iterable[NamedSource], beside: Path) -> dict[NamedSource, SourceAsset]:
        """Return, of the sources of some results, those that the dandiset has with the same bytes.

        Parameters
        ----------
        sources : iterable of NamedSource
            What they were made from.
        beside : Path
            The file with the results: of a source that lies beside it, dandi's own fingerprint is known.
            The archive takes minutes to compute the sha256 of what has just arrived.
        """
        found = {}
        for named in sources:
            known = {named.sha256, _find_etag(beside, named)} - {""}
            for asset in [*self._sent, *(self._listed if known else ())]:
                if known & set(asset.digests):
                    address = self.dandiset.client.get_url(f"/assets/{asset.identifier}/")
                    found[named] = SourceAsset(asset.path, address)
                    break
        return found

    def find_outdated(self, replaced: Iterable[Existing], sent: Collection[str]) -> dict[str, list[str]]:
        """Return, for each asset that was replaced, the paths of results made from its old bytes.

        Parameters
        ----------
        replaced : iterable of Existing
            The assets as they were.
        sent : collection of str
            Paths that were sent with the new ones, and so are of today.
        """
        outdated: dict[str, list[str]] = {}
        for old in replaced:
            marks = [mark for mark in (old.sha256, f"/assets/{old.asset.identifier}/") if mark]
            for asset in self._listed:
                is_result = _LABEL in asset.path and asset.path not in sent
                if is_result and any(mark in told for told in asset.related for mark in marks):
                    outdated.setdefault(old.asset.path, []).append(asset.path)
        return outdated

    @functools.cached_property
    def _listed(self) -> list[_Listed]:
        return [
            _Listed(
                asset["path"],
                asset["asset_id"],
                set(metadata.get("digest", {}).values()),
                find_related(metadata),
            )
            for asset, metadata in _iterate_assets(self.dandiset)
        ]


def _find_etag(beside: Path, named: NamedSource) -> str:
    from dandi.support.digests import get_digest

    found = find_source(beside, named)
    if found is None or not found.is_same or found.path.is_dir():
        return ""
    return str(get_digest(found.path, digest="dandi-etag"))


def _iterate_assets(dandiset: Any) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Give each asset of the draft and its metadata, which dandi's own listing leaves out."""
    for asset in dandiset.client.paginate(f"{dandiset.version_api_path}assets/", params={"metadata": "true"}):
        metadata = asset.get("metadata")
        if metadata is None:
            metadata = dandiset.client.get(f"/assets/{asset['asset_id']}/")
        yield asset, metadata
