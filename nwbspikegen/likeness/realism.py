"""How far generated trains are from recorded ones, in units of how far a recording is from itself."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from nwbspikegen.core.errors import InputError
from nwbspikegen.likeness.statistics import STATISTICS, Counts, Statistic, find_limits
from nwbspikegen.likeness.trains import ComparedRuns, read_compared

if TYPE_CHECKING:
    import xarray as xr

# of a recording; more of them would be too short for what is slow
_STRETCHES = 4
# of all samples of a free run
_MOST_GENERATED = 8
# s: two Fano factors of 1 s need as much
_SHORTEST = 10.0
COLUMNS = ("statistic", "level", "recorded", "generated", "distance", "own_low", "own_high")
"""Columns of the table of `realism`."""


def realism(
    generated: xr.Dataset | xr.DataArray,
    recorded: xr.Dataset | xr.DataArray,
    *,
    stretch: float | None = None,
) -> pd.DataFrame:
    """Return how far generated trains are from recorded ones, by statistics of units, pairs and population.

    The recording is cut into stretches of one length, and so is what was generated. The distance of a
    statistic is its mean over all pairs of a generated and a recorded stretch, divided by its mean over all
    pairs of two recorded ones: 1 is as different as the recording is from itself, below 1 is possible, of
    trains that lack what makes stretches differ.

    Parameters
    ----------
    generated : DataArray (sample, time, unit) or Dataset (time, unit)
        What `nwbspikegen.free_run` returned, or a view of trains that were made otherwise.
    recorded : Dataset (time, unit)
        A recording of the same units, in the same bins. Best the stretch that the run should resemble, and
        that no model has read.
    stretch : float, optional
        Length of a stretch (s); by default a quarter of the recording, at least 10 s, at most what there is.

    Returns
    -------
    DataFrame
        A row for each statistic: `statistic`, `level` (unit, pair or population); the means of what was
        `recorded` and `generated`, in the unit of the statistic; `distance`, as above; `own_low` and
        `own_high`, the least and the largest distance between two recorded stretches over their mean. NaN
        where a statistic is not defined, as intervals between bursts of a population that has none; inf where
        recorded stretches do not differ at all, such as in violations of a refractory period.
        `attrs`: `stretch` (s), `num_recorded` and `num_generated` stretches, `median` distance by level, and
        `meanings` of the statistics.

    Raises
    ------
    InputError
        Other units or bins, less than two recorded stretches of 10 s, or bins that were not observed.

    Examples
    --------
    >>> import nwbspikegen as nsg
    >>> units = nsg.open_units(nsg.simulate("in_vitro", num_units=8, duration=80, seed=1).sorting)
    >>> halves = [units.isel(time=slice(0, 40_000)), units.isel(time=slice(40_000, None))]
    >>> table = realism(*halves)
    >>> bool(table.set_index("statistic").distance["correlation_50ms"] < 2)
    True
    """
    made, real = read_compared(generated, recorded)
    length = _choose_length(made, real, stretch)
    real_stretches, made_stretches = real.cut(length, _STRETCHES), made.cut(length, _MOST_GENERATED)
    limits = find_limits(real_stretches, real.bin_size)
    real_counts, made_counts = (
        [Counts(each, real.bin_size, limits) for each in stretches]
        for stretches in (real_stretches, made_stretches)
    )
    return _tabulate(made_counts, real_counts, length)


def _tabulate(made: Sequence[Counts], real: Sequence[Counts], length: float) -> pd.DataFrame:
    """Return a row for each statistic, and in `attrs` what belongs to all."""
    rows = [_compare(statistic, made, real) for statistic in STATISTICS]
    table = pd.DataFrame(rows, columns=[*COLUMNS])
    medians = table.groupby("level", sort=False)["distance"].median()
    table.attrs.update(
        stretch=length,
        num_recorded=len(real),
        num_generated=len(made),
        median=medians.to_dict(),
        meanings={each.name: each.meaning for each in STATISTICS},
    )
    return table


def _choose_length(made: ComparedRuns, real: ComparedRuns, stretch: float | None) -> float:
    """Return the length of stretches (s), where both have some of it."""
    usual = max(real.seconds / _STRETCHES, _SHORTEST)
    length = min(usual, made.seconds) if stretch is None else stretch
    # whole bins, or the last stretch would be a bin too short
    length = np.floor(length / real.bin_size + 1e-6) * real.bin_size
    if not length >= _SHORTEST or length > made.seconds + 1e-9 or 2 * length > real.seconds + 1e-9:
        raise InputError(
            f"{made.seconds:g} s generated and {real.seconds:g} s recorded, in stretches of {length:g} s",
            f"stretches of {_SHORTEST:g} s or more, one generated and two recorded",
            "generate more, or take a longer recording",
        )
    return float(length)


def _compare(statistic: Statistic, made: Sequence[Counts], real: Sequence[Counts]) -> list[Any]:
    with warnings.catch_warnings():
        # means of what is not defined in any unit
        warnings.filterwarnings("ignore", category=RuntimeWarning)
        made_told, real_told = ([statistic.describe(each) for each in some] for some in (made, real))
        own = [statistic.compare(one, other) for one, other in itertools.combinations(real_told, 2)]
        away = [statistic.compare(one, other) for one in made_told for other in real_told]
        itself = float(np.nanmean(own))
        wanted = map(float, (np.nanmean(away), np.nanmin(own), np.nanmax(own)))
        ratios = [_relate(distance, itself) for distance in wanted]
        return [statistic.name, statistic.level, _mean(real_told), _mean(made_told), *ratios]


def _relate(distance: float, itself: float) -> float:
    """Return a distance in units of another: nothing against nothing is 1, something against nothing inf."""
    if itself == 0:
        return np.nan if np.isnan(distance) else 1.0 if distance == 0 else np.inf
    return float(distance / itself)


def _mean(told: Sequence[Any]) -> float:
    """Return the mean over stretches, and over units, pairs or samples."""
    flat = [np.concatenate(each) if isinstance(each, list) else np.asarray(each) for each in told]
    joined = np.concatenate([np.atleast_1d(each) for each in flat])
    joined = joined[np.isfinite(joined)]
    return float(joined.mean()) if len(joined) else np.nan
