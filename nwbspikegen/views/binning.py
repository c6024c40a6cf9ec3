"""From spike times to bins: one rule, in one place."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64

# of a bin: round-off in (t - start) / bin_size is far below, the resolution of any recording above
_EDGE_TOLERANCE = 1e-6
# of a bin: where times are stored more coarsely than this, no rule can tell bins apart
_MOST_TOLERANCE = 0.5


@dataclasses.dataclass(frozen=True)
class BinGrid:
    """Bins of equal size, counted from the start of observation.

    A bin holds the times from its start up to, not including, its end. Float round-off never moves a
    spike that lies on an edge: the edge belongs to the bin that starts there.

    Parameters
    ----------
    origin : float
        Start of bin 0 on the session clock (s).
    bin_size : float
        Size of a bin (s).
    clock : float
        Largest time that will be met (s): its float spacing widens the tolerance where needed.
    time_type : dtype
        How times are stored: a time on an edge is found there when it was rounded to float32, too.

    Examples
    --------
    >>> BinGrid(3600.0, 0.001, clock=7200.0).find_bins(np.array([3600.0, 3600.0019, 3600.002]))
    array([0, 1, 2])
    """

    origin: float
    bin_size: float
    clock: float = 0.0
    time_type: Any = np.float64

    @property
    def tolerance(self) -> float:
        """Part of a bin by which a time may lie before an edge and still count as on it."""
        latest = max(abs(self.origin), abs(self.clock))
        # a time, the origin, their difference and the quotient are each off by half a spacing: four are room
        # enough
        computed = 4 * float(np.spacing(latest)) / self.bin_size
        # rounding is by half a spacing at most
        stored = 0.51 * self.time_spacing / self.bin_size
        return max(_EDGE_TOLERANCE, computed, min(stored, _MOST_TOLERANCE))

    @property
    def time_spacing(self) -> float:
        """How far apart the latest times are that can be stored (s)."""
        latest = max(abs(self.origin), abs(self.clock))
        return float(np.spacing(np.asarray(latest, dtype=self.time_type)))

    def find_bins(self, times: Float64[np.ndarray, " spike"]) -> Int64[np.ndarray, " spike"]:
        """Return the bin of each time (s), negative before the origin."""
        # in place: trains of a long window are the largest arrays there are
        bins: np.ndarray = np.subtract(times, self.origin)
        bins /= self.bin_size
        bins += self.tolerance
        # conversion to integers alone would cut towards zero, and put what lies before the origin into bin 0
        np.floor(bins, out=bins)
        return bins.astype(np.int64)

    def count_whole(self, seconds: float | int) -> int:
        """Return how many whole bins fit into a duration (s)."""
        return math.floor(seconds / self.bin_size + self.tolerance)

    def starts(self, first: int, stop: int) -> Float64[np.ndarray, " bin"]:
        """Return the starts (s, session clock) of bins `first` up to, not including, `stop`."""
        # one product and one sum for each: steps that are added up would drift by round-off
        times = np.arange(first, stop, dtype=np.float64)
        times *= self.bin_size
        times += self.origin
        return times


def count_runs(
    bins: Int64[np.ndarray, " spike"],
) -> tuple[Int64[np.ndarray, " occupied"], Int64[np.ndarray, " occupied"]]:
    """Return the occupied bins of a sorted train of bins and the spikes in each.

    Examples
    --------
    >>> count_runs(np.array([2, 2, 5]))
    (array([2, 5]), array([2, 1]))
    """
    is_first = np.empty(len(bins), dtype=bool)
    is_first[:1] = True
    np.not_equal(bins[1:], bins[:-1], out=is_first[1:])
    firsts = np.flatnonzero(is_first)
    return bins[firsts], np.diff(firsts, append=len(bins))
