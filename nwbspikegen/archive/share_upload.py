"""Sending planned files with dandi's own client."""

from __future__ import annotations

import logging
from typing import Any

from nwbspikegen.archive.share_client import explaining_archive
from nwbspikegen.archive.share_metadata import describe_asset
from nwbspikegen.archive.share_open_uploads import naming_open_uploads
from nwbspikegen.archive.share_planning import PlannedFile
from nwbspikegen.archive.share_related import Existing, Listing
from nwbspikegen.core.errors import InputError, OutputError

_LOG = logging.getLogger("nwbspikegen")
EXISTING = ("error", "skip", "refresh", "overwrite")
# a line of the log for each tenth
_STEP_PERCENT = 10


def send_files(planned: list[PlannedFile], dandiset: Any, existing: str) -> list[dict[str, Any]]:
    """Upload each file and return its status ("uploaded", "replaced" or "skipped") and asset.

    What is there already is looked up for all files before the first is sent. Recordings go first, so
    that the records of results name their assets.

    Parameters
    ----------
    planned : list of PlannedFile
        From `plan_files`.
    dandiset : RemoteDandiset
        From `open_dandiset`.
    existing : {"error", "skip", "refresh", "overwrite"}
        What to do about a file that the dandiset has under that path, as `dandi upload` means it.
    """
    # for all before the first is sent: a refusal must not leave half of a set in the archive
    assets = {entry.archive_path: _look_up(entry, dandiset, existing) for entry in planned}
    states, listing = {}, Listing(dandiset)
    ordered = sorted(planned, key=lambda entry: entry.contents.derived)
    for number, entry in enumerate(ordered, start=1):
        which = f"file {number} of {len(ordered)}"
        state = _send(entry, dandiset, existing, assets[entry.archive_path], which, listing)
        states[entry.archive_path] = state
        if state["status"] != "skipped":
            listing.add(entry.archive_path, state["asset"], entry.etag)
    _warn_of_outdated(listing, assets, states)
    return [states[entry.archive_path] for entry in planned]


def _warn_of_outdated(
    listing: Listing, assets: dict[str, Existing | None], states: dict[str, dict[str, Any]]
) -> None:
    kept = [assets[path] for path, state in states.items() if state["status"] == "replaced"]
    replaced = [each for each in kept if each is not None]
    sent = {path for path, state in states.items() if state["status"] != "skipped"}
    with explaining_archive("while looking for results of what was replaced", listing.dandiset.client):
        outdated = listing.find_outdated(replaced, sent)
    for path, names in outdated.items():
        told = ", ".join(names)
        _LOG.warning("%s was replaced, and %s tell of its old bytes: make and share them again", path, told)


def _look_up(entry: PlannedFile, dandiset: Any, existing: str) -> Existing | None:
    """Return the asset that has the file's path in the dandiset, None when there is none."""
    with explaining_archive(f"while looking for {entry.archive_path}", dandiset.client):
        # the archive looks for beginnings of paths
        found = [
            asset
            for asset in dandiset.get_assets_with_path_prefix(entry.archive_path)
            if asset.path == entry.archive_path
        ]
        if not found:
            return None
        # now: of an asset that was replaced, the archive gives no metadata any more
        digests = found[0].get_raw_metadata().get("digest", {})
    if existing == "error":
        same = "with the same bytes" if digests.get("dandi:dandi-etag") == entry.etag else "with other bytes"
        raise OutputError(
            f"{entry.archive_path}, which the dandiset has already, {same}",
            "a new path",
            "pass --existing skip to keep it, or --existing overwrite to replace it",
        )
    return Existing(found[0], str(digests.get("dandi:sha2-256", "")))


def _send(
    entry: PlannedFile, dandiset: Any, existing: str, there: Existing | None, which: str, listing: Listing
) -> dict[str, Any]:
    from dandi.files import dandi_file
    from dandi.misctypes import Digest
    from dandi.upload import UploadExisting, check_replace_asset

    root = entry.place.parents[len(entry.archive_path.split("/")) - 1]
    # the fingerprint of the bytes that were checked goes along: dandi compares what it sends with it
    local, etag = dandi_file(entry.place, root), Digest.dandi_etag(entry.etag)
    _require_unchanged(entry)
    with (
        naming_open_uploads(dandiset, entry.etag),
        explaining_archive(f"while sending {which}, {entry.archive_path}", dandiset.client),
    ):
        asset = None if there is None else there.asset
        if asset is not None:
            replace, _ = check_replace_asset(local, asset, UploadExisting(existing), etag)
            if not replace:
                return {"status": "skipped", "asset": str(asset.identifier)}
        found = local.get_metadata(digest=etag, ignore_errors=False)
        related = listing.find_sources(entry.contents.sources, entry.path)
        metadata = describe_asset(found.model_dump(mode="json", exclude_none=True), entry.contents, related)
        sent = _follow(entry, local, dandiset, metadata, asset)
    return {"status": "uploaded" if asset is None else "replaced", "asset": str(sent.identifier)}


def _follow(entry: PlannedFile, local: Any, dandiset: Any, metadata: dict[str, Any], replaced: Any) -> Any:
    """Upload one file, tell how far it is, and return its asset."""
    told = 0
    try:
        for state in local.iter_upload(dandiset, metadata, replacing=replaced):
            if state["status"] == "done":
                return state["asset"]
            percent = int(state.get("progress", 0))
            if percent >= told + _STEP_PERCENT:
                _LOG.info("%s: %d %%", entry.archive_path, percent)
                told = percent
    # how dandi says that a fingerprint, or the number of bytes, is not what it was
    except RuntimeError as error:
        raise _changed(entry, f", or on its way ({error})") from error
    raise OutputError(f"no asset of {entry.archive_path}", "the archive's record of it", "send it again")


def _require_unchanged(entry: PlannedFile) -> None:
    now = entry.path.stat()
    if (now.st_size, now.st_mtime_ns) != (entry.size, entry.modified_ns):
        raise _changed(entry)


def _changed(entry: PlannedFile, more: str = "") -> InputError:
    return InputError(
        f"{entry.path}, which changed since it was checked{more}",
        "a file that stays as it is",
        "give the same command again when nothing writes to it",
    )
