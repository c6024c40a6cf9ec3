"""Since when a predictor has read: a coordinate of what it predicted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nwbspikegen.core.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

NAME = "context_start"


def note_context_start(spike_probability: xr.DataArray, start: float) -> xr.DataArray:
    """Return a prediction that says since when (s, session clock) its predictor has read the recording.

    It is a coordinate without a dimension, because xarray keeps such a coordinate where it drops other
    things: in slices, arithmetic, copies, pickles, files. Up to the first bin of any slice, the bins
    since then are what was read; the earlier part of the predicted segment is among them.

    Examples
    --------
    >>> import xarray as xr
    >>> predicted = xr.DataArray([0.1, 0.2, 0.3], {"time": [5.0, 6.0, 7.0]}, "time")
    >>> find_context_start(note_context_start(predicted, 2.0)[1:] * 0.5)
    2.0
    """
    return spike_probability.assign_coords({NAME: ((), float(start), {"units": "s"})})


def find_context_start(spike_probability: xr.DataArray) -> float | None:
    """Return since when (s) a predictor has read, None where a prediction does not say it.

    A prediction made by hand may say it in `attrs["context_start"]` as well.

    Raises
    ------
    InputError
        Predictions from different starts were joined to one.

    Examples
    --------
    >>> import xarray as xr
    >>> find_context_start(xr.DataArray([0.1])) is None
    True
    """
    if NAME not in spike_probability.coords:
        said = spike_probability.attrs.get(NAME)
        return None if said is None else float(said)
    # xarray makes the coordinate one along time when predictions are joined: then each bin has a start
    starts = np.unique(spike_probability.coords[NAME].values)
    if len(starts) != 1 or not np.isfinite(starts[0]):
        raise InputError(
            f"a prediction whose {NAME} is {', '.join(map(str, starts[:3]))} s",
            "one start from which every bin's past was read",
            "predict the segment at once, or score the pieces one by one",
        )
    return float(starts[0])
