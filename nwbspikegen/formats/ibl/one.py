"""Sessions in a local cache of ONE, the IBL's data access, and how ONE names sessions."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

from nwbspikegen.core.errors import InputError, MissingExtraError, NWBSpikeGenError

# an experiment's id, which is a uuid
_EID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
ADDRESS = re.compile(
    r"(?:(?P<lab>\w+)/(?:Subjects/)?)?(?P<subject>[\w.-]+)/(?P<day>\d{4}-\d{2}-\d{2})/(?P<number>\d{1,3})/?"
)
ADDRESS_FORMS = "an eid, or lab/subject/date/number such as angelakilab/NYU-40/2021-04-14/001"

_INDEX = "index the cache with One.setup(root, silent=True, hash_files=True)"


def is_address(text: str) -> bool:
    """Return whether a text names a session as ONE does.

    Examples
    --------
    >>> is_address("angelakilab/NYU-40/2021-04-14/1"), is_address("my_folder")
    (True, False)
    """
    return bool(_EID.fullmatch(text) or ADDRESS.fullmatch(text))


def find_in_cache(root: str | os.PathLike[str], session: str) -> Path:
    """Return the folder of a session in a local ONE cache; nothing is written and nothing is downloaded.

    Parameters
    ----------
    root : path
        The cache: the folder that holds the labs' folders.
    session : str
        ``lab/subject/date/number``, ``subject/date/number``, or an eid, for which the cache needs its tables.

    Raises
    ------
    InputError
        If it is not there, or several are.
    """
    root = Path(root)
    if not root.is_dir():
        raise InputError(f"no folder {root}", "a ONE cache", "check the path")
    folder = _find_eid(root, session) if _EID.fullmatch(session) else _find_address(root, session)
    if folder is None:
        raise InputError(f"no session {session} in {root}", ADDRESS_FORMS, f"choose {_list_sessions(root)}")
    return folder


def _find_eid(root: Path, eid: str) -> Path | None:
    if not next(root.glob("sessions*.pqt"), None):
        raise InputError(
            f"an eid, and no table of sessions in {root}",
            "lab/subject/date/number",
            f"name the session so, or {_INDEX}",
        )
    require_one()
    from one.api import One

    with clear_errors(f"the tables in {root}", f"name the session by lab/subject/date/number, or {_INDEX}"):
        # One, not ONE(): the factory without a local mode would ask the network, or the user
        path = One(cache_dir=root, mode="local").eid2path(eid)
    return Path(path) if path is not None and Path(path).is_dir() else None


def _find_address(root: Path, session: str) -> Path | None:
    match = ADDRESS.fullmatch(session)
    if match is None:
        raise InputError(f"a session {session!r}", ADDRESS_FORMS, "correct it")
    ends = {
        f"{match['subject']}/{match['day']}/{number}"
        # caches have 001, folders that people made may have 1
        for number in (match["number"], pad_number(match["number"]))
    }
    # by globbing and not by the cache's tables: these need not be there, and eids change when a cache is
    # indexed anew
    starts = [f"{match['lab']}/Subjects"] if match["lab"] else ["*/Subjects", "."]
    found = sorted({path for start in starts for end in ends for path in root.glob(f"{start}/{end}")})
    if len(found) > 1:
        raise InputError(
            f"{len(found)} sessions {session} in {root}", "one", f"choose among {', '.join(map(str, found))}"
        )
    return found[0] if found else None


def pad_number(number: str) -> str:
    """Return the number of a session as ONE names folders: 001."""
    return number.zfill(3)


def _list_sessions(root: Path) -> str:
    """Return a few sessions of a cache, to choose from."""
    found = sorted(root.glob("*/Subjects/*/[0-9]*-*-*/[0-9]*"))
    names = [path.relative_to(root).as_posix().replace("/Subjects/", "/") for path in found]
    return (" or ".join(names[:3]) + (" ..." if len(names) > 3 else "")) or "another cache: this has none"


def require_one() -> None:
    """Raise `MissingExtraError` when ONE-api is not installed."""
    try:
        import one.api  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("no ONE-api", "it, to open ONE", "pip install 'nwbspikegen[ibl]'") from error


@contextlib.contextmanager
def clear_errors(what: str, remedy: str) -> Iterator[None]:
    """Turn whatever ONE, its tables or the network raise into `InputError`."""
    try:
        yield
    except NWBSpikeGenError:
        raise
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise InputError(f"{what} unusable ({reason})", "a ONE that works", remedy) from error
