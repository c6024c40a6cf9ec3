"""Sortings and sorting analyzers of SpikeInterface, saved or in memory."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from spikeinterface.core import BaseSorting

from nwbspikegen.core.analyzers import describe_units, read_analyzer, read_places
from nwbspikegen.core.errors import InputError
from nwbspikegen.formats.segments import FrameSegment
from nwbspikegen.formats.sorters.probes import describe_probes
from nwbspikegen.formats.sorters.saved_folder import INFO, read_saved_folder
from nwbspikegen.formats.sorters.saved_parts import Analyzed, Saved
from nwbspikegen.formats.sorters.saved_zarr import read_saved_zarr


class SavedSorting(BaseSorting):  # type: ignore[misc]
    """A sorting that SpikeInterface saved, alone or within a sorting analyzer, with native seconds.

    SpikeInterface's own `load` imports whatever class a folder names and unpickles properties and
    recordings; here only numbers and texts are read.

    Parameters
    ----------
    path, duration
        As for `nwbspikegen.formats.sorters.reader.read_saved_sorting`.

    Attributes
    ----------
    observation_interval : (float, float) or None
        0 and the duration, that of the analyzer's recording, or what the sorting was annotated with.
    electrodes : Electrodes or None
        Those of an analyzer's probes.

    Raises
    ------
    InputError
        It is nothing that SpikeInterface saved, is damaged, or has several segments.

    Examples
    --------
    >>> SavedSorting("missing")
    Traceback (most recent call last):
    nwbspikegen.core.errors.InputError: found no folder at missing; ...
    """

    def __init__(self, path: str | os.PathLike[str], duration: float | None = None) -> None:
        saved = _read(Path(path))
        super().__init__(sampling_frequency=saved.sampling_frequency, unit_ids=saved.ids)
        order = np.lexsort((saved.frames, saved.units))
        starts = np.searchsorted(saved.units[order], np.arange(len(saved.ids)))
        trains = dict(zip(saved.ids.tolist(), np.split(saved.frames[order], starts[1:]), strict=True))
        self.add_sorting_segment(FrameSegment(trains, saved.sampling_frequency))
        self.units_description = "Spike-sorted units that SpikeInterface saved."
        self.annotate(**_restore(saved))
        self.observation_interval = _find_interval(Path(path), saved, duration)
        if self.observation_interval is not None:
            self.annotate(observation_interval=self.observation_interval)
        analyzed = saved.analyzed
        self.electrodes = None if analyzed is None else _find_electrodes(analyzed, saved)
        columns = {} if analyzed is None else describe_units(analyzed.places, analyzed.metrics)
        for name, values in {**columns, **saved.properties}.items():
            self.set_property(name, values)
        self._kwargs = {"path": str(Path(path).absolute()), "duration": duration}


def read_analyzer_in_memory(analyzer: Any) -> Any:
    """Return the sorting of a `SortingAnalyzer` with all that it knows, and its electrodes.

    Parameters
    ----------
    analyzer : spikeinterface.SortingAnalyzer
        In memory or loaded.
    """
    sorting = read_analyzer(analyzer)
    about = analyzer.rec_attributes
    main = sorting.get_property("main_channel_id")
    sorting.electrodes = describe_probes(
        about.get("probegroup"),
        list(about["channel_ids"]),
        about.get("properties") or {},
        None if main is None else main.tolist(),
        read_places(analyzer),
        len(sorting.unit_ids),
    )
    return sorting


def _read(path: Path) -> Saved:
    if (path / ".zgroup").is_file():
        return read_saved_zarr(path)
    if (path / INFO).is_file() or (path / "sorting" / INFO).is_file():
        return read_saved_folder(path)
    remedy = "check the path"
    if (path / "sorter_output").is_dir() or (path / "spike_times.npy").is_file():
        remedy = "convert it with the sorter's own format, such as `convert kilosort`"
    elif (path / "waveforms").is_dir() or (path / "npz.json").is_file():
        remedy = "load it with SpikeInterface and save it again: an old layout"
    raise InputError(
        f"{'another folder' if path.is_dir() else 'no folder'} at {path}",
        "what sorting.save or analyzer.save_as wrote, a folder or Zarr",
        remedy,
    )


def _restore(saved: Saved) -> dict[str, Any]:
    """Return the annotations as they were before they were saved as JSON, which has texts for keys."""
    annotations = {name: value for name, value in saved.annotations.items() if name != "name"}
    of_units = annotations.get("obs_intervals")
    if isinstance(of_units, dict):
        ids = {str(unit): unit for unit in saved.ids.tolist()}
        annotations["obs_intervals"] = {ids.get(name, name): value for name, value in of_units.items()}
    return annotations


def _find_interval(path: Path, saved: Saved, duration: float | None) -> tuple[float, float] | None:
    stated: Any = saved.annotations.get("observation_interval")
    num_samples = None if saved.analyzed is None else saved.analyzed.recording.get("num_samples")
    if duration is not None:
        interval, told_by = (0.0, float(duration)), "the given duration"
    elif isinstance(stated, list | tuple) and len(stated) == 2:
        interval, told_by = (float(stated[0]), float(stated[1])), "its annotation"
    elif isinstance(num_samples, list) and len(num_samples) == 1:
        interval, told_by = (0.0, int(num_samples[0]) / saved.sampling_frequency), "its recording"
    else:
        return None
    last = (int(saved.frames.max(initial=-1)) + 0.5) / saved.sampling_frequency
    if not interval[0] < interval[1] or last > interval[1]:
        raise InputError(
            f"spikes until {last:g} s in {path}",
            f"none after {interval[1]:g} s, the end of {told_by}",
            "check the duration",
        )
    return interval


def _find_electrodes(analyzed: Analyzed, saved: Saved) -> Any:
    about = analyzed.recording
    channels = about.get("channel_ids")
    properties = about.get("properties")
    main = saved.properties.get("main_channel_id")
    return describe_probes(
        _read_probes(analyzed.probes),
        channels if isinstance(channels, list) else [],
        properties if isinstance(properties, dict) else {},
        None if main is None else main.tolist(),
        analyzed.places,
        len(saved.ids),
    )


def _read_probes(described: Mapping[str, Any] | None) -> Any:
    """Return Probeinterface's probes, None where there are none or it cannot read them."""
    if described is None:
        return None
    from probeinterface import ProbeGroup

    try:
        return ProbeGroup.from_dict(dict(described))
    # of a damaged description it raises almost anything
    except Exception:
        return None
