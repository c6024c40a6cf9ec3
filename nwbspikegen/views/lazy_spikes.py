"""An array of binned spikes that is not there until it is sliced."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Bool, Int64, UInt

from nwbspikegen.core.errors import InputError
from nwbspikegen.views.binning import BinGrid, count_runs
from nwbspikegen.views.indexing import ComputedArray
from nwbspikegen.views.observation import Observation
from nwbspikegen.views.spike_source import SpikeSource

_log = logging.getLogger("nwbspikegen")


class BinnedSpikes(ComputedArray):
    """Spikes per bin and unit, binned for the window that is asked for.

    Parameters
    ----------
    source : SpikeSource
        Where the spikes are.
    grid : BinGrid
        Bins counted from the start of observation.
    first, num_bins : int
        The bins of `grid` that this array spans.
    binary : bool
        Keep at most one spike per bin.
    dtype : dtype
        Unsigned, wide enough for every bin.
    observation : Observation
        When each unit of the source was observed, less what is excluded.
    """

    def __init__(
        self,
        source: SpikeSource,
        grid: BinGrid,
        first: int,
        num_bins: int,
        *,
        binary: bool,
        dtype: Any,
        observation: Observation,
    ) -> None:
        self.source = source
        self.grid = grid
        self.observation = observation
        self.first = first
        self.binary = binary
        self.shape = (num_bins, len(source.table.ids))
        self.dtype = np.dtype(dtype)

    def _read(
        self, bins: range | Int64[np.ndarray, " bin"], units: Sequence[int]
    ) -> UInt[np.ndarray, "bin unit"]:
        if isinstance(bins, range) and bins.step == 1:
            return self._fill(bins, units)
        # each bin once and ascending, as counting needs them, then in the order that was asked for
        wanted, back = np.unique(np.asarray(bins, dtype=np.int64), return_inverse=True)
        return self._fill(wanted, units)[back]

    def _fill(
        self, wanted: range | Int64[np.ndarray, " bin"], units: Sequence[int]
    ) -> UInt[np.ndarray, "bin unit"]:
        spikes = np.zeros((len(wanted), len(units)), dtype=self.dtype)
        cells = spikes.reshape(-1)
        merged = 0
        for occupied, counts in self.count_spikes(wanted, units):
            merged += int(counts.sum()) - len(counts)
            cells[occupied] = 1 if self.binary else counts
        if self.binary and merged:
            _log.debug("%d spikes shared a bin with another of their unit and were merged", merged)
        return spikes

    def count_spikes(
        self, wanted: range | Int64[np.ndarray, " bin"], units: Sequence[int]
    ) -> Iterator[tuple[Int64[np.ndarray, " occupied"], Int64[np.ndarray, " occupied"]]]:
        """Yield, piece by piece, which cells of (wanted bin, unit) hold spikes, and how many.

        `wanted` are ascending bins of this array; cells are counted in the order of memory.
        """
        if not len(wanted) or not len(units):
            return
        low, high = self.first + int(wanted[0]), self.first + int(wanted[-1]) + 1
        # a bin to spare at both ends: which bin a spike is in is decided below, by one rule
        start, stop = self.grid.starts(low - 1, low)[0], self.grid.starts(high + 1, high + 2)[0]
        column = 0
        for times, num_spikes in self.source.read_trains(units, float(start), float(stop)):
            columns = np.repeat(np.arange(column, column + len(num_spikes)), num_spikes)
            column += len(num_spikes)
            bins = self.grid.find_bins(times)
            bins -= self.first
            rows, is_kept = _find_rows(wanted, bins)
            # not sorted by cell: of each unit the bins ascend, and its spikes of one bin stand side by side
            yield count_runs(rows[is_kept] * len(units) + columns[is_kept])


def binned_of(units: xr.Dataset) -> tuple[BinnedSpikes, list[int]]:
    """Return the lazy array behind a view, and where its units are in the table of the source.

    Raises
    ------
    InputError
        The dataset no longer knows its source, as after arithmetic.
    """
    # xarray keeps a variable's encoding in slices, copies, pickles and when it is computed, and drops it in
    # arithmetic: so it is there exactly as long as the values are the source's
    binned = units["spikes"].encoding.get("binned")
    if not isinstance(binned, BinnedSpikes):
        raise InputError(
            "a dataset that does not know its source",
            "a view of open_units",
            "count and select before computing",
        )
    return binned, [binned.source.positions[unit] for unit in units["unit"].values.tolist()]


def bins_of(units: xr.Dataset, binned: BinnedSpikes) -> Int64[np.ndarray, " bin"]:
    """Return which bins of the lazy array a view has, ascending."""
    # centres, so that no rounding of a bin start can reach the bin before
    bins = binned.grid.find_bins(units["time"].values + binned.grid.bin_size / 2) - binned.first
    return np.unique(bins)


def _find_rows(
    wanted: range | Int64[np.ndarray, " bin"], bins: Int64[np.ndarray, " spike"]
) -> tuple[Int64[np.ndarray, " spike"], Bool[np.ndarray, " spike"]]:
    """Return where each spike's bin is among those wanted, and whether it is."""
    if isinstance(wanted, range):
        rows = bins - wanted.start
        return rows, (rows >= 0) & (rows < len(wanted))
    rows = np.minimum(np.searchsorted(wanted, bins), len(wanted) - 1)
    return rows, wanted[rows] == bins
