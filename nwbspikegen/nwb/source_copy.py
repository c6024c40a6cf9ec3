"""Copying the part of a recording that a derived file keeps into an HDF5 file of its own.

Recordings are of any age, HDF5 or Zarr, on disk or on the web, and may point to what is left behind. The
copy is HDF5, points to nothing outside itself, and is put right for the schema of today before pynwb reads
it: so pynwb never opens the recording, and what is wrong with it is found before any work is done.
"""

from __future__ import annotations

import dataclasses
import functools
import logging
import posixpath
from collections.abc import Hashable
from typing import Any

import h5py
import numpy as np

from nwbspikegen.core.errors import InputError
from nwbspikegen.nwb.groups import find_group, to_text
from nwbspikegen.nwb.ids import LABELS, read_unique_ids
from nwbspikegen.nwb.session import read_unit_columns
from nwbspikegen.nwb.source_nodes import (
    Reference,
    is_group,
    is_opaque,
    iterate_members,
    key_of,
    read_attributes,
    read_references,
    require_whole,
)
from nwbspikegen.nwb.unit_table import read_ids

_log = logging.getLogger("nwbspikegen")
_TEXTS = (
    "identifier",
    "session_description",
    "session_start_time",
    "timestamps_reference_time",
    "file_create_date",
)
# of other experiments, and what is in there belongs to series, which are not kept
_LEFT_BEHIND = {"intracellular_ephys", "optogenetics", "optophysiology"}
# groups that the schema wants in every file, empty or not
_EMPTY = (
    "acquisition",
    "analysis",
    "processing",
    "stimulus/presentation",
    "stimulus/templates",
    "general",
)
# pynwb brings these itself, and would say that the file's are older
_CORE = ("core", "hdmf-common", "hdmf-experimental")
# bytes: larger arrays of samples and times are not read in a trial, where they would take all the time;
# smaller ones cost nothing
_SMALL = 2**20
# bytes that go from Zarr to HDF5 at once
_BLOCK = 2**22
# no NWB file is that deep, and Python's stack of 1,000 calls does not overflow
_DEEPEST = 50


@functools.lru_cache(maxsize=1024)
def say_once(source: str, text: str) -> None:
    """Log a warning about a recording: commands try to write first, and would say it twice."""
    _log.warning("%s: %s", source, text)


