"""What the archive's record says of results: software, model, keywords, technique, and the source."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any, NamedTuple

from nwbspikegen.archive.share_contents import Contents, name_once
from nwbspikegen.nwb.names import MODULE
from nwbspikegen.nwb.provenance import NamedSource

DERIVED = "dcite:IsDerivedFrom"
_MODELLING, _ANALYSIS = "computational modeling technique", "analytical technique"
# by module: what it is called among keywords, and the technique, as far as dandi has a name for it
_KINDS = {
    MODULE: ("spike generation", _MODELLING),
    "spike_transfer": ("transfer of spiking models", _MODELLING),
    "attention": ("attention of spiking models", _ANALYSIS),
    "patchseq": ("electrophysiological features", _ANALYSIS),
}
_SYNTHETIC = "synthetic"
# letters that dandi's schema takes for the name of an activity
_LONGEST_NAME = 150


class SourceAsset(NamedTuple):
    """A source as an asset of the dandiset: its path there, and its address."""

    path: str
    address: str


def describe_asset(
    metadata: dict[str, Any], contents: Contents, assets: Mapping[NamedSource, SourceAsset]
) -> dict[str, Any]:
    """Return the metadata of an asset with what this package knows of a file of results.

    Parameters
    ----------
    metadata : dict
        Of the asset, as dandi read them from the file, in the form of its schema.
    contents : Contents
        What the file holds; metadata of a recording without results stay as they are.
    assets : mapping of NamedSource to SourceAsset
        Of those sources that are in the dandiset.

    Examples
    --------
    >>> describe_asset({"path": "a.nwb"}, Contents(derived=False), {})
    {'path': 'a.nwb'}
    """
    if not (contents.derived or contents.synthetic):
        return metadata
    kinds = [_KINDS[module] for module in contents.modules or (MODULE,)]
    keywords = [
        *contents.keywords,
        *([_SYNTHETIC] if contents.synthetic else []),
        *(kind for kind, _ in kinds),
    ]
    return {
        **metadata,
        "keywords": list(dict.fromkeys([*metadata.get("keywords", []), *keywords])),
        "measurementTechnique": _add_techniques(metadata, [technique for _, technique in kinds]),
        "wasGeneratedBy": [*metadata.get("wasGeneratedBy", []), _describe_activity(contents)],
        "relatedResource": [
            *metadata.get("relatedResource", []),
            *(_relate(named, assets.get(named)) for named in name_once(contents.sources)),
        ],
    }


def find_related(metadata: Mapping[str, Any]) -> list[str]:
    """Return names, with their sha256, and addresses of what an asset says it is derived from."""
    return [
        f"{resource.get('name', '')} {resource.get('url', '')}"
        for resource in metadata.get("relatedResource") or []
        if resource.get("relation") == DERIVED
    ]


def _add_techniques(metadata: dict[str, Any], names: list[str]) -> list[dict[str, Any]]:
    there = list(metadata.get("measurementTechnique", []))
    known = {each.get("name") for each in there}
    new = [name for name in dict.fromkeys(names) if name not in known]
    return [*there, *({"schemaKey": "MeasurementTechniqueType", "name": name} for name in new)]


def _describe_activity(contents: Contents) -> dict[str, Any]:
    software = [{"schemaKey": "Software", "name": "nwbspikegen", "version": version("nwbspikegen")}]
    for model in {each[1:]: each for each in contents.models}.values():
        # weights have no release: their hash says which they are
        which = f"sha256:{model.sha256}" if model.sha256 else "unknown"
        software.append({"schemaKey": "Software", "name": f"model {model.name}", "version": which})
    return {
        "schemaKey": "Activity",
        "name": f"nwbspikegen: {', '.join(contents.modules) or 'simulation'}"[:_LONGEST_NAME],
        "description": "; ".join(contents.describe()),
        "wasAssociatedWith": software,
    }


def _relate(named: NamedSource, asset: SourceAsset | None) -> dict[str, Any]:
    """Return a source as dandi's schema names what a file is derived from."""
    resource = {
        "schemaKey": "Resource",
        "relation": DERIVED,
        "resourceType": "dcite:Dataset",
        "identifier": named.identifier,
        "name": name_source(asset.path if asset else named.file_name, named.sha256),
    }
    return {**resource, "url": asset.address} if asset else resource


def name_source(name: str, sha256: str) -> str:
    """Return what a related resource is called: its name and, where it is known, the hash of its bytes."""
    return f"{name} (sha256 {sha256})" if sha256 else name
