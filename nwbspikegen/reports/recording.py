"""The part of a page that shows a recording, before any training."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from nwbspikegen.plot.canvas import COLOURS, RECORDED
from nwbspikegen.reports.meanings import iterate_rows
from nwbspikegen.reports.parts import Lamp, Lamps, Mark, Panel, Part, Prose, Section, Table
from nwbspikegen.reports.recorded import MOST_SPIKES, Recorded, choose_width, count_in_bins
from nwbspikegen.scoring.statistics import count_windows

_STATISTICS = {
    "unit": "Id of the unit in the file.",
    "spikes": "Spikes within the window, while the unit was observed.",
    "rate (Hz)": "Spikes per second observed.",
    "mean interval (s)": "Mean time between two spikes that follow each other.",
    "CV": "Standard deviation of the intervals over their mean: 1 for a Poisson train, 0 for a clock.",
    "CV2": "Irregularity of neighbouring intervals (Holt et al. 1996), which slow changes of rate leave "
    "alone.",
    "Fano 1 s": "Variance over mean of counts in windows of 1 s: 1 for a Poisson train.",
    "correlation": "Mean Pearson correlation of counts in 50 ms windows with all other units.",
    "shortest interval (ms)": "Shortest time between two spikes of the unit.",
    "below 1 ms": "Share of intervals shorter than 1 ms, which one neuron has none of.",
    "place": "Brain region, as the file gives it.",
    "quality": "Label of quality, as the file gives it.",
}
_NAMES = {
    "unit": "unit",
    "num_spikes": "spikes",
    "rate_hz": "rate (Hz)",
    "isi_mean": "mean interval (s)",
    "isi_cv": "CV",
    "cv2": "CV2",
    "fano_1s": "Fano 1 s",
    "pair_correlation": "correlation",
}
# s, as in `spike_statistics`
_CORRELATION_BIN = 0.05
# units: a map of more has rows thinner than a pixel
_MOST_CORRELATED = 256
_INTERVAL_EDGES = np.logspace(-3.5, 1.5, 61)
# the words that files use for the same thing
_QUALITIES = ("quality", "KSLabel", "group")


def show_recording(recorded: Recorded) -> Section:
    """Return the section of a recording: spikes along time, what units are like, where they are, what "
    "is odd."""
    statistics = recorded.describe()
    parts: list[Part] = [
        show_findings(recorded),
        draw_raster(recorded, "raster", "Recorded spikes", "recorded"),
        draw_population_rate(recorded),
        _draw_unit_rate(recorded),
        _draw_rates(recorded, statistics),
        _draw_intervals(recorded, statistics),
        _draw_irregularity(recorded, statistics),
        _draw_correlations(recorded),
        *draw_places(recorded, statistics),
        _tabulate(recorded, statistics),
    ]
    return Section("recording", "Recording", parts)


def show_findings(recorded: Recorded) -> Part:
    """Return what is odd about a recording, each with the option that deals with it."""
    found = recorded.survey.findings
    if not found:
        return Prose("The survey of the recording found nothing odd.")
    lamps = [Lamp(each.severity, each.name.replace("_", " "), each.text, each.option) for each in found]
    return Lamps("What is odd, and the option for it", lamps)


