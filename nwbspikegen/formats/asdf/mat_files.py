"""MATLAB files, read in a process of their own: a damaged one must not take the user's down."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np

from nwbspikegen.core.budget import get_budget, is_trusting, too_much
from nwbspikegen.core.errors import InputError
from nwbspikegen.formats.asdf import mat_child
from nwbspikegen.formats.asdf.mat73_files import is_mat73, load_mat73

# far above what any file takes: without an end, a damaged one could keep the command waiting
_LONGEST_SECONDS = 600
# exit status of `mat_child`
_VERSION_73, _TOO_LARGE = 3, 5


def load_mat(path: Path) -> tuple[dict[str, np.ndarray], dict[str, list[np.ndarray]]]:
    """Return the numeric arrays of a .mat file, and its cell arrays of one row or column.

    Raises
    ------
    InputError
        The file is damaged, no MATLAB file, or unpacks to more than it may.
    """
    if is_mat73(path):
        return load_mat73(path)
    most = get_budget().decoded(path.stat().st_size)
    try:
        child = subprocess.run(
            # isolated: neither the working folder nor PYTHONPATH can bring another numpy or scipy
            [
                sys.executable,
                "-I",
                str(Path(mat_child.__file__)),
                str(path),
                str(0 if is_trusting() else most),
            ],
            capture_output=True,
            timeout=_LONGEST_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise _cannot_read(path, f"not in {_LONGEST_SECONDS} s") from None
    if child.returncode == _VERSION_73:
        raise _cannot_read(path, "a header of MATLAB 7.3, and no HDF5 after it")
    if child.returncode == _TOO_LARGE:
        raise too_much(f"{path}, which unpacks to more than {most} bytes", f"at most {most}")
    if child.returncode:
        # a process that SciPy took down says nothing: then its status, the negative number of a signal, has
        # to do
        reason = child.stderr.decode(errors="replace").strip().splitlines()
        raise _cannot_read(path, reason[-1] if reason else f"its reader ended with {child.returncode}")
    try:
        with np.load(io.BytesIO(child.stdout), allow_pickle=False) as stored:
            found = {name: stored[name] for name in stored.files}
    except (ValueError, zipfile.BadZipFile) as error:
        raise _cannot_read(path, type(error).__name__) from error
    # names of MATLAB's variables have no slash: `mat_child` sets it between a cell array and the place of a
    # cell
    plain = {name: values for name, values in found.items() if "/" not in name}
    cells: dict[str, list[np.ndarray]] = {}
    for name in (name for name in found if "/" in name):
        cells.setdefault(name.rpartition("/")[0], []).append(found[name])
    return plain, cells


def _cannot_read(path: Path, reason: str) -> InputError:
    return InputError(
        f"{path}, which cannot be read as a MATLAB file ({reason})",
        "an undamaged .mat file",
        "check that it was copied whole",
    )
