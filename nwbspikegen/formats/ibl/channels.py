"""The channels of a probe of an IBL session, as columns of an electrodes table."""

from __future__ import annotations

import dataclasses
import logging

import numpy as np
from jaxtyping import Int64

from nwbspikegen.core import brain_regions
from nwbspikegen.formats.ibl.arrays import (
    read_alf_numbers,
    read_names,
    read_whole_numbers,
    require_one_length,
)
from nwbspikegen.formats.ibl.folder import Collection
from nwbspikegen.formats.ibl.shanks import number_shanks

UNKNOWN_REGION = "unknown"
# a channel of which nothing is known is where the Allen atlas has its 0, in no region
UNKNOWN_REGION_ID = 0
_LOG = logging.getLogger("nwbspikegen")
_CHANNELS, _SITES = "channels", "electrodeSites"
# what the histology tells, and the sorting does not
_RESOLVED = ("location", "brain_location_id", "x", "y", "z")


def read_channels(collection: Collection) -> dict[str, np.ndarray]:
    """Return what a collection says of its channels; empty when it says nothing.

    The columns, of shape (channel,): `channel` (as the recording system numbers it), `shank` (of a probe
    with several), `rel_x`, `rel_y` (um on the probe, from its tip), `x`, `y`, `z` (um from bregma to
    posterior, inferior and right, as NWB has them; the IBL's are to the right, anterior and up),
    `brain_location_id` (Allen atlas) and `location` (its acronym). Places in the brain are those of
    electrodeSites.*, which is the resolved histology and lies in the probe's folder, or else of channels.*.

    Raises
    ------
    InputError
        If arrays are damaged or of different lengths.
    """
    channels, sites = _read_columns(collection, _CHANNELS), _read_columns(_sites_of(collection), _SITES)
    columns = _resolve(collection, channels, sites) if channels and sites else channels or sites
    if "rel_x" in columns:
        shanks = number_shanks(collection.probe, columns["rel_x"])
        columns |= {} if shanks is None else {"shank": shanks}
    return columns


def _sites_of(collection: Collection) -> Collection:
    """Return where the sites of a collection's probe lie: they are of all its sorters."""
    above = collection.folder.parent
    return dataclasses.replace(collection, folder=above) if above.name == collection.probe else collection


def _read_columns(collection: Collection, name: str) -> dict[str, np.ndarray]:
    arrays = {
        f"{name}.rawInd": read_whole_numbers(collection, f"{name}.rawInd"),
        f"{name}.localCoordinates": read_alf_numbers(collection, f"{name}.localCoordinates", columns=2),
        f"{name}.mlapdv": read_alf_numbers(collection, f"{name}.mlapdv", columns=3),
        f"{name}.brainLocationIds_ccf_2017": read_whole_numbers(
            collection, f"{name}.brainLocationIds_ccf_2017"
        ),
        f"{name}.brainLocationAcronyms_ccf_2017": read_names(
            collection, f"{name}.brainLocationAcronyms_ccf_2017"
        ),
    }
    require_one_length(collection.folder, arrays)
    raw, local, brain, ids, acronyms = arrays.values()
    columns: dict[str, np.ndarray] = {}
    if raw is not None:
        columns["channel"] = raw
    if local is not None:
        columns |= {"rel_x": local[:, 0], "rel_y": local[:, 1]}
    if brain is not None:
        # mlapdv is right, anterior, up; NWB's x is posterior, y inferior, z right
        columns |= {"x": -brain[:, 1], "y": -brain[:, 2], "z": brain[:, 0]}
    if ids is not None:
        columns["brain_location_id"] = ids
    if acronyms is not None:
        columns["location"] = np.where(acronyms == "", UNKNOWN_REGION, acronyms)
    elif ids is not None:
        columns["location"] = _name_regions(collection, ids)
    return columns


def _name_regions(collection: Collection, ids: Int64[np.ndarray, " channel"]) -> np.ndarray:
    """Return the acronyms of regions' numbers: the IBL's pipeline writes numbers alone."""
    if not brain_regions.has_atlas():
        _LOG.warning(
            "%s: regions stay numbers (brain_location_id), since iblatlas, which knows their names, is not "
            "installed: pip install 'nwbspikegen[ibl]'",
            collection.folder,
        )
        return np.full(len(ids), UNKNOWN_REGION)
    acronyms = brain_regions.read_acronyms(ids)
    return np.where(acronyms == "", UNKNOWN_REGION, acronyms)


def _resolve(
    collection: Collection, channels: dict[str, np.ndarray], sites: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Return the channels with the sites' places in the brain, if they have any, instead of their own."""
    rows = match_sites(channels, sites)
    if rows is None:
        _LOG.warning(
            "%s: electrodeSites.* and channels.* are of different channels: electrodeSites.* is not read",
            collection.folder,
        )
        return channels
    placed = {name: values[rows] for name, values in sites.items()}
    resolved = {name: placed[name] for name in _RESOLVED if name in placed}
    if not resolved:
        return placed | channels
    _LOG.info("%s: places in the brain are those of electrodeSites.*", collection.folder)
    # all of them or none: two histologies of one channel do not fit each other
    own = {name: values for name, values in channels.items() if name not in _RESOLVED}
    return placed | own | resolved


def match_sites(
    channels: dict[str, np.ndarray], sites: dict[str, np.ndarray]
) -> Int64[np.ndarray, " channel"] | None:
    """Return each channel's row among the sites of its probe, None where nothing tells.

    The place on the probe tells; or else, as the IBL's sorter moves the shanks of a probe apart, the number
    in the recording; or else the order.

    Examples
    --------
    >>> sites = {"rel_x": np.array([0.0, 32.0]), "rel_y": np.array([20.0, 20.0])}
    >>> match_sites({"rel_x": np.array([32.0]), "rel_y": np.array([20.0])}, sites).tolist()
    [1]
    """
    num_channels, num_sites = (len(next(iter(columns.values()))) for columns in (channels, sites))
    if "rel_x" in channels and "rel_x" in sites:
        places = list(zip(sites["rel_x"].tolist(), sites["rel_y"].tolist(), strict=True))
        rows = {place: row for row, place in enumerate(places)}
        wanted = list(zip(channels["rel_x"].tolist(), channels["rel_y"].tolist(), strict=True))
        if len(rows) == num_sites and all(place in rows for place in wanted):
            return np.array([rows[place] for place in wanted], dtype=np.int64)
    raw = channels.get("channel")
    if raw is not None and len(raw) and raw.min() >= 0 and raw.max() < num_sites:
        return raw
    return np.arange(num_sites) if num_sites == num_channels else None
