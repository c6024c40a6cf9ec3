"""What fitted GLMs share: a seed, weights by name, and how these are kept on disk."""

from __future__ import annotations

import os
from typing import ClassVar, TypeVar

import numpy as np
from jaxtyping import Float, Float64

from nwbspikegen.scoring.baselines.storage import read_weights, write_weights

# beyond the clip of the scores (13.8) and short of where float32 rounds to 1 (17.3)
_LARGEST_LOG_ODDS = 15.0
_GLM = TypeVar("_GLM", bound="StoredGLM")


class StoredGLM:
    """Weights by name, fitted with the random numbers of a seed."""

    name: ClassVar[str]
    needs_training: ClassVar[bool] = True

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self.weights: dict[str, Float64[np.ndarray, "..."]] = {}

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write the weights into `folder`."""
        write_weights(folder, self.name, seed=np.array(float(self.seed)), **self.weights)

    @classmethod
    def load(cls: type[_GLM], folder: str | os.PathLike[str]) -> _GLM:
        """Read what `save` wrote."""
        weights = read_weights(folder, cls.name)
        baseline = cls(seed=int(weights.pop("seed")))
        baseline.weights = weights
        return baseline


def squash(log_odds: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """Return probabilities that are neither 0 nor 1.

    Examples
    --------
    >>> squash(np.array([0.0, 1e6])).tolist()
    [0.5, 0.999999694097773]
    """
    bounded = np.clip(log_odds, -_LARGEST_LOG_ODDS, _LARGEST_LOG_ODDS)
    probability: Float[np.ndarray, "*shape"] = 1 / (1 + np.exp(-bounded))
    return probability
