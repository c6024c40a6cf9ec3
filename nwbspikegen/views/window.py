"""The window that studies and commands share: which time, which bins, which units, which split."""

from __future__ import annotations

import dataclasses
import itertools
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from nwbspikegen.core.errors import InputError
from nwbspikegen.nwb.unit_table import UNITS
from nwbspikegen.views.opening import open_view
from nwbspikegen.views.selection import select_units
from nwbspikegen.views.splits import Split, split_fractions
from nwbspikegen.views.survey_text import log_survey
from nwbspikegen.views.surveying import find_fatal, require_meaning, survey_view

_LATER = ("exclude", "accept_odd", "unit_table")


@dataclasses.dataclass(frozen=True)
class WindowOptions:
    """Which part of a recording is used: by default its first ten minutes, and all of its units.

    Attributes
    ----------
    start, duration : float
        Seconds from the start of observation, and how many.
    bin_size : float
        Seconds per bin.
    skip_units : int
        Units left out at the start of the table.
    take_units : int or None
        Units taken after them; None: all.
    split : tuple of three floats
        Shares of training, validation and test.
    interval : str or None
        Named interval that is taken for the observation.
    depth : (float, float) or None
        Lowest and highest place of units along the probe (um).
    region, quality : str or None
        Brain regions and labels of quality that units have, separated by commas.
    min_rate_hz : float
        Lowest firing rate in the training segment (Hz).
    drop_duplicates : bool
        Keep one of two units that share their spikes in the training segment.
    random_units : int or None
        Seed by which units are taken at random.
    exclude : tuple of (float, float)
        Stretches (from, to; s on the session clock) that are taken as not observed.
    accept_odd : bool
        Go on with a recording whose clock or observation leaves no number with a meaning.
    unit_table : str
        Where in the file the table of units is.
    """

    start: float = 0.0
    duration: float = 600.0
    bin_size: float = 0.001
    skip_units: int = 0
    take_units: int | None = None
    split: tuple[float, float, float] = (0.5, 0.25, 0.25)
    interval: str | None = None
    depth: tuple[float, float] | None = None
    region: str | None = None
    quality: str | None = None
    min_rate_hz: float = 0.0
    drop_duplicates: bool = False
    random_units: int | None = None
    exclude: tuple[tuple[float, float], ...] = ()
    accept_odd: bool = False
    unit_table: str = UNITS

    def as_dict(self) -> dict[str, Any]:
        """Return the options as JSON holds them.

        Those that came later (`exclude`, `accept_odd`, `unit_table`) are left out while they are at their
        defaults: by the rest a run or a study that an older version began is known again.
        """
        defaults = self.defaults()
        return {
            name: _to_lists(value)
            for name, value in dataclasses.asdict(self).items()
            if name not in _LATER or value != defaults[name]
        }

    @classmethod
    def defaults(cls) -> dict[str, Any]:
        """Return every option with its default."""
        return {field.name: field.default for field in dataclasses.fields(cls)}

    @classmethod
    def from_dict(cls, options: dict[str, Any]) -> WindowOptions:
        """Return the options that `as_dict` gave."""
        stored: dict[str, Any] = {name: _to_tuples(value) for name, value in options.items()}
        unknown = sorted(set(stored) - set(cls.defaults()))
        if unknown:
            raise InputError(f"option {unknown[0]!r} of a window", ", ".join(cls.defaults()), "correct it")
        for name, default in cls.defaults().items():
            is_number = isinstance(stored.get(name, default), float | int)
            # of these None is a value: all of them
            may_lack = name == "take_units" and stored.get(name) is None
            if (isinstance(default, float | int) or name == "take_units") and not (is_number or may_lack):
                raise InputError(f"{name} {stored[name]!r} of a window", "a number", "correct it")
        return cls(**stored)


def _to_lists(value: Any) -> Any:
    return [_to_lists(each) for each in value] if isinstance(value, tuple) else value


def _to_tuples(value: Any) -> Any:
    return tuple(_to_tuples(each) for each in value) if isinstance(value, list) else value


