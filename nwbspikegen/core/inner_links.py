"""Symbolic links in folders of strangers: those that lead out of the folder are refused."""

from __future__ import annotations

import os
from pathlib import Path

from nwbspikegen.core.budget import TRUST, get_budget, is_trusting, too_much
from nwbspikegen.core.errors import InputError

# where git-annex and DataLad keep the contents of a repository, to which its files are links
_ANNEX = (".git", "annex", "objects")


def require_inside(path: Path, folder: Path) -> Path:
    """Return a path of a folder, or raise `InputError` when it, or a folder on the way, leads out.

    Links of a git-annex or DataLad repository into its own store are none that lead out.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Path(folder, "spikes.times.npy").symlink_to("/etc/hostname")
    ...     require_inside(Path(folder, "spikes.times.npy"), Path(folder))
    Traceback (most recent call last):
    nwbspikegen.core.errors.InputError: found ...spikes.times.npy, a link that leads out of ...
    """
    if is_trusting():
        return path

    real, root = Path(os.path.realpath(path)), Path(os.path.realpath(folder))
    if real.is_relative_to(root) or _is_annexed(real, root):
        return path
    raise InputError(
        f"{path}, a link that leads out of {folder}",
        "a folder that holds its files",
        f"copy what is linked into it; if you trust who made it, pass --trust ({TRUST}=1)",
    )


def _is_annexed(real: Path, root: Path) -> bool:
    parts = real.parts
    places = (at for at in range(1, len(parts) - 3) if parts[at : at + 3] == _ANNEX)
    return any(root.is_relative_to(Path(*parts[:at])) for at in places)


def require_own_files(folder: Path, metadata: tuple[str, ...] = ()) -> None:
    """Raise `InputError` for a folder that holds links out of it, is too deep, or describes too much.

    Parameters
    ----------
    folder : Path
        All of it is looked through; no link is followed.
    metadata : tuple of str
        Names of files that are read whole.
    """
    budget = get_budget()
    waiting = [(folder, 0)]
    while waiting:
        place, depth = waiting.pop()
        if depth > budget.depth:
            raise too_much(f"folders {depth} deep in {folder}", f"at most {budget.depth}")
        with os.scandir(place) as entries:
            for entry in entries:
                if entry.is_symlink():
                    require_inside(Path(entry.path), folder)
                elif entry.is_dir(follow_symlinks=False):
                    waiting.append((Path(entry.path), depth + 1))
                elif entry.name in metadata and entry.stat().st_size > budget.metadata_bytes:
                    raise too_much(
                        f"{entry.stat().st_size} bytes of {entry.path}", f"at most {budget.metadata_bytes}"
                    )
