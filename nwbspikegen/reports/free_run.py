"""The page of a free run: what a model generates by itself, beside what was recorded."""

from __future__ import annotations

import dataclasses
import os

import numpy as np
import pandas as pd

from nwbspikegen.core.addresses import name_of
from nwbspikegen.plot.canvas import PREDICTED, RECORDED
from nwbspikegen.prediction.nwb_reading import (
    list_results,
    read_generated_units,
    read_models,
    read_realism,
    read_statistics,
    read_verdicts,
)
from nwbspikegen.reports.head import describe_recording, show_head
from nwbspikegen.reports.methods import describe_survey
from nwbspikegen.reports.parts import Mark, Page, PageTrains, Panel, Part, Section, Table
from nwbspikegen.reports.predicted import cut
from nwbspikegen.reports.recorded import Recorded, read_recorded
from nwbspikegen.reports.recording import draw_population_rate, draw_raster, mark_units
from nwbspikegen.scoring.meanings import tell_statistics
from nwbspikegen.scoring.metrics import ISI_DISTANCE
from nwbspikegen.views import open_units


def make_free_run_page(path: str | os.PathLike[str], command: str) -> Page:
    """Return the page of a file of `generate --free-run`."""
    generated, statistics = read_generated_units(path), read_statistics(path)
    held = list_results(path)
    models = read_models(path) if "models" in held else pd.DataFrame()
    units = open_units(path).sel(unit=list(generated))
    trains = [np.sort(train) for train in generated.values()]
    start, stop = _find_extent(trains, units)
    recorded = read_recorded(cut(units, start, stop), {})
    run = dataclasses.replace(recorded, trains=trains, seen=[np.array([[start, stop]])] * len(trains))
    pivoted = statistics.pivot_table(
        index="train", columns="statistic", values="value", sort=False, dropna=False
    )
    table = pivoted.reset_index().rename_axis(columns=None)
    told = tell_statistics(["train", *table.columns])
    parts: list[Part] = [
        _rename(draw_raster(recorded, "recorded_raster", "Spikes", "recorded"), "recorded"),
        _rename(draw_raster(run, "generated_raster", "Spikes", "drawn"), "generated (the first sample)"),
        _rename(draw_population_rate(recorded, "recorded_population"), "recorded"),
        _rename(
            draw_population_rate(run, "generated_population", colour=PREDICTED),
            "generated (the first sample)",
        ),
        _draw_rates(recorded, run),
        Table("statistics", "How they compare", table, "Point at a heading for what it means.", told),
    ]
    if "realism" in held:
        parts.append(_show_realism(read_realism(path)))
    if "verdicts" in held:
        parts.append(_show_verdicts(read_verdicts(path)))
    row = models.iloc[0] if len(models) else None
    facts = {
        **describe_recording(recorded),
        "Model": "" if row is None else f"{row['name']}, trained with {row.loss}",
        "Generated": f"{start:,.6g} to {stop:,.6g} s, on the model's own spikes",
    }
    packed = {name: each for name, each in (("recorded", recorded.pack()), ("drawn", run.pack())) if each}
    return Page(
        name_of(path),
        "free run",
        [
            show_head(name_of(path), facts, command, verdict=_judge(table)),
            Section("free_run", "Free run", parts),
        ],
        units=recorded.names,
        first_unit=recorded.first_unit,
        trains=_keep_packed(packed),
        methods=(
            "After it had read the recording up to the test segment, the model went on by itself: in "
            "every bin "
            "spikes were drawn from its probabilities and read as its own past. A free run is compared "
            "with the "
            f"recording by its statistics, not scored bin by bin. {describe_survey(recorded)}"
        ),
    )


