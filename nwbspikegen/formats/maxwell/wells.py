"""The wells and recordings of a MaxWell file, and the groups of HDF5 that hold them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import h5py

from nwbspikegen.core.errors import InputError
from nwbspikegen.core.files import require_file
from nwbspikegen.nwb.hdf5 import open_hdf5, read_hdf5_text, read_number

KIND = "a MaxWell recording"
OLD_VERSION = 20160704
"""The date of the old layout, whose files all have this version; later ones have dates after it."""

_OLD_NAMES = {"well000": ("rec0000",)}


def read_version(path: Path, file: h5py.File) -> int:
    """Return the date of a file's layout, or raise `InputError` for what is none of MaxWell's."""
    version = read_hdf5_text(file, "version")
    if not version.isdecimal() or int(version) < OLD_VERSION:
        raise InputError(
            f"{path}, whose version is {version!r}",
            f"a MaxWell file of version {OLD_VERSION} or later",
            "pass the .raw.h5 file of the recording",
        )
    return int(version)


def find_wells(file: h5py.File) -> dict[str, dict[str, h5py.Group]]:
    """Return the group of every recording of every well of the layout since 2019."""
    wells = file.get("wells")
    if isinstance(wells, h5py.Group) and len(wells):
        return {name: _find_groups(wells.get(name)) for name in wells}
    # files that were not recorded within an assay may have the store alone, without links to it
    found: dict[str, dict[str, h5py.Group]] = {}
    for number, group in enumerate(_find_groups(file.get("data_store")).values()):
        well, recording = (read_number(group, name) for name in ("well_id", "recording_id"))
        name = f"rec{int(number if recording is None else recording):04}"
        found.setdefault(f"well{int(well or 0):03}", {})[name] = group
    return found


def list_recordings(file_path: str | os.PathLike[str]) -> list[tuple[str, str]]:
    """Return the names (well, recording) of all recordings of a file, in their order.

    Raises
    ------
    InputError
        The file is not MaxWell's or is damaged.

    Examples
    --------
    >>> list_recordings("missing.raw.h5")
    Traceback (most recent call last):
    nwbspikegen.core.errors.InputError: found nothing at missing.raw.h5; ...
    """
    path = require_file(file_path)
    with open_hdf5(path, KIND) as file:
        is_old = read_version(path, file) == OLD_VERSION
        wells: dict[str, Sequence[str]] = (
            dict(_OLD_NAMES) if is_old else {name: list(each) for name, each in find_wells(file).items()}
        )
        return [(well, recording) for well, recordings in wells.items() for recording in recordings]


def choose_recording(
    path: Path, file: h5py.File, well: str | None, recording: str | None
) -> tuple[str, str, h5py.Group]:
    """Return the names and the group of a recording, of the old layout the file; the only one by default.

    Raises
    ------
    InputError
        A choice has to be made, or there is none of that name.
    """
    if read_version(path, file) == OLD_VERSION:
        well = _choose(path, "wells", list(_OLD_NAMES), well)
        return well, _choose(path, "recordings", _OLD_NAMES[well], recording), file
    wells = find_wells(file)
    well = _choose(path, "wells", list(wells), well)
    recording = _choose(path, f"recordings of {well}", list(wells[well]), recording)
    return well, recording, wells[well][recording]


def _find_groups(parent: object) -> dict[str, h5py.Group]:
    if not isinstance(parent, h5py.Group):
        return {}
    return {name: group for name in parent if isinstance(group := parent.get(name), h5py.Group)}


def _choose(path: Path, what: str, names: Sequence[str], asked: str | None) -> str:
    if asked is None and len(names) == 1:
        return names[0]
    if asked is not None and asked in names:
        return asked
    raise InputError(
        f"{len(names)} {what} in {path}" if asked is None else f"no {asked} among the {what} of {path}",
        f"one of {', '.join(names)}" if names else "at least one",
        "choose one by its name" if names else "check that the file is complete",
    )
