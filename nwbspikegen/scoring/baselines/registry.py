"""The table of baselines by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, Protocol, TypeVar, runtime_checkable

import numpy as np
from jaxtyping import UInt8

from nwbspikegen.core.errors import InputError
from nwbspikegen.core.predictor import Predictor
from nwbspikegen.views.history import Mask


@runtime_checkable
class Baseline(Predictor, Protocol):
    """A predictor that every table shows; `needs_training` says whether `fit` must come first."""

    needs_training: ClassVar[bool]

    def fit(self, spikes: UInt8[np.ndarray, "time unit"], bin_size: float, observed: Mask = None) -> Baseline:
        """Learn from a training segment, spikes in bins of `bin_size` seconds; return self.

        `observed` says which units were observed in which bins; None: all in all.
        """
        ...


BASELINES: dict[str, Callable[[], Baseline]] = {}
"""Every baseline by name; calling the entry makes one that is not fitted."""

_Kind = TypeVar("_Kind", bound=type)


def register_baseline(kind: _Kind) -> _Kind:
    """Enter a baseline class under its `name`."""
    BASELINES[kind.name] = kind  # type: ignore[attr-defined]
    return kind


def require_baselines(names: Sequence[str]) -> None:
    """Raise `InputError` for the first name that is no baseline's.

    Examples
    --------
    >>> require_baselines(["running_rate"])
    """
    for name in names:
        make_baseline(name)


def make_baseline(name: str) -> Baseline:
    """Return a new baseline, or raise `InputError` with the names that exist.

    Examples
    --------
    >>> make_baseline("running_rate").name
    'running_rate'
    """
    if name not in BASELINES:
        raise InputError(f"baseline {name!r}", f"one of {', '.join(BASELINES)}", "choose one of these")
    return BASELINES[name]()
