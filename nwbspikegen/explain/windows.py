"""Windows of a segment, as a model of windows reads them."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import torch
import xarray as xr
from jaxtyping import Float, Float64, Int64, Real, UInt8

from nwbspikegen.core.errors import InputError
from nwbspikegen.core.predictor import Bins
from nwbspikegen.views.history import Mask, fill_unobserved
from nwbspikegen.views.observed import observed_before, read_bins, require_contiguous


@dataclass(frozen=True)
class Observed:
    """A segment's spikes behind those before it.

    Attributes
    ----------
    spikes : uint8 array (time, unit)
        Context, then the segment.
    first : int
        The segment's first bin.
    start : float
        Time of that bin on the session clock (s).
    bin_size : float
        Seconds per bin.
    mask : bool array (time, unit) or None
        Whether the unit was observed in the bin; None: always.
    """

    spikes: UInt8[np.ndarray, "time unit"]
    first: int
    start: float
    bin_size: float
    mask: Mask = None

    @property
    def bins(self) -> Bins:
        """What predictors read."""
        return Bins(self.spikes, self.mask)

    @functools.cached_property
    def inputs(self) -> Real[np.ndarray, "time unit"]:
        """Spikes as a model of windows reads them: the running rate where a unit was not observed."""
        return self.spikes if self.mask is None else fill_unobserved(self.spikes, self.mask, self.bin_size)

    @property
    def segment(self) -> UInt8[np.ndarray, "bin unit"]:
        """Spikes of the segment."""
        return self.spikes[self.first :]

    def times(self, starts: Int64[np.ndarray, " window"], length: int) -> Float64[np.ndarray, "window bin"]:
        """Return the starts of the bins of windows on the session clock (s)."""
        bins = starts[:, None] + np.arange(length) - self.first
        return np.asarray(self.start + self.bin_size * bins)


def observe(segment: xr.Dataset, context: xr.Dataset | None = None) -> Observed:
    """Read a segment, and those bins of `context` that precede it."""
    require_contiguous(segment, "segment")
    past = observed_before(segment, context)
    bins = read_bins(past, segment)
    num_before = 0 if past is None else past.sizes["time"]
    start, bin_size = float(segment.time[0]), float(segment.attrs["bin_size"])
    return Observed(bins.spikes, num_before, start, bin_size, bins.observed)


def choose_windows(observed: Observed, num_bins: int, most: int) -> tuple[Int64[np.ndarray, " window"], int]:
    """Return where windows start, and their length: whole windows, evenly spread, without overlap.

    A window's targets are the bins that follow each of its own, and all lie within the segment. A
    segment that is shorter is one shorter window.

    Examples
    --------
    >>> silent = Observed(np.zeros((101, 1), np.uint8), 0, 0.0, 0.001)
    >>> choose_windows(silent, 20, 2)
    (array([ 0, 80]), 20)
    """
    # the input for the segment's first bin is the last bin before it
    begin = max(observed.first - 1, 0)
    available = len(observed.spikes) - 1 - begin
    if available < 2 or most < 1:
        raise InputError(
            f"{available} bins to explain, {most} windows", "at least 2 bins and one window", "take more"
        )
    length = min(num_bins, available)
    num_windows = min(available // length, most)
    last = (available // length) * length - length
    # floored to whole windows from the segment's start, so that no two overlap
    starts = begin + np.linspace(0, last, num_windows).round().astype(np.int64) // length * length
    return starts, length


def cut_window(
    observed: Observed, start: int, length: int, like: torch.Tensor
) -> tuple[Float[torch.Tensor, "bin unit"], ...]:
    """Return a window, the bins that follow each of its own, and their weights: 0 where not observed.

    Where and as precise as `like`.
    """
    window = torch.from_numpy(observed.inputs[start : start + length]).to(like)
    behind = slice(start + 1, start + length + 1)
    target = torch.from_numpy(observed.spikes[behind]).to(like)
    weight = torch.ones_like(target)
    if observed.mask is not None:
        weight = torch.from_numpy(observed.mask[behind]).to(like)
    return window, target, weight
