"""The part of a source file that a derived file keeps."""

from __future__ import annotations

from typing import Any

_DROPPED_GROUPS = (
    "acquisition", "stimulus", "stimulus_template", "analysis", "scratch", "events",
    "imaging_planes", "ogen_sites",
)  # fmt: skip
_DROPPED_TABLES = (
    "sweep_table", "intracellular_recordings", "icephys_simultaneous_recordings",
    "icephys_sequential_recordings", "icephys_repetitions", "icephys_experimental_conditions",
)  # fmt: skip
_INTERVALS = ("epochs", "trials", "invalid_times")


def reduce_to_units(nwbfile: Any) -> None:
    """Leave metadata, subject, devices, electrodes, units and intervals in a file in memory."""
    for name in _DROPPED_GROUPS:
        group = getattr(nwbfile, name, None) or {}
        for key in list(group):
            group.pop(key)
    for name in list(nwbfile.processing):
        if not _holds_intervals_only(nwbfile.processing[name]):
            nwbfile.processing.pop(name)
    for name in _DROPPED_TABLES:
        if nwbfile.fields.get(name) is not None:
            _remove_child(nwbfile, name)
    for key in list(nwbfile.icephys_electrodes):
        nwbfile.icephys_electrodes.pop(key)
    _free_intervals(nwbfile)
    nwbfile.set_modified()


def _holds_intervals_only(module: Any) -> bool:
    """Return whether a module says when parts of the session were, and nothing else."""
    from pynwb.epoch import TimeIntervals

    tables = list(module.data_interfaces.values())
    return bool(tables) and all(
        isinstance(table, TimeIntervals) and "timeseries" not in table.colnames for table in tables
    )


def _free_intervals(nwbfile: Any) -> None:
    """Copy intervals that point to recorded series, which are dropped, without those pointers."""
    for name in _INTERVALS:
        table = nwbfile.fields.get(name)
        if table is not None and "timeseries" in table.colnames:
            _remove_child(nwbfile, name)
            setattr(nwbfile, name, _without_series(table))
    for name in list(nwbfile.intervals):
        table = nwbfile.intervals[name]
        if "timeseries" in table.colnames:
            nwbfile.intervals.pop(name)
            nwbfile.add_time_intervals(_without_series(table))


def _remove_child(nwbfile: Any, name: str) -> None:
    nwbfile._remove_child(nwbfile.fields.pop(name))


def _without_series(table: Any) -> Any:
    from pynwb.epoch import TimeIntervals

    kept = [
        column for column in table.columns if column.name in table.colnames and column.name != "timeseries"
    ]
    copy = TimeIntervals(name=table.name, description=table.description)
    standard = {column["name"] for column in TimeIntervals.__columns__}
    for column in kept:
        if column.name not in standard:
            copy.add_column(
                name=column.name, description=column.description, index=column.name + "_index" in table
            )
    names = [name for name in table.colnames if name != "timeseries"]
    for row in range(len(table)):
        copy.add_row(**{name: table[name][row] for name in names})
    return copy
