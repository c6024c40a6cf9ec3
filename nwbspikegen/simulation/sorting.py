"""A simulation as a SpikeInterface sorting."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64, UInt8
from spikeinterface.core import NumpySorting

# the 26,400 electrodes of a MaxOne chip, 17.5 um apart
_CULTURE_SITES = (220, 120)


def make_sorting(
    spikes: UInt8[np.ndarray, "time unit"],
    bin_size: float,
    preparation: str,
    seed: int,
    positions_um: Float64[np.ndarray, "unit 2"] | None = None,
) -> NumpySorting:
    """Return the spikes as a sorting with native times at bin centres, (bin + 1/2) x bin_size.

    The sorting has two frames a bin, so that centres are whole frames. Properties `rel_x` and `rel_y`
    are positions on a probe of the kind in um; without `positions_um` they have nothing to do with
    the coupling. The annotation `observation_interval` is (0, duration) in seconds.
    """
    bins, units = np.nonzero(spikes)
    num_bins, num_units = spikes.shape
    sorting = NumpySorting.from_samples_and_labels(
        [2 * bins + 1], [units], 2.0 / bin_size, unit_ids=np.arange(num_units)
    )
    x, y = _positions(preparation, num_units, seed) if positions_um is None else positions_um.T
    sorting.set_property("rel_x", x)
    sorting.set_property("rel_y", y)
    sorting.annotate(observation_interval=(0.0, num_bins * bin_size), preparation=preparation)
    return sorting


def _positions(
    preparation: str, num_units: int, seed: int
) -> tuple[Float64[np.ndarray, " unit"], Float64[np.ndarray, " unit"]]:
    # a third stream: places do not move when units or spikes are drawn otherwise
    rng = np.random.default_rng([seed, 2])
    if preparation == "in_vivo":
        # four columns of sites, units sorted by height on the shank as spike sorters number them
        # Neuropixels 1.0: columns of sites at 11 to 59 um, and 192 rows of 384 channels, 20 um apart
        return rng.choice([11.0, 27.0, 43.0, 59.0], num_units), np.sort(
            20.0 * rng.integers(0, 192, num_units)
        )
    site = rng.choice(_CULTURE_SITES[0] * _CULTURE_SITES[1], num_units, replace=False)
    return 17.5 * (site // _CULTURE_SITES[1]), 17.5 * (site % _CULTURE_SITES[1])
