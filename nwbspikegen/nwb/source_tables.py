"""Tables of a copied recording, put right for the schema of today."""

from __future__ import annotations

import functools
import itertools
from typing import Any
from uuid import uuid4

import h5py
import numpy as np

from nwbspikegen.core.errors import InputError
from nwbspikegen.nwb.groups import to_text
from nwbspikegen.nwb.source_copy import SourceCopy, set_attribute

_ELECTRODES = "/general/extracellular_ephys/electrodes"
# columns with several values per row by the schema; NWB before 2.5 let them go without an index
_RAGGED = {"electrodes", "obs_intervals", "spike_times"}
# NWB 2.0 and 2.1 had these types in `core`
_COMMON = {"VectorData", "VectorIndex", "ElementIdentifiers", "DynamicTable", "DynamicTableRegion"}
_NO_TEXT = "no description"
_MADE = {
    "group": "Group of the electrode.",
    "group_name": "Name of the group of the electrode.",
    "electrode_group": "Group of the unit's first electrode.",
}


def repair_tables(copy: SourceCopy) -> None:
    """Put right the tables of a copy: types, indexes, and columns that do not fit or point nowhere.

    Index columns become unsigned, ids and places in other tables integers, times float64; a missing
    `neurodata_type`, index or description is made; a column that cannot be kept is left out, and said.
    """
    electrodes = copy.out.get(_ELECTRODES)
    if isinstance(electrodes, h5py.Group):
        _set_type(electrodes, "ElectrodesTable", "core", is_forced=True)
        if _repair_groups(electrodes):
            _repair_table(copy, electrodes)
        else:
            copy.say(f"{_ELECTRODES} names no groups that are there; it is left out of what is written")
            del copy.out[_ELECTRODES]
    _find_unit_groups(copy.out)
    # noted first: HDF5 must not be changed while it is visited
    tables: list[str] = []
    copy.out.visititems(lambda name, item: tables.append(name) if _is_table(name, item) else None)
    for name in tables:
        if f"/{name}" != _ELECTRODES:
            _repair_table(copy, copy.out[name])


def _is_table(name: str, item: Any) -> bool:
    is_known = name == "units" or "colnames" in item.attrs or name.startswith("intervals/")
    return isinstance(item, h5py.Group) and is_known


def _repair_table(copy: SourceCopy, table: h5py.Group) -> None:
    path = table.name or ""
    _set_type(table, {"/units": "Units"}.get(path, "TimeIntervals"), "core")
    _set_texts(table, "description")
    names = [to_text(name) for name in table.attrs.get("colnames", [])]
    # a column that is ragged twice, such as waveforms, has an index of its index
    listed = {"id", *names, *(f"{name}_index" for name in names), *(f"{name}_index_index" for name in names)}
    names += [
        name
        for name in table
        if name not in listed and isinstance(table[name], h5py.Dataset) and not name.endswith("_index")
    ]
    _repair_ids(table, names)
    kept = []
    for name in names:
        # for one column that does not fit, pynwb would refuse the whole table
        problem = "is listed but not there" if name not in table else _repair_column(table, name)
        if problem:
            copy.say(f"{path}/{name} {problem}; it is left out of what is written")
        else:
            kept.append(name)
    whole = {f"{name}{suffix}" for name in kept for suffix in ("", "_index", "_index_index")}
    for name in [each for each in table if isinstance(table[each], h5py.Dataset)]:
        if name not in whole | {"id"}:
            del table[name]
    set_attribute(table, "colnames", kept)


def _repair_ids(table: h5py.Group, names: list[str]) -> None:
    """Let a table have ids, whole numbers; rows without one are counted."""
    if "id" not in table:
        lasts = [f"{name}_index" if f"{name}_index" in table else name for name in names]
        num_rows = next((len(table[last]) for last in lasts if last in table), 0)
        table.create_dataset("id", data=np.arange(num_rows))
    _set_type(table["id"], "ElementIdentifiers", "hdmf-common")
    ids = table["id"]
    # an int of the schema is signed and has 32 bits or more
    if ids.dtype.kind != "i" or ids.dtype.itemsize < 4:
        _replace(table, "id", _to_whole(ids, ids[:]).astype(np.int64))


