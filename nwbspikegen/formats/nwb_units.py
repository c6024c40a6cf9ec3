"""Units of a sorting in a table that others may write into as well, before or after."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Int64

from nwbspikegen.formats.nwb_columns import find_nulls, sort_columns, to_shared

_LOG = logging.getLogger("nwbspikegen")
_OBSERVED = "obs_intervals"

ObservedRows = Sequence[Sequence[Sequence[float]]]
"""Intervals (start, stop; s) of each unit."""


def find_table(nwbfile: Any, parent_container: str, units_name: str) -> Any:
    """Return a table of units, None where it is not there yet."""
    if parent_container == "units":
        return nwbfile.units
    module = nwbfile.processing.get("ecephys")
    return None if module is None else module.data_interfaces.get(units_name)


def name_units(sorting: Any, label: str, table: Any) -> np.ndarray:
    """Return names of units that no unit of a table has: source, group of electrodes, unit.

    NeuroConv takes units of one name for one unit, and leaves out all but the first: a unit 3 of one
    sorter and a unit 3 of another need names of their own, and so does the unit 3 of whoever comes next.
    """
    electrodes = getattr(sorting, "electrodes", None)
    groups = [""] * len(sorting.unit_ids)
    if electrodes is not None:
        groups = [str(electrodes.groups[row]) if row >= 0 else "" for row in electrodes.of_units.tolist()]
    parts = [
        # a source of several probes has them in its ids already
        str(unit) if not group or str(unit).startswith(f"{group}_") else f"{group}_{unit}"
        for group, unit in zip(groups, sorting.unit_ids.tolist(), strict=True)
    ]
    taken = set() if table is None or "unit_name" not in table.colnames else set(table["unit_name"][:])
    number, names = 1, [f"{label}_{part}" for part in parts]
    while taken.intersection(names):
        number += 1
        names = [f"{label}-{number}_{part}" for part in parts]
    return np.array(names)


def add_units(
    nwbfile: Any,
    sorting: Any,
    table: Any,
    *,
    names: np.ndarray | None,
    observed: ObservedRows | None,
    **options: Any,
) -> None:
    """Add a row per unit; `table` is the one they are added to, None where it is not there yet.

    Parameters
    ----------
    names : ndarray of str, shape (unit,), or None
        What `name_units` gives; None for a table of this sorting alone.
    observed : ObservedRows or None
        When each unit was observed, None where it is not known.
    **options
        Those of `neuroconv.tools.spikeinterface.add_sorting_to_nwbfile`.
    """
    from neuroconv.tools.spikeinterface import add_sorting_to_nwbfile

    is_there = table is not None and _OBSERVED in table.colnames
    view = _copy_properties(sorting, names, observed if is_there else None)
    rows = options["unit_electrode_indices"]
    if table is not None and "electrodes" not in table.colnames:
        options["unit_electrode_indices"] = None
    num_before = 0 if table is None else len(table)
    before = {} if table is None else {name: getattr(table, name) for name in ("description", "resolution")}
    add_sorting_to_nwbfile(view, nwbfile, null_values_for_properties=find_nulls(table), **options)
    table = find_table(nwbfile, options["parent_container"], options["units_name"])
    if observed is not None and not is_there:
        # units of others: nothing is known of their observation
        _add_observation(table, [*([[]] * num_before), *observed])
    if rows is not None and "electrodes" not in table.colnames:
        _add_electrodes(
            table,
            [*([[]] * num_before), *(np.asarray(row, dtype=int).tolist() for row in rows)],
            nwbfile.electrodes,
        )
    if before:
        _join_attributes(table, before, options["units_description"], 1 / sorting.sampling_frequency)
    sort_columns(table)


def find_observation(
    sorting: Any, interval: tuple[float, float] | None, of_units: Any
) -> ObservedRows | None:
    """Return when each unit was observed, None with a warning where the sorting does not say.

    Parameters
    ----------
    interval : (float, float) or None
        When all were (s).
    of_units : mapping of unit ids to intervals, or None
        When each was (s): it wins.
    """
    if of_units is not None:
        return [
            # a unit that was never observed has an empty interval: without a row nothing would be known of it
            np.asarray(of_units[unit], dtype=np.float64).reshape(-1, 2).tolist() or [[0.0, 0.0]]
            for unit in sorting.unit_ids.tolist()
        ]
    if interval is None:
        _LOG.warning("the sorting does not say when its units were observed: obs_intervals are left out")
        return None
    return [[list(map(float, interval))]] * len(sorting.unit_ids)


def cut_observation(rows: ObservedRows | None, shift: float, stop: float) -> ObservedRows | None:
    """Return intervals moved by `shift` and cut at `stop` (s), after which no spike is written."""
    if rows is None:
        return None
    moved = [[[start + shift, min(end + shift, stop)] for start, end in row] for row in rows]
    return [
        [pair for pair in row if pair[0] < pair[1]] or [[shift, shift]] if np.isfinite(stop) else row
        for row in moved
    ]


def _copy_properties(sorting: Any, names: np.ndarray | None, observed: ObservedRows | None) -> Any:
    """Return the sorting with the properties that are written; its own stay as they are."""
    # not copy.copy: SpikeInterface makes one from a sorting's arguments, which not every sorting keeps
    view = object.__new__(type(sorting))
    view.__dict__.update(sorting.__dict__, _properties=dict(sorting._properties))
    if names is not None:
        for name in sorting.get_property_keys():
            view._properties[name] = to_shared(sorting.get_property(name))
        view._properties["unit_name"] = names
    if observed is not None:
        # one list per unit: numpy would make one array of lists of equal lengths
        view._properties[_OBSERVED] = np.empty(len(observed), dtype=object)
        view._properties[_OBSERVED][:] = [list(row) for row in observed]
    return view


def _add_observation(table: Any, rows: ObservedRows) -> None:
    """Add the column obs_intervals: when every unit was observed, so that silence is not absence."""
    ends: Int64[np.ndarray, " unit"] = np.cumsum([len(row) for row in rows])
    with warnings.catch_warnings():
        # hdmf 6.2 compares the index, a list as it has to be for cells of pairs, with True
        warnings.filterwarnings("ignore", message="Column 'obs_intervals' is predefined")
        table.add_column(
            name=_OBSERVED,
            description="When the unit was observed, in seconds.",
            data=[list(pair) for row in rows for pair in row],
            index=ends.tolist(),
        )
    _accept_unknown_observation(table)


def _accept_unknown_observation(table: Any) -> None:
    """Let units be added of which nothing is known.

    NeuroConv 0.10 hands an empty list for the intervals of such a unit, and pynwb 4.2 wants its shape to be
    (0, 2): without this, no sorting of NeuroConv's could follow one of ours.
    """
    add_unit = table.add_unit

    def add(**columns: Any) -> None:
        if len(columns.get(_OBSERVED, (0.0, 0.0))) == 0:
            columns[_OBSERVED] = np.empty((0, 2))
        add_unit(**columns)

    table.add_unit = add


def _add_electrodes(table: Any, rows: Sequence[Sequence[int]], electrodes: Any) -> None:
    """Add the column electrodes to a table that has units without any.

    NeuroConv does it with arguments of which hdmf 6.2 says that they do not fit.
    """
    table.add_column(
        name="electrodes",
        description="the electrodes that each spike unit came from",
        data=rows,
        index=True,
        table=True,
    )
    table["electrodes"].target.table = electrodes


def _join_attributes(table: Any, before: Mapping[str, Any], description: str, resolution: float) -> None:
    """Let a table that had units of others describe all of them; pynwb sets attributes once."""
    if description not in before["description"]:
        table.fields["description"] = f"{before['description']} {description}"
    # SpikeInterface counts frames in it: the finest holds the times of all
    known = [each for each in (before["resolution"], resolution) if each is not None and each > 0]
    table.fields["resolution"] = min(known)