@dataclasses.dataclass
class SourceCopy:
    """A copy under way: where each object went, and what still has to point somewhere.

    Parameters
    ----------
    out : h5py.File
        Where the copy is made.
    source : str
        The recording, for what is logged.
    is_trial : bool
        Leave large arrays of numbers without values: what can go wrong is found without reading them.
    """

    out: h5py.File
    source: str
    is_trial: bool = False
    places: dict[Hashable, str] = dataclasses.field(default_factory=dict)
    attributes: list[tuple[str, str, Reference]] = dataclasses.field(default_factory=list)
    links: list[tuple[str, Reference]] = dataclasses.field(default_factory=list)
    columns: list[tuple[str, list[Reference], tuple[int, ...], dict[str, Any]]] = dataclasses.field(
        default_factory=list
    )

    def say(self, text: str) -> None:
        """Log, once for a recording, what is done about something odd in it."""
        say_once(self.source, text)

    def copy(self, item: Any, path: str, *, depth: int = 0) -> None:
        """Copy an object, and all within it, to a path."""
        if depth > _DEEPEST:
            raise InputError(
                f"groups {_DEEPEST} deep at {path[:80]} of {self.source}", "an NWB file", "write it again"
            )
        if item is None:
            return
        # hard links are several names of one object: it is copied once, and linked to from the others
        key = key_of(item)
        if key in self.places:
            self.links.append((path, Reference(key)))
            return
        self.places[key] = path
        if not is_group(item):
            self._copy_array(item, path)
            return
        self._set_attributes(self.out.require_group(path), path, read_attributes(item))
        for name, member in iterate_members(item):
            place = posixpath.join(path, name)
            if isinstance(member, Reference):
                self.links.append((place, member))
            else:
                self.copy(member, place, depth=depth + 1)

    def _copy_array(self, array: Any, path: str) -> None:
        attributes = read_attributes(array)
        if is_opaque(array):
            # what is needed of them is made anew from names, or left out of its table with a line
            return
        pointing = read_references(array)
        if pointing is not None:
            self.columns.append((path, pointing, array.shape, attributes))
            return
        require_whole(array)
        parent, name = posixpath.split(path)
        group = self.out.require_group(parent)
        num_bytes = int(np.prod(array.shape)) * array.dtype.itemsize
        # indexes and places in other tables are looked at; they are whole numbers
        is_plain = array.dtype.kind == "f" or (array.dtype.kind in "iu" and len(array.shape) > 1)
        if self.is_trial and is_plain and num_bytes > _SMALL:
            group.create_dataset(name, array.shape, array.dtype, chunks=True)
        elif isinstance(array, h5py.Dataset):
            # attributes may hold references, which would point into the recording
            array.parent.copy(array, group, name=name, without_attrs=True)
        else:
            _copy_from_zarr(array, group, name)
        self._set_attributes(self.out[path], path, attributes)

    def _set_attributes(self, item: Any, path: str, attributes: dict[str, Any]) -> None:
        for name, value in attributes.items():
            if isinstance(value, Reference):
                self.attributes.append((path, name, value))
            else:
                set_attribute(item, name, value)

    def settle(self) -> None:
        """Let links, attributes and columns point into the copy; leave out what points nowhere."""
        # columns of references first, since links and attributes may point to them
        for path, pointing, shape, attributes in self.columns:
            targets = [self.places.get(each.key) for each in pointing]
            if any(target is None or target not in self.out for target in targets):
                self.say(f"{path} points to what is not there; it is left out of what is written")
                continue
            values = np.array([self.out[target].ref for target in targets], dtype=h5py.ref_dtype)
            column = self.out.create_dataset(path, data=values.reshape(shape), dtype=h5py.ref_dtype)
            self._set_attributes(column, path, attributes)
        for path, link in self.links:
            target = self.places.get(link.key)
            if target is None or target not in self.out:
                self.say(f"{path} leads to what is not kept; it is left out of what is written")
            elif path not in self.out:
                self.out[path] = h5py.SoftLink(target)
        for path, name, value in self.attributes:
            target = self.places.get(value.key)
            if path in self.out and target is not None and target in self.out:
                self.out[path].attrs[name] = self.out[target].ref


def set_attribute(item: Any, name: str, value: Any) -> None:
    """Set an attribute; texts, and lists of them however short, as HDF5 holds texts."""
    if isinstance(value, list | tuple | np.ndarray) and np.asarray(value).dtype.kind in "OUS":
        value = np.array([to_text(each) for each in np.ravel(value)], dtype=h5py.string_dtype())
    elif isinstance(value, list) and not value:
        value = np.array([], dtype=h5py.string_dtype())
    item.attrs[name] = value


