"""HDF5 files of recording systems and sorters, read so that damage becomes one clear error."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from nwbspikegen.core.budget import is_trusting
from nwbspikegen.core.errors import InputError
from nwbspikegen.nwb.hdf5_heaps import GuardedFile, has_sound_lengths
from nwbspikegen.nwb.hdf5_walk import require_readable_chunks, walk_objects

# what h5py raises on damaged files, depending on which byte it is
_DAMAGE = (OSError, KeyError, RuntimeError, ValueError, TypeError, OverflowError, MemoryError)
# deflate reaches 1,032 to 1; an array larger than that cannot come from the file. Arrays of one value that
# other filters made smaller still are let through by the next bound
_MOST_COMPRESSION = 1100
# bytes: arrays up to this size are read whatever the size of their file
_ALWAYS_FITS = 64 * 2**20
_ALLOW = "NWBSPIKEGEN_ALLOW_EXTERNAL_LINKS"
# a transfer study opens some hundred files; a file that is forgotten is only looked through again
_MOST_KNOWN = 1024
# files on disk that were found to read from no other, the earliest found first
_LOOKED_AT: dict[tuple[str, int, int, int], None] = {}
_PLUGIN = (
    "get MaxWell's plug-in from https://share.mxwbio.com/d/7f2d1e98a1724a1b8b35, and call "
    "h5py.h5pl.prepend(b'FOLDER OF THE PLUG-IN') before anything is read"
)
# integers and floats as computers have them, in both orders of bytes
_PLAIN = [
    getattr(h5py.h5t, f"{kind}{bits}{order}")
    for kind, sizes in (("STD_I", (8, 16, 32, 64)), ("STD_U", (8, 16, 32, 64)), ("IEEE_F", (16, 32, 64)))
    for bits in sizes
    for order in ("LE", "BE")
]


@contextlib.contextmanager
def open_hdf5(path: Path, kind: str) -> Iterator[h5py.File]:
    """Give an HDF5 file for the block; what h5py raises of damage becomes `InputError`.

    Parameters
    ----------
    path : Path
        The file.
    kind : str
        What it should be, such as "a MaxWell recording".

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "a.h5")
    ...     _ = path.write_text("no HDF5")
    ...     with open_hdf5(path, "a recording") as file:
    ...         pass
    Traceback (most recent call last):
    nwbspikegen.core.errors.InputError: found ...a.h5, which cannot be read (OSError: ...); ...
    """
    try:
        with open_guarded(path) as file:
            yield file
    except _DAMAGE as error:
        reason = " ".join(str(error).split())[:120]
        raise InputError(
            f"{path}, which cannot be read ({type(error).__name__}: {reason})",
            f"{kind}, undamaged",
            "check that it was copied whole",
        ) from error


@contextlib.contextmanager
def open_guarded(path: Path | str, **options: Any) -> Iterator[h5py.File]:
    """Give a file on disk that reads from no other, without the damage over which HDF5 never returns.

    Parameters
    ----------
    path : path
        The file.
    **options
        As for `h5py.File`.

    Raises
    ------
    InputError
        The file reads from others.
    """
    if _is_allowed():
        # other files are opened by their names, which a file that is given open has not
        with h5py.File(path, "r", **options) as file:
            yield file
        return
    with GuardedFile(path) as guarded, h5py.File(guarded, "r", **options) as file:
        require_own_data(file)
        yield file


def _is_allowed() -> bool:
    """Return whether files may read from others."""
    return os.environ.get(_ALLOW) == "1" or is_trusting()


def find_dataset(group: h5py.Group, name: str) -> h5py.Dataset | None:
    """Return a dataset that can be read, or None when the group has none of that name.

    Raises
    ------
    InputError
        If its numbers are stored as nothing stores them, or it is compressed by a filter that is missing.
    """
    dataset = group.get(name)
    if not isinstance(dataset, h5py.Dataset):
        return None
    require_plain(dataset)
    require_fitting(dataset)
    require_readable_chunks(dataset)
    filters = dataset.id.get_create_plist()
    codes = [filters.get_filter(index)[0] for index in range(filters.get_nfilters())]
    missing = [code for code in codes if not h5py.h5z.filter_avail(code)]
    if missing:
        raise InputError(
            f"{dataset.name} of {group.file.filename} compressed by HDF5 filter {missing[0]}",
            "a decompression plug-in for it",
            _PLUGIN,
        )
    return dataset


def require_plain(dataset: h5py.Dataset) -> None:
    """Raise `InputError` for numbers stored as nothing stores them."""
    if not _is_plain(dataset.id.get_type()):
        raise InputError(
            f"{dataset.name} of {dataset.file.filename} in a number format that no computer has",
            "an undamaged file",
            "check that it was copied whole",
        )


def require_written(dataset: h5py.Dataset) -> None:
    """Raise `InputError` when parts of an array are missing, which HDF5 would fill with zeros."""
    if dataset.chunks is None:
        return
    expected = math.prod(-(-size // part) for size, part in zip(dataset.shape, dataset.chunks, strict=True))
    if dataset.id.get_num_chunks() < expected:
        raise InputError(
            f"{dataset.name} of {dataset.file.filename}, parts of which are missing",
            "an undamaged file",
            "check that it was copied whole",
        )


def require_fitting(dataset: h5py.Dataset) -> None:
    """Raise `InputError` for an array that is larger than its file can hold, before it is read.

    Deflate reaches 1,032 to 1; arrays up to 64 MiB are read from any file.
    """
    num_bytes = math.prod(dataset.shape or ()) * dataset.dtype.itemsize
    if num_bytes > max(_MOST_COMPRESSION * dataset.file.id.get_filesize(), _ALWAYS_FITS):
        raise _too_large(dataset, f"{num_bytes} bytes")


def _too_large(dataset: h5py.Dataset, what: str) -> InputError:
    return InputError(
        f"{dataset.name} of {what} in {dataset.file.filename}, which is smaller than that",
        "an undamaged file",
        "check that it was copied whole",
    )


def require_own_data(file: h5py.File) -> None:
    """Raise `InputError` for a file that reads from other files, unless that is allowed, or crashes HDF5.

    Groups that are nested too deeply, and too many objects or attributes, are refused as well.
    External links, external storage and virtual datasets make HDF5 open whatever path a file's author
    wrote. They are followed with --trust, and when the environment variable
    NWBSPIKEGEN_ALLOW_EXTERNAL_LINKS is 1.
    """
    if _is_allowed():
        return
    try:
        state = os.stat(file.filename)
    except OSError:
        _look_through(file, is_local=False)
        return
    # a file is opened for every window: once is enough as long as it stays the same
    stamp = (file.filename, state.st_ino, state.st_size, state.st_mtime_ns)
    if stamp not in _LOOKED_AT:
        _look_through(file, is_local=True)
        _LOOKED_AT[stamp] = None
        while len(_LOOKED_AT) > _MOST_KNOWN:
            _LOOKED_AT.pop(next(iter(_LOOKED_AT)), None)


def _look_through(file: h5py.File, *, is_local: bool) -> None:
    def refuse(name: bytes) -> None:
        require_own_link(file, name.decode("utf-8", "surrogateescape"))

    for name, item in walk_objects(file, refuse):
        if isinstance(item, h5py.h5d.DatasetID):
            dataset = h5py.Dataset(item)
            require_own_dataset(dataset)
            if is_local and not has_sound_lengths(dataset, file.filename):
                raise _too_large(dataset, "texts")
            _require_sound(item.get_type(), name, file)
        for at in range(h5py.h5a.get_num_attrs(item)):
            _require_sound(h5py.h5a.open(item, index=at).get_type(), name, file)


def _require_sound(kind: h5py.h5t.TypeID, name: bytes, file: h5py.File) -> None:
    """Raise `InputError` for lists of variable length that are neither lists nor texts: HDF5 crashes."""
    if not _is_sound(kind):
        raise InputError(
            f"/{_shown(name)} of {_shown(file.filename)} in a format that no computer has",
            "an undamaged file",
            "check that it was copied whole",
        )


def _is_sound(kind: h5py.h5t.TypeID) -> bool:
    if isinstance(kind, h5py.h5t.TypeCompoundID):
        return all(_is_sound(kind.get_member_type(at)) for at in range(kind.get_nmembers()))
    if isinstance(kind, h5py.h5t.TypeArrayID):
        return _is_sound(kind.get_super())
    if isinstance(kind, h5py.h5t.TypeVlenID):
        # two bytes of the encoding, class and version, then what it is: 0 a list, 1 a text
        return kind.encode()[3] & 0x0F == 0 and _is_sound(kind.get_super())
    return True


def require_own_link(group: h5py.Group, name: str) -> None:
    """Raise `InputError` for an external link, unless these are allowed."""
    link = group.get(name, getlink=True)
    if isinstance(link, h5py.ExternalLink) and not _is_allowed():
        place = f"{(group.name or '').rstrip('/')}/{name}"
        raise _foreign(
            f"{place}, a link to {_shown(link.path)} in {_shown(link.filename)},", group.file.filename
        )


def require_own_dataset(dataset: h5py.Dataset) -> None:
    """Raise `InputError` for an array whose values lie in other files, unless that is allowed."""
    found = [] if _is_allowed() else _list_foreign(dataset)
    if found:
        raise _foreign(found[0], dataset.file.filename)


def _list_foreign(dataset: h5py.Dataset) -> list[str]:
    created = dataset.id.get_create_plist()
    if created.get_external_count():
        return [f"{dataset.name}, whose values lie in {_shown(created.get_external(0)[0])},"]
    if created.get_layout() != h5py.h5d.VIRTUAL:
        return []
    # a dot stands for the file itself
    others = [source.file_name for source in dataset.virtual_sources() if source.file_name != "."]
    return [f"{dataset.name}, whose values lie in {_shown(others[0])},"] if others else []


def _foreign(found: str, file: Any) -> InputError:
    return InputError(
        f"{found} in {_shown(file)}",
        "a file that reads from no other",
        f"copy what is linked into it, or, if you trust its author, set {_ALLOW}=1 or pass --trust",
    )


def _shown(name: Any) -> str:
    """Return a name from a file as a text that fits on one line."""
    text = name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)
    return "".join(letter if letter.isprintable() else "?" for letter in text)[:200]


def _is_plain(kind: h5py.h5t.TypeID) -> bool:
    """Return whether HDF5 can convert a type: it writes outside its memory for some damaged ones."""
    if isinstance(kind, h5py.h5t.TypeCompoundID):
        members = range(kind.get_nmembers())
        spans = [(kind.get_member_offset(at), kind.get_member_type(at)) for at in members]
        ends = [offset + member.get_size() for offset, member in sorted(spans, key=lambda span: span[0])]
        starts = [*sorted(offset for offset, _ in spans)[1:], kind.get_size()]
        apart = all(end <= start for end, start in zip(ends, starts, strict=True))
        return apart and all(_is_plain(member) for _, member in spans)
    return isinstance(kind, h5py.h5t.TypeStringID) or any(kind.equal(plain) for plain in _PLAIN)


def read_array(group: h5py.Group, name: str) -> Any:
    """Return all of a dataset as an array, or None when the group has none of that name.

    Raises
    ------
    InputError
        As for `find_dataset`, and if the dataset is larger than its file can hold.
    """
    dataset = find_dataset(group, name)
    if dataset is None:
        return None
    # here the whole is read at once and by those who expect settings and tables: 64 MiB are not free
    num_bytes = math.prod(dataset.shape or ()) * dataset.dtype.itemsize
    if num_bytes > _MOST_COMPRESSION * group.file.id.get_filesize():
        raise _too_large(dataset, f"{num_bytes} bytes")
    return np.atleast_1d(dataset[()])


def to_floats(values: np.ndarray) -> np.ndarray:
    """Return numbers as float64; those that are none stay so, without a warning."""
    with np.errstate(invalid="ignore", over="ignore"):
        return values.astype(np.float64)


def read_number(group: h5py.Group, name: str) -> float | None:
    """Return the first number of a dataset, or None when there is none that is finite."""
    values = read_array(group, name)
    if values is None or values.size == 0 or values.dtype.kind not in "iuf":
        return None
    number = float(to_floats(values).flat[0])
    return number if np.isfinite(number) else None


def read_hdf5_text(group: h5py.Group, name: str) -> str:
    """Return the first text of a dataset, an empty one when there is none."""
    values = read_array(group, name)
    if values is None or values.size == 0:
        return ""
    value = values.flat[0]
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else ""
