"""Units that share their spikes: one neuron sorted twice, or seen by neighbouring electrodes."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import xarray as xr
from jaxtyping import Float64, Int64

from nwbspikegen.views.coincidences import find_candidates
from nwbspikegen.views.lazy_spikes import binned_of
from nwbspikegen.views.measuring import Stretch, stretch_of

# hertz: 10 us, fine beside any tolerance and any sampling
_CLOCK_HZ = 1e5
# fewer shared spikes than this happen by chance
_FEWEST_SHARED = 10


def find_duplicates(
    units: xr.Dataset, *, tolerance_ms: float | int = 0.5, share: float = 0.5
) -> pd.DataFrame:
    """Return the pairs of units that share many of their spikes.

    Two neurons seldom fire within half a millisecond of each other, again and again: a pair that does
    is one neuron sorted twice, or one seen by two electrodes. A model then predicts one from the other,
    which says nothing of a population. Spikes are matched by SpikeInterface, `make_match_count_matrix`.

    Parameters
    ----------
    units : Dataset
        A view of `open_units`, or a selection of its bins and units: the spikes from its first to its
        last bin are compared, unbinned, as far as both units of a pair were observed.
    tolerance_ms : float, default: 0.5
        Spikes this close (ms) are one event.
    share : float, default: 0.5
        Report pairs that share at least this part of the smaller train.

    Returns
    -------
    DataFrame
        Columns `unit`, `other` (ids), `num_shared` (spikes) and `share`, the most alike first. Pairs
        with fewer than 10 shared spikes are left out.

    Raises
    ------
    InputError
        The dataset no longer knows its source, as after arithmetic.

    Examples
    --------
    >>> from spikeinterface.core import NumpySorting
    >>> from nwbspikegen.views import open_units
    >>> train = np.arange(0, 60_000, 500)
    >>> trains = {"a": train, "b": train + 2, "c": train + 250}
    >>> sorting = NumpySorting.from_unit_dict([trains], sampling_frequency=10_000.0)
    >>> find_duplicates(open_units(sorting)).values.tolist()
    [['a', 'b', 120, 1.0]]
    """
    return find_pairs(stretch_of(units), tolerance_ms=tolerance_ms, share=share)


def find_pairs(stretch: Stretch, *, tolerance_ms: float | int = 0.5, share: float = 0.5) -> pd.DataFrame:
    """Return the pairs of units of a stretch that share many of their spikes, as `find_duplicates` does."""
    times, positions, smaller = _read_seen(stretch)
    shared = _count_shared(times - stretch.start, positions, float(tolerance_ms), smaller, share)
    # SpikeInterface may count a spike of a burst twice, and clips to the size of its second train only
    shares = np.minimum(shared / np.maximum(smaller, 1), 1.0)
    first, second = np.nonzero(np.triu((shares >= share) & (shared >= _FEWEST_SHARED), 1))
    ids = stretch.source.table.ids[stretch.units]
    table = pd.DataFrame(
        {
            "unit": ids[first],
            "other": ids[second],
            "num_shared": shared[first, second],
            "share": shares[first, second],
        }
    )
    return table.sort_values("share", ascending=False, kind="stable", ignore_index=True)


def choose_distinct(units: xr.Dataset, pairs: pd.DataFrame) -> list[int]:
    """Return the positions of units that are left when of each pair the smaller train goes.

    Of two trains of one size, the later in the table goes; a pair one of which is gone needs no second.
    """
    binned, _ = binned_of(units)
    sizes = dict(zip(binned.source.table.ids.tolist(), binned.source.count_spikes().tolist(), strict=True))
    order = {unit: place for place, unit in enumerate(units["unit"].values.tolist())}
    gone: set[object] = set()
    for unit, other in zip(pairs["unit"].tolist(), pairs["other"].tolist(), strict=True):
        if unit not in gone and other not in gone:
            # of one neuron that was sorted twice the larger train misses fewer of its spikes
            gone.add(min(unit, other, key=lambda each: (sizes[each], -order[each])))
    return [place for unit, place in order.items() if unit not in gone]


def _read_seen(
    stretch: Stretch,
) -> tuple[Float64[np.ndarray, " spike"], Int64[np.ndarray, " spike"], Int64[np.ndarray, "unit unit"]]:
    """Return the spikes in observed time in their order (s), the place of each one's unit, and sizes.

    Sizes are, of each pair, of the smaller train while both were observed.
    """
    observation, num_units = stretch.observe(), len(stretch.units)
    kept: list[np.ndarray] = []
    together: list[np.ndarray] = []
    for piece in stretch.source.read_trains(stretch.units.tolist(), stretch.start, stretch.stop):
        for train in np.split(piece.times, np.cumsum(piece.counts)[:-1]):
            kept.append(train[observation.is_seen(len(kept), train)])
            together.append(observation.count_by_unit(kept[-1]))
    times, sizes = np.concatenate(kept), np.array([len(train) for train in kept])
    order = np.argsort(times, kind="stable")
    counts = np.stack(together)
    return times[order], np.repeat(np.arange(num_units), sizes)[order], np.minimum(counts, counts.T)


def _count_shared(
    times: Float64[np.ndarray, " spike"],
    positions: Int64[np.ndarray, " spike"],
    tolerance_ms: float,
    smaller: Int64[np.ndarray, "unit unit"],
    share: float,
) -> Int64[np.ndarray, "unit unit"]:
    """Return how many spikes pairs share one to one, 0 for pairs that cannot share as many as asked for."""
    frames = np.round(times * _CLOCK_HZ).astype(np.int64)
    tolerance = int(tolerance_ms * 1e-3 * _CLOCK_HZ)
    # matching compares every pair of units, and few can share enough: with these alone, 1,152 electrodes of
    # half an hour take 3 s in all
    fewest = np.maximum(np.floor(share * smaller).astype(np.int64), _FEWEST_SHARED)
    places = np.flatnonzero(find_candidates(frames, positions, tolerance, fewest))
    shared = np.zeros(smaller.shape, dtype=np.int64)
    if len(places):
        among = np.full(len(smaller), -1)
        among[places] = np.arange(len(places))
        kept = among[positions] >= 0
        shared[np.ix_(places, places)] = _match_spikes(
            frames[kept], among[positions[kept]], len(places), tolerance
        )
    return shared


def _match_spikes(
    frames: Int64[np.ndarray, " spike"],
    positions: Int64[np.ndarray, " spike"],
    num_units: int,
    tolerance: int,
) -> Int64[np.ndarray, "unit unit"]:
    from spikeinterface.comparison.comparisontools import make_match_count_matrix
    from spikeinterface.core import NumpySorting

    _keep_compiled()
    sorting = NumpySorting.from_samples_and_labels(
        [frames], [positions], _CLOCK_HZ, unit_ids=np.arange(num_units)
    )
    matched = make_match_count_matrix(sorting, sorting, tolerance)
    one_way = matched.to_numpy().astype(np.int64)
    # SpikeInterface (0.105) takes the first train for the truth, so that the two orders differ
    counts: np.ndarray = np.maximum(one_way, one_way.T)
    return counts


@cache
def _keep_compiled() -> None:
    """Let numba keep SpikeInterface's match count on disk, as it keeps ours."""
    from spikeinterface.comparison import comparisontools

    # SpikeInterface (0.105) compiles it anew in every process, 2 s of CPU for some ms of counting. It is no
    # public name: a version that has none compiles as it wants
    make = getattr(comparisontools, "get_optimized_compute_matching_matrix", None)
    if make is not None:
        make().enable_caching()
