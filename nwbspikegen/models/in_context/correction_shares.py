"""How far the adaptive correction is believed: as far as it would have won so far."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32, Float64

from nwbspikegen.models.in_context.adaptive_correction_kernels import gather

# of what was learnt up to a refit, that much counts at the next: refits come at 15 % more of the past, so
# that about the latter half of it decides. With all of it, an untrained model waits longer for a correction
# that pays (npx at 5-10 s .101 to .096)
_KEPT = 0.7
# nats that a correction of a share of 1 must bring, in curvature: 50 scored lower on untrained npx (.197 to
# .178 at 10-20 s), and no better elsewhere
_PRECISION = 10.0


class CorrectionShares:
    """Shares, from 0 to 1, of the population's correction and of the units' own.

    A logistic regression of two weights on samples that neither correction has learnt from yet, with a
    Gaussian prior at 0, moved by one Newton step at every refit.
    """

    def __init__(self) -> None:
        self.now: Float64[np.ndarray, " 2"] = np.zeros(2)
        self._curvature = np.zeros((2, 2))
        self._gradient = np.zeros(2)
        self._new_curvature = np.zeros((1, 2, 2))
        self._new_gradient = np.zeros((1, 2))

    def learn(
        self,
        changes: Float64[np.ndarray, "pair 2"],
        log_odds: Float64[np.ndarray, " pair"],
        fired: Float32[np.ndarray, " pair"],
        weight: Float32[np.ndarray, " pair"],
    ) -> None:
        """Learn from training samples: what each correction changes, and what was predicted with shares."""
        member = np.zeros(len(changes), dtype=np.int64)
        gather(changes, member, fired, weight, log_odds, self._new_curvature, self._new_gradient)

    def solve(self) -> None:
        """Find the shares again."""
        curvature = self._new_curvature[0]
        # the kernel sums the lower triangle only
        curvature[0, 1] = curvature[1, 0]
        # the likelihood's parabola about the shares of now, put so that parabolas about others can be added
        self._gradient = _KEPT * self._gradient + self._new_gradient[0] + curvature @ self.now
        self._curvature = _KEPT * self._curvature + curvature
        best = np.linalg.solve(self._curvature + _PRECISION * np.eye(2), self._gradient)
        self.now = np.clip(best, 0.0, 1.0)
        self._new_curvature[:] = 0.0
        self._new_gradient[:] = 0.0
