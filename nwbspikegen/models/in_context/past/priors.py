"""What is believed of a recording before any of it was read, and what was believed formerly."""

from __future__ import annotations

from typing import NamedTuple

from nwbspikegen.core.errors import InputError
from nwbspikegen.views.history import HAZARD_PRIOR_SPIKES


class Prior(NamedTuple):
    """What a recording is begun with.

    Attributes
    ----------
    hazard_spikes : float
        Spikes of evidence with which every hazard's class starts at the running rate, as in
        `history.online_hazard`; 0: 20 bins, with which a unit that was silent for 10 s is given a
        five-hundredth of its rate.
    is_before_expected : bool
        Whether time before the first bin counts as what was not observed does, in which traces are near the
        running rate and ages are not known; else as silence.
    is_correction_gated : bool
        Whether the adaptive correction counts as far as it would have won so far; else whole, always.
    is_averaged : bool
        Whether the trained network counts as far as it has predicted the recording better than what there was
        before training; else whole, always.
    """

    hazard_spikes: float
    is_before_expected: bool
    is_correction_gated: bool
    is_averaged: bool

    def first_age(self, oldest: int) -> int:
        """Return every unit's age before the first bin: that of a gap, or the oldest."""
        return -1 if self.is_before_expected else oldest


NEWEST_PRIOR = 3

# networks were trained on features that a prior makes, and are right with no other
_PRIORS = {
    1: Prior(0.0, False, False, False),
    2: Prior(HAZARD_PRIOR_SPIKES, True, True, False),
    3: Prior(HAZARD_PRIOR_SPIKES, True, True, True),
}


def find_prior(number: int) -> Prior:
    """Return a prior by its number; `InputError` for one that does not exist.

    Examples
    --------
    >>> find_prior(1)
    Prior(hazard_spikes=0.0, is_before_expected=False, is_correction_gated=False, is_averaged=False)
    """
    if number not in _PRIORS:
        raise InputError(f"prior {number}", f"one of {', '.join(map(str, _PRIORS))}", "leave it out")
    return _PRIORS[number]
