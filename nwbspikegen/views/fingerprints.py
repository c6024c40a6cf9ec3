"""The spikes of a view as a hash: the same for the same bins, whatever file they came from."""

from __future__ import annotations

import hashlib

import numpy as np
import xarray as xr

from nwbspikegen.views.observed import read_bins


def hash_spikes(*views: xr.Dataset) -> str:
    """Return the sha256 of the spikes of some views, and of where they were observed.

    Bins and units count by their places; their times and ids are not part of it, so that the same
    spikes in another file, on another clock or under other names are known again.

    Parameters
    ----------
    *views : Dataset (time, unit)
        As `open_units` gives them; at most one spike per bin.

    Returns
    -------
    str
        64 hexadecimal digits.

    Examples
    --------
    >>> spikes = ("time", "unit"), [[1, 0], [0, 1]]
    >>> hash_spikes(xr.Dataset({"spikes": spikes}))[:8]
    'bf626b71'
    """
    digest = hashlib.sha256()
    for view in views:
        bins = read_bins(view)
        digest.update(np.array(bins.spikes.shape, dtype="<i8").tobytes())
        # a spike is in one bin of hundreds: their places are a fraction of the bins
        digest.update(np.flatnonzero(bins.spikes).astype("<i8").tobytes())
        if bins.observed is not None:
            digest.update(np.packbits(bins.observed).tobytes())
    return digest.hexdigest()
