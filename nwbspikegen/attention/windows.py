"""Windows of a segment, as a model of windows reads them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import xarray as xr
from jaxtyping import Float, Float64, Int64, UInt8

from nwbspikegen.errors import InputError
from nwbspikegen.views.observed import observed_before, read_spikes, require_contiguous


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
    """

    spikes: UInt8[np.ndarray, "time unit"]
    first: int
    start: float
    bin_size: float

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
    before = [] if past is None else [read_spikes(past)]
    spikes = np.concatenate([*before, read_spikes(segment)])
    num_before = len(before[0]) if before else 0
    return Observed(spikes, num_before, float(segment.time[0]), float(segment.attrs["bin_size"]))


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
    begin = max(observed.first - 1, 0)
    available = len(observed.spikes) - 1 - begin
    if available < 2 or most < 1:
        raise InputError(
            f"{available} bins to explain, {most} windows", "at least 2 bins and one window", "take more"
        )
    length = min(num_bins, available)
    num_windows = min(available // length, most)
    last = (available // length) * length - length
    starts = begin + np.linspace(0, last, num_windows).round().astype(np.int64) // length * length
    return starts, length


def cut_window(
    observed: Observed, start: int, length: int, like: torch.Tensor
) -> tuple[Float[torch.Tensor, "bin unit"], Float[torch.Tensor, "bin unit"]]:
    """Return a window and the bins that follow each of its own, where and as precise as `like`."""
    bins = torch.from_numpy(observed.spikes[start : start + length + 1]).to(like)
    return bins[:-1], bins[1:]
