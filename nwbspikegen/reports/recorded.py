"""What a report draws of a recording, read once."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
import pandas as pd
import xarray as xr

from nwbspikegen.core.errors import InputError
from nwbspikegen.reports.parts import PageTrains, Span, SpanKind
from nwbspikegen.scoring.statistics import spike_statistics
from nwbspikegen.views import Survey
from nwbspikegen.views.measuring import stretch_of
from nwbspikegen.views.observation import join_intervals
from nwbspikegen.views.splits import split_fractions
from nwbspikegen.views.surveying import survey_view

# numbers of a map: two megabytes of a page
_MOST_CELLS = 750_000
# as many as a wide screen has; closer, spikes are drawn one by one
_MOST_COLUMNS = 2_000
# spikes that lie in a page one by one: three megabytes
MOST_SPIKES = 2_000_000


@dataclasses.dataclass(frozen=True)
class Recorded:
    """A window of a recording.

    Attributes
    ----------
    units : Dataset (time, unit)
        The view.
    segments : mapping of str to (float, float)
        When its training, validation and test segments are (s), where they are known.
    survey : Survey
        What it holds and what is odd.
    trains : list of array
        Spike times of each unit (s, session clock) while it was observed.
    seen : list of array (stretch, 2)
        When each unit was observed (s).
    start, stop : float
        The window (s, session clock).
    """

    units: xr.Dataset
    segments: Mapping[SpanKind, tuple[float, float]]
    survey: Survey
    trains: list[np.ndarray]
    seen: list[np.ndarray]
    start: float
    stop: float

    @property
    def names(self) -> list[str]:
        """Ids of the units as texts."""
        return [str(each) for each in self.units["unit"].values.tolist()]

    @property
    def num_spikes(self) -> int:
        """Spikes of all units while they were observed."""
        return sum(map(len, self.trains))

    @property
    def first_unit(self) -> int:
        """The place of the unit that is shown first: the median of those with spikes, by their number."""
        counts = np.array([len(train) for train in self.trains])
        order = np.argsort(counts, kind="stable")
        spiking = order[counts[order] > 0]
        return int(spiking[len(spiking) // 2]) if len(spiking) else 0

    def column(self, name: str) -> np.ndarray | None:
        """Return a column of the units, None where they have none."""
        return self.units[name].values if name in self.units.coords else None

    def find_places(self) -> pd.DataFrame | None:
        """Return x and y of the units (um) by their ids; None where the file does not say."""
        x, y = self.column("rel_x"), self.column("rel_y")
        if x is None or y is None:
            return None
        return pd.DataFrame({"x": x, "y": y}, index=self.units["unit"].values)

    def pack(self) -> PageTrains | None:
        """Return all spikes for a page; None where they are too many for one."""
        if self.num_spikes > MOST_SPIKES:
            return None
        counts = np.array([len(train) for train in self.trains], dtype=np.int64)
        return PageTrains(np.concatenate([*self.trains, np.zeros(0)]), counts)

    def spans(self) -> list[Span]:
        """Return what of the window is shaded: the segments, and when no unit was observed."""
        shaded = [Span(kind, *ends) for kind, ends in self.segments.items()]
        seen = join_intervals(np.concatenate([np.zeros((0, 2)), *self.seen]))
        edges = np.concatenate([[self.start], seen.ravel(), [self.stop]]).reshape(-1, 2)
        gaps = edges[edges[:, 1] - edges[:, 0] > float(self.units.attrs["bin_size"])]
        return [*shaded, *(Span("unobserved", *map(float, gap)) for gap in gaps)]

    def describe(self) -> pd.DataFrame:
        """Return `spike_statistics` of the units, from their spike times as they are stored."""
        named = dict(enumerate(self.trains))
        table = spike_statistics(named, start=self.start, stop=self.stop, observed=dict(enumerate(self.seen)))
        table["unit"] = self.names
        return table


def find_segments(
    units: xr.Dataset, split: tuple[float, float, float]
) -> dict[SpanKind, tuple[float, float]]:
    """Return when the segments of a view are, none where it is too short to be split."""
    try:
        parts = split_fractions(units, split)
    except InputError:
        # a recording that is too short to train on can be looked at
        return {}
    kinds: tuple[SpanKind, ...] = ("train", "validation", "test")
    found = {kind: getattr(parts, kind) for kind in kinds}
    return {
        kind: (float(part.time[0]), float(part.time[-1]) + float(units.attrs["bin_size"]))
        for kind, part in found.items()
        if part.sizes["time"]
    }


def read_recorded(units: xr.Dataset, segments: Mapping[SpanKind, tuple[float, float]]) -> Recorded:
    """Read a view: its survey, spikes and observation; `segments` are shaded."""
    stretch = stretch_of(units)
    observed = stretch.observe()
    seen = [observed.patterns[place] for place in observed.pattern_of.tolist()]
    trains: list[np.ndarray] = []
    for piece in stretch.source.read_trains(stretch.units.tolist(), stretch.start, stretch.stop):
        trains += np.split(piece.times, np.cumsum(piece.counts)[:-1])
    trains = [train[observed.is_seen(place, train)] for place, train in enumerate(trains)]
    return Recorded(units, segments, survey_view(units), trains, seen, stretch.start, stretch.stop)


def choose_width(seconds: float, num_units: int, bin_size: float, columns: int = _MOST_COLUMNS) -> float:
    """Return the width of bins (s) in which so many units are drawn: 1, 2 or 5 of a power of ten.

    Examples
    --------
    >>> choose_width(600.0, 128, 0.001)
    0.5
    """
    num_columns = max(1, min(columns, _MOST_CELLS // num_units))
    least = max(seconds / num_columns, bin_size)
    power = 10.0 ** np.floor(np.log10(least) + 1e-9)
    width = next(step * power for step in (1, 2, 5, 10) if step * power >= least * (1 - 1e-9))
    return float(f"{width:.6g}")


def count_in_bins(
    trains: list[np.ndarray], seen: list[np.ndarray], start: float, stop: float, width: float
) -> np.ndarray:
    """Return rates (Hz), an array (unit, bin), NaN where a unit was not observed throughout a bin."""
    num_bins = max(1, int(np.ceil((stop - start) / width - 1e-6)))
    rates = np.zeros((len(trains), num_bins), dtype=np.float32)
    begins = start + width * np.arange(num_bins)
    ends = np.minimum(begins + width, stop)
    for row, (train, stretches) in enumerate(zip(trains, seen, strict=True)):
        places = ((train - start) / width + 1e-9).astype(np.int64)
        counts = np.bincount(places[(places >= 0) & (places < num_bins)], minlength=num_bins)
        rates[row] = counts / (ends - begins)
        of = np.searchsorted(stretches[:, 0], begins + 1e-9, side="right") - 1
        is_seen = (of >= 0) & (stretches[np.maximum(of, 0), 1] >= ends - 1e-9) if len(stretches) else of > 0
        rates[row, ~is_seen] = np.nan
    return rates