def draw_raster(recorded: Recorded, name: str, title: str, trains: str) -> Panel:
    """Return the spikes of all units along time: as rates in bins, and one by one where it is looked at "
    "closely."""
    width = choose_width(recorded.stop - recorded.start, len(recorded.trains), recorded.survey.bin_size)
    rates = count_in_bins(recorded.trains, recorded.seen, recorded.start, recorded.stop, width)
    some = rates[np.isfinite(rates) & (rates > 0)]
    top = float(some.max()) if len(some) else 1.0
    # one spike in a bin of the width of the map, or a thousandth of the most
    low = max(min(0.5 / width, top / 10), top / 1000)
    is_close = recorded.num_spikes <= MOST_SPIKES
    closer = (
        " Zoom in until there are fewer than 20,000 spikes to see each of them."
        if is_close
        else f" Its {recorded.num_spikes:,} spikes are too many to be shown one by one here."
    )
    caption = (
        f"Spikes of {len(rates)} units in bins of {width:g} s, as rates, on a logarithmic scale. "
        f"White: not observed.{closer} Units are in the order of the file."
    )
    x = recorded.start + width * (np.arange(rates.shape[1]) + 0.5)
    drawn = Mark("map", x, np.arange(len(rates)), rates, scale="rate (Hz)", limits=(low, top), is_log=True)
    return Panel(
        name,
        title,
        caption,
        [drawn],
        "Session clock (s)",
        "Unit (row)",
        is_time=True,
        spans=recorded.spans(),
        height=max(280, min(560, 120 + 3 * len(rates))),
        spikes=trains if is_close else "",
        rows_are_units=True,
    )


def draw_population_rate(recorded: Recorded, name: str = "population", colour: str = RECORDED) -> Panel:
    """Return the mean rate of all units along time."""
    width = choose_width(recorded.stop - recorded.start, 200, recorded.survey.bin_size)
    rates = count_in_bins(recorded.trains, recorded.seen, recorded.start, recorded.stop, width)
    known = np.isfinite(rates)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(
            known.any(axis=0), np.where(known, rates, 0.0).sum(axis=0) / known.sum(axis=0), np.nan
        )
    x = recorded.start + width * (np.arange(len(mean)) + 0.5)
    shaded = (
        " Shaded: training, validation and test segment; grey: no unit was observed."
        if recorded.spans()
        else ""
    )
    caption = f"Mean rate of the units that were observed, in bins of {width:g} s.{shaded}"
    return Panel(
        name,
        "Population rate",
        caption,
        [Mark("line", x, mean, colour=colour)],
        "Session clock (s)",
        "Mean rate (Hz)",
        is_time=True,
        spans=recorded.spans(),
        height=240,
    )


def _draw_unit_rate(recorded: Recorded) -> Panel:
    seconds = recorded.stop - recorded.start
    width = max(1.0, choose_width(seconds, max(750, len(recorded.trains)), recorded.survey.bin_size))
    rates = count_in_bins(recorded.trains, recorded.seen, recorded.start, recorded.stop, width)
    x = recorded.start + width * (np.arange(rates.shape[1]) + 0.5)
    return Panel(
        "unit_rate",
        "One unit along time",
        f"Rate of the chosen unit in bins of {width:g} s, and below it its spikes where they are few enough.",
        [Mark("line", x, rates, by_unit=("y",), colour=COLOURS[0])],
        "Session clock (s)",
        "Rate (Hz)",
        is_time=True,
        spans=recorded.spans(),
        height=230,
        notes=_describe_units(recorded),
        unit_spikes="recorded" if recorded.num_spikes <= MOST_SPIKES else "",
    )


def _describe_units(recorded: Recorded) -> list[str]:
    """Return what is said of each unit: how many spikes, where it is, of which quality."""
    kept = [(name, recorded.column(name)) for name in ("location", "depth", "rel_x", "rel_y", *_QUALITIES)]
    said = []
    for place, train in enumerate(recorded.trains):
        seconds = float(np.diff(recorded.seen[place], axis=1).sum())
        rate = f", {len(train) / seconds:.3g} Hz" if seconds > 0 else ""
        told = [f"{name} {_to_text(values[place])}" for name, values in kept if values is not None]
        said.append("; ".join([f"{len(train):,} spikes{rate}", *told]))
    return said


def _to_text(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float | np.floating) else str(value)


