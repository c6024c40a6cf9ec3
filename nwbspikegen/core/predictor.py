"""The protocol that models and baselines share, and the bins that they read."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float32, UInt8

from nwbspikegen.core.errors import InputError


class Bins(NamedTuple):
    """What happened in each bin of some units, and whether anyone looked.

    Attributes
    ----------
    spikes : uint8 array (time, unit)
        1 where a spike was observed.
    observed : bool array (time, unit) or None
        Whether the unit was observed in the bin; None: every unit in every bin.
    """

    spikes: UInt8[np.ndarray, "time unit"]
    observed: Bool[np.ndarray, "time unit"] | None

    def since(self, first: int) -> Bins:
        """Return the bins from `first` on."""
        return Bins(self.spikes[first:], None if self.observed is None else self.observed[first:])

    def until(self, stop: int) -> Bins:
        """Return the bins before `stop`."""
        return Bins(self.spikes[:stop], None if self.observed is None else self.observed[:stop])


@runtime_checkable
class Predicts(Protocol):
    """What `predict_bins` needs of a predictor."""

    @property
    def name(self) -> str:
        """What tables call it."""
        ...

    @property
    def predict(self) -> Callable[..., Float32[np.ndarray, "predicted unit"]]:
        """As in `Predictor`, with `observed` or without."""
        ...


@runtime_checkable
class Predictor(Protocol):
    """Predicts the probability of a spike in each bin from the bins before it.

    Everything that is scored has this shape, so that trivial predictors and trained models stand in
    one table. Networks learn by `nsg.train`; baselines have a `fit` of their own.

    An implementation must be causal: row `t` of what `predict` returns depends on rows before
    `first + t` of `spikes` only. `nsg.audit` checks it.
    """

    @property
    def name(self) -> str:
        """What tables call it."""
        ...

    def predict(
        self,
        spikes: UInt8[np.ndarray, "time unit"],
        first: int,
        bin_size: float,
        observed: Bool[np.ndarray, "time unit"] | None = None,
    ) -> Float32[np.ndarray, "predicted unit"]:
        """Return the probability of a spike in bins `first` to the end, each from the bins before it.

        Bins before `first` are context: they are read and not predicted. `observed` says which units
        were observed in which bins; None: all in all, and then it need not be an argument at all. What
        is predicted of bins in which a unit was not observed is left out by the callers.
        """
        ...

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write weights and parameters into `folder`."""
        ...

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> Predictor:
        """Read what `save` wrote."""
        ...


def predict_bins(
    predictor: Predicts, bins: Bins, first: int, bin_size: float
) -> Float32[np.ndarray, "predicted unit"]:
    """Return what a predictor says of recorded bins from `first` on.

    Raises
    ------
    InputError
        Some bin was not observed, and the predictor's `predict` takes no `observed`: it would take
        what nobody looked at for silence.
    """
    if bins.observed is None:
        return predictor.predict(bins.spikes, first, bin_size)
    # asked of the signature: a TypeError of a call could as well come from within
    known = inspect.signature(predictor.predict).parameters
    if "observed" not in known and all(each.kind is not each.VAR_KEYWORD for each in known.values()):
        raise InputError(
            f"bins that were not observed, for {predictor.name}, which would take them for silence",
            "a model whose `predict` takes `observed`",
            "choose a stretch without gaps: --start, --duration",
        )
    return predictor.predict(bins.spikes, first, bin_size, observed=bins.observed)
