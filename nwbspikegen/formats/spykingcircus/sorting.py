"""Results of SpyKING CIRCUS 1.x, alone or beside the MaxWell file that was sorted."""

from __future__ import annotations

import dataclasses
import logging
import os
import re
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from jaxtyping import Int64
from spikeinterface.core import BaseSorting

from nwbspikegen.core.errors import InputError
from nwbspikegen.formats.electrodes import Electrodes
from nwbspikegen.formats.maxwell.layouts import MaxWellRecording, read_maxwell_recording
from nwbspikegen.formats.maxwell.sorting import describe_electrodes
from nwbspikegen.formats.sampling import choose_sampling_rate
from nwbspikegen.formats.segments import FrameSegment
from nwbspikegen.formats.spykingcircus.files import (
    CURATED,
    CircusFiles,
    find_circus_files,
    read_best_sites,
    read_parameter,
    read_probe_file,
)
from nwbspikegen.nwb.hdf5 import find_dataset, open_hdf5, read_array, read_number

_LOG = logging.getLogger("nwbspikegen")
# in numeric order: SpikeInterface's reader has 0, 1, 10, 11, by the names; nine digits fit any integer
_UNIT = re.compile(r"temp_(\d{1,9})")


class SpykingCircusSorting(BaseSorting):  # type: ignore[misc]
    """The units of a SpyKING CIRCUS 1.x result as a SpikeInterface sorting with native seconds.

    Units are in numeric order. Those that phy's curation left (``.result-deconverted.hdf5``) win over those
    of a merging step, and these over the sorter's.

    Parameters
    ----------
    path, sampling_frequency, recording, well, rec, duration
        As for `nwbspikegen.formats.spykingcircus.reader.read_spykingcircus_result`.

    Attributes
    ----------
    observation_interval : (float, float) or None
        0 and the duration, kept as an annotation as well; None when it is not known.
    electrodes : Electrodes or None
        All sites of the probe file, or of the recording; a unit is where its template is largest.
    session_metadata : dict
        When `recording` began, in NeuroConv's layout.

    Raises
    ------
    InputError
        If a file is damaged, the rate is not known or contradicted, or spikes come after the end.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with h5py.File(Path(folder, "a.result.hdf5"), "w") as file:
    ...         for unit, frames in {0: [20, 40], 2: [30], 10: [60]}.items():
    ...             file[f"spiketimes/temp_{unit}"] = np.array(frames, np.uint32)
    ...     sorting = SpykingCircusSorting(folder, sampling_frequency=20_000.0)
    >>> sorting.unit_ids.tolist(), sorting.get_unit_spike_train_in_seconds(0).tolist()
    ([0, 2, 10], [0.001, 0.002])
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        sampling_frequency: float | None = None,
        recording: str | os.PathLike[str] | None = None,
        well: str | None = None,
        rec: str | None = None,
        duration: float | None = None,
    ) -> None:
        files = find_circus_files(path)
        sorted_file = None if recording is None else read_maxwell_recording(recording, well, rec)
        trains, stated = _read_result(files.result)
        if stated is None:
            stated = _read_stated_beside(files)
        rate_hz = choose_sampling_rate(
            sampling_frequency,
            _list_rates(files, sorted_file),
            of=files.result,
            expected="one, from the .params file beside it or from a MaxWell recording",
            example=20000,
            remedy="pass --sampling-rate, or --recording",
        )
        super().__init__(sampling_frequency=rate_hz, unit_ids=np.array(list(trains)))
        self.units_description = "Units sorted by SpyKING CIRCUS 1.x."
        self.add_sorting_segment(FrameSegment(trains, rate_hz))
        num_frames = max((int(train[-1]) + 1 for train in trains.values() if len(train)), default=0)
        stop = _find_stop(files.result, num_frames / rate_hz, rate_hz, sorted_file, duration, stated)
        self.observation_interval = None if stop is None else (0.0, stop)
        if stop is not None:
            self.annotate(observation_interval=self.observation_interval)
        self.electrodes = _find_electrodes(files, sorted_file, self.unit_ids)
        if self.electrodes is not None:
            rows = self.electrodes.of_units
            for axis in ("rel_x", "rel_y"):
                positions = self.electrodes.columns[axis][rows].astype(np.float64)
                self.set_property(axis, np.where(rows >= 0, positions, np.nan))
        start = None if sorted_file is None else sorted_file.start_time
        self.session_metadata = {} if start is None else {"NWBFile": {"session_start_time": start}}
        self._kwargs = {
            "path": str(Path(path).absolute()),
            "sampling_frequency": sampling_frequency,
            "recording": None if recording is None else str(Path(recording).absolute()),
            "well": well,
            "rec": rec,
            "duration": duration,
        }


def _read_result(path: Path) -> tuple[dict[int, Int64[np.ndarray, " _spike"]], float | None]:
    """Return the sorted trains by unit, and the whole seconds that the result says were sorted."""
    with open_hdf5(path, "a result of SpyKING CIRCUS 1.x") as file:
        group = file.get("spiketimes")
        names = (
            {}
            if not isinstance(group, h5py.Group)
            else {int(match[1]): name for name in group if (match := _UNIT.fullmatch(name))}
        )
        _require_names(path, file, names)
        trains = {unit: read_array(group, names[unit]) for unit in sorted(names)}
        _require_amplitudes(path, file, trains)
        stated = read_number(file, "info/duration")
    if not trains:
        raise InputError(
            f"no /spiketimes/temp_N in {path}",
            "a result of SpyKING CIRCUS 1.x",
            "check that the sorting ended",
        )
    return {unit: _read_train(path, unit, train) for unit, train in trains.items()}, stated


def _read_stated_beside(files: CircusFiles) -> float | None:
    """Return the seconds that another result of the sorting states: merging leaves them out."""
    for path in files.beside:
        with open_hdf5(path, "a result of SpyKING CIRCUS 1.x") as file:
            stated = read_number(file, "info/duration")
        if stated is not None:
            _LOG.info("%s says %g s were sorted; %s does not say", path.name, stated, files.result.name)
            return stated
    return None


def _require_names(path: Path, file: h5py.File, names: dict[int, str]) -> None:
    """Raise `InputError` for trains that are called otherwise, or that have no amplitudes, or only these.

    In a curated result amplitudes alone are of units that the curator deleted.
    """
    group, amplitudes = file.get("spiketimes"), file.get("amplitudes")
    listed = set(names.values())
    odd = set() if not names or group is None else set(group) - listed
    if names and isinstance(amplitudes, h5py.Group):
        measured = {name for name in amplitudes if _UNIT.fullmatch(name)}
        if path.name.endswith(CURATED) and measured - listed:
            _LOG.info("%s: %d units without spikes were deleted", path.name, len(measured - listed))
            measured &= listed
        odd |= measured ^ listed
    if odd:
        raise InputError(
            f"{sorted(odd)[0]!r} among the spike times or amplitudes of {path}, and not both",
            "temp_0, temp_1 and so on, in both",
            "check that the file was copied whole",
        )


def _require_amplitudes(path: Path, file: h5py.File, trains: dict[int, Any]) -> None:
    """Raise `InputError` for a train that has more or fewer spikes than amplitudes."""
    for unit, train in trains.items():
        sizes = find_dataset(file, f"amplitudes/temp_{unit}")
        if sizes is not None and train is not None and len(sizes.shape) == 2 and len(sizes) != train.size:
            raise InputError(
                f"{train.size} spikes and {len(sizes)} amplitudes of unit {unit} in {path}",
                "as many",
                "check that the file was copied whole",
            )


def _read_train(path: Path, unit: int, values: Any) -> Int64[np.ndarray, " spike"]:
    whole = values is not None and (values.size == 0 or values.dtype.kind in "iu")
    train = np.sort(values.ravel().astype(np.int64)) if whole else np.array([-1])
    if len(train) and train[0] < 0:
        raise InputError(
            f"/spiketimes/temp_{unit} without sample numbers in {path}",
            "whole numbers from 0",
            "check that the file was copied whole",
        )
    return train


def _list_rates(files: CircusFiles, sorted_file: MaxWellRecording | None) -> list[float]:
    # two sources that disagree are two rates, which is an error
    rates = [] if sorted_file is None else [sorted_file.sampling_frequency]
    text = read_parameter(files.params, "sampling_rate")
    try:
        stated = float("nan" if text is None else text)
    except ValueError:
        return rates
    return [*rates, stated] if np.isfinite(stated) and stated > 0 else rates


def _find_stop(
    path: Path,
    last_end: float,
    rate_hz: float,
    sorted_file: MaxWellRecording | None,
    given: float | None,
    stated: float | None,
) -> float | None:
    """Return when the sorted recording ended (s), or None when nothing says so."""
    allowed = 0.0
    if given is not None:
        stop, source = given, "the given duration"
    elif sorted_file is not None and (length := sorted_file.measure_length(rate_hz)) is not None:
        stop, source = length, "the recording"
    elif stated is not None and stated > 0:
        # the result has whole seconds
        stop, source, allowed = stated, "the duration in the result", 1.0
    else:
        return None
    # half a sample of room for the quotient's round-off
    if not stop > 0 or last_end > stop + allowed + 0.5 / rate_hz:
        raise InputError(
            f"spikes until {last_end:g} s in {path}",
            f"none after {stop:g} s, the end of {source}",
            "check the sampling rate, the duration and the recording",
        )
    return max(float(stop), last_end)


def _find_electrodes(
    files: CircusFiles, sorted_file: MaxWellRecording | None, units: Int64[np.ndarray, " unit"]
) -> Electrodes | None:
    """Return the sites and each unit's best one, or None when the files do not tell."""
    if files.templates is None:
        return None
    best, num_sites = read_best_sites(files.templates, units)
    sites = None if files.probe is None else read_probe_file(files.probe)
    if sites is None and sorted_file is not None:
        sites = describe_electrodes(sorted_file, np.empty(0, dtype=np.int64))
    if sites is None:
        _LOG.warning("%s: no probe file that can be read, so the units have no positions", files.result)
        return None
    # another probe's file would put every unit in a wrong place without a word
    if len(sites.groups) != num_sites:
        _LOG.warning(
            "%s: %d sites in the probe but %d in the templates, so the units have no positions",
            files.result,
            len(sites.groups),
            num_sites,
        )
        return None
    return dataclasses.replace(sites, of_units=best)
