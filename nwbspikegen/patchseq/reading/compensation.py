"""How the amplifier was set while a sweep was recorded, and what a file says of the liquid junction."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float64

from nwbspikegen.nwb.groups import find_array, find_group, read_text, to_text
from nwbspikegen.patchseq.reading.pairs import Pair
from nwbspikegen.patchseq.reading.series import PICOAMPERE

# where laboratories write what no field of NWB holds
_NOTES = (
    "session_description",
    "general/notes",
    "general/protocol",
    "general/data_collection",
    "general/experiment_description",
    "general/pharmacology",
)
_OF_ELECTRODE = ("description", "filtering", "initial_access_resistance", "seal", "resistance")
# a note is quoted, and may be a page
_LONGEST = 160
_NAMES = {
    "bridge_balance_mohm": ("bridge balance", "MOhm"),
    "capacitance_compensation_pf": ("capacitance compensation", "pF"),
    "bias_current_pa": ("bias current", "pA"),
}


class Compensation(NamedTuple):
    """Settings of the amplifier in current clamp, NaN where the file does not state them.

    The fields of `CurrentClampSeries` have no unit of their own: the schema fixes ohms, farads and amperes.
    """

    bridge_balance_mohm: float = np.nan
    capacitance_compensation_pf: float = np.nan
    bias_current_pa: float = np.nan


def read_compensation(series: Any) -> Compensation:
    """Read what a series states of bridge balance, capacitance compensation and bias current."""
    return Compensation(
        _read_setting(series, "bridge_balance", 1e-6),
        _read_setting(series, "capacitance_compensation", 1e12),
        _read_setting(series, "bias_current", PICOAMPERE),
    )


def find_junction_note(root: Any, pairs: Sequence[Pair], electrode: str) -> str:
    """Return what a file says of the liquid junction potential, "" when it does not.

    NWB has no field for it: it is looked for in notes of the session, of the electrode and of the series.

    Examples
    --------
    >>> quote_junction("Warner 700B. Liquid junction potential (14 mV) not corrected; 34 C.")
    'Liquid junction potential (14 mV) not corrected'
    """
    for text in _list_texts(root, pairs, electrode):
        found = quote_junction(text)
        if found:
            return found
    return ""


def quote_junction(text: str) -> str:
    """Return the part of a sentence that speaks of a junction potential, "" when none does."""
    # a full stop within a number ends no sentence
    for part in re.split(r"[;,\n]|\.(?!\d)", text):
        if re.search(r"\bjunction\b|\bLJP\b", part, flags=re.IGNORECASE):
            return " ".join(part.split())[:_LONGEST]
    return ""


def describe_compensation(sweeps: pd.DataFrame, junction_note: str = "", junction_mv: float = 0.0) -> str:
    """Say in one line how the amplifier was set in some sweeps, and what is known of the liquid junction.

    Parameters
    ----------
    sweeps : DataFrame
        One row a sweep, with the fields of `Compensation`; one that is absent is not stated.
    junction_note : str
        What the file says of the liquid junction potential.
    junction_mv : float
        What was subtracted from the potentials here.

    Examples
    --------
    >>> describe_compensation(pd.DataFrame({"bridge_balance_mohm": [12.0, 12.0, np.nan]}))[:59]
    'bridge balance 12 MOhm in 2 of 3 sweeps, not stated in 1; c'
    """
    told = [_describe_setting(sweeps, name) for name in _NAMES]
    here = f"corrected here by {junction_mv:g} mV" if junction_mv else "not corrected here"
    said = f'the file says "{junction_note}"' if junction_note else "the file states nothing"
    return "; ".join([*told, f"liquid junction potential {here}, {said}"])


def _describe_setting(sweeps: pd.DataFrame, name: str) -> str:
    label, unit = _NAMES[name]
    values = sweeps[name].to_numpy(dtype=np.float64) if name in sweeps else np.full(len(sweeps), np.nan)
    stated = values[np.isfinite(values)]
    if not len(stated):
        return f"{label} not stated"
    rest = len(values) - len(stated)
    where = f"in {len(stated)} of {len(values)} sweeps, not stated in {rest}" if rest else "in all sweeps"
    return f"{label} {_say_range(stated)} {unit} {where}"


def _say_range(values: Float64[np.ndarray, " value"]) -> str:
    low, high = f"{values.min():.3g}", f"{values.max():.3g}"
    return low if low == high else f"{low} to {high}"


def _read_setting(series: Any, name: str, factor: float) -> float:
    array = find_array(series, name)
    stored = np.zeros(0) if array is None else np.ravel(array[()])
    # a text or nothing is not what the schema has there: it states nothing, and stops nothing
    return float(stored[0]) * factor if stored.size and stored.dtype.kind in "iuf" else np.nan


def _list_texts(root: Any, pairs: Sequence[Pair], electrode: str) -> Iterator[str]:
    for name in _NOTES:
        yield read_text(root, name)
    group = find_group(root, f"general/intracellular_ephys/{electrode}") if electrode else None
    for name in _OF_ELECTRODE if group is not None else ():
        yield read_text(group, name)
    for pair in pairs:
        for name in ("comments", "description"):
            yield to_text(root[pair.response].attrs.get(name, ""))