def _to_whole(dataset: h5py.Dataset, values: np.ndarray) -> np.ndarray:
    if values.dtype.kind not in "iufb" or np.any(values != np.floor(values)):
        raise InputError(
            f"{dataset.name} of {values.dtype.name} values", "whole numbers", "write the table again"
        )
    return values.astype(np.int64)


def _repair_column(table: h5py.Group, name: str) -> str:
    """Put a column and its indexes right; return what is wrong where that cannot be done."""
    num_rows = len(table["id"])
    chain = [name]
    while f"{chain[-1]}_index" in table:
        chain.append(f"{chain[-1]}_index")
    is_units = table.name == "/units"
    if is_units and name in _RAGGED and len(chain) == 1:
        if not table[name].shape or len(table[name]) != num_rows:
            return "has no index and not one value for each unit"
        table.create_dataset(f"{name}_index", data=np.arange(1, num_rows + 1, dtype=np.uint64))
        chain.append(f"{name}_index")
    for each in chain:
        if not isinstance(table[each], h5py.Dataset) or not table[each].shape:
            return "is no column of values"
    for target, index in itertools.pairwise(chain):
        if problem := _repair_index(table, target, index):
            return problem
    if len(table[chain[-1]]) != num_rows:
        return f"has {len(table[chain[-1]])} values for {num_rows} rows"
    is_region = to_text(table[name].attrs.get("neurodata_type", "")) == "DynamicTableRegion"
    if is_region or (is_units and name == "electrodes"):
        return _repair_region(table, name)
    _set_type(table[name], "VectorData", "hdmf-common")
    _set_texts(table[name], "description")
    _cast(table, name)
    return ""


def _repair_index(table: h5py.Group, target: str, index: str) -> str:
    ends = table[index][:]
    if ends.dtype.kind not in "iu":
        return "has an index that is not of whole numbers"
    steps = np.diff(ends.astype(np.int64), prepend=0)
    if np.any(steps < 0) or steps.sum() != len(table[target]):
        return "has an index that does not fit it"
    if ends.dtype.kind == "i":
        # every writer made them so until about 2020, and pynwb refuses them now
        _replace(table, index, ends.astype(np.min_scalar_type(int(ends.max(initial=0)))))
    _set_type(table[index], "VectorIndex", "hdmf-common", is_forced=True)
    _set_texts(table[index], "description", f"Index for VectorData '{target}'")
    table[index].attrs["target"] = table[target].ref
    return ""


def _repair_region(table: h5py.Group, name: str) -> str:
    """Let a column point to rows of a table that is there; return what is wrong otherwise."""
    column = table[name]
    if "table" not in column.attrs and name == "electrodes" and _ELECTRODES in table.file:
        column.attrs["table"] = table.file[_ELECTRODES].ref
    if "table" not in column.attrs:
        return "points to rows of a table that is not there"
    rows = column[:]
    num_rows = len(table.file[column.attrs["table"]]["id"])
    if rows.dtype.kind not in "iu" or rows.min(initial=0) < 0 or rows.max(initial=-1) >= num_rows:
        return f"points to rows that a table of {num_rows} rows does not have"
    if rows.dtype.kind == "u" or rows.dtype.itemsize < 4:
        _replace(table, name, rows.astype(np.int64))
    _set_type(table[name], "DynamicTableRegion", "hdmf-common")
    _set_texts(table[name], "description")
    return ""


def _find_unit_groups(out: h5py.File) -> None:
    """Let each unit point to the group of its first electrode, where its own pointer could not be read."""
    units, electrodes = out.get("units"), out.get(_ELECTRODES)
    if units is None or electrodes is None or "electrode_group" in units:
        return
    if "electrode_group" not in [to_text(name) for name in units.attrs.get("colnames", [])]:
        return
    if not {"electrodes", "electrodes_index"} <= set(units) or "group" not in electrodes:
        return
    ends = np.concatenate([[0], units["electrodes_index"][:]]).astype(np.int64)
    rows, groups = units["electrodes"][:], electrodes["group"][:]
    is_sound = np.all(np.diff(ends) > 0) and ends[-1] == len(rows)
    if is_sound and rows.min(initial=0) >= 0 and rows.max(initial=-1) < len(groups):
        _add_column(units, "electrode_group", groups[rows[ends[:-1]]])


