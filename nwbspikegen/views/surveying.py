"""What a recording holds and what is odd about it, before any number."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from jaxtyping import Float64

from nwbspikegen.core.addresses import name_of
from nwbspikegen.core.errors import InputError
from nwbspikegen.nwb.unit_table import UNITS
from nwbspikegen.views.criteria import count_occupied
from nwbspikegen.views.duplicates import find_duplicates, find_pairs
from nwbspikegen.views.findings import Finding, judge_clocks, judge_left_out, judge_observation, sum_observed
from nwbspikegen.views.measuring import Measures, Stretch, measure, stretch_of
from nwbspikegen.views.opening import lay_window
from nwbspikegen.views.splits import Split
from nwbspikegen.views.survey_text import format_survey
from nwbspikegen.views.train_findings import judge_pairs, judge_segments, judge_trains

# spikes and units compared with each other when nobody names a training segment: seconds of work, and
# matrices of pairs of 128 MiB
_MOST_COMPARED = 2**20
_MOST_UNITS = 2**12
_EXPECTED = {
    "whole_times": "spike times in seconds",
    "restarted_clock": "one clock that only goes on",
    "nothing_observed": "some time that was observed",
}
_GRAVITY = ("fatal", "warning", "note")


@dataclasses.dataclass(frozen=True)
class Survey:
    """What a recording, or a window of one, holds and what is odd about it.

    Attributes
    ----------
    name : str
        The file's name, or that of the session.
    num_units, num_units_there : int
        Units that were surveyed, and units of the recording.
    num_units_read : int
        Units whose spikes were read: all, unless there are more than 33 million spikes (on the web 4
        million); then what is said of spikes is said of evenly chosen units.
    num_spikes : int
        Spikes of the units that were read, in the window.
    start, stop : float
        The window (s, session clock).
    observed_seconds, observed_share : float
        Mean over units of the time observed (s), and its share of the window.
    is_observation_known : bool
        Whether the recording says when units were observed; else its window is from spike to spike.
    bin_size : float
        Size of a bin (s).
    num_merged : int
        Spikes that share a bin with another of their unit, of which at most one is kept.
    units : DataFrame
        One row per unit that was read: `num_spikes`, `observed_seconds`, `rate_hz`,
        `shortest_interval_ms`, `share_below_1ms` (of its intervals).
    session : dict
        What the recording says of session and subject.
    columns : tuple of str
        Columns of the units, by which they can be chosen.
    findings : tuple of Finding
        What is odd, the gravest first: each has `name`, `text`, `option`, `severity`, `is_fatal`.
    """

    name: str
    num_units: int
    num_units_there: int
    num_units_read: int
    num_spikes: int
    start: float
    stop: float
    observed_seconds: float
    observed_share: float
    is_observation_known: bool
    bin_size: float
    num_merged: int
    units: pd.DataFrame = dataclasses.field(repr=False, compare=False)
    session: dict[str, str] = dataclasses.field(repr=False)
    columns: tuple[str, ...]
    findings: tuple[Finding, ...]

    @property
    def rates_hz(self) -> tuple[float, float, float]:
        """Lowest, median and highest firing rate (Hz), of spikes per second observed."""
        rates = self.units.rate_hz.dropna()
        return (
            (float(rates.min()), float(rates.median()), float(rates.max())) if len(rates) else (np.nan,) * 3
        )

    @property
    def shortest_interval_ms(self) -> float:
        """Shortest interval between two spikes of a unit (ms), the median over units."""
        return float(self.units.shortest_interval_ms.median())

    @property
    def merged_share(self) -> float:
        """Part of all spikes that share a bin with another of their unit."""
        return self.num_merged / self.num_spikes if self.num_spikes else 0.0

    def as_dict(self) -> dict[str, Any]:
        """Return the survey as JSON holds it, without the table of units."""
        kept = {each.name for each in dataclasses.fields(self)} - {"units", "findings"}
        low, median, high = self.rates_hz
        return {
            **{name: getattr(self, name) for name in sorted(kept)},
            "columns": list(self.columns),
            "merged_share": self.merged_share,
            "rates_hz": {"lowest": low, "median": median, "highest": high},
            "shortest_interval_ms": self.shortest_interval_ms,
            "findings": [finding.as_dict() for finding in self.findings],
        }

    def __str__(self) -> str:
        return format_survey(self)


def survey(
    source: Any,
    *,
    bin_size: float | int = 0.001,
    start: float | int = 0.0,
    duration: float | int | None = None,
    interval: str | None = None,
    exclude: Sequence[Sequence[float | int]] = (),
    unit_table: str = UNITS,
) -> Survey:
    """Say what a recording holds and what is odd about it.

    Nothing is binned, and at most some ten million spikes are read. Units that share their spikes are
    looked for at the window's start, in a million spikes.

    Parameters
    ----------
    source : path, address, spikeinterface.BaseSorting or Dataset
        As for `open_units`; or a view that it returned, all of whose bins and units are surveyed: the
        other parameters then have no say.
    bin_size, start, duration, interval, exclude, unit_table
        As for `open_units`.

    Raises
    ------
    InputError
        What `open_units` raises; or a dataset that no longer knows its source.

    Examples
    --------
    >>> from nwbspikegen.simulation import simulate
    >>> found = survey(simulate("in_vivo", num_units=8, duration=20.0, seed=1).sorting)
    >>> found.num_units, found.observed_share, found.findings
    (8, 1.0, ())
    """
    if isinstance(source, xr.Dataset):
        return survey_view(source)
    window = lay_window(
        source,
        bin_size=bin_size,
        start=start,
        duration=duration,
        interval=interval,
        exclude=exclude,
        unit_table=unit_table,
    )
    return _survey(window.stretch)


def survey_view(units: xr.Dataset, parts: Split | None = None) -> Survey:
    """Survey a view; with its split, the training segment is searched for units that share their spikes."""
    if parts is None:
        return _survey(stretch_of(units))
    pairs = find_duplicates(parts.train)
    seconds = parts.train.sizes["time"] * float(units.attrs["bin_size"])
    segments = {"validation": parts.validation, "test": parts.test}
    counted = {name: int(count_occupied(part).sum()) for name, part in segments.items()}
    of_parts = [
        *judge_pairs(pairs, units.sizes["unit"], " in the training segment"),
        *judge_segments(seconds, counted),
    ]
    return _survey(stretch_of(units), of_parts)


def find_fatal(units: xr.Dataset) -> list[Finding]:
    """Return what leaves no number of a view with a meaning, from what is known without reading spikes."""
    stretch = stretch_of(units)
    clocks = stretch.source.read_clocks(stretch.units.tolist())
    found = [*judge_clocks(stretch, clocks), *judge_observation(stretch)]
    return [finding for finding in found if finding.is_fatal]


def _survey(stretch: Stretch, of_parts: Sequence[Finding] | None = None) -> Survey:
    """Survey a stretch, with what was found in the parts of its split, where it has some."""
    source = stretch.source
    measures = measure(stretch)
    read = stretch.units[measures.read]
    clocks = source.read_clocks(read.tolist())
    seconds = sum_observed(stretch)
    # spikes in unobserved time are left out of both, or rates would rise with the gaps
    rates = _divide(measures.num_spikes - measures.num_unseen, seconds[measures.read])
    findings = [
        *judge_clocks(stretch, clocks),
        *judge_observation(stretch),
        *judge_left_out(source.left_out, int(source.count_spikes().sum())),
        *judge_trains(stretch, measures, rates, is_whole=clocks.is_whole),
        *(_compare_some(stretch, measures) if of_parts is None else of_parts),
    ]
    shortest = np.where(np.isfinite(measures.shortest_interval), 1000 * measures.shortest_interval, np.nan)
    table = pd.DataFrame(
        {
            "num_spikes": measures.num_spikes,
            "observed_seconds": seconds[measures.read],
            "rate_hz": rates,
            "shortest_interval_ms": shortest,
            "share_below_1ms": _divide(measures.num_short, measures.num_spikes - 1),
        },
        index=pd.Index(source.table.ids[read], name="unit"),
    )
    attrs = {name: str(value) for name, value in source.table.attrs.items() if value}
    return Survey(
        name_of(attrs.get("source") or attrs.get("session_id") or "sorting"),
        len(stretch.units),
        len(source.table.ids),
        len(read),
        int(measures.num_spikes.sum()),
        stretch.start,
        stretch.stop,
        float(seconds.mean()),
        float(seconds.mean()) / stretch.seconds,
        bool(np.isfinite(source.observation.extent()).all()),
        stretch.grid.bin_size,
        int(measures.num_merged.sum()),
        table,
        attrs,
        tuple(map(str, source.table.columns)),
        tuple(sorted(findings, key=lambda finding: _GRAVITY.index(finding.severity))),
    )


def _compare_some(stretch: Stretch, measures: Measures) -> Iterator[Finding]:
    """Look for units that share their spikes at the start of a stretch, where few enough spikes are."""
    num_units = len(measures.read)
    # of a sample of units, and over the web, pairs would be missed or cost more than the survey
    if not (stretch.source.is_near and num_units <= _MOST_UNITS and measures.read.all()):
        return
    part = min(_MOST_COMPARED / max(int(measures.num_spikes.sum()), 1), 1.0)
    short = dataclasses.replace(stretch, stop=stretch.start + part * stretch.seconds)
    where = "" if part == 1.0 else f" in the first {short.seconds:,.4g} s"
    yield from judge_pairs(find_pairs(short), num_units, where)


def _divide(counts: np.ndarray, by: np.ndarray) -> Float64[np.ndarray, " unit"]:
    """Return quotients, NaN where there is nothing to divide by."""
    result = np.full(len(counts), np.nan)
    np.divide(counts, by, out=result, where=by > 0)
    return result


def require_meaning(name: str | os.PathLike[str], findings: Sequence[Finding]) -> None:
    """Raise `InputError` for the first finding that leaves no number with a meaning."""
    for finding in findings:
        if finding.is_fatal:
            raise InputError(
                f"{finding.text}, in {name_of(name)}",
                _EXPECTED[finding.name],
                f"{finding.option}; --accept-odd goes on all the same",
            )
