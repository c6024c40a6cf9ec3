"""The part of a page that shows a prediction along time, and one unit of it."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from nwbspikegen.plot.canvas import PREDICTED, RECORDED
from nwbspikegen.plot.score_panels import draw_diagonal
from nwbspikegen.reports.parts import Jump, Mark, PageTrains, Panel, Part, Section, Span
from nwbspikegen.reports.predicted import MEAN, PAST, Predicted
from nwbspikegen.reports.recorded import MOST_SPIKES, choose_width, count_in_bins

# seconds that are gone to from the best and from the worst end
_NUM_JUMPS = 5
# bins of one unit's line, which is looked at closely
_FINE_COLUMNS = 6_000
_CLOCK = "Session clock (s)"


def show_prediction(predicted: Predicted) -> Section:
    """Return the section of a prediction: recorded, probable and drawn spikes, and one unit closely."""
    recorded, span = predicted.recorded, [Span("test", predicted.start, predicted.stop)]
    trains = [_cut(train, predicted) for train in recorded.trains]
    width = choose_width(predicted.stop - predicted.start, len(trains), predicted.bin_size)
    expected = _average(predicted, width)
    low, top = 0.1 * float(np.nanmax(expected)) / 100, float(np.nanmax(expected))
    how: dict[str, Any] = {"width": width, "limits": (low, top), "span": span}
    parts: list[Part] = [
        _map(
            predicted, "recorded_map", "Recorded spikes", _count(trains, predicted, width), "recorded", **how
        ),
        _map(predicted, "probability_map", "Predicted probability", expected, "", **how),
        _map(
            predicted,
            "drawn_map",
            "A draw from it",
            _count(predicted.drawn, predicted, width),
            "drawn",
            **how,
        ),
        *_draw_gain(predicted, span),
        _draw_unit(predicted, span),
        _draw_unit_seconds(predicted, trains, span),
        _draw_unit_calibration(predicted),
    ]
    return Section("prediction", "Prediction", parts)


def pack_drawn(predicted: Predicted) -> dict[str, PageTrains]:
    """Return recorded and drawn spikes for a page, those that are few enough."""
    packed = {}
    recorded = predicted.recorded.pack()
    if recorded is not None:
        packed["recorded"] = recorded
    counts = np.array([len(train) for train in predicted.drawn], dtype=np.int64)
    if counts.sum() <= MOST_SPIKES:
        packed["drawn"] = PageTrains(np.concatenate([*predicted.drawn, np.zeros(0)]), counts)
    return packed


def find_jumps(predicted: Predicted) -> list[Jump]:
    """Return the best and the worst predicted seconds, by what is gained over the mean rate."""
    begins, gain = predicted.gain_by_second
    order = np.argsort(gain, kind="stable")
    some = min(_NUM_JUMPS, len(order) // 2)
    best, worst = order[::-1][:some], order[:some]
    return [
        # half a second on either side, to see what came before
        Jump(f"{kind}: {begins[at]:.6g} s, {gain[at]:+.3g} bits", begins[at] - 0.5, begins[at] + 1.5)
        for kind, places in (("best", best), ("worst", worst))
        for at in places.tolist()
    ]


def _cut(train: np.ndarray, predicted: Predicted) -> np.ndarray:
    return train[(train >= predicted.start) & (train < predicted.stop)]


def _count(trains: list[np.ndarray], predicted: Predicted, width: float) -> np.ndarray:
    """Return rates in bins of a map, NaN where a unit was not observed."""
    return count_in_bins(trains, predicted.recorded.seen, predicted.start, predicted.stop, width)


def _average(predicted: Predicted, width: float) -> np.ndarray:
    """Return the predicted rate (Hz) in bins of `width`: array (unit, bin), NaN where nothing was "
    "observed."""
    step = max(1, round(width / predicted.bin_size))
    edges = np.arange(0, len(predicted.probability), step)
    known = np.isfinite(predicted.probability)
    if known.all():
        total = np.add.reduceat(predicted.probability, edges, axis=0, dtype=np.float64)
        count: Any = np.diff(np.append(edges, len(predicted.probability)))[:, None]
    else:
        total = np.add.reduceat(np.where(known, predicted.probability, 0.0), edges, axis=0, dtype=np.float64)
        count = np.add.reduceat(known, edges, axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        averaged: np.ndarray = (total / count / predicted.bin_size).T.astype(np.float32)
    return averaged


def _map(
    predicted: Predicted,
    name: str,
    title: str,
    values: np.ndarray,
    trains: str,
    *,
    width: float,
    limits: tuple[float, float],
    span: list[Span],
) -> Panel:
    what = {
        "recorded_map": "Recorded spikes as rates",
        "probability_map": f"The probability of a spike that {predicted.model} gives each bin, as a rate",
        "drawn_map": "Spikes drawn from the probabilities with seed "
        f"{predicted.attrs.get('draw_seed', 0)}, as the "
        "file stores them, as rates",
    }[name]
    closer = " Zoom in until there are fewer than 20,000 spikes to see each of them." if trains else ""
    caption = (
        f"{what}, in bins of {width:g} s; one logarithmic scale for the three maps, beyond whose ends "
        "colours do "
        f"not change.{closer}"
    )
    x = predicted.start + width * (np.arange(values.shape[1]) + 0.5)
    drawn = Mark("map", x, np.arange(len(values)), values, scale="rate (Hz)", limits=limits, is_log=True)
    height = max(240, min(460, 100 + 2 * len(values)))
    return Panel(
        name,
        title,
        caption,
        [drawn],
        _CLOCK,
        "Unit (row)",
        is_time=True,
        spans=span,
        height=height,
        spikes=trains,
        rows_are_units=True,
    )


def _draw_gain(predicted: Predicted, span: list[Span]) -> list[Part]:
    begins, gain = predicted.gain_by_second
    if not len(gain):
        return []
    return [
        Panel(
            "gain",
            "What is gained, second by second",
            f"Bits that {predicted.model} gains over the mean rate of the training segment, all units "
            "together, in "
            "each second. Above the line: better than the mean rate. The list in the bar above goes to "
            "the best "
            "and to the worst.",
            [Mark("line", begins + 0.5, gain, colour=PREDICTED)],
            _CLOCK,
            "Gain (bits per second)",
            is_time=True,
            spans=span,
            lines_y=(0.0,),
            height=240,
        )
    ]


def _draw_unit(predicted: Predicted, span: list[Span]) -> Panel:
    num_units = predicted.probability.shape[1]
    seconds = predicted.stop - predicted.start
    width = choose_width(seconds, num_units, predicted.bin_size, _FINE_COLUMNS)
    values = _average(predicted, width) * predicted.bin_size
    x = predicted.start + width * (np.arange(values.shape[1]) + 0.5)
    return Panel(
        "unit_probability",
        "One unit: its probability against its spikes",
        f"Probability of a spike in a bin of {predicted.bin_size * 1000:g} ms, averaged over {width:g} s, "
        "and below "
        "it the unit's recorded spikes, drawn where they are fewer than 4,000.",
        [Mark("line", x, values, by_unit=("y",), colour=PREDICTED)],
        _CLOCK,
        "Probability",
        is_time=True,
        spans=span,
        height=260,
        notes=_note_units(predicted),
        unit_spikes="recorded" if predicted.recorded.num_spikes <= MOST_SPIKES else "",
    )


def _note_units(predicted: Predicted) -> list[str]:
    bits, areas = predicted.bits_by_unit, predicted.areas_by_unit
    counts = [len(_cut(train, predicted)) for train in predicted.recorded.trains]
    above = {MEAN: "above its mean rate", PAST: "above its own past"}
    notes = []
    for unit, count in enumerate(counts):
        told = [
            f"{bits[name][unit]:.3g} bits per spike {said}"
            for name, said in above.items()
            if name in bits and np.isfinite(bits[name][unit])
        ]
        area = f"ROC-AUC {areas[unit]:.3g} within the unit" if np.isfinite(areas[unit]) else ""
        notes.append("; ".join(filter(None, [f"{count:,} spikes predicted", *told, area])))
    return notes


def _draw_unit_seconds(predicted: Predicted, trains: list[np.ndarray], span: list[Span]) -> Panel:
    width = max(
        1.0, choose_width(predicted.stop - predicted.start, max(750, len(trains)), predicted.bin_size)
    )
    expected, counted = _average(predicted, width), _count(trains, predicted, width)
    x = predicted.start + width * (np.arange(expected.shape[1]) + 0.5)
    return Panel(
        "unit_seconds",
        "One unit: expected and recorded spikes",
        f"Expected and recorded rate of the chosen unit, in bins of {width:g} s.",
        [
            Mark("line", x, counted, name="recorded", by_unit=("y",), colour=RECORDED),
            Mark("line", x, expected, name=predicted.model, by_unit=("y",), colour=PREDICTED),
        ],
        _CLOCK,
        "Rate (Hz)",
        is_time=True,
        spans=span,
        height=240,
    )


def _draw_unit_calibration(predicted: Predicted) -> Panel:
    groups = predicted.calibration_by_unit
    kept = np.where(groups > 0, groups, np.nan)
    notes = [
        f"{int(np.isfinite(each[0]).sum())} groups of its bins, {int((each[1] > 0).sum())} of them with a "
        "spike"
        for each in groups
    ]
    return Panel(
        "unit_calibration",
        "One unit: calibration",
        "Bins of the chosen unit in up to 20 groups of equal size by probability: mean probability "
        "against the "
        "share that has a spike. On the dashed line a probability means what it says; groups without a spike "
        "have no place on this scale.",
        [_diagonals(kept), Mark("points", kept[:, 0], kept[:, 1], by_unit=("x", "y"), colour=PREDICTED)],
        "Predicted probability",
        "Share of bins with a spike",
        x_is_log=True,
        y_is_log=True,
        height=320,
        notes=notes,
    )


def _diagonals(groups: np.ndarray) -> Mark:
    """Return the line of `draw_diagonal` for each unit, as long as its own groups."""
    marks = [draw_diagonal(each) for each in groups]
    ends = np.stack([mark.x for mark in marks])
    return dataclasses.replace(marks[0], x=ends, y=ends, by_unit=("x", "y"))