_PAPERS_UNITS = {"skip_units": 100, "take_units": 128}
PRESETS: dict[str, dict[str, Any]] = {
    "shimono2026": {"duration": 600.0, **_PAPERS_UNITS},
    "in_vitro": {"start": 1800.0, "duration": 600.0, **_PAPERS_UNITS},
    "in_vivo": {"interval": "spontaneousActivity", "start": 0.0, "duration": 600.0, **_PAPERS_UNITS},
}
"""What Shimono 2026 uses: 128 units, ten minutes; of a slice after its first thirty, of a mouse at rest."""


def open_window(
    path: str | os.PathLike[str],
    options: WindowOptions,
    *,
    accept_odd: bool = False,
    report: bool = True,
) -> tuple[xr.Dataset, Split]:
    """Open an NWB file and return its window, lazily binned, and the window's split.

    Firing rates and duplicates are judged by the training segment: what is scored has no say. What was
    taken, and what is odd about it, is logged.

    Parameters
    ----------
    path : path or address
        An NWB file.
    options : WindowOptions
        What is used of it.
    accept_odd : bool, default: False
        As in the options: either goes on with a recording that is refused otherwise.
    report : bool, default: True
        Whether to log a survey; a window that is opened again needs none.

    Raises
    ------
    InputError
        What `open_units` and `select_units` raise. Whole-number times at absurd rates, a clock that
        starts again, or no time observed, unless `accept_odd`.

    Examples
    --------
    >>> WindowOptions(duration=400.0).as_dict()["split"]
    [0.5, 0.25, 0.25]
    """
    units = open_view(
        path,
        bin_size=options.bin_size,
        start=options.start,
        duration=options.duration,
        interval=options.interval,
        exclude=options.exclude,
        unit_table=options.unit_table,
    )
    accept_odd = accept_odd or options.accept_odd
    try:
        units = _select(units, options)
    except InputError:
        if not accept_odd:
            # a wrong clock explains why no unit meets a criterion
            require_meaning(path, find_fatal(units))
        raise
    parts = split_fractions(units, options.split)
    _judge(path, units, parts, accept_odd=accept_odd, report=report)
    return units, parts


def _select(units: xr.Dataset, options: WindowOptions) -> xr.Dataset:
    return select_units(
        units,
        skip=options.skip_units,
        take=options.take_units,
        depth=options.depth,
        region=_split_names(options.region),
        quality=_split_names(options.quality),
        min_rate_hz=options.min_rate_hz,
        drop_duplicates=options.drop_duplicates,
        random_seed=options.random_units,
        judged_by=split_fractions(units, options.split).train,
    )


def _judge(
    path: str | os.PathLike[str], units: xr.Dataset, parts: Split, *, accept_odd: bool, report: bool
) -> None:
    """Refuse a window that no number can be made of, and log a survey of any other."""
    if not accept_odd:
        require_meaning(path, find_fatal(units))
    if report:
        log_survey(survey_view(units, parts))


def _split_names(names: str | None) -> list[str] | None:
    return None if names is None else [name.strip() for name in names.split(",")]


def open_trained_window(
    path: str | os.PathLike[str],
    training: dict[str, Any],
    *,
    bin_size: float,
    duration: float,
    exclude: Sequence[Sequence[float | int]] = (),
    accept_odd: bool = False,
    report: bool = True,
) -> tuple[xr.Dataset, Split]:
    """Open a file with the units and segments of its entry in a model's training record.

    What follows validation is the test segment, up to `duration` seconds from the start of training.
    """
    table = str(training.get("unit_table", UNITS))
    units = open_view(path, bin_size=bin_size, exclude=exclude, unit_table=table)
    units = units.sel(unit=training["unit_ids"])
    time = units.time.values
    # the model's own edges in seconds, whatever part of the file was opened when it was trained
    stops = [*training["split"]["validation"], training["split"]["train"][0] + duration]
    edges = [
        int(np.searchsorted(time, stop - bin_size / 2)) for stop in (training["split"]["train"][0], *stops)
    ]
    first, validation, test, last = edges
    if test >= last:
        raise InputError(
            f"no bin behind validation within {duration} s of the start of training",
            "a test segment",
            "pass a longer --duration",
        )
    parts = [units.isel(time=slice(*pair)) for pair in itertools.pairwise((first, validation, test, last))]
    units, split = units.isel(time=slice(first, last)), Split(*parts)
    _judge(path, units, split, accept_odd=accept_odd, report=report)
    return units, split
