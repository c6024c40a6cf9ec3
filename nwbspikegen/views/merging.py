"""How many spikes a binary view leaves out."""

from __future__ import annotations

import xarray as xr

from nwbspikegen.views.lazy_spikes import binned_of, bins_of


def count_merged(units: xr.Dataset) -> int:
    """Return how many spikes at most one spike per bin leaves out, in the bins and units of a view.

    The spikes are read again, so it works on sliced, chunked and loaded views alike. A view with
    `binary=False` leaves out none.

    Parameters
    ----------
    units : Dataset
        What `open_units` returns, or a selection of its bins and units.

    Raises
    ------
    InputError
        The dataset no longer knows its source, as after arithmetic.

    Examples
    --------
    >>> import numpy as np
    >>> from spikeinterface.core import NumpySorting
    >>> from nwbspikegen.views import open_units
    >>> trains = {"a": np.array([0, 150]), "b": np.array([30, 35, 90])}
    >>> sorting = NumpySorting.from_unit_dict([trains], sampling_frequency=10_000.0)
    >>> count_merged(open_units(sorting, bin_size=0.001))
    1
    """
    binned, positions = binned_of(units)
    if not binned.binary or not units["spikes"].size:
        return 0
    runs = binned.count_spikes(bins_of(units, binned), positions)
    return sum(int(counts.sum()) - len(counts) for _, counts in runs)
