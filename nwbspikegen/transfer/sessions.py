"""The recordings of a study: where they are, what is used of them, and what they say of themselves."""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import xarray as xr
from pydantic import AfterValidator

from nwbspikegen.core.addresses import is_remote, name_of, require_recording
from nwbspikegen.core.errors import InputError
from nwbspikegen.core.records import Record
from nwbspikegen.views import Split, WindowOptions, open_window
from nwbspikegen.views.holding import hold_window
from nwbspikegen.views.opening import open_view
from nwbspikegen.views.window_record import StoredOptions

Recording = str | os.PathLike[str]

OTHERS = "others"
"""Label of the row whose cell in a column was trained on all sessions but that column's."""

# joins the names of a mixture, so that no session may have it in its own
_JOINT = "+"

TOLD = (
    *("identifier", "source_sha256", "session_id", "subject_id", "species", "lab", "institution"),
    *("preparation", "session_start_time"),
)


def _require_told(about: dict[str, Any]) -> dict[str, Any]:
    """Raise `ValueError` for metadata that `describe_sessions` cannot have written."""
    window = about.get("window")
    if not all(isinstance(about.get(name), str) for name in TOLD):
        raise ValueError(f"texts are expected for {', '.join(TOLD)}")
    if not isinstance(window, list) or len(window) != 2 or not all(map(_is_finite, window)):
        raise ValueError("a window is expected, of a start and a stop")
    return about


def _is_finite(edge: Any) -> bool:
    return isinstance(edge, int | float) and math.isfinite(edge)


class StudySession(Record):
    """One recording of a study.

    Attributes
    ----------
    name : str
        What tables call it: the session id, or the file's name, made unique.
    path : str
        Where it is.
    options : WindowOptions
        What is used of it.
    about : dict
        Its metadata, and `window`: start and stop of what is used (s, session clock).
    """

    name: str
    path: str
    options: StoredOptions
    about: Annotated[dict[str, Any], AfterValidator(_require_told)]

    @property
    def digest(self) -> str:
        """Eight digits that tell this recording and its window from others."""
        # of a remote recording nothing but its identifier is known
        source = self.about["source_sha256"] or self.about["identifier"]
        return shorten([source, self.options.as_dict()], 8)

    @property
    def slug(self) -> str:
        """Name of the session's folder."""
        return f"{slugify(self.name)}-{self.digest}"

    def open(self) -> tuple[xr.Dataset, Split]:
        """Return the window, binned once and held where memory allows, and its split.

        Raises
        ------
        InputError
            The file is not the one that the study was made with.
        """
        units, parts = open_window(self.path, self.options, report=False)
        # scores of the old file would stand beside those of the new one
        if any(str(units.attrs.get(key, "")) != self.about[key] for key in ("identifier", "source_sha256")):
            raise InputError(
                f"another recording at {self.path} than when it was added to the study",
                "the same file",
                "restore it, or make a new study",
            )
        return hold_window(units, parts)

    def is_same_file(self, other: StudySession) -> bool:
        """Return whether two sessions are of the same bytes, as far as their files tell."""
        return all(self.about[key] == other.about[key] for key in ("identifier", "source_sha256"))


def describe_sessions(
    recordings: Sequence[Recording] | Mapping[str, Recording],
    options: WindowOptions | Mapping[str, WindowOptions],
    known: Iterable[StudySession] = (),
) -> list[StudySession]:
    """Read the metadata of recordings and name them.

    Parameters
    ----------
    recordings : sequence of path, or mapping from name to path
        NWB files; without names they are called by their session ids.
    options : WindowOptions, or mapping from name to WindowOptions
        The window of all, or of each.
    known : iterable of StudySession
        Sessions whose names are taken.

    Raises
    ------
    InputError
        Names without options, or names that rows of several sessions have.
    """
    named = isinstance(recordings, Mapping)
    given = (
        list(recordings.items()) if isinstance(recordings, Mapping) else [("", path) for path in recordings]
    )
    # a session of that name could not be told from the row of all others
    taken = {OTHERS, *(session.name for session in known)}
    sessions = []
    for asked, path in given:
        address = require_recording(path)
        # of the metadata alone: nothing is binned until the study runs
        about = open_view(address, unit_table=_find_table(asked, path, options)).attrs
        own = str(about["session_id"] or Path(name_of(address)).stem).replace(_JOINT, "_")
        name = asked if named else make_unique(own, taken)
        if name in taken or not name or _JOINT in name:
            raise InputError(
                f"a session called {name!r}",
                f"a name for each, without {_JOINT!r} and other than {OTHERS!r}: rows have these",
                "rename it",
            )
        taken.add(name)
        chosen = _choose_options(name, path, options)
        window = open_window(address, chosen)[0].time
        told: dict[str, Any] = {key: str(about.get(key, "")) for key in TOLD}
        # on the session clock, for the wall clock decides whether two recordings overlap
        told["window"] = [float(window[0]), float(window[-1]) + chosen.bin_size]
        # absolute: the study may be gone on with from another folder
        place = str(address) if is_remote(address) else str(Path(address).resolve())
        sessions.append(StudySession(name=name, path=place, options=chosen, about=told))
    return sessions


def _find_table(name: str, path: Recording, options: WindowOptions | Mapping[str, WindowOptions]) -> str:
    """Return where a session's units are, before its file has told its name."""
    if isinstance(options, WindowOptions):
        return options.unit_table
    return (options.get(name) or options.get(os.fspath(path)) or WindowOptions()).unit_table


def _choose_options(
    name: str, path: Recording, options: WindowOptions | Mapping[str, WindowOptions]
) -> WindowOptions:
    if isinstance(options, WindowOptions):
        return options
    for key in (name, os.fspath(path)):
        if key in options:
            return options[key]
    raise InputError(f"no window options for {name}", "options for each session", "add them")


def make_unique(name: str, taken: Iterable[str]) -> str:
    """Return a name that is not taken.

    Examples
    --------
    >>> make_unique("a", {"a", "a-2"})
    'a-3'
    """
    taken = set(taken)
    unique, number = name, 1
    while unique in taken:
        number += 1
        unique = f"{name}-{number}"
    return unique


def slugify(name: str) -> str:
    """Return a name that every file system takes.

    Examples
    --------
    >>> slugify("mouse 1/day:2")
    'mouse_1_day_2'
    """
    # 60 letters: of three bytes each, as Japanese ones are, with the digests below a file name's 255 bytes
    return re.sub(r"[^\w.+-]", "_", name)[:60].strip(".") or "session"


def shorten(value: Any, digits: int) -> str:
    """Return the first digits of the sha256 of what JSON holds."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:digits]
