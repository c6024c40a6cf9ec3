"""How fast a recording that was sorted was sampled, for sorters that leave it to others to say so."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from nwbspikegen.core.errors import InputError


def choose_sampling_rate(
    given: float | None, stated: Iterable[float], *, of: Any, expected: str, example: int, remedy: str
) -> float:
    """Return the rate that was given, else the one that sources state (Hz).

    Parameters
    ----------
    given : float, optional
        What the user says; sources are not asked then.
    stated : iterable of float
        What sources say: two that disagree are refused.
    of, expected, remedy
        What was sorted, who may say the rate, and what to do, for the error.
    example : int
        A rate that is usual.

    Raises
    ------
    InputError
        A rate that is none, no rate, or several.

    Examples
    --------
    >>> told = {"of": "a folder", "expected": "one", "example": 30000, "remedy": "pass --sampling-rate"}
    >>> choose_sampling_rate(None, [20_000.0, 20_000.0], **told)
    20000.0
    """
    if given is not None:
        if not (math.isfinite(given) and given > 0):
            raise InputError(
                f"a sampling rate of {given} Hz", "a positive number", f"pass --sampling-rate {example}, say"
            )
        return given
    rates = set(stated)
    if len(rates) != 1:
        found = " and ".join(f"{rate:g} Hz" for rate in sorted(rates)) or "none"
        raise InputError(f"a sampling rate of {found} for {of}", expected, remedy)
    return rates.pop()


def require_sorted_file(recording: Any, **parts: str | None) -> None:
    """Raise `InputError` for a well or recording (`rec`) of a MaxWell file that is not named.

    Examples
    --------
    >>> require_sorted_file("data.raw.h5", well="well000", rec=None)
    """
    for name, value in parts.items():
        if value is not None and recording is None:
            raise InputError(
                f"--{name} without --recording, where it has no effect",
                "the MaxWell file that was sorted",
                f"leave out --{name}, or name the file",
            )
