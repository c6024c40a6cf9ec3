"""Criteria by which units are chosen: where they are, how well sorted, how active."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
import xarray as xr
from jaxtyping import Bool, Int64

from nwbspikegen.core.brain_regions import has_atlas
from nwbspikegen.core.errors import InputError
from nwbspikegen.views.lazy_spikes import binned_of, bins_of
from nwbspikegen.views.observed import read_observed
from nwbspikegen.views.regions import choose_locations, is_known

# 32 MiB of mask at once
_PIECE_CELLS = 2**25
# labels and regions are few, numbers that somebody took for labels are not
_VALUES_TOLD = 30
# the names that laboratories and sorters use, NWB's or the commonest first
_DEPTHS = ("depth", "depths", "rel_y")
_REGIONS = (
    "location",
    "region",
    "brain_region",
    "brain_area",
    "allen_location",
    "beryl_location",
    "acronym",
    "ecephys_structure_acronym",
)
_QUALITIES = ("quality", "ks_label", "KSLabel", "kilosort2_label", "group", "label", "ibl_quality")


def is_within_depth(units: xr.Dataset, depth: Sequence[float | int]) -> Bool[np.ndarray, " unit"]:
    """Return which units lie within (lowest, highest) um, both included.

    The column is `depth`, or else `rel_y`, the place along the probe.
    """
    low, high = depth
    if not low <= high:
        raise InputError(f"depths from {low} to {high} um", "the lower first", "swap them")
    column = _find_column(units, _DEPTHS, "iuf", "a depth range")
    values = units[column].values
    return (values >= low) & (values <= high)


def is_in_region(units: xr.Dataset, region: str | Sequence[str]) -> Bool[np.ndarray, " unit"]:
    """Return which units lie in one of some brain regions, as `choose_locations` says.

    Raises
    ------
    InputError
        If no unit does.
    """
    names = [region] if isinstance(region, str) else list(region)
    column = _find_column(units, _REGIONS, "U", "a region")
    values = units[column].values.tolist()
    chosen = choose_locations(names, values, str(units.attrs.get("species", "")))
    if len(values) and not any(map(is_known, values)):
        raise _explain_unknown(units, names)
    found = np.array([value in chosen for value in values], dtype=bool)
    asked, remedy = f"region {', '.join(names)}", "choose from these"
    if not has_atlas():
        asked += " (by name alone: iblatlas is not installed)"
        remedy += ", or pip install 'nwbspikegen[ibl]' for all that lies in a region of the Allen atlas"
    _require_some(found, asked, values, remedy)
    return found


def _explain_unknown(units: xr.Dataset, names: Sequence[str]) -> InputError:
    numbers = units.coords.get("brain_location_id")
    remedy = "select by something else, such as a depth"
    if numbers is not None and numbers.dtype.kind in "iu" and (numbers.values > 0).any():
        remedy = "convert the session again with the Allen atlas: pip install 'nwbspikegen[ibl]'"
    return InputError(
        f"no unit of region {', '.join(names)}: no location is known of any of {units.sizes['unit']} units",
        "units whose regions are known",
        remedy,
    )


def has_quality(units: xr.Dataset, quality: str | Sequence[str]) -> Bool[np.ndarray, " unit"]:
    """Return which units the lab labelled so, such as `good`."""
    names = [quality] if isinstance(quality, str) else list(quality)
    column = _find_column(units, _QUALITIES, "Uiuf", "a quality")
    values = units[column].values
    # labels may be numbers: 1.0 is asked for as 1 as well
    texts = [f"{value:g}" for value in values] if values.dtype.kind == "f" else values.astype(np.str_)
    found = np.isin(texts, names) | np.isin(values.astype(np.str_), names)
    _require_some(found, f"quality {', '.join(names)}", list(texts))
    return found


def _require_some(
    found: Bool[np.ndarray, " unit"], asked: str, values: Sequence[str], remedy: str = "choose from these"
) -> None:
    """Raise `InputError` when no unit has what was asked for, and list what units have."""
    if found.any() or not len(found):
        return
    counted = Counter(str(value) for value in values).most_common()
    told = ", ".join(f"{name or 'none'} ({number})" for name, number in counted[:_VALUES_TOLD])
    raise InputError(f"no unit of {asked}", f"{told}{', ...' if len(counted) > _VALUES_TOLD else ''}", remedy)


def is_active(units: xr.Dataset, min_rate_hz: float | int) -> Bool[np.ndarray, " unit"]:
    """Return which units have at least `min_rate_hz` spikes a second of observation, one a bin, in a view."""
    binned, _ = binned_of(units)
    # as a product: a unit that was never observed has no rate to compare
    return count_occupied(units) >= min_rate_hz * count_observed(units) * binned.grid.bin_size


def count_occupied(units: xr.Dataset) -> Int64[np.ndarray, " unit"]:
    """Return how many observed bins of each unit hold a spike, without binning them all."""
    binned, positions = binned_of(units)
    occupied = np.zeros(len(positions), dtype=np.int64)
    for part in _in_pieces(units):
        observed = read_observed(part)
        for cells, _ in binned.count_spikes(bins_of(part, binned), positions):
            rows, columns = np.divmod(cells, len(positions))
            seen = slice(None) if observed is None else observed[rows, columns]
            occupied += np.bincount(columns[seen], minlength=len(positions))
    return occupied


def count_observed(units: xr.Dataset) -> Int64[np.ndarray, " unit"]:
    """Return in how many bins of a view each unit was observed."""
    observed = np.zeros(units.sizes["unit"], dtype=np.int64)
    for part in _in_pieces(units):
        mask = read_observed(part)
        observed += part.sizes["time"] if mask is None else mask.sum(axis=0)
    return observed


def _in_pieces(units: xr.Dataset) -> Iterator[xr.Dataset]:
    """Yield a view in pieces of time whose mask is small; a view without one as it is."""
    length = units.sizes["time"]
    step = length if "observed" not in units else max(_PIECE_CELLS // max(units.sizes["unit"], 1), 1)
    for first in range(0, length, max(step, 1)):
        yield units.isel(time=slice(first, first + step))


def _find_column(units: xr.Dataset, names: Sequence[str], kinds: str, what: str) -> str:
    for name in names:
        if name in units.coords and units[name].dims == ("unit",) and units[name].dtype.kind in kinds:
            return name
    there = sorted(str(name) for name in units.coords if units[name].dims == ("unit",) and name != "unit")
    raise InputError(
        f"{what} and units with the columns {', '.join(there) or 'none'}",
        f"a column {', '.join(names[:-1])} or {names[-1]}",
        "select by something else",
    )
