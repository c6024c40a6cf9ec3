"""Choosing units."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
import xarray as xr

from nwbspikegen.core.errors import InputError, require_seed
from nwbspikegen.views.criteria import has_quality, is_active, is_in_region, is_within_depth
from nwbspikegen.views.duplicates import choose_distinct, find_duplicates

_log = logging.getLogger("nwbspikegen")


def select_units(
    units: xr.Dataset,
    *,
    skip: int = 0,
    take: int | None = None,
    depth: Sequence[float | int] | None = None,
    region: str | Sequence[str] | None = None,
    quality: str | Sequence[str] | None = None,
    min_rate_hz: float | int = 0.0,
    drop_duplicates: bool = False,
    random_seed: int | None = None,
    judged_by: xr.Dataset | None = None,
) -> xr.Dataset:
    """Keep the units that meet all criteria, or `take` of them after the first `skip`.

    The order is that of the table. With fewer units than `skip + take`, a logged warning says so, and
    up to `take` units are taken from the start. Shimono 2026 leaves out 100 and takes 128.

    Parameters
    ----------
    units : Dataset
        What `open_units` returns.
    skip : int, default: 0
        Units to leave out at the start, of those that meet the criteria.
    take : int, optional
        Units to keep after them; all by default.
    depth : (float, float), optional
        Lowest and highest place along the probe (um), both included.
    region, quality : str or sequence of str, optional
        Brain regions (a region has its layers), and labels of the sorting's quality.
    min_rate_hz : float, default: 0.0
        Lowest firing rate (Hz), bins with a spike counted.
    drop_duplicates : bool, default: False
        Of each pair that `find_duplicates` finds, keep the unit with more spikes.
    random_seed : int, optional
        Take units at random instead of skipping the first, reproducibly by this seed.
    judged_by : Dataset, optional
        Bins of the same units whose spikes decide on rates and duplicates, such as a training segment,
        so that what is scored later has no say; `units` by default.

    Raises
    ------
    InputError
        Fewer than two units would be left, `skip` is negative, or a criterion needs a column that the
        table lacks.

    Examples
    --------
    >>> units = xr.Dataset({"spikes": (("time", "unit"), [[0, 1, 0]])},
    ...                    coords={"unit": [5, 6, 7], "depth": ("unit", [10.0, 20.0, 30.0])})
    >>> select_units(units, skip=1, take=2).unit.values.tolist()
    [6, 7]
    >>> select_units(units, skip=0, depth=(0, 20)).unit.values.tolist()
    [5, 6]
    """
    if not min_rate_hz >= 0:
        raise InputError(f"a lowest rate of {min_rate_hz} Hz", "0 Hz or more", "pass another --min-rate")
    total = units.sizes["unit"]
    judging = units if judged_by is None else judged_by
    kept = np.ones(total, dtype=bool)
    if depth is not None:
        kept &= is_within_depth(units, depth)
    if region is not None:
        kept &= is_in_region(units, region)
    if quality is not None:
        kept &= has_quality(units, quality)
    if min_rate_hz > 0:
        kept &= is_active(judging, min_rate_hz)
    # last, among those that are left: the pair of a unit that goes anyway must not take its partner along
    if drop_duplicates:
        places = np.flatnonzero(kept)
        candidates = judging.isel(unit=places)
        distinct = choose_distinct(candidates, find_duplicates(candidates))
        kept[np.delete(places, distinct)] = False
    places = np.flatnonzero(kept)
    if len(places) < total:
        _log.info("%d of %d units meet the criteria", len(places), total)
    return units.isel(unit=_take(places, skip, take, random_seed))


def _take(places: np.ndarray, skip: int, asked: int | None, random_seed: int | None) -> np.ndarray:
    available = len(places)
    take = available - max(skip, 0) if asked is None else asked
    if skip < 0 or min(take, available) < 2:
        raise InputError(
            f"skip {skip} and take {'the rest' if asked is None else asked} of {available} units",
            "skip of 0 or more, and at least 2 units to take",
            "pass other --skip-units and --take-units, other criteria, or a larger recording",
        )
    if random_seed is not None:
        require_seed(random_seed)
        rng = np.random.default_rng(random_seed)
        # in the order of the table, as everywhere: units drawn are a set
        return np.sort(rng.choice(places, min(take, available), replace=False))
    if skip == 0 or asked is None:
        return places[skip : skip + take]
    if available < skip + take:
        _log.warning(
            "%d units are fewer than %d skipped and %d taken: taking %d from the start",
            available,
            skip,
            take,
            min(take, available),
        )
        # a small recording is no reason to refuse: what the paper skips are the first hundred of a thousand
        skip = 0
    elif available > take:
        _log.info(
            "taking units %d to %d of %d: --skip-units %d, --take-units %d",
            skip,
            skip + take - 1,
            available,
            skip,
            take,
        )
    return places[skip : skip + take]
