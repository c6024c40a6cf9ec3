"""Units of a free run keep, over minutes, the rates that they had in the past that was read."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32, Float64, UInt8

from nwbspikegen.core.predictor import Bins
from nwbspikegen.views.history import count_spikes, prior_bins

# s: long against all that a model follows itself (traces of up to 60 s), so that rates wander as before
_WINDOW = 240.0
# log odds that a unit loses which has fired at twice its rate in such a window
_GAIN = 4.0
_LIMIT = 2.0
# spikes in a window: below that, a unit's rate in it is mostly chance, and each spike would weigh much
_FEW = 10.0


class RateHolding:
    """log odds = model + gain x (rate - recent) / (rate + few / window), within limits.

    `rate` is that of the unit in the context, `recent` its exponential mean over the run, which begins at
    `rate`. A model that goes on from its own spikes may come into a state that it never leaves: what it has
    done is why it does it. Recordings leave such states for reasons that the model does not know.

    Parameters
    ----------
    context : Bins
        What was read before the run.
    bin_size : float
        Seconds per bin.
    num_samples : int
        Runs at once.

    Examples
    --------
    >>> hold = RateHolding(Bins(np.eye(2, dtype=np.uint8), None), 0.001, num_samples=1)
    >>> probability = np.full((1, 2), 0.25, np.float32)
    >>> hold.correct(probability).tolist()
    [[0.25, 0.25]]
    >>> for _ in range(1000):
    ...     hold.take(np.array([[1, 0]], np.uint8))
    >>> first, second = hold.correct(probability)[0]
    >>> bool(first < 0.25 < second)
    True
    """

    def __init__(self, context: Bins, bin_size: float, num_samples: int) -> None:
        spikes, observed = context
        num_seen = len(spikes) if observed is None else count_spikes(observed)
        # the running rate of models: that of a unit which was hardly observed is near 1 Hz
        rate = (count_spikes(spikes, observed) + 0.5) / (num_seen + prior_bins(bin_size))
        window = _WINDOW / bin_size
        self._rate: Float64[np.ndarray, " unit"] = rate
        self._recent: Float64[np.ndarray, "sample unit"] = np.repeat(rate[None], num_samples, axis=0)
        self._share = -np.expm1(-1.0 / window)
        self._slope: Float64[np.ndarray, " unit"] = _GAIN / (rate + _FEW / window)

    def correct(self, probability: Float32[np.ndarray, "sample unit"]) -> Float32[np.ndarray, "sample unit"]:
        """Return corrected probabilities of a spike in the next bin."""
        factor = np.exp(np.clip(self._slope * (self._rate - self._recent), -_LIMIT, _LIMIT))
        # odds times a factor; of a probability of exactly 0 or 1 nothing changes
        scaled = probability * factor
        corrected: Float32[np.ndarray, "sample unit"] = (scaled / (1.0 - probability + scaled)).astype(
            np.float32
        )
        return corrected

    def take(self, spikes: UInt8[np.ndarray, "sample unit"]) -> None:
        """Move on by one bin."""
        self._recent += self._share * (spikes - self._recent)
