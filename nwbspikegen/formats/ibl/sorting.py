"""Sorted spikes of the International Brain Laboratory (IBL): a session's ALF arrays as one sorting."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64
from spikeinterface.core import BaseSorting

from nwbspikegen.core.errors import InputError
from nwbspikegen.formats.electrodes import Electrodes
from nwbspikegen.formats.ibl.channels import UNKNOWN_REGION, UNKNOWN_REGION_ID
from nwbspikegen.formats.ibl.folder import find_alf_root, find_collections, find_session
from nwbspikegen.formats.ibl.probe import ProbeUnits, read_alf_probe
from nwbspikegen.formats.ibl.session import (
    describe_session,
    read_named_intervals,
    read_observation_interval,
)
from nwbspikegen.formats.segments import NativeSegment

# Neuropixels' nominal rate: it is for SpikeInterface's frames alone, as times are the session clock's own
_SAMPLING_FREQUENCY = 30_000.0
_DESCRIPTIONS = {
    "brain_location_id": "Number of the unit's region in the Allen atlas (CCF 2017), 0 where unknown.",
    "cluster_id": "Number of the unit in its probe's sorting.",
    "curated_label": "What a curator calls the unit.",
    "depth": "Distance of the unit from the tip of its probe, in micrometres.",
    "label": "Share of the IBL's three quality criteria that the unit passes.",
    "location": "Region of the unit's main channel, as an acronym of the Allen atlas.",
    "probe": "Probe of the unit.",
    "quality": "What a curator says, or else good for a label of 1, mua for a lower one, empty without.",
    "rel_x": "x position of the unit's main channel on its probe, in micrometres.",
    "rel_y": "Distance of the unit's main channel from the tip of its probe, in micrometres.",
    "shank": "Shank of the unit on its probe, from 0.",
    "uuid": "Identifier of the unit in the IBL's database.",
    "x": "Place of the unit's main channel from bregma to posterior, in micrometres.",
    "y": "Place of the unit's main channel from bregma to inferior, in micrometres.",
    "z": "Place of the unit's main channel from bregma to the right, in micrometres.",
}


class ALFSorting(BaseSorting):  # type: ignore[misc]
    """The units of an IBL session as a SpikeInterface sorting with native seconds.

    Times are `spikes.times` as they are: seconds of the session's clock, shared by its probes. A unit is
    called by its cluster number (12), or by probe and number (``"probe00_12"``) when several probes are
    read. Clusters without spikes are no units: sorters leave their numbers when they merge.

    Parameters
    ----------
    session_path : path
        A session's folder, its `alf` folder, a probe, a collection (``alf/probe00/pykilosort``), or any
        folder with spikes.times.npy and spikes.clusters.npy.
    probes, collection, good_only, namespace
        As for `nwbspikegen.formats.ibl.reader.read_ibl_session`.

    Attributes
    ----------
    electrodes : Electrodes
        The probes' channels, if there are channels.* arrays.
    named_intervals : dict
        Parts of the passive protocol, such as ``spontaneousActivity`` (s).
    session_metadata : dict
        What the folder's name tells, in NeuroConv's layout.
    assumed_metadata : dict
        Which of it is an assumption, and which one.
    observation_interval : (float, float)
        When all probes were recording (s), if raw_ephys_data tells; kept as an annotation as well.

    Raises
    ------
    InputError
        If files are missing, damaged or contradict each other; the message says what was found.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.save(Path(folder, "spikes.times.npy"), np.array([0.25, 0.5, 0.75]))
    ...     np.save(Path(folder, "spikes.clusters.npy"), np.array([7, 4, 7]))
    ...     sorting = ALFSorting(folder)
    >>> sorting.unit_ids.tolist(), sorting.get_unit_spike_train_in_seconds(7).tolist()
    ([4, 7], [0.25, 0.75])
    """

    def __init__(
        self,
        session_path: str | os.PathLike[str],
        probes: Sequence[str] | None = None,
        collection: str | None = None,
        good_only: bool = False,
        namespace: str | None = None,
    ) -> None:
        found = find_collections(session_path, probes, collection, namespace)
        read = [read_alf_probe(entry, good_only=good_only) for entry in found]
        unit_ids = _name_units(read)
        if not len(unit_ids):
            raise InputError(
                f"no {'good ' * good_only}unit in {session_path}",
                "at least one",
                "choose another probe" + " or leave out --good-only" * good_only,
            )
        super().__init__(sampling_frequency=_SAMPLING_FREQUENCY, unit_ids=unit_ids)
        times = [train for probe in read for train in probe.times]
        self.units_description = "Spike-sorted units of an IBL session."
        self.add_sorting_segment(_ALFSegment(dict(zip(unit_ids.tolist(), times, strict=True))))
        properties = _join([probe.properties for probe in read], [len(probe.clusters) for probe in read])
        for name, values in properties.items():
            self.set_property(name, values)
        self.property_descriptions = {
            name: _DESCRIPTIONS.get(name, f"{name} of the IBL's quality metrics.") for name in properties
        }
        if any(probe.channels for probe in read):
            self.electrodes = _join_electrodes(read)
        self._add_session(session_path, read)
        self._kwargs = {
            "session_path": str(Path(session_path).absolute()),
            "probes": None if probes is None else list(probes),
            "collection": collection,
            "good_only": good_only,
            "namespace": namespace,
        }

    def _add_session(self, path: str | os.PathLike[str], probes: list[ProbeUnits]) -> None:
        self.named_intervals = read_named_intervals(find_alf_root(path))
        session = find_session(path)
        if session is None:
            return
        self.session_metadata = describe_session(session)
        self.assumed_metadata = {
            "session_start_time": "it is the midnight (UTC) of the day in the folder's name"
        }
        interval = read_observation_interval(session, probes)
        if interval is not None:
            self.observation_interval = interval
            self.annotate(observation_interval=interval)


class _ALFSegment(NativeSegment):
    """The one segment; a frame is a time rounded to 1/30000 s."""

    def __init__(self, times: dict[Any, Float64[np.ndarray, " _spike"]]) -> None:
        super().__init__(t_start=None)
        self._times = times

    def read_frames(self, unit_id: Any) -> Int64[np.ndarray, " spike"]:
        """Return the times of a unit in frames."""
        return np.round(self._times[unit_id] * _SAMPLING_FREQUENCY).astype(np.int64)

    def read_seconds(self, unit_id: Any) -> Float64[np.ndarray, " spike"]:
        """Return the times of a unit (s)."""
        return self._times[unit_id]


def _name_units(probes: list[ProbeUnits]) -> np.ndarray:
    if len(probes) == 1:
        return probes[0].clusters
    return np.array([f"{probe.probe}_{cluster}" for probe in probes for cluster in probe.clusters])


def _join(parts: list[dict[str, np.ndarray]], lengths: list[int]) -> dict[str, np.ndarray]:
    """Return the columns of several probes one after the other, empty where a probe has none."""
    joined = {}
    for name in sorted({name for part in parts for name in part}):
        kind = next(part[name].dtype.kind for part in parts if name in part)
        empty: Any = {"f": np.nan, "U": ""}.get(kind, -1)
        empty = {"location": UNKNOWN_REGION, "brain_location_id": UNKNOWN_REGION_ID}.get(name, empty)
        joined[name] = np.concatenate(
            [part.get(name, np.full(length, empty)) for part, length in zip(parts, lengths, strict=True)]
        )
    return joined


def _join_electrodes(probes: list[ProbeUnits]) -> Electrodes:
    lengths = [len(next(iter(probe.channels.values()), ())) for probe in probes]
    rows, offset = [], 0
    for probe, length in zip(probes, lengths, strict=True):
        rows.append(np.where(probe.channel_of_unit < 0, -1, probe.channel_of_unit + offset))
        offset += length
    return Electrodes(
        device="Neuropixels",
        manufacturer="imec",
        description="Silicon probe of the Neuropixels family.",
        groups=np.repeat([probe.probe for probe in probes], lengths),
        columns=_join([probe.channels for probe in probes], lengths),
        of_units=np.concatenate(rows),
    )
