"""The readout in context: a logistic regression on the network's log odds, learnt from the past."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32, Float64

from nwbspikegen.models.in_context.past import READOUT_FEATURES, Rows
from nwbspikegen.models.in_context.readout_kernels import gather, predict_rows, readout_inputs, weigh

_POPULATION_PRECISION = 1000.0
_UNIT_PRECISION = 400.0
_LOWEST, _HIGHEST = -13.8, 8.0
_NUM_INPUTS = len(READOUT_FEATURES) + 2


class Readout:
    """log odds = network + z . v + z . w[unit], with v and w inferred from the past alone.

    z holds 1, the network's log ratio to the running rate, and standardised features. v, shared by
    the population, and w, of each unit, start at 0 with a Gaussian prior; when a period of evidence
    ends, each moves by one Newton step on the evidence of that period, with the curvature of all
    evidence so far (an online Laplace approximation). Nothing here is a weight of the model: it is
    state, and starts afresh for every recording.
    """

    def __init__(self, num_units: int) -> None:
        size = _NUM_INPUTS
        self._shared = _Posterior(1, size, _POPULATION_PRECISION)
        self._own = _Posterior(num_units, size, _UNIT_PRECISION)

    def weights(self) -> Float64[np.ndarray, "unit input"]:
        """Return what each unit's inputs weigh by now, those of the population included."""
        total: Float64[np.ndarray, "unit input"] = self._shared.mean + self._own.mean
        return total

    def read(
        self,
        rows: Rows,
        log_odds: Float32[np.ndarray, " row"],
        standard: Float32[np.ndarray, "row feature"],
    ) -> Float64[np.ndarray, " row"]:
        """Return adapted log odds, then learn from rows that are evidence."""
        base = np.clip(log_odds.astype(np.float64), _LOWEST, _HIGHEST)
        shared, adapted = weigh(
            standard, READOUT_FEATURES, base, rows.log_rate, rows.unit, self._shared.mean[0], self._own.mean
        )
        evidence = np.flatnonzero(rows.weight > 0)
        inputs = readout_inputs(standard[evidence], READOUT_FEATURES, base[evidence], rows.log_rate[evidence])
        unit = rows.unit[evidence]
        for posterior, member, values in (
            (self._shared, np.zeros_like(unit), shared),
            (self._own, unit, adapted),
        ):
            gather(
                inputs,
                member,
                rows.fired[evidence],
                rows.weight[evidence],
                np.clip(values[evidence], _LOWEST, -_LOWEST),
                posterior.curvature,
                posterior.gradient,
            )
        if rows.period_ends:
            self._shared.solve()
            self._own.solve()
        result: Float64[np.ndarray, " row"] = np.clip(adapted, _LOWEST, _HIGHEST)
        return result


def predict_frozen(
    weights: Float64[np.ndarray, "unit input"],
    standard: Float32[np.ndarray, "row feature"],
    log_odds: Float32[np.ndarray, " row"],
    log_rate: Float32[np.ndarray, " row"],
    out: Float32[np.ndarray, "sample unit"],
) -> None:
    """Fill in probabilities for all units of sample after sample, by weights that stay as they are."""
    predict_rows(standard, READOUT_FEATURES, log_odds, log_rate, weights, _LOWEST, _HIGHEST, out)


class _Posterior:
    """Gaussian beliefs about the weights of some members."""

    def __init__(self, num_members: int, size: int, precision: float) -> None:
        self.mean: Float64[np.ndarray, "member input"] = np.zeros((num_members, size))
        self.curvature: Float64[np.ndarray, "member input input"] = np.zeros((num_members, size, size))
        self.gradient: Float64[np.ndarray, "member input"] = np.zeros((num_members, size))
        self._prior = precision * np.eye(size)

    def solve(self) -> None:
        """Take one Newton step on the gradient gathered since the last one."""
        lower = np.tril(self.curvature, -1)
        whole = self.curvature + np.swapaxes(lower, 1, 2) + self._prior
        self.mean += np.linalg.solve(whole, self.gradient[..., None])[..., 0]
        self.gradient[:] = 0.0
