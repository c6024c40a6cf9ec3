"""What recorded and generated spike trains of a derived file are like."""

from __future__ import annotations

import os

import pandas as pd
import xarray as xr

from nwbspikegen.commands.score import open_recorded
from nwbspikegen.prediction.nwb_reading import read_generated_units, read_spike_probability
from nwbspikegen.scoring import spike_statistics
from nwbspikegen.views.observed import find_stretches, read_observed


def describe_trains(
    derived: str | os.PathLike[str], units: xr.Dataset | None = None
) -> dict[str, pd.DataFrame]:
    """Return `spike_statistics` of the recorded and of the generated trains of the predicted segment.

    Recorded trains are binned as generated ones are: at most one spike in a bin.

    Parameters
    ----------
    derived : path
        A file that `generate` wrote, with `spike_probability`.
    units : Dataset, optional
        What `open_recorded` returned.
    """
    predicted = read_spike_probability(derived)
    bin_size = float(predicted.attrs["bin_size"])
    start = float(predicted.time[0])
    stop = float(predicted.time[-1]) + bin_size
    units = open_recorded(derived, recompute=False) if units is None else units
    # half a bin earlier at both ends: times are found to rounding, and the bin at `stop` stays out
    recorded = units.sel(time=slice(start - bin_size / 2, stop - bin_size / 2))
    seen = read_observed(recorded)
    observed = None
    if seen is not None:
        stretches = find_stretches(seen, start, bin_size)
        observed = dict(zip(predicted.unit.values.tolist(), stretches, strict=True))
    return {
        "recorded": spike_statistics(recorded),
        "generated": spike_statistics(
            read_generated_units(derived), start=start, stop=stop, observed=observed
        ),
    }
