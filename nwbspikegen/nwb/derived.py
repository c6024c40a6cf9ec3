"""Opening the recording that a file is derived from, wherever it is, and writing from it."""

from __future__ import annotations

import contextlib
import os
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import h5py

from nwbspikegen.core.addresses import hash_recording, require_recording
from nwbspikegen.core.errors import InputError, NWBSpikeGenError
from nwbspikegen.core.files import explaining_full_disks, find_disk_problem, make_scratch
from nwbspikegen.nwb.opening import open_nwb, reading
from nwbspikegen.nwb.source_copy import SourceCopy, copy_kept
from nwbspikegen.nwb.source_session import repair_session
from nwbspikegen.nwb.source_tables import repair_tables
from nwbspikegen.nwb.subject import fill_metadata
from nwbspikegen.nwb.unit_table import UNITS, require_units


def require_source(source: Any, unit_table: str = UNITS) -> Path | str:
    """Return the path or address of an NWB file with a table of units, or raise `InputError`."""
    if not isinstance(source, str | os.PathLike):
        raise InputError(
            f"a {type(source).__name__} as source",
            "the path of an NWB file",
            "write it to NWB with nwbspikegen.convert_sorting first",
        )
    address = require_recording(source)
    # now: what is wrong with the source is said before the output's folder is touched
    with open_nwb(address) as root, reading(address):
        require_units(root, address, unit_table)
    return address


@contextlib.contextmanager
def read_reduced(
    source: Path | str,
    given: Mapping[str, Any],
    unit_table: str = UNITS,
    *,
    folder: Path | None = None,
    is_trial: bool = False,
) -> Iterator[tuple[Any, Any]]:
    """Give, open in pynwb, a copy of the part of a recording that a derived file keeps.

    Parameters
    ----------
    source : path or address
        The recording. Only this package's own readers open it: without a lock, and guarded.
    given : mapping
        Metadata, as of `fill_metadata`.
    unit_table : str
        The table that becomes `/units`.
    folder : Path, optional
        Where the copy is made, and removed; the system's folder for such files by default.
    is_trial : bool
        Copy large arrays without their values: for `try_writing`.

    Raises
    ------
    InputError
        The recording cannot be read, or what it holds not be put right for the schema of today.
    MetadataError
        The archive requires more about subject or session.
    """
    from pynwb import NWBHDF5IO

    with (
        make_scratch() if folder is None else tempfile.TemporaryDirectory(dir=folder) as place,
        _reading_any_age(),
    ):
        path = Path(place) / "source.nwb"
        _make_copy(source, path, given, unit_table, is_trial=is_trial)
        with contextlib.ExitStack() as stack:
            with explaining_source(source):
                io = stack.enter_context(NWBHDF5IO(str(path), "r"))
                nwbfile = io.read()
            fill_metadata(nwbfile, given)
            yield io, nwbfile


def _make_copy(
    source: Path | str, path: Path, given: Mapping[str, Any], unit_table: str, *, is_trial: bool
) -> None:
    with open_nwb(source) as root, explaining_source(source), h5py.File(path, "w") as out:
        copy = SourceCopy(out, str(source), is_trial=is_trial)
        copy_kept(root, copy, unit_table)
        repair_session(copy, given)
        repair_tables(copy)


@contextlib.contextmanager
def _reading_any_age() -> Iterator[None]:
    """Silence what is said of the age of a recording: it says nothing about what is written."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Ignoring.* cached namespace", category=UserWarning)
        warnings.filterwarnings("ignore", message=".*field is deprecated", category=DeprecationWarning)
        yield


@contextlib.contextmanager
def explaining_source(source: Path | str) -> Iterator[None]:
    """Turn whatever pynwb, hdmf and storage libraries raise about a recording into one clear `InputError`."""
    try:
        yield
    except (NWBSpikeGenError, MemoryError):
        raise
    except Exception as error:
        if find_disk_problem(error):
            raise
        # hdmf puts all that it was building before what was wrong with it
        said = error.args[-1] if error.args and isinstance(error.args[-1], str) else error
        reason = " ".join(str(said).split())[:300]
        raise InputError(
            f"{source}, which cannot be written from ({type(error).__name__}: {reason})",
            "an NWB file whose metadata, electrodes, units and intervals fit the schema",
            "correct what is named, or write the recording again",
        ) from error


def export(source_io: Any, nwbfile: Any, path: Path, source: Path | str) -> None:
    """Write a file in memory, and what it holds of the copy of its source, to a new file."""
    from pynwb import NWBHDF5IO

    give_own_ids(nwbfile)
    with explaining_source(source), NWBHDF5IO(str(path), "w") as io:
        # linked data would point into the copy, which is removed
        io.export(src_io=source_io, nwbfile=nwbfile, write_args={"link_data": False})


def give_own_ids(nwbfile: Any) -> None:
    """Give a file in memory an identifier and an object id that no other file has.

    Archives and their tools tell files apart by both, and a derived file has read those of its source.
    """
    # past pynwb's attribute, which can be set once only; `generate_new_id` marks the file as changed
    nwbfile.fields["identifier"] = str(uuid4())
    nwbfile.generate_new_id()


def try_writing(source: Path | str, given: Mapping[str, Any], unit_table: str = UNITS) -> None:
    """Raise `InputError` now if a file derived from a recording could not be written, or were not valid.

    Does all that writing does, but for large arrays and results, in a folder that is removed.
    """
    with (
        explaining_full_disks(tempfile.gettempdir()),
        make_scratch() as place,
        read_reduced(source, given, unit_table, folder=place, is_trial=True) as (io, nwbfile),
    ):
        path = place / "trial.nwb"
        export(io, nwbfile, path, source)
        _require_valid(path, source)


def _require_valid(path: Path, source: Path | str) -> None:
    """Raise `InputError` when what is kept of a recording does not fit the schema."""
    from pynwb import validate

    with explaining_source(source):
        found = list(validate(path=str(path)))
    if found:
        more = f", and {len(found) - 1} more" if len(found) > 1 else ""
        raise InputError(
            f"{source} with what no valid NWB file has: {found[0]}{more}",
            "a recording that fits the schema of NWB",
            "correct it, or write the recording again",
        )


@contextlib.contextmanager
def holding_still(source: Path | str, expected: str = "") -> Iterator[None]:
    """Raise `InputError` if the sha256 of a source is not `expected`, or not the same at the end."""
    before = hash_recording(source)
    _require_equal(source, expected or before, before)
    yield
    _require_equal(source, before, hash_recording(source))


def _require_equal(source: Path | str, one: str, other: str) -> None:
    if one != other:
        raise InputError(
            f"{source}, which changed while it was worked on",
            "the same bytes from the beginning to the end",
            "give the same command again when nothing writes to it",
        )