def _copy_from_zarr(array: Any, group: h5py.Group, name: str) -> None:
    if array.dtype.kind in "OUS":
        values = [to_text(each) for each in np.ravel(array[...])]
        # Zarr has no arrays without a dimension as hdmf-zarr uses it: a scalar is an array of one with this
        # mark
        is_scalar = array.attrs.get("zarr_dtype") == "scalar"
        data: Any = values[0] if is_scalar else np.array(values, dtype=object).reshape(array.shape)
        group.create_dataset(name, data=data, dtype=h5py.string_dtype())
        return
    if array.attrs.get("zarr_dtype") == "scalar" or not array.shape:
        group.create_dataset(name, data=np.ravel(array[...])[0])
        return
    is_small = array.nbytes <= _SMALL
    options = {} if is_small else {"chunks": array.chunks, "compression": "gzip", "shuffle": True}
    out = group.create_dataset(name, array.shape, array.dtype, **options)
    rows = max(1, _BLOCK // max(1, array.nbytes // max(1, len(array))))
    for at in range(0, len(array), rows):
        out[at : at + rows] = array[at : at + rows]


def copy_kept(root: Any, copy: SourceCopy, unit_table: str) -> None:
    """Copy metadata, subject, devices, electrodes, units and intervals of an open recording.

    Parameters
    ----------
    root : h5py.File or zarr.Group
        The recording.
    copy : SourceCopy
        Where it goes.
    unit_table : str
        The table of units that becomes `/units`.
    """
    for name, value in read_attributes(root).items():
        set_attribute(copy.out, name, value)
    for path in _EMPTY:
        copy.out.require_group(path)
    for name, member in iterate_members(root):
        if name in _TEXTS and not isinstance(member, Reference):
            copy.copy(member, f"/{name}")
    for name, member in iterate_members(root["general"]) if "general" in root else ():
        if name not in _LEFT_BEHIND and not isinstance(member, Reference):
            copy.copy(member, f"/general/{name}")
    units = find_group(root, unit_table)
    if units is not None:
        copy.copy(units, "/units")
        _label_units(root, units, copy)
    for path, table in _list_intervals(root):
        copy.copy(table, path)
        _free_of_series(copy, path)
    _copy_specifications(root, copy)
    copy.settle()


def _label_units(root: Any, units: Any, copy: SourceCopy) -> None:
    """Number units whose ids are not unique, and keep by which names they are known."""
    table = copy.out["units"]
    ids = read_ids(units, len(units["spike_times_index"]))
    if len(np.unique(ids)) == len(ids):
        return
    names = read_unique_ids(root, units, len(ids), read_unit_columns(root, units, len(ids)))
    if len(np.unique(names)) < len(names):
        raise InputError(
            f"unit ids in {copy.source} that are equal", "ids that name one unit each", "number the units"
        )
    if LABELS in table:
        del table[LABELS]
    table["id"][...] = np.arange(len(names))
    table.create_dataset(LABELS, data=names.astype(object), dtype=h5py.string_dtype())
    table[LABELS].attrs["description"] = (
        "Probe and id of the unit, which ids alone do not name in the source."
    )
    listed = [to_text(name) for name in table.attrs.get("colnames", [])]
    set_attribute(table, "colnames", [name for name in listed if name != LABELS] + [LABELS])


def _list_intervals(root: Any) -> list[tuple[str, Any]]:
    """Return path and group of the tables of intervals that are kept, and of modules of such tables."""
    found: list[tuple[str, Any]] = []
    intervals, processing = find_group(root, "intervals"), find_group(root, "processing")
    if intervals is not None:
        found += [(f"/intervals/{name}", table) for name, table in _list_groups(intervals)]
    for name, module in [] if processing is None else _list_groups(processing):
        tables = [member for _, member in iterate_members(module)]
        if tables and all(is_group(table) and _is_free_interval(table) for table in tables):
            found.append((f"/processing/{name}", module))
    return found


def _list_groups(group: Any) -> list[tuple[str, Any]]:
    return [(name, member) for name, member in iterate_members(group) if is_group(member)]


def _is_free_interval(table: Any) -> bool:
    """Return whether a table says when parts of the session were, and nothing of recorded series."""
    return to_text(table.attrs.get("neurodata_type", "")) == "TimeIntervals" and "timeseries" not in table


def _free_of_series(copy: SourceCopy, path: str) -> None:
    """Take from intervals the column that points to recorded series, which are left behind."""
    table = copy.out[path]
    if "timeseries" not in [to_text(name) for name in table.attrs.get("colnames", [])]:
        return
    names = [to_text(name) for name in table.attrs["colnames"]]
    set_attribute(table, "colnames", [name for name in names if name != "timeseries"])
    for name in ("timeseries", "timeseries_index"):
        if name in table:
            del table[name]
    gone = (f"{path}/timeseries", f"{path}/timeseries_index")
    # what was to be settled later for these columns would make them anew
    copy.attributes = [each for each in copy.attributes if each[0] not in gone]
    copy.columns = [each for each in copy.columns if each[0] not in gone]


def _copy_specifications(root: Any, copy: SourceCopy) -> None:
    """Keep the specifications of extensions whose types are kept: pynwb cannot read these without."""
    used = set()
    copy.out.visititems(lambda _, item: used.add(to_text(item.attrs.get("namespace", "core"))))
    stored = find_group(root, "specifications")
    if stored is None or not used - set(_CORE):
        return
    for name, namespace in _list_groups(stored):
        if name not in _CORE:
            copy.copy(namespace, f"/specifications/{name}")
    if "specifications" in copy.out:
        copy.out.attrs[".specloc"] = copy.out["specifications"].ref
