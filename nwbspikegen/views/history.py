"""Running rates, online hazards and exponential traces of spike trains."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64, Shaped, UInt8

from nwbspikegen.core.errors import InputError
from nwbspikegen.core.large_arrays import cut_rows, empty_array, release
from nwbspikegen.views.history_kernels import (
    online_hazard_kernel,
    running_rate_kernel,
    trace_kernel,
)

# fine where refractory periods and bursts shape the hazard in bins of 1 ms, then by factors of 1.5 and more,
# as old ages are rare and their hazard is flat
AGE_EDGES = (
    *(1, 2, 3, 4, 5, 6, 8, 10, 13, 17, 22, 30, 40, 55, 75, 100),
    *(150, 220, 330, 500, 800, 1300, 2500, 6000),
)
"""Last age, in bins since the latest spike, of every class but the oldest, which is open."""

Mask = Bool[np.ndarray, "time unit"] | None
"""Whether each unit was observed in each bin; None: always."""

_ByUnit = UInt8[np.ndarray, "unit bins"]
_SeenByUnit = Bool[np.ndarray, "unit bins"]
_PredictedByUnit = Float32[np.ndarray, "unit _predicted"]

# spikes of evidence with which each class starts at the running rate. Spikes and not bins: with 20 bins, as
# it was, a unit silent for 10 s, 10,000 bins of the oldest class, was given a five-hundredth of its rate.
# Chosen on validation segments: two hold the retinas back (wt from nothing .62 to .41), less than one
# does not hold npx (.00 to -.05)
HAZARD_PRIOR_SPIKES = 1.0
# float32, 8 MB: bins are read some at a time, of all units. Some units at a time, of all bins, each page of a
# long recording would be read, and of its predictions written, once for every few units
_VALUES_AT_ONCE = 2**21
# the rate of a unit of which nothing is known; medians of the recordings tried are 0.2 to 5 Hz
_PRIOR_RATE_HZ = 1.0


def prior_bins(bin_size: float) -> float:
    """Return how many bins half a spike lasts at 1 Hz: the evidence a rate starts with.

    Examples
    --------
    >>> prior_bins(0.001)
    500.0
    """
    # (k + 1/2) / (n + 1/2 / r0) is the mean of a rate under a Gamma prior of shape 1/2 and mean r0
    return 0.5 / (_PRIOR_RATE_HZ * bin_size)


def age_classes() -> Int64[np.ndarray, "age"]:
    """Return the class of every age from 0 to the first that is older than all edges."""
    # a table: kernels look an age up instead of searching for it in every bin
    return np.searchsorted(np.asarray(AGE_EDGES), np.arange(AGE_EDGES[-1] + 2), side="left")


def mean_rate_per_bin(
    spikes: UInt8[np.ndarray, "time unit"], observed: Mask = None
) -> Float64[np.ndarray, " unit"]:
    """Return (k + 1/2) / (n + 1) per unit: k spikes in the n observed bins of a training segment.

    Examples
    --------
    >>> mean_rate_per_bin(np.array([[1], [0], [0]], np.uint8))
    array([0.375])
    """
    num_seen = len(spikes) if observed is None else count_spikes(observed)
    # the mean under Jeffreys' prior for a probability, Beta(1/2, 1/2): a silent unit is unlikely, never
    # impossible, and its log likelihood stays finite
    rate: Float64[np.ndarray, " unit"] = (count_spikes(spikes, observed) + 0.5) / (num_seen + 1)
    return rate


def count_spikes(
    spikes: Shaped[np.ndarray, "time unit"], observed: Mask = None
) -> Int64[np.ndarray, " unit"]:
    """Return in how many bins, of those that were observed, each unit has a spike.

    Examples
    --------
    >>> count_spikes(np.array([[1, 0], [2, 0]]))
    array([2, 0])
    """
    found = np.zeros(spikes.shape[1], dtype=np.int64)
    for piece in cut_rows(spikes, observed):
        fired = spikes[piece] > 0
        found += np.count_nonzero(fired if observed is None else fired & observed[piece], axis=0)
    return found


def running_rate(
    spikes: UInt8[np.ndarray, "time unit"], first: int, bin_size: float, observed: Mask = None
) -> Float32[np.ndarray, "predicted unit"]:
    """Return each unit's mean spike probability per bin so far, for bins `first` to the end.

    (k + 1/2) / (n + 1/2 / r0) with k spikes in the n observed bins before and r0 = 1 Hz x `bin_size`.

    Parameters
    ----------
    spikes : uint8 array (time, unit)
        Spikes per bin; bins before `first` are only read.
    first : int
        First bin to predict.
    bin_size : float
        Seconds per bin.
    observed : bool array (time, unit), optional
        Whether the unit was observed in the bin; by default always.

    Examples
    --------
    >>> running_rate(np.zeros((501, 1), np.uint8), 500, 0.001)
    array([[0.0005]], dtype=float32)
    """

    counters = np.zeros((spikes.shape[1], 2), np.int64)

    def fill(part: _ByUnit, seen: _SeenByUnit, begin: int, out: _PredictedByUnit) -> None:
        running_rate_kernel(part, seen, begin, prior_bins(bin_size), counters, out)

    return _fill_by_pieces(spikes, first, observed, fill)


def online_hazard(
    spikes: UInt8[np.ndarray, "time unit"], first: int, bin_size: float, observed: Mask = None
) -> Float32[np.ndarray, "predicted unit"]:
    """Return the spike probability that each unit's own past gives to its age since the last spike.

    An untrained predictor. The age falls into one of 25 classes (`AGE_EDGES`); with S spikes and E
    bins seen so far in that class and the running rate r, p = (S + w r) / (E + w): one spike of prior at
    the rate or at the class's own, w = 1 / max(r, (S - 1) / E). Where a unit was not observed, as before
    the first bin, its age is not known: from then on it is in a class of its own, until it fires or has been
    silent for as long as the oldest class asks. A unit that has not fired yet is given its running rate.
    Parameters as for `running_rate`.

    Examples
    --------
    >>> spikes = np.tile(np.array([[1], [0]], np.uint8), (5000, 1))  # fires in every other bin
    >>> online_hazard(spikes, 9998, 0.001).round(1).ravel().tolist()
    [1.0, 0.0]
    """
    classes, num_units = age_classes(), spikes.shape[1]
    counters = np.zeros((num_units, 3), np.int64)
    # how long ago it fired before the first bin is not known
    counters[:, 2] = -1
    # one class more than ages have: that of an age that is not known
    by_class, rate_bins = np.zeros((num_units, 2, classes[-1] + 2)), prior_bins(bin_size)

    def fill(part: _ByUnit, seen: _SeenByUnit, begin: int, out: _PredictedByUnit) -> None:
        online_hazard_kernel(
            part, seen, begin, rate_bins, classes, HAZARD_PRIOR_SPIKES, counters, by_class, out
        )

    return _fill_by_pieces(spikes, first, observed, fill)


def exponential_traces(
    spikes: UInt8[np.ndarray, "time unit"],
    first: int,
    taus: Sequence[float],
    observed: Mask = None,
    *,
    bin_size: float = 0.001,
) -> Float32[np.ndarray, "predicted unit tau"]:
    """Return exponentially weighted means of each unit's past, one per time constant.

    x[t] = a x[t-1] + (1 - a) y[t-1] with a = exp(-1 / tau): a unit that fires in every bin has 1. In a
    bin that was not observed y is the unit's running rate: what is not known is expected.

    Parameters
    ----------
    spikes : uint8 array (time, unit)
        Spikes per bin.
    first : int
        First bin to give traces for.
    taus : sequence of float
        Time constants in bins.
    observed : bool array (time, unit), optional
        Whether the unit was observed in the bin; by default always.
    bin_size : float
        Seconds per bin, for the running rate.

    Examples
    --------
    >>> exponential_traces(np.ones((100, 1), np.uint8), 99, [2.0]).round(3).item()
    1.0
    """
    by_unit = exponential_traces_by_unit(spikes, first, taus, observed, bin_size=bin_size)
    return np.ascontiguousarray(by_unit.transpose(1, 0, 2))


def exponential_traces_by_unit(
    spikes: UInt8[np.ndarray, "time unit"],
    first: int,
    taus: Sequence[float],
    observed: Mask = None,
    *,
    bin_size: float = 0.001,
) -> Float32[np.ndarray, "unit predicted tau"]:
    """Return the traces of `exponential_traces`, with its parameters, unit by unit as they are made.

    Examples
    --------
    >>> exponential_traces_by_unit(np.ones((100, 2), np.uint8), 90, [2.0]).shape
    (2, 10, 1)
    """
    _require_first(spikes, first)
    traces = _Traces(spikes.shape[1], taus, bin_size)
    return traces.read(_by_unit(spikes), _by_unit_or_all(observed, spikes), first)


def trace_pieces(
    spikes: UInt8[np.ndarray, "time unit"],
    first: int,
    taus: Sequence[float],
    observed: Mask = None,
    *,
    bin_size: float = 0.001,
) -> Iterator[tuple[slice, Float32[np.ndarray, "unit _bins tau"]]]:
    """Yield the traces of `exponential_traces_by_unit` some bins at a time, behind the rows that they are of.

    Row 0 is of the bin `first`.

    Examples
    --------
    >>> spikes = np.ones((100, 2), np.uint8)
    >>> [(rows, traces.shape) for rows, traces in trace_pieces(spikes, 90, [2.0])]
    [(slice(0, 10, None), (2, 10, 1))]
    """
    _require_first(spikes, first)
    traces = _Traces(spikes.shape[1], taus, bin_size)
    for rows, part, seen, begin in _read_pieces(spikes, first, observed, spikes.shape[1] * len(taus)):
        made = traces.read(part, seen, begin)
        if made.shape[1]:
            yield rows, made


class _Traces:
    """Exponential traces of what was read so far."""

    def __init__(self, num_units: int, taus: Sequence[float], bin_size: float) -> None:
        # float64 until the end: of a tau of 5,000 bins float32 would keep three digits of 1 - a
        self._decay = np.exp(-1.0 / np.asarray(taus, dtype=np.float64))
        self._prior_bins = prior_bins(bin_size)
        self._counters = np.zeros((num_units, 2), np.int64)
        self._traces = np.zeros((num_units, len(self._decay)))

    def read(
        self, part: _ByUnit, seen: _SeenByUnit, begin: int
    ) -> Float32[np.ndarray, "unit _predicted tau"]:
        """Read some bins more, and return the traces of those from `begin` on, each before it is read."""
        out = np.empty((len(part), max(part.shape[1] - begin, 0), len(self._decay)), np.float32)
        trace_kernel(part, seen, begin, self._prior_bins, self._decay, self._counters, self._traces, out)
        return out


def fill_unobserved(
    spikes: UInt8[np.ndarray, "time unit"], observed: Bool[np.ndarray, "time unit"], bin_size: float
) -> Float32[np.ndarray, "time unit"]:
    """Return spikes, and where a unit was not observed its running rate so far, neither 0 nor 1.

    Examples
    --------
    >>> seen = np.array([[True], [False]])
    >>> fill_unobserved(np.array([[1], [0]], np.uint8), seen, 0.001).round(3)
    array([[1.   ],
           [0.003]], dtype=float32)
    """
    return np.where(observed, spikes, running_rate(spikes, 0, bin_size, observed)).astype(np.float32)


def _fill_by_pieces(
    spikes: UInt8[np.ndarray, "time unit"],
    first: int,
    observed: Mask,
    fill: Callable[[_ByUnit, _SeenByUnit, int, _PredictedByUnit], None],
) -> Float32[np.ndarray, "predicted unit"]:
    """Let a kernel that carries its state read some bins after others: turned copies are of these alone."""
    _require_first(spikes, first)
    predicted = empty_array((len(spikes) - first, spikes.shape[1]), np.float32)
    for rows, part, seen, begin in _read_pieces(spikes, first, observed, spikes.shape[1]):
        out = np.empty((len(part), rows.stop - rows.start), np.float32)
        fill(part, seen, begin, out)
        predicted[rows] = out.T
        release(predicted)
    return predicted


def _read_pieces(
    spikes: UInt8[np.ndarray, "time unit"], first: int, observed: Mask, num_values: int
) -> Iterator[tuple[slice, _ByUnit, _SeenByUnit, int]]:
    """Yield bins of so many values each, some at a time, and of which rows of what is predicted they are.

    Row 0 is of the bin `first`; what is predicted of a piece begins at the last of what is yielded.
    """
    step = max(1, _VALUES_AT_ONCE // max(num_values, 1))
    for start in range(0, len(spikes), step):
        piece = slice(start, start + step)
        part, seen = spikes[piece], None if observed is None else observed[piece]
        rows = slice(max(start - first, 0), max(start + len(part) - first, 0))
        yield rows, _by_unit(part), _by_unit_or_all(seen, part), max(first - start, 0)
        release(spikes, observed)


def _by_unit(spikes: UInt8[np.ndarray, "time unit"]) -> UInt8[np.ndarray, "unit time"]:
    return np.ascontiguousarray(spikes.T)


def _by_unit_or_all(observed: Mask, spikes: UInt8[np.ndarray, "time unit"]) -> Bool[np.ndarray, "unit time"]:
    if observed is None:
        return np.ones(spikes.shape[::-1], dtype=bool)
    return np.ascontiguousarray(observed.T)


def _require_first(spikes: UInt8[np.ndarray, "time unit"], first: int) -> None:
    if not 0 <= first <= len(spikes):
        raise InputError(f"first bin {first}", f"a bin from 0 to {len(spikes)}", "check the context")