def _draw_rates(recorded: Recorded, statistics: pd.DataFrame) -> Panel:
    rates = statistics["rate_hz"].to_numpy(dtype=float)
    order = np.argsort(rates, kind="stable")
    order = order[rates[order] > 0]
    num_silent = int((rates == 0).sum())
    low, median, high = (np.nanpercentile(rates, each) for each in (0, 50, 100))
    return Panel(
        "rates",
        "Firing rates",
        f"Rate of every unit, in order; lowest {low:.3g}, median {median:.3g}, highest {high:.3g} Hz. "
        f"Silent units, which have no place on this scale: {num_silent}.",
        [mark_units(recorded, np.arange(len(order)), rates[order], order)],
        "Units, in order of their rate",
        "Rate (Hz)",
        y_is_log=True,
        height=280,
    )


def mark_units(recorded: Recorded, x: np.ndarray, y: np.ndarray, places: np.ndarray, **more: Any) -> Mark:
    """Return points that are units: pointed at they say which, clicked on they choose it."""
    names = recorded.names
    text = [f"unit {names[place]}: {a:.4g}, {b:.4g}" for place, a, b in zip(places, x, y, strict=True)]
    return Mark("points", x, y, text=text, units=[int(place) for place in places], **more)


def _draw_intervals(recorded: Recorded, statistics: pd.DataFrame) -> Panel:
    shares = np.zeros((len(recorded.trains), len(_INTERVAL_EDGES) - 1), dtype=np.float32)
    for row, (train, seen) in enumerate(zip(recorded.trains, recorded.seen, strict=True)):
        # an interval that spans a gap is none
        stretch = np.searchsorted(seen[:, 0], train, side="right")
        intervals = np.diff(train)[np.diff(stretch) == 0]
        if len(intervals):
            shares[row] = np.histogram(intervals, _INTERVAL_EDGES)[0] / len(intervals)
    centres = np.sqrt(_INTERVAL_EDGES[1:] * _INTERVAL_EDGES[:-1])
    mean = shares[statistics["num_spikes"].to_numpy() > 1].mean(axis=0) if len(shares) else shares
    notes = [
        f"CV {row.isi_cv:.3g}, CV2 {row.cv2:.3g}, mean interval {row.isi_mean:.3g} s"
        for row in iterate_rows(statistics)
    ]
    return Panel(
        "intervals",
        "Intervals between spikes",
        "Share of the chosen unit's intervals in 60 steps of equal ratio; dashed: mean over units with "
        "two spikes "
        "and more. Upright line: 1 ms, below which one neuron has no interval.",
        [
            Mark("line", centres, np.nan_to_num(mean), name="mean of units", is_faint=True, colour="#666666"),
            Mark("line", centres, shares, name="chosen unit", by_unit=("y",), colour=COLOURS[0]),
        ],
        "Interval (s)",
        "Share of intervals",
        x_is_log=True,
        lines_x=(0.001,),
        height=280,
        notes=notes,
    )


def _draw_irregularity(recorded: Recorded, statistics: pd.DataFrame) -> Panel:
    rates, cv2 = (statistics[name].to_numpy(dtype=float) for name in ("rate_hz", "cv2"))
    places = np.flatnonzero(np.isfinite(cv2) & (rates > 0))
    return Panel(
        "irregularity",
        "Irregularity",
        "CV2 of every unit against its rate: 1 is a Poisson train (dashed), 0 a clock, above 1 come bursts. "
        f"Mean {np.nanmean(cv2) if len(places) else np.nan:.3g} over {len(places)} units.",
        [mark_units(recorded, rates[places], cv2[places], places)],
        "Rate (Hz)",
        "CV2",
        x_is_log=True,
        lines_y=(1.0,),
        height=280,
    )


