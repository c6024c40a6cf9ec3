"""Going through an HDF5 file without HDF5's own recursion, which overflows where groups are nested deeply."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import h5py

from nwbspikegen.core.budget import get_budget, require_affordable, too_much


def walk_objects(root: h5py.Group, found_external: Any = None) -> Iterator[tuple[bytes, Any]]:
    """Yield path and low-level object of a group and all groups, arrays and types in it, each once.

    Parameters
    ----------
    root : h5py.Group
        Where to begin.
    found_external : callable, optional
        Called with the path of each external link; none is followed, and no soft one.

    Raises
    ------
    InputError
        Groups that are nested too deeply, or more objects or attributes than any recording has.
    """
    budget = get_budget()
    waiting: list[tuple[bytes, Any, int]] = [(b"", root.id, 0)]
    # hard links are several names of one object, and may lead back to a group around it
    seen = {_address_of(root.id)}
    while waiting:
        path, item, depth = waiting.pop()
        _require_few_attributes(path, item, root)
        yield path, item
        if not isinstance(item, h5py.h5g.GroupID):
            continue
        for name, kind in _list_links(item):
            place = path + b"/" + name if path else name
            if kind == h5py.h5l.TYPE_EXTERNAL and found_external is not None:
                found_external(place)
            if kind != h5py.h5l.TYPE_HARD:
                continue
            member = h5py.h5o.open(item, name)
            address = _address_of(member)
            if address in seen:
                continue
            seen.add(address)
            if depth >= budget.depth:
                raise too_much(f"groups {depth + 1} deep in {_name(root)}", f"at most {budget.depth}")
            if len(seen) > budget.objects:
                raise too_much(f"more than {budget.objects} groups and arrays in {_name(root)}", "fewer")
            waiting.append((place, member, depth + 1))


def _address_of(item: Any) -> tuple[int, int]:
    about = h5py.h5o.get_info(item)
    return about.fileno, about.addr


def _list_links(group: Any) -> list[tuple[bytes, int]]:
    # a visitor that raises leaves HDF5 in disorder: what is found is judged afterwards
    found: list[tuple[bytes, int]] = []
    most = get_budget().objects

    def note(name: bytes, about: Any) -> bool:
        found.append((name, about.type))
        return len(found) > most

    if len(group):
        group.links.iterate(note, info=True)
    return found


def _require_few_attributes(path: bytes, item: Any, root: h5py.Group) -> None:
    number, most = h5py.h5a.get_num_attrs(item), get_budget().attributes
    if number > most:
        place = path.decode("utf-8", "replace")[:80]
        raise too_much(f"{number} attributes of /{place} in {_name(root)}", f"at most {most}")


def _name(root: h5py.Group | h5py.Dataset) -> str:
    name = root.file.filename
    return name if isinstance(name, str) else name.decode("utf-8", "replace")


def require_readable_chunks(dataset: h5py.Dataset) -> None:
    """Raise `InputError` for chunks that are too large to unpack, or more values than bytes give.

    What is not in chunks is as large as it is stored.
    """
    created = dataset.id.get_create_plist()
    if created.get_layout() != h5py.h5d.CHUNKED:
        return
    num_bytes = math.prod(created.get_chunk()) * dataset.dtype.itemsize
    most = get_budget().chunk_bytes
    if num_bytes > most:
        raise too_much(
            f"chunks of {num_bytes} bytes in {dataset.name} of {_name(dataset)}", f"at most {most}"
        )
    whole = math.prod(dataset.shape or ()) * dataset.dtype.itemsize
    require_affordable(f"{dataset.name} of {_name(dataset)}", whole, dataset.id.get_storage_size())
