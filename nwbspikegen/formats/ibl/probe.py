"""One probe of an IBL session: its units' spikes and properties, and its channels."""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float64, Int64

from nwbspikegen.core.errors import InputError
from nwbspikegen.core.npy_files import read_npy
from nwbspikegen.formats.ibl.arrays import (
    read_alf_numbers,
    read_names,
    read_whole_numbers,
    require_one_length,
)
from nwbspikegen.formats.ibl.channels import read_channels
from nwbspikegen.formats.ibl.folder import Collection
from nwbspikegen.formats.ibl.metrics import read_metrics
from nwbspikegen.formats.ibl.places import find_channels, place_units
from nwbspikegen.formats.ibl.quality import read_qualities

# s: a session lasts hours, and this is 116 days; what is further from its clock's zero was never a time
_LONGEST = 1e7
# what the tables of clusters have where nothing is known
_MISSING = {"clusters.channels": -1, "clusters.depths": np.nan, "clusters.uuids": ""}
_LOG = logging.getLogger("nwbspikegen")


@dataclasses.dataclass(frozen=True)
class ProbeUnits:
    """The units of one probe.

    Parameters
    ----------
    probe : str
        Name of the probe.
    clusters : ndarray of shape (unit,)
        Cluster numbers of the sorter, ascending.
    times : list of ndarray
        Sorted spike times (s, session clock) of every unit.
    properties : mapping of str to ndarray of shape (unit,)
        What is known of the units.
    channels : mapping of str to ndarray of shape (channel,)
        What is known of the channels, as columns of an electrodes table.
    channel_of_unit : ndarray of shape (unit,)
        Row of each unit's main channel, -1 where it is not known.
    """

    probe: str
    clusters: Int64[np.ndarray, " unit"]
    times: list[Float64[np.ndarray, " _spike"]]
    properties: dict[str, np.ndarray]
    channels: dict[str, np.ndarray]
    channel_of_unit: Int64[np.ndarray, " unit"]


def read_alf_probe(collection: Collection, *, good_only: bool) -> ProbeUnits:
    """Return the units of a collection: the clusters with spikes.

    Raises
    ------
    InputError
        If arrays are missing, damaged or contradict each other.
    """
    folder = collection.folder
    times, spike_clusters = _read_spikes(collection)
    tables = _read_clusters(collection)
    if collection.is_curated("spikes.clusters"):
        tables = _extend(collection, tables, spike_clusters)
    num_clusters = require_one_length(folder, tables)
    if num_clusters is not None and spike_clusters.size and spike_clusters.max() >= num_clusters:
        raise InputError(
            f"spikes of cluster {spike_clusters.max()} in {folder}",
            f"clusters from 0 to {num_clusters - 1}, as the clusters.* arrays have",
            "copy files of one sorting",
        )
    metrics = read_metrics(collection, num_clusters)
    # the IBL has rows of metrics for all numbers of its sorter, of clusters that it emptied as well
    clusters = np.unique(spike_clusters)
    qualities = read_qualities(collection, metrics, clusters)
    if good_only:
        good = _find_good(folder, qualities)
        clusters, qualities = clusters[good], {name: values[good] for name, values in qualities.items()}
    channels = read_channels(collection)
    channel_of_unit = find_channels(folder, clusters, tables, channels)
    properties = {
        "cluster_id": clusters,
        "probe": np.full(len(clusters), collection.probe),
        **_read_depths(collection, clusters, tables, spike_clusters),
        **place_units(channels, channel_of_unit),
        **qualities,
    }
    if (uuids := tables["clusters.uuids"]) is not None:
        properties["uuid"] = uuids[clusters]
    by_unit = _split_by_cluster(times, spike_clusters, clusters)
    return ProbeUnits(collection.probe, clusters, by_unit, properties, channels, channel_of_unit)


