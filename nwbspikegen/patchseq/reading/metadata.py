"""Which electrode, and so which cell, a recording is of, and what the file says of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from nwbspikegen.core.addresses import Address
from nwbspikegen.core.errors import InputError
from nwbspikegen.nwb.groups import find_group, read_text
from nwbspikegen.nwb.session import read_session
from nwbspikegen.patchseq.reading.pairs import Pair, read_labels
from nwbspikegen.patchseq.reading.series import electrode_of

_PLACE = "general/intracellular_ephys"
_LABELS = ("cell_class", "condition")


class SeveralElectrodesError(InputError):
    """A file has cells at several electrodes, which are its `electrodes`, and none was chosen."""

    def __init__(self, found: str, expected: str, remedy: str, electrodes: Sequence[str] = ()) -> None:
        super().__init__(found, expected, remedy)
        self.electrodes = tuple(electrodes)


class ChosenElectrode(NamedTuple):
    """An electrode and its sweeps; `there` are all electrodes that recorded something, in order."""

    name: str
    pairs: list[Pair]
    there: list[str]


def select_electrode(
    root: Any, pairs: list[Pair], electrode: str | None, address: Address
) -> ChosenElectrode:
    """Return an electrode's name and its sweeps; without a choice there must be one.

    Raises
    ------
    SeveralElectrodesError
        If the file has several and none is chosen.
    InputError
        If it does not have the one that is.
    """
    _require_names(pairs)
    of = [electrode_of(root, root[pair.response]) for pair in pairs]
    # electrodes that recorded something: files name some that did not
    there = sorted(set(of))
    chosen = choose_electrode(there, electrode, address)
    kept = [pair for pair, name in zip(pairs, of, strict=True) if name == chosen]
    return ChosenElectrode(chosen, kept, there)


def choose_electrode(there: Sequence[str], electrode: str | None, address: Address) -> str:
    """Return the electrode that is asked for, or the only one; "" where there is none.

    Examples
    --------
    >>> choose_electrode(["a"], None, "cell.nwb")
    'a'
    >>> choose_electrode(["a", "b"], None, "pair.nwb")
    Traceback (most recent call last):
    nwbspikegen.patchseq.reading.metadata.SeveralElectrodesError: found 2 electrodes in pair.nwb: a, b; ...
    """
    if electrode is None and len(there) > 1:
        raise SeveralElectrodesError(
            f"{len(there)} electrodes in {address}: {', '.join(there)}",
            "one cell",
            "choose one (electrode=...), or measure all with `nwbspikegen patchseq features`",
            there,
        )
    if electrode is not None and electrode not in there:
        raise InputError(
            f"electrode {electrode!r} in {address}", ", ".join(there) or "an electrode", "choose one of them"
        )
    return electrode if electrode is not None else next(iter(there), "")


def read_metadata_of_cell(
    root: Any, electrode: str, there: Sequence[str]
) -> tuple[str, dict[str, str], dict[str, str]]:
    """Return the cell's identifier, session and subject, and what is said of electrode and cell.

    Cells of one file that would have the same identifier have the electrode's name after it.
    """
    session = read_session(root)
    # how slices and animals are told apart for arrays; a patched cell has its condition instead
    session.pop("preparation")
    _require_session(session)
    group = find_group(root, f"{_PLACE}/{electrode}") if electrode else None
    metadata = {"electrode": electrode}
    for name in ("cell_id", "location", "slice"):
        metadata[name] = "" if group is None else read_text(group, name)
    for name in _LABELS:
        metadata[name] = read_labels(root, electrode, name) if electrode else ""
    for name in ("sex", "age", "genotype"):
        metadata[name] = read_text(root, f"general/subject/{name}")
    ids = [_read_cell_id(root, name) or session["identifier"] for name in there]
    own = metadata["cell_id"] or session["identifier"]
    is_shared = ids.count(own) > 1 and electrode
    return f"{own}-{electrode}" if is_shared else own, session, metadata


def _read_cell_id(root: Any, electrode: str) -> str:
    group = find_group(root, f"{_PLACE}/{electrode}") if electrode else None
    return "" if group is None else read_text(group, "cell_id")


def _require_session(session: dict[str, str]) -> None:
    """Raise `InputError` without the two that every NWB file has: lost ones would not be missed later."""
    if not session["identifier"]:
        raise InputError("no identifier", "one, as every NWB file has", "check that it was copied whole")
    try:
        datetime.fromisoformat(session["session_start_time"])
    except ValueError:
        raise InputError(
            f"session_start_time {session['session_start_time']!r}",
            "a date and a time",
            "check that the file was copied whole",
        ) from None


def _require_names(pairs: list[Pair]) -> None:
    """Raise `InputError` for names of sweeps that are no text: h5py gives bytes, which no table takes."""
    for name in (name for pair in pairs for name in (pair.response, pair.stimulus)):
        if not isinstance(name, str):
            raise InputError(f"a sweep called {name!r}", "a name in UTF-8", "check that it was copied whole")