def _show_realism(distances: pd.DataFrame) -> Table:
    meanings = {
        "distance": "From the recorded stretches; 1: as far as two of these are from each other.",
        "own_low": "The least distance between two recorded stretches, in the same unit.",
        "own_high": "The largest of them.",
        "recorded": "Mean of the statistic over what was recorded.",
        "generated": "Mean of the statistic over what was generated.",
    }
    told = distances.attrs.get("meanings", {})
    frame = distances.assign(meaning=[told.get(name, "") for name in distances["statistic"]])
    caption = "How far the run is from the recording, in units of how far the recording is from itself."
    return Table("realism", "Would it pass for the recording?", frame, caption, meanings)


def _show_verdicts(verdicts: pd.DataFrame) -> Table:
    meanings = {
        "judge": "What was trained to tell, and from which recording where it is another.",
        "train": "What it tells from the recorded test segment.",
        "roc_auc": "0.5: it cannot tell; 1: it always does.",
        "ci_low": "The lower end of the 95 % interval.",
        "ci_high": "The upper end.",
    }
    caption = "How well judges tell the run, and what was observed before it, from what was recorded then."
    return Table("verdicts", "Do judges tell it from the recording?", verdicts, caption, meanings)


def _keep_packed(packed: dict[str, PageTrains]) -> dict[str, PageTrains]:
    return {name: trains for name, trains in packed.items() if len(trains.counts)}


def _find_extent(trains: list[np.ndarray], units: object) -> tuple[float, float]:
    """Return whole seconds around what was generated; the file stores no other limits of a run."""
    times = np.concatenate([*trains, np.zeros(0)])
    if not len(times):
        first = float(units.time[0])  # type: ignore[attr-defined]
        return first, first + 1.0
    return float(np.floor(times.min())), float(np.ceil(times.max()))


def _rename(panel: Panel, which: str) -> Panel:
    """Return a panel whose title and caption say which spikes it shows."""
    title = f"{panel.title.partition(',')[0]}, {which}"
    return dataclasses.replace(panel, title=title, caption=f"{which.capitalize()}. {panel.caption}")


def _judge(table: pd.DataFrame) -> str:
    """Return how the first sample compares with what was observed before, by the numbers of the table."""
    rows = table.set_index("train")
    first = rows.iloc[0]
    told = []
    if {"mean_rate_hz", "recorded_rate_hz"} <= set(rows):
        told.append(
            f"The model's own spikes come at {first.mean_rate_hz:.3g} Hz per unit where "
            f"{first.recorded_rate_hz:.3g} Hz "
            "were recorded"
        )
    if ISI_DISTANCE.name in rows and len(rows) > 1:
        last = rows.iloc[-1]
        told.append(
            f"their intervals lie {first[ISI_DISTANCE.name]:.2g} s from the recorded ones, those observed "
            f"before {last[ISI_DISTANCE.name]:.2g} s"
        )
    if "pair_correlation" in rows and len(rows) > 1:
        told.append(
            f"correlations of pairs agree by {first.pair_correlation:.2g}, before by "
            f"{rows.iloc[-1].pair_correlation:.2g}"
        )
    return f"{'; '.join(told)}." if told else ""


def _draw_rates(recorded: Recorded, run: Recorded) -> Panel:
    seconds = recorded.stop - recorded.start
    there, own = (np.array([len(train) / seconds for train in each.trains]) for each in (recorded, run))
    places = np.flatnonzero((there > 0) & (own > 0))
    both = np.concatenate([there[places], own[places], [1e-2]])
    ends = np.array([both.min(), both.max()])
    left = len(there) - len(places)
    return Panel(
        "rates_compared",
        "Rates, generated against recorded",
        "Rate of every unit in the first sample against its recorded rate; on the dashed line they are "
        f"the same. {left} "
        "units that are silent in one of them have no place on this scale.",
        [
            Mark("line", ends, ends, name="the same", is_faint=True, colour=RECORDED),
            mark_units(recorded, there[places], own[places], places, colour=PREDICTED),
        ],
        "Recorded rate (Hz)",
        "Generated rate (Hz)",
        x_is_log=True,
        y_is_log=True,
        height=340,
    )