def _draw_correlations(recorded: Recorded) -> Panel:
    counts = [len(train) for train in recorded.trains]
    # the most spiking, in the order of the file
    chosen = np.sort(np.argsort(counts, kind="stable")[::-1][:_MOST_CORRELATED])
    windows = np.array(
        [
            count_windows(
                recorded.trains[each], recorded.start, recorded.stop, _CORRELATION_BIN, recorded.seen[each]
            )
            for each in chosen
        ]
    )
    # pairs are compared where both were observed; counts of others are missing
    matrix = pd.DataFrame(windows.T).corr().to_numpy(copy=True)
    np.fill_diagonal(matrix, np.nan)
    pairs = matrix[np.triu_indices(len(matrix), 1)]
    pairs = pairs[np.isfinite(pairs)]
    top = float(np.percentile(np.abs(pairs), 99)) if len(pairs) else 1.0
    left = f" The {len(chosen)} units with most spikes of {len(counts)}." if len(chosen) < len(counts) else ""
    mean = f"{pairs.mean():.3g}" if len(pairs) else "unknown"
    x = np.arange(len(chosen))
    return Panel(
        "correlations",
        "Correlation of pairs",
        f"Pearson correlation of spike counts in windows of {_CORRELATION_BIN * 1000:g} ms; mean over "
        f"pairs {mean}. "
        f"The colour ends at {top:.3g}, the 99th percentile of pairs. White diagonal: a unit with "
        f"itself.{left}",
        [Mark("map", x, x, matrix, scale="correlation", limits=(-top or -1.0, top or 1.0), diverges=True)],
        "Unit (row)",
        "Unit (row)",
        is_square=False,
        height=420,
    )


def draw_places(recorded: Recorded, statistics: pd.DataFrame) -> list[Part]:
    """Return the units on the probe or the array, by rate, quality and region; what the file does not "
    "say is left out."""
    x, y = recorded.column("rel_x"), recorded.column("rel_y")
    depth = recorded.column("depth")
    if x is None or y is None:
        if depth is None:
            return [Prose("The file does not say where its units are.")]
        # a shank: units beside each other at one depth are spread, since nothing is known of their sides
        x, y = (np.arange(len(depth)) % 7).astype(float), depth
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    known = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    rates = statistics["rate_hz"].to_numpy(dtype=float)
    top = float(np.nanpercentile(rates, 95)) if np.isfinite(rates).any() else 1.0
    by_rate = mark_units(
        recorded, x[known], y[known], known, values=rates[known], scale="rate (Hz)", limits=(0.0, top)
    )
    said = f" The colour ends at {top:.3g} Hz, the 95th percentile."
    panels: list[Part] = [_place("by_rate", "rate", said, [by_rate])]
    for name, title in (("location", "region"), *((each, "quality") for each in _QUALITIES)):
        labels = recorded.column(name)
        # as many as there are colours; one alone tells nothing
        kinds = [] if labels is None else sorted({str(each) for each in labels})
        if labels is None or not 1 < len(kinds) <= len(COLOURS):
            continue
        marks = []
        for kind in kinds:
            places = known[[str(labels[place]) == kind for place in known]]
            marks.append(mark_units(recorded, x[places], y[places], places, name=kind or "not said"))
        panels.append(_place(f"by_{name}", title, "", marks))
    return panels


def _place(name: str, coloured_by: str, said: str, marks: list[Mark]) -> Panel:
    return Panel(
        f"units_{name}",
        f"Units in their places, by {coloured_by}",
        f"Where the file places each unit, coloured by {coloured_by}.{said} Click on a unit to choose it.",
        marks,
        "x (um)",
        "y or depth (um)",
        is_square=False,
        height=360,
    )


def _tabulate(recorded: Recorded, statistics: pd.DataFrame) -> Table:
    frame = statistics[list(_NAMES)].rename(columns=_NAMES)
    found = recorded.survey.units
    if len(found) == len(frame):
        frame["shortest interval (ms)"] = found["shortest_interval_ms"].to_numpy()
        frame["below 1 ms"] = found["share_below_1ms"].to_numpy()
    for column, title in (("location", "place"), ("quality", "quality")):
        values = recorded.column(column)
        if values is not None:
            frame[title] = [str(each) for each in values]
    return Table("units", "All units", frame, "Point at a heading for what it means.", _STATISTICS)
