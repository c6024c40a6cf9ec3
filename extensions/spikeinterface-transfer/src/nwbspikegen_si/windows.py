"""The window of a sorting: which time, which units, which split."""

from __future__ import annotations

import dataclasses
import itertools
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from spikeinterface.core import BaseSorting

from nwbspikegen.core.errors import InputError
from nwbspikegen.views import Split, WindowOptions, open_units, split_fractions
from nwbspikegen.views.observed import is_same_recording
from nwbspikegen_si.identity import RECORD

if TYPE_CHECKING:
    from nwbspikegen.models import FittedModel

_LOG = logging.getLogger("nwbspikegen")
_DEFAULTS = WindowOptions()


@dataclasses.dataclass(frozen=True)
class SpikeWindow:
    """A window of a sorting, lazily binned, and its split.

    Attributes
    ----------
    units : Dataset (time, unit)
        The window.
    parts : Split
        Its training, validation and test segments.
    """

    units: xr.Dataset
    parts: Split

    @property
    def edges(self) -> list[float]:
        """Start of training, validation and test, and stop of test (s)."""
        starts = [float(part.time[0]) for part in (self.parts.train, self.parts.validation, self.parts.test)]
        return [*starts, float(self.parts.test.time[-1]) + float(self.units.attrs["bin_size"])]


def open_spike_window(
    sorting: BaseSorting,
    *,
    bin_size: float,
    start: float | None = None,
    duration: float | None = None,
    split: Sequence[float] | None = None,
    unit_ids: Sequence[Any] | None = None,
) -> SpikeWindow:
    """Open a sorting of one segment; None stands for the package's default, and for all units."""
    units = open_units(
        sorting,
        bin_size=bin_size,
        start=_DEFAULTS.start if start is None else start,
        duration=_DEFAULTS.duration if duration is None else duration,
    )
    units = _choose(units, unit_ids)
    return SpikeWindow(units, split_fractions(units, tuple(split or _DEFAULTS.split)))


def open_cut_window(
    sorting: BaseSorting, *, bin_size: float, edges: Sequence[float], unit_ids: Sequence[Any] | None
) -> SpikeWindow:
    """Open a sorting at the edges that `SpikeWindow.edges` gave."""
    units = _choose(open_units(sorting, bin_size=bin_size), unit_ids)
    first, validation, test, stop = (
        int(np.searchsorted(units.time.values, edge - bin_size / 2)) for edge in edges
    )
    if not first < validation < test < stop:
        raise InputError(
            f"spikes from {float(units.time[0]):g} to {float(units.time[-1]):g} s",
            f"training, validation and test segments from {edges[0]:g} to {edges[-1]:g} s",
            "pass start, duration and split to use another window",
        )
    pairs = itertools.pairwise((first, validation, test, stop))
    parts = [units.isel(time=slice(*pair)) for pair in pairs]
    return SpikeWindow(
        units.isel(time=slice(first, stop)),
        Split(*(part.assign_attrs(start_time=float(part.time[0])) for part in parts)),
    )


def reopen_trained(model: FittedModel, sorting: BaseSorting) -> SpikeWindow | None:
    """Open a sorting as it was for training; None when the model was not trained on it.

    The trained units are taken where all are there, and all units otherwise.
    """
    attrs = open_units(sorting, bin_size=model.bin_size).attrs
    entries = [{**model.training, **each} for each in model.training.get("sources", [])]
    found = [entry for entry in entries if is_same_recording(entry, attrs, unknown=False)]
    if not found:
        return None
    _LOG.info("the model was trained on this recording: its window, units and split are used again")
    entry = found[0]
    (start, validation), (_, test) = entry["split"]["train"], entry["split"]["validation"]
    stop = entry.get(RECORD, {}).get("stop", start + _DEFAULTS.duration)
    there = set(sorting.unit_ids.tolist())
    trained = entry["unit_ids"] if there.issuperset(entry["unit_ids"]) else None
    return open_cut_window(
        sorting, bin_size=model.bin_size, edges=[start, validation, test, stop], unit_ids=trained
    )


def _choose(units: xr.Dataset, unit_ids: Sequence[Any] | None) -> xr.Dataset:
    if unit_ids is None:
        return units
    wanted = np.asarray(unit_ids)
    missing = wanted[~np.isin(wanted, units.unit.values)].tolist()
    if missing or len(set(wanted.tolist())) < max(len(wanted), 1):
        raise InputError(
            f"unit_ids {missing or wanted.tolist()}", "ids of units of the sorting, each once", "correct them"
        )
    return units.sel(unit=wanted)
