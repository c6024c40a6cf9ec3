"""The units of a phy folder, which Kilosort and others write and curators change."""

from __future__ import annotations

import dataclasses
import logging
import os
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float64, Int64
from spikeinterface.core import BaseSorting

from nwbspikegen.core.errors import InputError
from nwbspikegen.formats.electrodes import Electrodes
from nwbspikegen.formats.segments import FrameSegment
from nwbspikegen.formats.sorters.phy_folder import TIMES, PhyFolder, find_phy_folder
from nwbspikegen.formats.sorters.phy_sites import find_largest_by_template, find_unit_places, read_sites
from nwbspikegen.formats.sorters.phy_tables import DESCRIPTIONS, read_cluster_tables
from nwbspikegen.formats.sorters.sorted_recording import SortedRecording, find_sorted_recording

_LOG = logging.getLogger("nwbspikegen")
# s: Kilosort's batches are about 2 s and the last is filled up, so that spikes are found after the end; more
# is another rate or another recording
_MOST_AFTER = 2.5


class PhySorting(BaseSorting):  # type: ignore[misc]
    """The units of a phy or Kilosort folder as a SpikeInterface sorting with native seconds.

    Units are the clusters that have spikes, as curation left them, in numeric order. Nothing in the
    folder is run or unpickled.

    Parameters
    ----------
    path, sampling_frequency, recording, well, rec, duration
        As for `nwbspikegen.formats.sorters.reader.read_phy_folder`.
    sorter : str, default: "phy"
        What made it, for the description of the units.

    Attributes
    ----------
    observation_interval : (float, float) or None
        0 and the duration, kept as an annotation as well; None when it is not known.
    left_out : dict
        How many spikes were dropped for each reason, kept as an annotation as well.
    electrodes : Electrodes or None
        All channels that were sorted.
    session_metadata : dict
        When `recording` began, in NeuroConv's layout.
    property_descriptions : dict
        What the columns of known tables are.

    Raises
    ------
    InputError
        A file is damaged, the rate is not known or contradicted, or spikes come long after the end.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.save(Path(folder, "spike_times.npy"), np.array([20, 30, 40]))
    ...     np.save(Path(folder, "spike_clusters.npy"), np.array([7, 2, 7]))
    ...     sorting = PhySorting(folder, sampling_frequency=20_000.0, duration=1.0)
    >>> sorting.unit_ids.tolist(), sorting.get_unit_spike_train_in_seconds(7).tolist()
    ([2, 7], [0.001, 0.002])
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        sampling_frequency: float | None = None,
        recording: str | os.PathLike[str] | None = None,
        well: str | None = None,
        rec: str | None = None,
        duration: float | None = None,
        sorter: str = "phy",
    ) -> None:
        folder = find_phy_folder(path)
        known = find_sorted_recording(folder, sampling_frequency, recording, well, rec, duration)
        frames, clusters = _read_spikes(folder)
        kept = _find_observed(folder, frames, known)
        units = np.unique(clusters[kept])
        super().__init__(sampling_frequency=known.sampling_frequency, unit_ids=units)
        self.add_sorting_segment(
            FrameSegment(_split_trains(frames[kept], clusters[kept], units), known.sampling_frequency)
        )
        self.left_out = {"outside the recording": int((~kept).sum())}
        self.annotate(left_out=self.left_out)
        self.units_description = (
            "Units sorted by Kilosort." if sorter == "kilosort" else "Units of a folder curated with phy."
        )
        self.observation_interval = None if known.duration is None else (0.0, float(known.duration))
        if self.observation_interval is not None:
            self.annotate(observation_interval=self.observation_interval)
        columns = read_cluster_tables(folder.path, units)
        self.electrodes, places = _find_places(folder, clusters, kept, units)
        if places is not None:
            # phy's own depth is y as well
            columns |= {"rel_x": places[:, 0], "rel_y": places[:, 1], "depth": places[:, 1]}
        for name, values in columns.items():
            self.set_property(name, values)
        self.property_descriptions = DESCRIPTIONS
        self.session_metadata = (
            {} if known.start_time is None else {"NWBFile": {"session_start_time": known.start_time}}
        )
        self._kwargs = {
            "path": str(Path(path).absolute()),
            "sampling_frequency": sampling_frequency,
            "recording": None if recording is None else str(Path(recording).absolute()),
            "well": well,
            "rec": rec,
            "duration": duration,
            "sorter": sorter,
        }


def _read_spikes(folder: PhyFolder) -> tuple[Int64[np.ndarray, " spike"], Int64[np.ndarray, " spike"]]:
    frames = folder.read_whole_numbers(TIMES)
    clusters = folder.read_whole_numbers("spike_clusters.npy", "spike_templates.npy")
    if frames is None or clusters is None or len(frames) != len(clusters):
        found = "no spike_clusters.npy" if clusters is None else f"{len(clusters)} clusters of spikes"
        raise InputError(
            f"{0 if frames is None else len(frames)} spikes and {found} in {folder.path}",
            "a cluster for each spike",
            "copy files of one sorting",
        )
    return frames, clusters


def _find_observed(
    folder: PhyFolder, frames: Int64[np.ndarray, " spike"], known: SortedRecording
) -> Bool[np.ndarray, " spike"]:
    """Return which spikes lie within the recording; raise `InputError` when they are of another one."""
    rate_hz, stop = known.sampling_frequency, np.inf if known.duration is None else known.duration
    # half a sample of room for the quotient's round-off
    inside = (frames >= 0) & ((frames + 0.5) / rate_hz <= stop)
    outside = np.maximum(-frames, frames + 1 - stop * rate_hz)[~inside] / rate_hz
    if not stop > 0 or (len(outside) and outside.max() > _MOST_AFTER):
        raise InputError(
            f"spikes from {frames.min() / rate_hz:g} to {(frames.max() + 1) / rate_hz:g} s in {folder.path}",
            f"none before 0 s or after {stop:g} s, the end of {known.told_by}",
            "check the sampling rate, the duration and the recording",
        )
    if len(outside):
        _LOG.warning(
            "%s: %d of %d spikes are outside the recording: dropped", folder.path, len(outside), len(frames)
        )
    if not inside.any():
        raise InputError(
            f"no spikes of the recording in {folder.path}", "at least one", "check that the sorting ended"
        )
    return inside


def _split_trains(
    frames: Int64[np.ndarray, " spike"],
    clusters: Int64[np.ndarray, " spike"],
    units: Int64[np.ndarray, " unit"],
) -> dict[int, Int64[np.ndarray, " _spike"]]:
    # by cluster, then by frame: lexsort takes the last key first
    order = np.lexsort((frames, clusters))
    starts = np.searchsorted(clusters[order], units)
    return dict(zip(units.tolist(), np.split(frames[order], starts[1:]), strict=True))


def _find_places(
    folder: PhyFolder,
    clusters: Int64[np.ndarray, " spike"],
    kept: Bool[np.ndarray, " spike"],
    units: Int64[np.ndarray, " unit"],
) -> tuple[Electrodes | None, Float64[np.ndarray, "unit 2"] | None]:
    """Return the electrodes and where each unit is (um), None for what is not known."""
    sites = read_sites(folder)
    if sites is not None:
        xy = np.stack([sites.columns[axis] for axis in ("rel_x", "rel_y")], axis=1)
        rows = find_largest_by_template(folder, clusters, kept, units, len(xy))
        if rows is not None:
            return dataclasses.replace(sites, of_units=rows), np.where(rows[:, None] >= 0, xy[rows], np.nan)
    places = find_unit_places(folder, clusters, kept, units)
    if places is None:
        _LOG.warning("%s: neither templates nor places of spikes tell where the units are", folder.path)
        nowhere = np.full(len(units), -1, dtype=np.int64)
        return None if sites is None else dataclasses.replace(sites, of_units=nowhere), None
    if sites is not None:
        distances = np.linalg.norm(places[:, None] - xy, axis=2)
        sites = dataclasses.replace(sites, of_units=distances.argmin(axis=1).astype(np.int64))
    return sites, places
