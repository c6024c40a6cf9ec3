"""From a file on disk to an asset of the DANDI archive, with a look at it in between."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from typing import Any

import pandas as pd

from nwbspikegen.archive.share_client import open_dandiset
from nwbspikegen.archive.share_planning import PlannedFile, plan_files
from nwbspikegen.archive.share_upload import EXISTING, send_files
from nwbspikegen.archive.validate import quiet_and_offline
from nwbspikegen.core.errors import InputError, MissingExtraError
from nwbspikegen.core.files import make_scratch, require_file, require_suffix


def share_file(
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    *,
    dandiset: str,
    instance: str = "dandi",
    existing: str = "error",
    dry_run: bool = False,
    confirm: Callable[[pd.DataFrame], bool] | None = None,
) -> pd.DataFrame:
    """Validate NWB files, name them as the DANDI archive wants, and upload them with dandi's client.

    The files stay as they are: links to them are named. The archive's record of results names the
    software, the models, and the asset of the recording where the dandiset has it. Interrupted, the same
    call goes on: a file is sent again unless the archive has closed its upload. The key is the client's
    own: the environment variable that dandi names after the instance (``DANDI_API_KEY``,
    ``DANDI_SANDBOX_API_KEY``), or the keyring. Instance, key, dandiset and permission are looked at
    before the files are, which takes longer.

    Parameters
    ----------
    paths : path or several
        NWB (HDF5) files without errors of `validate_file`.
    dandiset : str
        The six digits of a dandiset.
    instance : str, default: "dandi"
        ``dandi``, ``dandi-sandbox``, another name that dandi knows, or the address of an archive.
    existing : {"error", "skip", "refresh", "overwrite"}
        What to do about a path that the dandiset has: refuse, leave it, replace it when the file is
        newer and other, or replace it when the file is other.
    dry_run : bool, default: False
        Say what would be uploaded, without a key or a network.
    confirm : callable, optional
        Gets the plan and returns whether to go on; without it nobody is asked.

    Returns
    -------
    DataFrame
        A row per file: ``path``, ``archive_path``, ``size`` in bytes, ``synthetic`` (whether it
        holds generated spikes), ``contents`` (what was generated, by which model, from which
        recording), ``status`` ("planned", "declined", "uploaded", "replaced" or "skipped"), ``asset``.

    Raises
    ------
    InputError
        A file has errors, there is no such dandiset, instance or key, or the key's owner is no owner of
        the dandiset.
    OutputError
        The archive refuses, fails, has the path already, or the connection broke.
    MissingExtraError
        dandi or nwbinspector is not installed.

    Examples
    --------
    >>> share_file("a_recording_that_is_not_there.nwb", dandiset="000123", dry_run=True)
    Traceback (most recent call last):
    nwbspikegen.core.errors.InputError: found nothing at a_recording_that_is_not_there.nwb; ...
    """
    paths = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
    _require_usable(paths, dandiset, existing)
    with quiet_and_offline(), make_scratch() as folder:
        if dry_run:
            return _tabulate(plan_files(paths, folder, dandiset))
        # before files are validated, which takes minutes, and before anybody is asked
        with open_dandiset(instance, dandiset) as draft:
            planned = plan_files(paths, folder, dandiset)
            plan = _tabulate(planned)
            if confirm is not None and not confirm(plan):
                return plan.assign(status="declined")
            return _tabulate(planned, send_files(planned, draft, existing))


def _require_usable(paths: list[Any], dandiset: str, existing: str) -> None:
    if not paths:
        raise InputError("no file", "one NWB file or several", "name them")
    for path in paths:
        require_suffix(require_file(path), ".nwb")
    # checked here, since a dry run asks nobody
    if not re.fullmatch(r"\d{6}", dandiset):
        raise InputError(f"dandiset {dandiset!r}", "six digits such as 000123", "copy it from the archive")
    if existing not in EXISTING:
        raise InputError(f"existing {existing!r}", f"one of {', '.join(EXISTING)}", "choose one of these")
    try:
        import dandi  # noqa: F401
        import nwbinspector  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(
            f"no {error.name}", "dandi and nwbinspector", "pip install 'nwbspikegen[share]'"
        ) from error


def _tabulate(planned: list[PlannedFile], states: list[dict[str, Any]] | None = None) -> pd.DataFrame:
    states = [{"status": "planned", "asset": ""}] * len(planned) if states is None else states
    return pd.DataFrame(
        [
            {
                "path": str(entry.path),
                "archive_path": entry.archive_path,
                "size": entry.size,
                "synthetic": bool(entry.contents.synthetic),
                "contents": entry.contents.describe(),
                **state,
            }
            for entry, state in zip(planned, states, strict=True)
        ]
    )
