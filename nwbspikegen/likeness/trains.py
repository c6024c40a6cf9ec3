"""Spike trains that are compared: binned spikes of a recording, of a free run, of surrogates."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import xarray as xr
from jaxtyping import Int64, UInt8

from nwbspikegen.core.errors import InputError
from nwbspikegen.core.predictor import Bins
from nwbspikegen.views.observed import read_bins, require_contiguous

Spikes = UInt8[np.ndarray, "time unit"]


@dataclasses.dataclass(frozen=True)
class ComparedRuns:
    """Runs of the same units: one of a recording, one for each sample of a free run.

    Attributes
    ----------
    runs : list of array (time, unit)
        Spikes, 0 or 1 in each bin.
    bin_size : float
        Seconds per bin.
    """

    runs: list[Spikes]
    bin_size: float

    @property
    def num_units(self) -> int:
        """Return how many units there are."""
        return int(self.runs[0].shape[1])

    @property
    def seconds(self) -> float:
        """Return how long the shortest run is."""
        return min(len(run) for run in self.runs) * self.bin_size

    def take_units(self, units: Int64[np.ndarray, " unit"]) -> ComparedRuns:
        """Return runs of these columns alone."""
        return ComparedRuns([run[:, units] for run in self.runs], self.bin_size)

    def cut(self, seconds: float, most: int) -> list[Spikes]:
        """Return stretches of so many seconds from all runs, at most `most`, evenly spread over them."""
        length = round(seconds / self.bin_size)
        stretches = [
            run[begin : begin + length]
            for run in self.runs
            for begin in range(0, len(run) - length + 1, length)
        ]
        chosen = np.linspace(0, len(stretches) - 1, min(most, len(stretches))).round().astype(int)
        return [stretches[place] for place in chosen]


def find_spikes(spikes: Spikes) -> tuple[Int64[np.ndarray, " spike"], Int64[np.ndarray, " spike"]]:
    """Return unit and bin of every spike, unit by unit.

    Examples
    --------
    >>> unit, at = find_spikes(np.array([[0, 1], [1, 1]], np.uint8))
    >>> unit.tolist(), at.tolist()
    ([0, 1, 1], [1, 0, 1])
    """
    # bools that lie one after the other: numpy finds them many times faster than in a transposed array
    flat = np.flatnonzero(np.ascontiguousarray(spikes.T).view(bool))
    unit, at = np.divmod(flat.astype(np.int64), max(len(spikes), 1))
    return unit, at


def read_runs(spikes: xr.Dataset | xr.DataArray, what: str) -> ComparedRuns:
    """Return the trains of a view (time, unit), or of what `nwbspikegen.free_run` returned.

    Raises
    ------
    InputError
        No bins or no units, bins that do not follow each other, or some that were not observed, other than
        the first and the last: silence there would be taken for what the population does.

    Examples
    --------
    >>> import nwbspikegen as nsg
    >>> view = nsg.open_units(nsg.simulate("in_vivo", num_units=3, duration=20, seed=1).sorting)
    >>> trains = read_runs(view, "recording")
    >>> trains.num_units, len(trains.runs), [len(each) for each in trains.cut(5.0, most=2)]
    (3, 1, [5000, 5000])
    """
    if isinstance(spikes, xr.Dataset):
        require_contiguous(spikes, what)
        bins = _leave_out_ends(read_bins(spikes))
        if bins.observed is not None and not bins.observed.all():
            raise InputError(
                f"a {what} of which {1 - bins.observed.mean():.2%} was not observed",
                "bins that were all observed",
                "cut a stretch without gaps, with isel or sel, and leave out units that were lost",
            )
        runs: Sequence[Spikes] = [bins.spikes]
    else:
        samples: np.ndarray = spikes.transpose("sample", "time", "unit").values
        runs = list(samples)
    if not runs or not all(run.size for run in runs):
        raise InputError(f"a {what} without bins or units", "some of both", "take a longer stretch")
    return ComparedRuns([(run > 0).view(np.uint8) for run in runs], float(spikes.attrs["bin_size"]))


def _leave_out_ends(bins: Bins) -> Bins:
    """Return bins without the first and the last where these were not observed: recordings end within one."""
    if bins.observed is None or not len(bins.observed):
        return bins
    begin, end = (int(not each.all()) for each in bins.observed[[0, -1]])
    return bins.until(len(bins.observed) - end).since(begin)


def read_compared(
    generated: xr.Dataset | xr.DataArray, recorded: xr.Dataset | xr.DataArray
) -> tuple[ComparedRuns, ComparedRuns]:
    """Return generated and recorded trains, which must be of the same units in the same bins.

    Raises
    ------
    InputError
        They are not, or one of them cannot be compared (`read_runs`).
    """
    made, real = read_runs(generated, "free run"), read_runs(recorded, "recording")
    if made.num_units != real.num_units or made.bin_size != real.bin_size:
        raise InputError(
            f"{made.num_units} units in bins of {made.bin_size:g} s generated, {real.num_units} in bins of "
            f"{real.bin_size:g} s recorded",
            "the same units and bins",
            "select the same units, and open both with one --bin-size",
        )
    return made, real
