"""What would be uploaded: files that are valid, under the names that the archive wants."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from nwbspikegen.archive.share_contents import Contents, describe_contents
from nwbspikegen.archive.validate import validate_file
from nwbspikegen.core.errors import InputError
from nwbspikegen.core.files import require_file, require_suffix

_LABEL = re.compile(r"_desc-([A-Za-z0-9-]+)")
_OWN_LABEL = "spikegen"
# dandi leaves these out of a name that is unique without them, which depends on what else is shared
_IN_EVERY_NAME = ("session_id", "tissue_sample_id", "slice_id", "cell_id")


@dataclasses.dataclass(frozen=True)
class PlannedFile:
    """A file and its place in a dandiset.

    Attributes
    ----------
    path, place : Path
        The file itself, and its link in a folder that is laid out as the archive wants it.
    archive_path : str
        Its path in the archive, such as ``sub-X/sub-X_ses-Y_desc-spikegen_ecephys.nwb``.
    size, modified_ns : int
        In bytes; when the file was last written, as the system counts.
    etag : str
        Fingerprint of the bytes that were checked, by dandi's rule.
    contents : Contents
        What in it was generated.
    """

    path: Path
    place: Path
    archive_path: str
    size: int
    modified_ns: int
    etag: str
    contents: Contents


def plan_files(paths: Iterable[str | os.PathLike[str]], folder: Path, dandiset: str) -> list[PlannedFile]:
    """Validate files and link them into `folder`, laid out as a dandiset.

    dandi's own `organize` names each file by itself, so that a name does not depend on what else is
    shared. Since a derived file has subject and session of its recording, and so its name, `desc-` is
    added: what the file's own name says there, or ``spikegen``.

    Raises
    ------
    InputError
        A file is absent, invalid, or would take the name of another.
    """
    checked = [_require_valid(path) for path in paths]
    (folder / "dandiset.yaml").write_text(
        f"identifier: DANDI:{dandiset}\nname: shared\ndescription: shared\n"
    )
    planned: dict[str, PlannedFile] = {}
    for number, (path, before) in enumerate(checked):
        # one by one: of several files dandi makes names that depend on each other
        entry = _plan(path, before, folder, folder / f".organized-{number}")
        if entry.archive_path in planned:
            raise InputError(
                f"{path} and {planned[entry.archive_path].path}, both named {entry.archive_path}",
                "one file per name",
                "tell them apart in their names, such as _desc-first and _desc-second",
            )
        planned[entry.archive_path] = entry
    return list(planned.values())


def _require_valid(path: str | os.PathLike[str]) -> tuple[Path, os.stat_result]:
    """Return a file without errors, and its state before it was looked at."""
    path = require_file(path).absolute()
    require_suffix(path, ".nwb")
    # before the checks: a change while they run shows when the file is sent
    before = path.stat()
    findings = validate_file(path)
    errors = findings[findings.severity == "error"]
    if len(errors):
        raise InputError(
            f"{len(errors)} errors in {path}, the first: {errors.message.iloc[0]}",
            "a file without errors",
            f"see all with `nwbspikegen validate {path}`",
        )
    return path, before


def _plan(path: Path, before: os.stat_result, folder: Path, organized: Path) -> PlannedFile:
    from dandi.support.digests import get_digest

    contents = describe_contents(path)
    named = _organize(path, organized)
    relative = named.relative_to(organized)
    place = folder / relative.with_name(_add_label(relative.name, path.name, derived=contents.derived))
    place.parent.mkdir(exist_ok=True)
    if not place.exists():
        os.rename(named, place)
    return PlannedFile(
        path,
        place,
        place.relative_to(folder).as_posix(),
        before.st_size,
        before.st_mtime_ns,
        get_digest(path, digest="dandi-etag"),
        contents,
    )


def _organize(path: Path, organized: Path) -> Path:
    """Let dandi link a file under the archive's name, and return the link."""
    from dandi.organize import FileOperationMode, organize

    problem: Any = "dandi found no name for it"
    try:
        organize(
            [str(path)],
            str(organized),
            files_mode=FileOperationMode.AUTO,
            required_fields=_IN_EVERY_NAME,
            jobs=1,
        )
    # what `organize` raises where no name can be made, by the reason
    except (ValueError, RuntimeError, AssertionError) as error:
        problem = " ".join(str(error).split())
    found = list(organized.rglob("*.nwb"))
    if len(found) != 1:
        raise InputError(
            f"{path}, which cannot be named: {problem}",
            "a file with subject and session",
            "write it again, and give the command that does --metadata FILE.yaml with what is missing",
        )
    return found[0]


def _add_label(name: str, local_name: str, *, derived: bool) -> str:
    """Return the archive's name with ``desc-`` before its last part, for what is no plain recording.

    Examples
    --------
    >>> _add_label("sub-1_ses-2_ecephys.nwb", "out.nwb", derived=True)
    'sub-1_ses-2_desc-spikegen_ecephys.nwb'
    >>> _add_label("sub-1_ses-2.nwb", "a_desc-late.nwb", derived=False)
    'sub-1_ses-2_desc-late.nwb'
    """
    found = _LABEL.search(local_name)
    label = found[1] if found else _OWN_LABEL if derived else ""
    if not label or "_desc-" in name:
        return name
    parts = name.removesuffix(".nwb").split("_")
    # entities are key-value; the first part without a hyphen is the modality, such as ecephys
    end = next((at for at, part in enumerate(parts) if "-" not in part), len(parts))
    return "_".join([*parts[:end], f"desc-{label}", *parts[end:]]) + ".nwb"
