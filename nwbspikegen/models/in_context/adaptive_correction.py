"""The adaptive correction: a logistic regression on the network's log odds, learnt from the past."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32, Float64

from nwbspikegen.models.in_context.adaptive_correction_kernels import (
    correct_rows,
    correction_inputs,
    gather,
    weigh,
)
from nwbspikegen.models.in_context.correction_shares import CorrectionShares
from nwbspikegen.models.in_context.past import CORRECTION_FEATURES, PairSamples

# stiff, since all units pull at it: with a softer prior the population's part lowers scores within on the
# slice (.240 to .239), where half of all spikes come from units that nothing predicts
_POPULATION_PRECISION = 1000.0
# first 200; 400 scores alike on the recordings and better on simulated ones
_UNIT_PRECISION = 400.0
# log odds of 1e-6, which scores clip to, and of .9997
_LOWEST, _HIGHEST = -13.8, 8.0
_NUM_INPUTS = len(CORRECTION_FEATURES) + 2


class AdaptiveCorrection:
    """log odds = network + a z . v + b z . w[unit], with v and w inferred from the past alone.

    z holds 1, the network's log ratio to the running rate, and standardised features. v, shared by
    the population, and w, of each unit, start at 0 with a Gaussian prior; at every refit each
    moves by one Newton step on the training samples since the last, with the curvature of all
    so far (an online Laplace approximation). The shares a and b are what would have been best for
    samples that were predicted before they were learnt from, and start at 0 (`CorrectionShares`). Nothing
    here is a weight of the model: it is state, and starts afresh for every recording.

    Parameters
    ----------
    num_units : int
        Units of the recording.
    is_gated : bool, default: True
        Whether there are shares; else a and b are 1.
    """

    def __init__(self, num_units: int, *, is_gated: bool = True) -> None:
        size = _NUM_INPUTS
        # whole steps from almost no evidence cost models trained within half a bit per spike in their first
        # seconds (npx at 1-2 s -.41 to -2.33)
        self._shares = CorrectionShares() if is_gated else None
        self._shared = _Posterior(1, size, _POPULATION_PRECISION)
        self._own = _Posterior(num_units, size, _UNIT_PRECISION)

    def weights(self) -> Float64[np.ndarray, "unit input"]:
        """Return what each unit's inputs weigh by now, those of the population included."""
        of_shared, of_own = (1.0, 1.0) if self._shares is None else self._shares.now
        total: Float64[np.ndarray, "unit input"] = of_shared * self._shared.mean + of_own * self._own.mean
        return total

    def read(
        self,
        samples: PairSamples,
        log_odds: Float32[np.ndarray, " pair"],
        features: Float32[np.ndarray, "pair feature"],
        limit: float,
    ) -> Float64[np.ndarray, " pair"]:
        """Return adapted log odds, then learn from training samples; no feature counts beyond the limit."""
        base = np.clip(log_odds.astype(np.float64), _LOWEST, _HIGHEST)
        # samples are predicted before they are learnt from: what is returned has not seen them
        highest = np.float32(limit)
        shared, adapted = weigh(
            features,
            CORRECTION_FEATURES,
            highest,
            base,
            samples.log_rate,
            samples.unit,
            self._shared.mean[0],
            self._own.mean,
        )
        training = np.flatnonzero(samples.weight > 0)
        inputs = correction_inputs(features, training, CORRECTION_FEATURES, highest, base, samples.log_rate)
        unit = samples.unit[training]
        # the population's weights learn from what they predict by themselves, each unit's from what is left
        # after them
        for posterior, member, values in (
            (self._shared, np.zeros_like(unit), shared),
            (self._own, unit, adapted),
        ):
            gather(
                inputs,
                member,
                samples.fired[training],
                samples.weight[training],
                np.clip(values[training], _LOWEST, -_LOWEST),
                posterior.curvature,
                posterior.gradient,
            )
        result: Float64[np.ndarray, " pair"] = adapted
        if self._shares is not None:
            changes = np.stack([shared - base, adapted - shared], axis=1)
            result = base + changes @ self._shares.now
            self._shares.learn(
                changes[training],
                np.clip(result[training], _LOWEST, -_LOWEST),
                samples.fired[training],
                samples.weight[training],
            )
        if samples.refit_follows:
            self._shared.solve()
            self._own.solve()
            if self._shares is not None:
                self._shares.solve()
        clipped: Float64[np.ndarray, " pair"] = np.clip(result, _LOWEST, _HIGHEST)
        return clipped


def correct_frozen(
    weights: Float64[np.ndarray, "unit input"],
    standard: Float32[np.ndarray, "pair feature"],
    log_odds: Float32[np.ndarray, " pair"],
    log_rate: Float32[np.ndarray, " pair"],
) -> Float64[np.ndarray, "sample unit"]:
    """Return corrected log odds of all units of sample after sample, by weights that stay as they are."""
    out = np.empty((len(log_odds) // len(weights), len(weights)))
    correct_rows(standard, CORRECTION_FEATURES, log_odds, log_rate, weights, _LOWEST, _HIGHEST, out)
    return out


class _Posterior:
    """Gaussian beliefs about the weights of some members."""

    def __init__(self, num_members: int, size: int, precision: float) -> None:
        self.mean: Float64[np.ndarray, "member input"] = np.zeros((num_members, size))
        self.curvature: Float64[np.ndarray, "member input input"] = np.zeros((num_members, size, size))
        self.gradient: Float64[np.ndarray, "member input"] = np.zeros((num_members, size))
        self._prior = precision * np.eye(size)

    def solve(self) -> None:
        """Take one Newton step on the gradient gathered since the last one."""
        # the kernel sums the lower triangle only
        lower = np.tril(self.curvature, -1)
        whole = self.curvature + np.swapaxes(lower, 1, 2) + self._prior
        self.mean += np.linalg.solve(whole, self.gradient[..., None])[..., 0]
        self.gradient[:] = 0.0
