"""Units of a sorting in a table that others may write into as well, before or after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nwbspikegen.formats.nwb_columns import find_nulls, sort_columns, to_shared
from nwbspikegen.formats.nwb_observation import OBSERVED, ObservedRows, add_observation, span_spikes


def find_table(nwbfile: Any, parent_container: str, units_name: str) -> Any:
    """Return a table of units, None where it is not there yet."""
    if parent_container == "units":
        return nwbfile.units
    module = nwbfile.processing.get("ecephys")
    return None if module is None else module.data_interfaces.get(units_name)


def name_apart(sorting: Any, label: str, table: Any) -> np.ndarray:
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
        What `name_apart` gives; None for a table of this sorting alone.
    observed : ObservedRows or None
        When each unit was observed, None where it is not known.
    **options
        Those of `neuroconv.tools.spikeinterface.add_sorting_to_nwbfile`.
    """
    from neuroconv.tools.spikeinterface import add_sorting_to_nwbfile

    is_there = table is not None and OBSERVED in table.colnames
    if is_there and observed is None:
        observed = span_spikes(_read_trains(sorting))
    view = _copy_properties(sorting, names, observed if is_there else None)
    rows = options["unit_electrode_indices"]
    if table is not None and "electrodes" not in table.colnames:
        options["unit_electrode_indices"] = None
    num_before = 0 if table is None else len(table)
    before = {} if table is None else {name: getattr(table, name) for name in ("description", "resolution")}
    add_sorting_to_nwbfile(view, nwbfile, null_values_for_properties=find_nulls(table), **options)
    table = find_table(nwbfile, options["parent_container"], options["units_name"])
    if observed is not None and not is_there:
        others = span_spikes([table["spike_times"][row] for row in range(num_before)])
        add_observation(table, [*others, *observed])
    if rows is not None and "electrodes" not in table.colnames:
        _add_electrodes(
            table,
            [*([[]] * num_before), *(np.asarray(row, dtype=int).tolist() for row in rows)],
            nwbfile.electrodes,
        )
    if before:
        _join_attributes(table, before, options["units_description"], 1 / sorting.sampling_frequency)
    sort_columns(table)


def _read_trains(sorting: Any) -> list[np.ndarray]:
    return [sorting.get_unit_spike_train_in_seconds(unit, segment_index=0) for unit in sorting.unit_ids]


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
        view._properties[OBSERVED] = np.empty(len(observed), dtype=object)
        view._properties[OBSERVED][:] = [list(row) for row in observed]
    return view


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
