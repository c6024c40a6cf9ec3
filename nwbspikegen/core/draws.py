"""Spikes drawn from probabilities: the one draw that scores, figures and files share.

Every unit has a stream of random numbers of its own, seeded by the draw's seed and the unit's id, and
every bin has its place in that stream. So a unit's spikes are the same whichever other units are there, in
whatever order, however the bins are cut into pieces, and whether a segment or its end is drawn.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float, UInt8

from nwbspikegen.core.errors import InputError, require_seed
from nwbspikegen.core.large_arrays import empty_array, release
from nwbspikegen.core.threads import map_in_threads

if TYPE_CHECKING:
    import xarray as xr

# 32 MiB of probabilities; it has no say in what is drawn
_VALUES_AT_ONCE = 2**23


def draw_spikes(
    spike_probability: Float[np.ndarray, "time unit"],
    seed: int,
    *,
    unit_ids: Sequence[Any] | np.ndarray | None = None,
    first_bin: int = 0,
) -> UInt8[np.ndarray, "time unit"]:
    """Return one Bernoulli draw of the probabilities, rounded to float32 as files store them.

    Parameters
    ----------
    spike_probability : array (time, unit)
        NaN, where a bin was not observed, gives no spike.
    seed : int
        Of the draw.
    unit_ids : sequence, optional
        Ids of the units, by which a unit's spikes are the same wherever it is drawn; by default the
        positions. The integer 7 and the text "7" are the same unit.
    first_bin : int
        Place of the first row in the segment that was predicted (`find_first_bin`): from 100 on, say, the
        spikes of bin 100 and later are those that a draw of the whole segment has there.

    Examples
    --------
    >>> draw_spikes(np.array([[0.0, 1.0]]), seed=0).tolist()
    [[0, 1]]
    >>> whole = draw_spikes(np.full((9, 2), 0.5), seed=0, unit_ids=[11, 12])
    >>> part = draw_spikes(np.full((5, 1), 0.5), seed=0, unit_ids=[12], first_bin=4)
    >>> bool((part[:, 0] == whole[4:, 1]).all())
    True
    """
    # a unit's bins lie together: a train is compared unit by unit
    trains = empty_array(spike_probability.shape[::-1], np.uint8)
    for start, drawn in draw_pieces(spike_probability, seed, unit_ids=unit_ids, first_bin=first_bin):
        trains[:, start : start + drawn.shape[1]] = drawn
        release(trains)
    return trains.T


def draw_pieces(
    spike_probability: Float[np.ndarray, "time unit"],
    seed: int,
    *,
    unit_ids: Sequence[Any] | np.ndarray | None = None,
    first_bin: int = 0,
) -> Iterator[tuple[int, Bool[np.ndarray, "unit _bins"]]]:
    """Yield the draw of `draw_spikes` some bins at a time: the first row, and where units spiked."""
    require_seed(seed)
    num_units = spike_probability.shape[1]
    ids = range(num_units) if unit_ids is None else unit_ids
    if len(ids) != num_units:
        raise InputError(
            f"{len(ids)} ids for {num_units} units", "one id for each unit", "pass the ids of the columns"
        )
    streams = [_start_stream(seed, each, first_bin) for each in ids]
    step = max(1, _VALUES_AT_ONCE // max(num_units, 1))
    for start in range(0, len(spike_probability), step):
        # first rounded as the file has it: a number drawn between the two would be a spike here and none when
        # the file is drawn again
        probability = np.ascontiguousarray(spike_probability[start : start + step].T, np.float32)
        drawn = np.empty(probability.shape, dtype=bool)

        def draw_unit(unit: int, probability: np.ndarray = probability, drawn: np.ndarray = drawn) -> None:
            # a comparison with NaN is False: no spike
            np.less(streams[unit].random(probability.shape[1]), probability[unit], out=drawn[unit])

        map_in_threads(draw_unit, range(num_units))
        release(spike_probability)
        yield start, drawn


def find_first_bin(spike_probability: xr.DataArray, bin_size: float) -> int:
    """Return the place of a prediction's first bin in the segment that was predicted.

    That segment starts at `attrs["start_time"]`, which a slice of the prediction keeps.

    Examples
    --------
    >>> import xarray as xr
    >>> whole = xr.DataArray(np.ones((5, 1)), {"time": 3.0 + np.arange(5)}, ("time", "unit"))
    >>> whole.attrs["start_time"] = 3.0
    >>> find_first_bin(whole, 1.0), find_first_bin(whole[2:], 1.0)
    (0, 2)
    """
    start = float(spike_probability["time"].values[0])
    # starts of bins are a whole number of bins apart but for round-off, which a floor would turn into the bin
    # before
    return round((start - float(spike_probability.attrs.get("start_time", start))) / bin_size)


def _start_stream(seed: int, unit_id: Any, first_bin: int) -> np.random.Generator:
    """Return a unit's stream at a bin; PCG64 takes one step for each number and can skip steps."""
    # Python's own hash of a text differs from one process to the next
    digest = hashlib.blake2b(str(unit_id).encode(), digest_size=16).digest()
    bits = np.random.PCG64(np.random.SeedSequence([seed, int.from_bytes(digest, "little")]))
    # this holds for numbers of 64 bits only: PCG64 makes two of 32 bits of one step, so no float32 are drawn
    bits.advance(first_bin)
    return np.random.Generator(bits)
