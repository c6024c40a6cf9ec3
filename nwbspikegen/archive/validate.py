"""Whether the DANDI archive would accept a file, asked without a network."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import pandas as pd

from nwbspikegen.archive.result_checks import check_results
from nwbspikegen.core.addresses import is_zarr
from nwbspikegen.core.errors import InputError, MissingExtraError
from nwbspikegen.core.files import make_scratch, require_file
from nwbspikegen.nwb.hdf5 import open_guarded
from nwbspikegen.nwb.hdf5_heaps import require_sound_heaps

# BIDS-like entities as `dandi organize` writes them: sub- first, others in any order, then kinds of data
_NAME = re.compile(r"sub-[^_/]+(_[a-z]+-[^_/]+)*(_[a-z]+(\+[a-z]+)*)?\.nwb")
_COLUMNS = ["tool", "severity", "message", "where"]


def validate_file(
    path: str | os.PathLike[str], *, source: str | os.PathLike[str] | None = None
) -> pd.DataFrame:
    """Check a file with pynwb, nwbinspector (dandi's settings), dandi and the package's own checks, offline.

    An error of the first three is what `dandi validate` calls one, and keeps a file out of the archive.
    The package's own look at results that it wrote: audits are there and passed, generated spikes are
    marked as synthetic, and the recording they name has the bytes that they were made from.

    Parameters
    ----------
    path : path
        An NWB (HDF5) file. Its name need not be the archive's: that is said as information.
    source : path, optional
        The recording that results were made from; by default it is looked for beside the file, by
        its sha256 and identifier.

    Returns
    -------
    DataFrame
        One row per finding: ``tool``, ``severity`` ("error", "warning" or "info"), ``message`` and
        ``where`` (place in the file, empty for the whole of it). No rows: nothing was found.

    Raises
    ------
    InputError
        No such file, or not NWB.
    MissingExtraError
        dandi or nwbinspector is not installed.

    Examples
    --------
    >>> validate_file("a_recording_that_is_not_there.nwb")
    Traceback (most recent call last):
    nwbspikegen.core.errors.InputError: found nothing at a_recording_that_is_not_there.nwb; ...
    """
    if is_zarr(path):
        raise InputError(
            f"{path}, a Zarr folder",
            "HDF5: the archive's own tools call any Zarr folder valid",
            "export it to HDF5, and validate that",
        )
    path = require_file(path)
    source = None if source is None else require_file(source)
    subject_id, session_id = _read_names(path)
    rows = [] if _NAME.fullmatch(path.name) else [_name_finding(path)]
    with quiet_and_offline(), make_scratch() as folder:
        rows += _ask_dandi(_place_in_dandiset(path, folder, subject_id, session_id))
    rows += check_results(path, source)
    return pd.DataFrame(rows, columns=_COLUMNS)


def _read_names(path: Path) -> tuple[str, str]:
    """Return subject and session of an NWB file, "unknown" and empty where it does not say."""
    if not h5py.is_hdf5(path):
        raise InputError(f"{path}, which is not HDF5", "an NWB (HDF5) file", "pass the path of an .nwb file")
    try:
        # over some damage the archive's own tools would never return
        require_sound_heaps(path)
    except OSError as error:
        raise InputError(f"{path} with {error}", "an undamaged file", "fetch or write it again") from error
    with open_guarded(path, locking=False) as file:
        if "nwb_version" not in file.attrs:
            raise InputError(f"{path} without nwb_version", "an NWB file", "pass the path of an .nwb file")
        texts = [
            file[name].asstr()[()] if name in file else ""
            for name in ("general/subject/subject_id", "general/session_id")
        ]
    subject, session = (re.sub(r"[^A-Za-z0-9-]", "-", str(text)) for text in texts)
    return subject or "unknown", session


def _name_finding(path: Path) -> tuple[str, str, str, str]:
    message = (
        f"{path.name} is not a name of the archive, such as sub-X_ses-Y_desc-spikegen_ecephys.nwb; "
        "sharing renames it"
    )
    return ("nwbspikegen", "info", message, "file name")


def _place_in_dandiset(path: Path, folder: Path, subject_id: str, session_id: str) -> Path:
    """Return the file as one of a dandiset, where its folder and name follow the archive's rules."""
    # dandi judges folder and name as well, and only within a dandiset; one of its number exists nowhere
    (folder / "dandiset.yaml").write_text("identifier: DANDI:000000\nname: check\ndescription: check\n")
    session = f"_ses-{session_id}" if session_id else ""
    place = folder / f"sub-{subject_id}" / f"sub-{subject_id}{session}_ecephys.nwb"
    place.parent.mkdir()
    try:
        os.symlink(path.absolute(), place)
    except OSError:
        shutil.copyfile(path, place)
    return place


@contextlib.contextmanager
def quiet_and_offline() -> Iterator[None]:
    """Keep dandi from the network, and its notes of progress from stderr."""
    before = os.environ.get("DANDI_NO_ET")
    # dandi would ask a server whether it is the newest version
    os.environ["DANDI_NO_ET"] = "1"
    log, level = logging.getLogger("dandi"), logging.getLogger("dandi").level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            # these libraries warn of each other's deprecations; what they find about the file is returned
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)
        if before is None:
            del os.environ["DANDI_NO_ET"]
        else:
            os.environ["DANDI_NO_ET"] = before


def _ask_dandi(place: Path) -> list[tuple[str, str, str, str]]:
    # dandi (0.81) has no public function that validates: its command calls this one
    try:
        import nwbinspector  # noqa: F401
        from dandi.validate._core import validate
        from dandi.validate._types import Severity
    except ImportError as error:
        raise MissingExtraError(
            f"no {error.name}", "dandi and nwbinspector", "pip install 'nwbspikegen[share]'"
        ) from error
    found = []
    for result in validate(place):
        severity = result.severity
        if severity is None:
            continue
        # a hint says what could be better, which deserves a warning
        word = "error" if severity >= Severity.ERROR else "warning" if severity >= Severity.HINT else "info"
        message = " ".join((result.message or result.id).split()).replace(str(place), "the file")
        found.append((str(result.origin.validator.value), word, message, _where(result)))
    return found


def _where(result: Any) -> str:
    return "; ".join(sorted({str(place) for place in (result.within_asset_paths or {}).values()}))
