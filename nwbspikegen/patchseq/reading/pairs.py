"""Which response belongs to which stimulus, in new files, old ones, and files without any table."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import h5py
import numpy as np

from nwbspikegen.nwb.groups import find_array, find_group, read_values, to_text
from nwbspikegen.patchseq.reading.series import electrode_of, kind_of

_PLACE = "general/intracellular_ephys"
_WHOLE = (0, -1)
_RESPONSES = ("CurrentClampSeries", "IZeroClampSeries", "VoltageClampSeries")


class Pair(NamedTuple):
    """A response and its stimulus, as paths; `stimulus` is "" when there is none.

    The spans are the first sample and the number of samples, -1 for all.
    """

    number: int
    response: str
    stimulus: str
    stimulus_type: str = ""
    response_span: tuple[int, int] = _WHOLE
    stimulus_span: tuple[int, int] = _WHOLE


def pair_series(root: Any) -> tuple[list[Pair], str]:
    """Return the sweeps of a file and where it says what belongs together.

    The first of these that a file has: the table ``intracellular_recordings``, a SweepTable, the
    attribute ``sweep_number`` of the series, names of acquisition and stimulus with equal numbers.

    Returns
    -------
    list of Pair, str
        In order of their numbers; and "intracellular_recordings", "sweep_table", "sweep_number" or
        "names".
    """
    # the most explicit first; SweepTable is deprecated, and pynwb 4 reads it but writes none
    for name, find in (
        ("intracellular_recordings", _from_recordings),
        ("sweep_table", _from_sweep_table),
        ("sweep_number", _from_numbers),
        ("names", _from_names),
    ):
        pairs = find(root)
        if pairs:
            return sorted(pairs, key=lambda pair: (pair.number, pair.response)), name
    return [], "names"


def find_unpaired(root: Any, pairs: Sequence[Pair], electrode: str) -> Iterator[tuple[Pair, str]]:
    """Give the electrode's responses that no pair has, such as sweeps at I = 0, and why they are left out.

    Their number is that of the series, -1 where it has none.
    """
    paired = {pair.response for pair in pairs}
    for path in _list_series(root):
        series = root[path]
        if path in paired or kind_of(series) not in _RESPONSES or electrode_of(root, series) != electrode:
            continue
        number = _number_of(series)
        name = path.rsplit("/", 1)[-1]
        yield (
            Pair(-1 if number is None else number, path, ""),
            f"{kind_of(series)} {name}, which no table of sweeps lists with a stimulus",
        )


def _from_recordings(root: Any) -> list[Pair]:
    table = _find_table(root, "intracellular_recordings")
    responses = None if table is None else _read_references(table, "responses/response")
    if table is None or not responses:
        return []
    stimuli = _read_references(table, "stimuli/stimulus") or [("", _WHOLE)] * len(responses)
    types = _read_stimulus_types(root, table, len(responses))
    ids = np.asarray(find_array(table, "id")[:])
    # a series that holds several sweeps has one number at most
    shared = len({path for path, _ in responses}) < len(responses)
    pairs = []
    for row, ((response, span), (stimulus, stimulus_span)) in enumerate(zip(responses, stimuli, strict=True)):
        if response:
            given = None if shared else _number_of(root[response])
            number = int(ids[row]) if given is None else given
            pairs.append(Pair(number, response, stimulus, types[row], span, stimulus_span))
    return pairs


def _find_table(root: Any, name: str) -> h5py.Group | None:
    """Return a table of references; Zarr keeps these as Python pickles, which are not read."""
    table = find_group(root, f"{_PLACE}/{name}")
    return table if isinstance(table, h5py.Group) else None


def _read_references(table: Any, name: str) -> list[tuple[str, tuple[int, int]]]:
    """Return path and span of each row of a column of references, "" where a row has none."""
    column = find_array(table, name)
    if not isinstance(column, h5py.Dataset) or column.dtype.names is None:
        return []
    rows = []
    for first, count, target in column[:]:
        # a missing response or stimulus has -1 and -1 by the schema
        path = column.file[target].name if target and first >= 0 and count > 0 else ""
        rows.append((path, (int(first), int(count))))
    return rows


def _read_stimulus_types(root: Any, table: Any, num_rows: int) -> list[str]:
    """Return what a column `stimulus_type` says of each recording: its own, or of its sequence."""
    # laboratories put it into the table itself, or into one of its categories
    for place in ("", "stimuli", "responses"):
        group = find_group(table, place) if place else table
        column = None if group is None else find_array(group, "stimulus_type")
        if column is not None:
            return [to_text(value) for value in column[:]]
    types = [""] * num_rows
    sequences = find_group(root, f"{_PLACE}/sequential_recordings")
    simultaneous = find_group(root, f"{_PLACE}/simultaneous_recordings")
    column = None if sequences is None else find_array(sequences, "stimulus_type")
    if column is None or simultaneous is None:
        return types
    # three tables on top of each other: sequences of simultaneous recordings of rows
    recordings = _read_ragged(simultaneous, "recordings")
    for value, members in zip(column[:], _read_ragged(sequences, "simultaneous_recordings"), strict=True):
        for member in members:
            for row in recordings[member]:
                types[row] = to_text(value)
    return types


def _read_ragged(table: Any, name: str) -> list[list[int]]:
    ends = np.asarray(find_array(table, f"{name}_index")[:], dtype=np.int64)
    values = np.asarray(find_array(table, name)[:], dtype=np.int64)
    # the index holds where each row ends
    return [part.tolist() for part in np.split(values, ends[:-1])]


def _from_sweep_table(root: Any) -> list[Pair]:
    table = _find_table(root, "sweep_table")
    numbers = None if table is None else find_array(table, "sweep_number")
    series = None if table is None else find_array(table, "series")
    if numbers is None or not isinstance(series, h5py.Dataset) or h5py.check_ref_dtype(series.dtype) is None:
        return []
    ends = np.asarray(find_array(table, "series_index")[:], dtype=np.int64)
    paths: dict[int, list[str]] = defaultdict(list)
    for number, targets in zip(numbers[:].tolist(), np.split(series[:], ends[:-1]), strict=True):
        paths[int(number)] += [series.file[target].name for target in targets]
    return [pair for number, found in paths.items() for pair in _match(root, number, found)]


def _from_numbers(root: Any) -> list[Pair]:
    paths: dict[int, list[str]] = defaultdict(list)
    for path in _list_series(root):
        number = _number_of(root[path])
        if number is not None:
            paths[number].append(path)
    return [pair for number, found in paths.items() for pair in _match(root, number, found)]


def _from_names(root: Any) -> list[Pair]:
    """Pair series whose names hold the same numbers, such as data_00003_AD0 and data_00003_DA0."""
    paths: dict[tuple[int, ...], list[str]] = defaultdict(list)
    for path in _list_series(root):
        paths[tuple(map(int, re.findall(r"\d+", path.rsplit("/", 1)[-1])))].append(path)
    ordered = sorted(paths)
    # the sweep's number is the first that differs from name to name
    places = zip(*ordered, strict=False)
    counted = next((place for place in places if len(set(place)) == len(ordered)), range(len(ordered)))
    return [
        pair
        for number, key in zip(counted, ordered, strict=True)
        for pair in _match(root, number, paths[key])
    ]


def _list_series(root: Any) -> Iterator[str]:
    for place in ("acquisition", "stimulus/presentation"):
        for name in find_group(root, place) or ():
            yield f"/{place}/{name}"


def _number_of(series: Any) -> int | None:
    number = series.attrs.get("sweep_number")
    return None if number is None else int(number)


def _match(root: Any, number: int, paths: list[str]) -> Iterator[Pair]:
    """Give each response of a sweep the stimulus of its electrode, or the only one."""
    # a SweepTable may list a series twice
    unique = sorted(set(paths))
    responses = [path for path in unique if path.startswith("/acquisition/")]
    stimuli = [path for path in unique if path.startswith("/stimulus/presentation/")]
    by_electrode = _group_by_electrode(root, stimuli) if len(stimuli) > 1 else {}
    for response in responses:
        same = by_electrode.get(electrode_of(root, root[response]), stimuli)
        # two stimuli of one electrode: no guess is made
        yield Pair(number, response, same[0] if len(same) == 1 else "")


def _group_by_electrode(root: Any, paths: list[str]) -> Mapping[str, list[str]]:
    groups: dict[str, list[str]] = defaultdict(list)
    for path in paths:
        groups[electrode_of(root, root[path])].append(path)
    return groups


def read_labels(root: Any, electrode: str, column: str) -> str:
    """Return what a column of the electrodes' table says of an electrode's cell, or "".

    The table is ``intracellular_recordings/electrodes``; the column may be ``cell_class`` or such.
    """
    table = find_group(root, f"{_PLACE}/intracellular_recordings/electrodes")
    labels = None if table is None else find_array(table, column)
    names = None if table is None else find_array(table, "electrode")
    if labels is None or names is None:
        return ""
    values, targets = read_values(labels), read_values(names)
    if values is None or targets is None:
        return ""
    return str(
        next((value for value, target in zip(values, targets, strict=True) if target == electrode), "")
    )