def _read_spikes(collection: Collection) -> tuple[Float64[np.ndarray, " spike"], Int64[np.ndarray, " spike"]]:
    folder, path = collection.folder, collection.find("spikes.times")
    clusters = read_whole_numbers(collection, "spikes.clusters")
    if path is None or clusters is None:
        raise InputError(
            f"spikes.{'clusters' if path else 'times'} missing in {folder}",
            "spikes.times and spikes.clusters",
            "copy both",
        )
    times = read_npy(path)
    if times.dtype.kind != "f" or times.ndim != 1:
        raise InputError(f"{times.dtype} of shape {times.shape} in {path}", "seconds", "check the file")
    times = times.astype(np.float64)
    # NaN is not smaller than anything, so this finds it as well
    if not (np.abs(times) < _LONGEST).all():
        raise InputError(
            f"times that are NaN or beyond {_LONGEST:.0e} s in {path}",
            "seconds of the session's clock",
            "copy the file again, or leave out such spikes",
        )
    require_one_length(folder, {"spikes.times": times, "spikes.clusters": clusters})
    if clusters.size and clusters.min() < 0:
        raise InputError(f"cluster {clusters.min()} in {folder}", "numbers from 0", "check spikes.clusters")
    return times, clusters


def _read_clusters(collection: Collection) -> dict[str, np.ndarray | None]:
    return {
        "clusters.channels": read_whole_numbers(collection, "clusters.channels"),
        "clusters.depths": read_alf_numbers(collection, "clusters.depths"),
        "clusters.uuids": read_names(collection, "clusters.uuids"),
    }


def _extend(
    collection: Collection, tables: dict[str, np.ndarray | None], spike_clusters: Int64[np.ndarray, " spike"]
) -> dict[str, np.ndarray | None]:
    """Add rows of nothing to the sorter's tables for clusters that a curator made of others."""
    needed = int(spike_clusters.max(initial=-1)) + 1
    needed = max([needed, *(len(table) for table in tables.values() if table is not None)])
    extended, short = dict(tables), {}
    for name, table in tables.items():
        if table is not None and len(table) < needed and not collection.is_curated(name):
            missing = np.full(needed - len(table), _MISSING[name])
            # curated clusters are numbered on behind the sorter's, whose rows keep their places
            extended[name] = np.concatenate([table, missing.astype(table.dtype)])
            short[name] = len(table)
    if short:
        _LOG.warning(
            "%s: %d curated clusters are not in the sorter's %s, and lack what these tell",
            collection.folder,
            int((np.unique(spike_clusters) >= min(short.values())).sum()),
            ", ".join(short),
        )
    return extended


def _find_good(folder: Path, qualities: dict[str, np.ndarray]) -> Bool[np.ndarray, " unit"]:
    if "quality" not in qualities:
        raise InputError(
            f"no quality labels in {folder}",
            "clusters.metrics with a column label, or clusters.curatedLabels",
            "leave out --good-only, or add the file",
        )
    good: np.ndarray = qualities["quality"] == "good"
    return good


def _read_depths(
    collection: Collection,
    clusters: Int64[np.ndarray, " unit"],
    tables: dict[str, np.ndarray | None],
    spike_clusters: Int64[np.ndarray, " spike"],
) -> dict[str, np.ndarray]:
    """Return the units' depths (um): the clusters', or else the medians of their spikes'."""
    depths = tables["clusters.depths"]
    if depths is not None:
        return {"depth": depths[clusters]}
    spike_depths = read_alf_numbers(collection, "spikes.depths")
    if spike_depths is None:
        return {}
    require_one_length(collection.folder, {"spikes.depths": spike_depths, "spikes.clusters": spike_clusters})
    known = np.isfinite(spike_depths)
    of_units = _split_by_cluster(spike_depths[known], spike_clusters[known], clusters)
    # medians, since a drift or a few spikes of another cell move a mean
    return {"depth": np.array([np.median(values) if len(values) else np.nan for values in of_units])}


def _split_by_cluster(
    values: Float64[np.ndarray, " spike"],
    of_cluster: Int64[np.ndarray, " spike"],
    clusters: Int64[np.ndarray, " unit"],
) -> list[Float64[np.ndarray, " _spike"]]:
    """Return the sorted values of every cluster."""
    # sorted once and cut: a comparison of all spikes with each cluster would be quadratic
    order = np.argsort(of_cluster, kind="stable")
    ordered = of_cluster[order]
    starts, stops = np.searchsorted(ordered, clusters), np.searchsorted(ordered, clusters, side="right")
    return [np.sort(values[order[start:stop]]) for start, stop in zip(starts, stops, strict=True)]