def _repair_groups(electrodes: h5py.Group) -> bool:
    """Let each electrode point to its group, by name where the pointers are lost; say whether it can."""
    parent = electrodes.parent
    if "group" in electrodes and "group_name" in electrodes:
        return True
    names: list[str] = []
    if "group_name" in electrodes:
        names = [to_text(name) for name in electrodes["group_name"][:]]
        if any(not isinstance(parent.get(name), h5py.Group) for name in names):
            return False
        _add_column(electrodes, "group", np.array([parent[name].ref for name in names], h5py.ref_dtype))
        return True
    if "group" in electrodes:
        names = [str(electrodes.file[each].name).rsplit("/", 1)[-1] for each in electrodes["group"][:]]
        _add_column(electrodes, "group_name", np.array(names, dtype=h5py.string_dtype()))
        return True
    return False


def _add_column(table: h5py.Group, name: str, values: np.ndarray) -> None:
    table.create_dataset(name, data=values, dtype=values.dtype)
    _set_type(table[name], "VectorData", "hdmf-common")
    _set_texts(table[name], "description", _MADE[name])
    names = [to_text(each) for each in table.attrs.get("colnames", [])]
    set_attribute(table, "colnames", names if name in names else [*names, name])


def _cast(table: h5py.Group, name: str) -> None:
    """Give a column of numbers the type that the schema asks for."""
    wanted, dtype = _find_type(table, name), table[name].dtype
    # float32 stays where the schema asks for float32 or more; for float64 it is widened, which changes no
    # number
    is_coarse = dtype.kind in "iu" or dtype == np.float16 or (wanted == "float64" and dtype == np.float32)
    if wanted in ("float32", "float64") and is_coarse:
        _replace(table, name, table[name][...].astype(np.float64))
    elif wanted == "text" and dtype.kind in "iuf":
        texts = np.array([str(each) for each in table[name][:]], dtype=h5py.string_dtype())
        _replace(table, name, texts)


def _find_type(table: h5py.Group, name: str) -> Any:
    from pynwb import available_namespaces

    kind = to_text(table.attrs["neurodata_type"])
    catalog = _read_catalog(tuple(available_namespaces()))
    try:
        spec = catalog.get_spec(to_text(table.attrs["namespace"]), kind)
    except (KeyError, ValueError):
        return None
    column = spec.get_dataset(name)
    return None if column is None else column.dtype


@functools.lru_cache(maxsize=1)
def _read_catalog(namespaces: tuple[str, ...]) -> Any:
    """Return what pynwb knows of the types in some namespaces."""
    from pynwb import get_type_map

    # a copy of all types, which takes 10 ms: every column of every table asks
    return get_type_map().namespace_catalog


def _replace(table: h5py.Group, name: str, values: np.ndarray) -> None:
    attributes = dict(table[name].attrs)
    # HDF5 cannot change the type of a dataset
    del table[name]
    table.create_dataset(name, data=values, dtype=values.dtype)
    for key, value in attributes.items():
        set_attribute(table[name], key, value)


def _set_type(item: Any, kind: str, namespace: str, *, is_forced: bool = False) -> None:
    """Say of which type an object is, where it does not; give it an id."""
    if is_forced or not to_text(item.attrs.get("neurodata_type", "")):
        item.attrs["neurodata_type"], item.attrs["namespace"] = kind, namespace
    if to_text(item.attrs["neurodata_type"]) in _COMMON:
        item.attrs["namespace"] = "hdmf-common"
    item.attrs.setdefault("namespace", namespace)
    item.attrs.setdefault("object_id", str(uuid4()))


def _set_texts(item: Any, name: str, text: str = _NO_TEXT) -> None:
    if not to_text(item.attrs.get(name, "")):
        item.attrs[name] = text
