"""The bins of a recording that precede a segment that was cut from it."""

from __future__ import annotations

import numpy as np
import xarray as xr

from nwbspikegen.views.lazy_spikes import BinnedSpikes
from nwbspikegen.views.opening import Window, to_view

# of a bin: bins that start further from those of the segment's own grid are other bins
_OFF_GRID = 1e-3


def look_back(segment: xr.Dataset, start: float) -> xr.Dataset | None:
    """Return the bins of a segment's own recording from `start` (s) up to the segment, lazily.

    The source is asked again, with the segment's bins, units, and excluded stretches. So the view from
    which the segment was cut need not be at hand, and `start` may lie before it.

    Parameters
    ----------
    segment : Dataset (time, unit)
        A view of `open_units`, cut or loaded or pickled as you like.
    start : float
        Start of a bin before the segment (s, session clock).

    Returns
    -------
    Dataset (time, unit) or None
        None where the segment does not know its recording, as after arithmetic on its spikes or its mask,
        or where the recording has no bin that starts at `start`.

    Examples
    --------
    >>> import nwbspikegen as nsg
    >>> units = nsg.open_units(nsg.simulate("in_vivo", num_units=4, duration=10, seed=1).sorting)
    >>> test = nsg.split_fractions(units).test
    >>> look_back(test, 2.0).sizes["time"]
    5500
    >>> look_back(test * 1, 2.0) is None
    True
    """
    binned = segment["spikes"].encoding.get("binned")
    # a mask that was worked out anew is not the source's, and so is that of the bins before
    is_own = "observed" not in segment or "binned" in segment["observed"].encoding
    if not (isinstance(binned, BinnedSpikes) and is_own):
        return None
    half = binned.grid.bin_size / 2
    first, stop = binned.grid.find_bins(np.array([start, float(segment["time"].values[0])]) + half).tolist()
    if not 0 <= first < stop:
        return None
    if abs(binned.grid.starts(first, first + 1)[0] - start) > _OFF_GRID * binned.grid.bin_size:
        return None
    window = Window(binned.source, binned.grid, first, stop - first, binned.observation)
    return to_view(window, binary=binned.binary).sel(unit=segment["unit"].values)
