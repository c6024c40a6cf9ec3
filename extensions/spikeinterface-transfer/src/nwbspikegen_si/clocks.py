"""A sorting or an analyzer on one clock: one segment, or all of them as one."""

from __future__ import annotations

from typing import TypeAlias

from spikeinterface.core import BaseSorting, NumpySorting, SortingAnalyzer

from nwbspikegen.core.errors import InputError
from nwbspikegen.core.joined_segments import JoinedSorting
from nwbspikegen_si.analyzers import ORIGIN

SortingOrAnalyzer: TypeAlias = BaseSorting | SortingAnalyzer


def take_segment(source: SortingOrAnalyzer, segment_index: int | None) -> BaseSorting:
    """Return one segment with its clock, its length where that is known, and its identity.

    Of several, all are returned as one (`nwbspikegen.core.joined_segments.JoinedSorting`) unless one is
    chosen: what lies between them is not observed.

    The seconds of a sorting are its own. Those of an analyzer count from its first sample, whether or
    not its recording is at hand, or from where `create_spike_analyzer` says that it was: SpikeInterface
    drops the start time when it saves an analyzer, and results must not depend on where it was stored.

    Raises
    ------
    InputError
        A `segment_index` that is not there, or neither sorting nor analyzer.
    """
    if not isinstance(source, BaseSorting | SortingAnalyzer):
        raise InputError(f"a {type(source).__name__}", "a sorting or a SortingAnalyzer", "pass one of these")
    number = source.get_num_segments()
    if segment_index is None and number > 1:
        return JoinedSorting(source) if isinstance(source, BaseSorting) else _join_analyzed(source)
    chosen = 0 if segment_index is None else segment_index
    if not 0 <= chosen < number:
        raise InputError(f"segment_index {chosen}", f"one from 0 to {number - 1}", "choose one of these")
    if isinstance(source, BaseSorting):
        return source if number == 1 else _copy_segment(source, chosen)
    return _copy_analyzed(source, chosen)


def _copy_analyzed(analyzer: SortingAnalyzer, segment: int) -> NumpySorting:
    start, stop = _read_interval(analyzer, segment)
    copy = _copy_trains(analyzer.sorting, segment)
    copy.shift_times(start)
    copy.annotate(observation_interval=(start, stop), **_read_missing_texts(analyzer, copy))
    return _name(copy, segment, analyzer.get_num_segments())


def _join_analyzed(analyzer: SortingAnalyzer) -> JoinedSorting:
    intervals = [_read_interval(analyzer, segment) for segment in range(analyzer.get_num_segments())]
    joined = JoinedSorting(analyzer.sorting, intervals=intervals, from_frames=True)
    joined.annotate(**_read_missing_texts(analyzer, joined))
    return joined


def _read_interval(analyzer: SortingAnalyzer, segment: int) -> tuple[float, float]:
    """Return when a segment of an analyzer began and ended (s), from where its frames count."""
    starts = analyzer.rec_attributes.get(ORIGIN, {}).get("clock_start")
    start = float(starts[segment]) if starts else 0.0
    return start, start + analyzer.get_num_samples(segment) / analyzer.sampling_frequency


def _read_missing_texts(analyzer: SortingAnalyzer, copy: BaseSorting) -> dict[str, str]:
    """Return texts of the sorting that an analyzer keeps and its sorting has lost."""
    texts = analyzer.rec_attributes.get(ORIGIN, {}).get("texts", {})
    return {name: texts[name] for name in texts.keys() - set(copy.get_annotation_keys())}


def _copy_segment(sorting: BaseSorting, segment: int) -> NumpySorting:
    copy = _copy_trains(sorting, segment)
    start = float(sorting.get_start_time(segment_index=segment))
    copy.shift_times(start)
    if sorting.has_recording():
        stop = start + sorting.get_num_samples(segment_index=segment) / sorting.sampling_frequency
        copy.annotate(observation_interval=(start, stop))
    return _name(copy, segment, sorting.get_num_segments())


def _copy_trains(sorting: BaseSorting, segment: int) -> NumpySorting:
    trains = {
        unit: sorting.get_unit_spike_train(unit, segment_index=segment) for unit in sorting.unit_ids.tolist()
    }
    copy = NumpySorting.from_unit_dict([trains], sorting.sampling_frequency)
    # the observation interval is on the clock of what it was copied from, which may be another
    kept = [key for key in sorting.get_annotation_keys() if key != "observation_interval"]
    copy.annotate(**{key: sorting.get_annotation(key) for key in kept})
    for key in sorting.get_property_keys():
        copy.set_property(key, sorting.get_property(key))
    return copy


def _name(copy: NumpySorting, segment: int, num_segments: int) -> NumpySorting:
    """Give each of several segments an identifier of its own."""
    if num_segments > 1 and "identifier" in copy.get_annotation_keys():
        copy.annotate(identifier=f"{copy.get_annotation('identifier')}/segment-{segment}", overwrite=True)
    return copy
