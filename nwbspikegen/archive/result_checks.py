"""What only this package can check in a file of results: audits, marks of synthetic data, the source."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py

from nwbspikegen.archive.source_files import FoundSource, find_source, hash_once
from nwbspikegen.nwb.names import MODULE
from nwbspikegen.nwb.opening import open_nwb, reading
from nwbspikegen.nwb.provenance import NamedSource, list_modules, list_sources
from nwbspikegen.prediction.nwb_reading import list_results, read_audits

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
        The recording that the results were made from; by default it is looked for as `find_source`
        does, by its sha256 and identifier.
    """
    with open_nwb(path) as root, reading(path):
        modules = list_modules(root)
    if not modules:
        return []
    # audits and marks are of generated spikes; other modules hold no prediction of a recording
    stored = list_results(path) if MODULE in modules else []
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
    with open_nwb(path) as root, reading(path):
        sources, modules = list_sources(root), list_modules(root)
    for module in modules:
        if not any(named.module == module for named in sources):
            yield (
                _TOOL,
                "error",
                "no sources: nothing tells what the results were made from",
                f"processing/{module}",
            )
    for named in sources:
        where = f"processing/{named.module}/sources"
        if not named.sha256:
            yield _TOOL, "info", f"no fingerprint of {named.file_name} was taken (it was remote)", where
            continue
        found = find_source(path, named) if source is None else _compare(source, named)
        if found is None:
            message = f"{named.file_name} is not at hand: its fingerprint was not compared"
            yield _TOOL, "info", message, where
        elif not found.is_same:
            yield _TOOL, "error", f"{found.path} is not the file that the results were made from", where


def _compare(source: Path, named: NamedSource) -> FoundSource:
    return FoundSource(source, is_same=hash_once(source) == named.sha256)
