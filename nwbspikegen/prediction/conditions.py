"""What a free run is given: units that are held to spikes, and units that are silenced."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Bool, UInt8

from nwbspikegen.core.errors import InputError
from nwbspikegen.views.observed import read_bins, require_contiguous

GENERATED, CLAMPED, SILENCED = "generated", "clamped", "silenced"
"""Conditions of a unit in a free run."""


@dataclasses.dataclass(frozen=True)
class Conditions:
    """What some units do in a free run, whatever a model says.

    Attributes
    ----------
    held : bool array (time, unit), or None
        Where spikes are given. None: nowhere.
    given : uint8 array (time, unit), or None
        These spikes.
    """

    held: Bool[np.ndarray, "time unit"] | None = None
    given: UInt8[np.ndarray, "time unit"] | None = None

    def impose(self, spikes: UInt8[np.ndarray, "sample unit"], place: int) -> None:
        """Overwrite what was drawn in a bin, counted from the first of the run."""
        if self.held is not None and self.given is not None:
            np.copyto(spikes, self.given[place], where=self.held[place])


def read_conditions(
    context: xr.Dataset, num_bins: int, clamp: xr.Dataset | None, silence: Sequence[Any]
) -> Conditions:
    """Return the conditions of a run of so many bins that begins where a context ends.

    Parameters
    ----------
    context : Dataset (time, unit)
        What is read before.
    num_bins : int
        Length of the run.
    clamp : Dataset (time, unit), optional
        Spikes of the units that are clamped, at the time of the run. Bins in which a unit was not observed
        are generated.
    silence : sequence of unit ids
        Units that do not spike.

    Raises
    ------
    InputError
        Units that the context has not, a unit under two conditions, none left to generate, or spikes that do
        not reach from the beginning to the end of the run.
    """
    condition = name_conditions(context, clamp, silence)
    if (condition == GENERATED).all():
        return Conditions()
    held, given = (np.zeros((num_bins, len(condition)), dtype) for dtype in (bool, np.uint8))
    held[:, condition == SILENCED] = True
    if clamp is not None:
        units = context.unit.values.tolist()
        columns = [units.index(unit) for unit in clamp.unit.values.tolist()]
        cut = read_bins(_cut_run(clamp, context, num_bins))
        given[:, columns] = cut.spikes
        held[:, columns] = True if cut.observed is None else cut.observed
    return Conditions(held, given)


def name_conditions(context: xr.Dataset, clamp: xr.Dataset | None, silence: Sequence[Any]) -> np.ndarray:
    """Return of each unit of a context whether it is generated, clamped or silenced.

    Examples
    --------
    >>> name_conditions(xr.Dataset(coords={"unit": [3, 5]}), None, [5]).tolist()
    ['generated', 'silenced']
    """
    units = context.unit.values.tolist()
    clamped = [] if clamp is None else clamp.unit.values.tolist()
    _require_units(units, clamped, list(silence))
    condition = np.full(len(units), GENERATED, dtype="<U9")
    condition[[units.index(unit) for unit in silence]] = SILENCED
    condition[[units.index(unit) for unit in clamped]] = CLAMPED
    if not (condition == GENERATED).any():
        raise InputError(
            f"all {len(units)} units clamped or silenced", "one or more to generate", "clamp fewer"
        )
    return condition


def find_units(units: xr.Dataset, named: Sequence[Any]) -> list[Any]:
    """Return the ids of a view that are meant by ids, or by their text as it is typed.

    Raises
    ------
    InputError
        The view has no such unit.

    Examples
    --------
    >>> find_units(xr.Dataset(coords={"unit": [3, 5]}), ["5"])
    [5]
    """
    ids = units.unit.values.tolist()
    by_name = {str(each): each for each in ids}
    _require_units(ids, [by_name.get(str(each), each) for each in named], [])
    return [by_name[str(each)] for each in named]


def _require_units(units: list[Any], clamped: list[Any], silenced: list[Any]) -> None:
    asked = [*clamped, *silenced]
    unknown = [unit for unit in asked if unit not in units]
    if unknown:
        shown = ", ".join(map(str, units[:5])) + (", ..." if len(units) > 5 else "")
        raise InputError(
            f"units {', '.join(map(str, unknown[:5]))} to clamp or to silence",
            f"units of the run: {shown}",
            "choose of these, or take more units",
        )
    twice = sorted({unit for unit in asked if asked.count(unit) > 1}, key=str)
    if twice:
        raise InputError(
            f"units {', '.join(map(str, twice[:5]))} twice among those that are clamped or silenced",
            "each unit once",
            "leave them out of one of both",
        )


def _cut_run(clamp: xr.Dataset, context: xr.Dataset, num_bins: int) -> xr.Dataset:
    """Return the bins of given spikes in which the run takes place."""
    require_contiguous(clamp, "spikes to clamp to")
    bin_size = float(context.attrs["bin_size"])
    if not np.isclose(float(clamp.attrs["bin_size"]), bin_size, rtol=1e-9):
        raise InputError(
            f"spikes to clamp to in bins of {clamp.attrs['bin_size']} s",
            f"bins of {bin_size} s, as the run has",
            "open both alike",
        )
    start = float(context.time[-1]) + bin_size
    first = int(np.rint((start - float(clamp.time[0])) / bin_size))
    if first < 0 or first + num_bins > clamp.sizes["time"]:
        end = float(clamp.time[-1]) + bin_size
        raise InputError(
            f"spikes to clamp to from {float(clamp.time[0]):g} to {end:g} s, and a run from {start:g} to "
            f"{start + num_bins * bin_size:g} s",
            "spikes for all of the run",
            "run for a shorter time, or give longer trains",
        )
    return clamp.isel(time=slice(first, first + num_bins))
