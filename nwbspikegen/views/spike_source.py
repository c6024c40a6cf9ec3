"""Where spikes come from: the one interface behind which files and sortings look alike."""

from __future__ import annotations

import abc
import dataclasses
import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float64

from nwbspikegen.errors import InputError


@dataclasses.dataclass(frozen=True)
class UnitTable:
    """What is known of the units besides their spikes.

    Parameters
    ----------
    ids : ndarray of shape (unit,)
        Unit ids, numbers or strings.
    columns : mapping of str to ndarray of shape (unit,)
        The columns that hold one value per unit.
    attrs : mapping of str to str
        Session, subject and origin.
    """

    ids: np.ndarray
    columns: Mapping[str, np.ndarray]
    attrs: Mapping[str, str]


class SpikeSource(abc.ABC):
    """Gives the spikes of any unit in any window, sorted, in seconds of the session clock.

    Sources are read-only and pickle without open handles, so that they travel to dask workers.
    """

    table: UnitTable

    @abc.abstractmethod
    def read_spikes(
        self, units: Sequence[int], start: float, stop: float
    ) -> Iterator[Float64[np.ndarray, " spike"]]:
        """Yield for each unit position its spikes within [start, stop] (s), sorted, no spike lost."""

    @abc.abstractmethod
    def read_extent(self) -> tuple[float, float]:
        """Return the times of the first and the last spike of all units; NaN when there is none."""

    @property
    @abc.abstractmethod
    def observed(self) -> tuple[float | None, float | None]:
        """Start and stop of the observation (s), None where the source does not say."""

    def __deepcopy__(self, memo: dict[int, Any]) -> SpikeSource:
        return self

    def spikes(
        self, unit: int, start: float = -np.inf, stop: float = np.inf
    ) -> Float64[np.ndarray, " spike"]:
        """Return the spikes of one unit position within [start, stop] (s), sorted."""
        return next(iter(self.read_spikes([unit], start, stop)))

    @functools.cached_property
    def positions(self) -> dict[Any, int]:
        """Position in the table of each unit id."""
        return {unit: position for position, unit in enumerate(self.table.ids.tolist())}


def require_numbers(times: Float64[np.ndarray, " spike"], unit: object) -> None:
    """Raise `InputError` when a spike time is NaN or infinite."""
    bad = int(np.count_nonzero(~np.isfinite(times)))
    if bad:
        raise InputError(
            f"{bad} NaN or infinite spike times in unit {unit}",
            "every spike time to be a number of seconds",
            "remove them from the units table before opening it",
        )
