"""Where models, scores and formats come from: our own, installed packages, a user's file."""

from __future__ import annotations

import importlib
import logging
import os
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from nwbspikegen.core.errors import InputError

_LOG = logging.getLogger(__name__)


def find_named(name: str, ours: Mapping[str, Any], *, group: str, called: str, is_typed: bool = False) -> Any:
    """Return what a name stands for: one of ours, one of an installed package, or ``package.module:Name``.

    Parameters
    ----------
    name : str
        As on the command line.
    ours : mapping from name to object
        What this package registers itself.
    group : str
        The group of entry points in which packages announce theirs, such as ``nwbspikegen.models``.
    called : str
        What it is, for the error: "model".
    is_typed : bool, default: False
        Whether a user typed the name, just now. Only then is a module looked for in the working folder as
        well: a name that stands in a file must not run a program that lies beside the file.

    Raises
    ------
    InputError
        Nothing has that name, or its module cannot be imported.

    Examples
    --------
    >>> find_named("one", {"one": 1}, group="nwbspikegen.models", called="model")
    1
    >>> find_named("fractions:Fraction", {}, group="nwbspikegen.models", called="model").__name__
    'Fraction'
    """
    if name in ours:
        return ours[name]
    announced = {each.name: each for each in entry_points(group=group)}
    if name in announced:
        return _load(announced[name], called)
    if ":" in name:
        if is_typed:
            _look_in_working_folder()
        return _load(EntryPoint(name, name, group), called)
    raise InputError(
        f"{called} {name!r}",
        f"one of {', '.join(sorted({*ours, *announced}))}, or package.module:Name",
        "choose one of these",
    )


def list_announced(*groups: str) -> dict[str, dict[str, str]]:
    """Return what installed packages announce in groups of entry points, and which package does.

    Nothing of them is imported.

    Examples
    --------
    >>> list_announced("nwbspikegen.no_such_group")
    {'nwbspikegen.no_such_group': {}}
    """
    # read once for all groups: half of the time of --help goes here
    everything = entry_points()
    return {
        group: {
            each.name: "" if each.dist is None else str(each.dist.name)
            for each in sorted(everything.select(group=group), key=lambda each: each.name)
        }
        for group in groups
    }


def load_announced(group: str, *, called: str) -> Iterator[tuple[str, Any]]:
    """Give the name and the object of every entry point of a group, by name.

    What cannot be imported is left out, with a warning: one broken package must not stop the others.
    """
    for each in sorted(entry_points(group=group), key=lambda entry: (entry.name, entry.value)):
        try:
            found = each.load()
        except (ImportError, AttributeError, ValueError) as error:
            _LOG.warning("%s %s of %s is left out: %s", called, each.name, each.value, error)
        else:
            yield each.name, found


# an entry point may be one of the package importlib_metadata, which other packages install
def _load(entry: Any, called: str) -> Any:
    try:
        return entry.load()
    except (ImportError, AttributeError, ValueError) as error:
        raise InputError(
            f"{called} {entry.value!r}, which cannot be imported ({error})",
            "package.module:Name of a module that Python finds",
            "check the name, install its package, or put its folder on PYTHONPATH",
        ) from error


def _look_in_working_folder() -> None:
    """Let Python find modules of the working folder, here and in processes that this one starts."""
    here = str(Path.cwd())
    if here not in sys.path:
        importlib.invalidate_caches()
        # at the end, so that a file here never stands in for an installed module; by the variable for workers
        # of dask and of Lightning, which start from nothing
        sys.path.append(here)
        known = os.environ.get("PYTHONPATH")
        os.environ["PYTHONPATH"] = os.pathsep.join([known, here] if known else [here])
