"""Times of spikes drawn from a prediction."""

from __future__ import annotations

import numpy as np
import xarray as xr
from jaxtyping import Float64

from nwbspikegen.core.draws import draw_pieces, find_first_bin
from nwbspikegen.core.errors import InputError
from nwbspikegen.core.large_arrays import cut_rows


def draw_spike_times(predicted: xr.DataArray, *, seed: int) -> list[Float64[np.ndarray, "_spike"]]:
    """Draw every bin of every unit and return each unit's spike times, at bin centres (s).

    The trains are those that `score` compares with recorded ones when it has the same seed.

    Parameters
    ----------
    predicted : DataArray (time, unit)
        What `generate` returned, with `bin_size` in its attrs.
    seed : int
        Of the draw.

    Raises
    ------
    InputError
        A value is below 0 or above 1, or all are NaN.

    Examples
    --------
    >>> coords = {"time": [10.0, 10.5, 11.0], "unit": [7]}
    >>> predicted = xr.DataArray([[1.0], [0.0], [1.0]], coords, ("time", "unit"), attrs={"bin_size": 0.5})
    >>> draw_spike_times(predicted, seed=0)[0].tolist()
    [10.25, 11.25]
    """
    values, unit_ids = np.asarray(predicted.transpose("time", "unit").values), predicted["unit"].values
    if not _are_probabilities(values):
        raise InputError(
            "spike probabilities below 0, above 1 or NaN in every bin",
            "probabilities, NaN where nothing was observed",
            "check the model that predicted them",
        )
    start, bin_size = float(predicted["time"].values[0]), float(predicted.attrs["bin_size"])
    first_bin = find_first_bin(predicted, bin_size)
    drawn: list[list[np.ndarray]] = [[] for _ in unit_ids]
    # in pieces: random numbers for all of it would take as much memory again
    for first, piece in draw_pieces(values, seed, unit_ids=unit_ids, first_bin=first_bin):
        for bins, spiked in zip(drawn, piece, strict=True):
            bins.append(np.flatnonzero(spiked) + first)
    # centres, since an edge belongs to two bins once times are rounded
    return [start + (np.concatenate(bins) + 0.5) * bin_size for bins in drawn]


def _are_probabilities(values: np.ndarray) -> bool:
    """Return whether values lie from 0 to 1 where they are not NaN, and some are not."""
    low = high = np.nan
    for piece in cut_rows(values):
        # fmin and fmax pass over NaN without making a copy of the values
        low = float(np.fmin(low, np.fmin.reduce(values[piece], axis=None)))
        high = float(np.fmax(high, np.fmax.reduce(values[piece], axis=None)))
    return low >= 0 and high <= 1
