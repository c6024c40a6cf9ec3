"""What only this package can check in a file of results: audits, marks of synthetic data, the source."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py

from nwbspikegen.core.files import hash_file
from nwbspikegen.nwb.names import MODULE
from nwbspikegen.prediction.nwb_reading import list_results, read_audits, read_sources

Finding = tuple[str, str, str, str]
"""Tool, severity, message and where."""
_TOOL = "nwbspikegen"
_WHERE = f"processing/{MODULE}"
# filled by `_register`: a check is a function below, and nothing else has to know it
_CHECKS: list[Callable[[Path, list[str], Path | None], Iterator[Finding]]] = []


def check_results(
    path: str | os.PathLike[str], source: str | os.PathLike[str] | None = None
) -> list[Finding]:
    """Return what is wrong with the results in a file, nothing when it holds none.

    Parameters
    ----------
    path : path
        A file, derived or not.
    source : path, optional
        The recording that the results were made from; by default the file of the name that is
        stored, beside `path` or in the folder above.
    """
    # a file that is only looked at is not locked: others may have it open
    with h5py.File(path, "r", locking=False) as file:
        has_results = _WHERE in file
    if not has_results:
        return []
    stored = list_results(path)
    place = None if source is None else Path(source)
    return [finding for check in _CHECKS for finding in check(Path(path), stored, place)]


def _register(
    check: Callable[[Path, list[str], Path | None], Iterator[Finding]],
) -> Callable[[Path, list[str], Path | None], Iterator[Finding]]:
    _CHECKS.append(check)
    return check


@_register
def check_audits(path: Path, stored: list[str], source: Path | None) -> Iterator[Finding]:
    """Audits are stored with every prediction, and have passed; a free run alone predicts nothing known."""
    if "audits" not in stored:
        if "spike_probability" not in stored and "scores" not in stored:
            return
        yield _TOOL, "error", "no audits: nothing shows that the prediction is causal", _WHERE
        return
    audits = read_audits(path)
    for row in audits[~audits.passed.astype(bool)].itertuples():
        # a failed audit is an honest result, and may be shared; a missing one is none
        yield _TOOL, "warning", f"the audit {row.audit} failed: {row.detail}", f"{_WHERE}/audits"
    if audits.empty:
        yield _TOOL, "error", "an empty table of audits", f"{_WHERE}/audits"


@_register
def check_synthetic_mark(path: Path, stored: list[str], source: Path | None) -> Iterator[Finding]:
    """Generated units say that they were never recorded."""
    if "generated_units" not in stored:
        return
    with h5py.File(path, "r", locking=False) as file:
        description = str(file[f"{_WHERE}/generated_units"].attrs.get("description", ""))
    if "synthetic" not in description.lower():
        yield (
            _TOOL,
            "error",
            "generated spikes whose description does not call them synthetic",
            f"{_WHERE}/generated_units",
        )


@_register
def check_source(path: Path, stored: list[str], source: Path | None) -> Iterator[Finding]:
    """The recording that is named is the one that the results were made from."""
    if "sources" not in stored:
        yield _TOOL, "error", "no sources: nothing tells what the results were made from", _WHERE
        return
    where = f"{_WHERE}/sources"
    for row in read_sources(path).itertuples():
        found = source or _find_beside(path, str(row.file_name))
        if not row.sha256:
            yield _TOOL, "info", f"no fingerprint of {row.file_name} was taken (it was remote)", where
        elif found is None:
            yield _TOOL, "info", f"{row.file_name} is not at hand: its fingerprint was not compared", where
        elif hash_file(found) != row.sha256:
            yield _TOOL, "error", f"{found} is not the file that the results were made from", where


def _find_beside(path: Path, name: str) -> Path | None:
    """Return the file of that name in the same folder, or in the one above."""
    # by the last part of the name alone: a file must not lead to any place of this machine
    places = (path.parent / Path(name).name, path.parent.parent / Path(name).name)
    return next((place for place in places if place.is_file() and not place.samefile(path)), None)
