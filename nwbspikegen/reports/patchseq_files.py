"""The pages of one patched cell: its recording with the spikes that are found, or what was measured of it."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pandas as pd

from nwbspikegen.core.addresses import name_of
from nwbspikegen.core.errors import InputError
from nwbspikegen.plot.canvas import COLOURS, PREDICTED, RECORDED
from nwbspikegen.reports.head import show_head
from nwbspikegen.reports.meanings import iterate_rows
from nwbspikegen.reports.parts import VERSION, Lamp, Lamps, Mark, Page, Panel, Part, Prose, Section, Table

# points of a trace: the least and the most of each stretch are kept, so that no spike is lost
_MOST_POINTS = 3_000
_SWEEPS = {
    "number": "Number of the sweep in its file.",
    "protocol": "long_square, short_square, ramp or other.",
    "amplitude_pa": "Height of the step, or last value of the ramp, above the holding current (pA).",
    "num_spikes": "Spikes that were found while the stimulus lasted.",
}


def make_patch_recording_page(path: str | os.PathLike[str], command: str) -> Page:
    """Return the page of a current-clamp recording: every sweep with the spikes that are found in it."""
    from nwbspikegen.patchseq.features.measure import spike_cell
    from nwbspikegen.patchseq.reading.cells import read_cell
    from nwbspikegen.patchseq.reading.compensation import describe_compensation
    from nwbspikegen.patchseq.spikes.detect import tabulate_spikes

    cell = read_cell(path)
    sweeps = list(cell.load_all())
    tables = [tabulate_spikes(each) for each in spike_cell(sweeps)]
    table = cell.tabulate()
    table["num_spikes"] = [len(each) for each in tables]
    kept = ["number", "protocol", "stimulus_code", "amplitude_pa", "num_spikes", "sampling_rate_hz", "start"]
    facts = {
        "Cell": cell.identifier,
        "Subject": cell.subject_id,
        "Species": cell.species,
        "Session": cell.session_id,
        "Class": cell.metadata.get("cell_class", ""),
        "Sweeps": f"{len(sweeps)} that passed, {len(cell.rejected)} left out",
        "Amplifier": describe_compensation(table, cell.metadata.get("liquid_junction", "")),
    }
    lamps = [Lamp("note", f"sweep {row.number}", str(row.reason)) for row in iterate_rows(cell.rejected)]
    first = int(np.argmax(table["num_spikes"].to_numpy())) if len(table) else 0
    parts: list[Part] = [
        *_draw_traces(sweeps, tables),
        _draw_responses(table),
        Table("sweeps", "All sweeps", table[kept], "", _SWEEPS),
    ]
    if lamps:
        parts.append(Lamps("Sweeps that were left out", lamps))
    spiking = int((table.num_spikes > 0).sum())
    verdict = f"{sum(table.num_spikes)} spikes were found in {spiking} of {len(table)} sweeps."
    return Page(
        name_of(path),
        "current-clamp recording",
        [
            show_head(name_of(path), facts, command, verdict=verdict),
            Section("sweeps_section", "Sweeps", parts),
        ],
        units=[f"{row.number} ({row.protocol}, {row.amplitude_pa:.4g} pA)" for row in iterate_rows(table)],
        unit_word="Sweep",
        first_unit=first,
        methods=f"Spikes were detected in {len(sweeps)} sweeps with nwbspikegen {VERSION}.",
    )


def _draw_traces(sweeps: list[Any], tables: list[pd.DataFrame]) -> list[Part]:
    """Return potential and current of the chosen sweep, and the peaks of its spikes."""
    potentials = [_thin(each.voltage_mv, each.info.sampling_rate_hz) for each in sweeps]
    currents = [_thin(each.current_pa, each.info.sampling_rate_hz) for each in sweeps]
    peaks = [_find_peaks(each, sweep) for each, sweep in zip(tables, sweeps, strict=True)]
    notes = [f"{len(each)} spikes" for each in tables]
    how: dict[str, Any] = {"by_unit": ("x", "y")}
    trace = Mark("line", *_pad(potentials), name="potential", colour=RECORDED, **how)
    found = Mark("points", *_pad(peaks), name="peaks of spikes", colour=COLOURS[1], **how)
    return [
        Panel(
            "trace",
            "One sweep, and its spikes",
            "Membrane potential of the chosen sweep and the peak of every spike that is found; of dense "
            "samples the "
            "least and the most of each stretch are drawn.",
            [trace, found],
            "Time in the sweep (s)",
            "Potential (mV)",
            height=340,
            notes=notes,
        ),
        Panel(
            "current",
            "What was injected",
            "Injected current of the chosen sweep, with the test pulse where there is one.",
            [Mark("line", *_pad(currents), colour=PREDICTED, **how)],
            "Time in the sweep (s)",
            "Current (pA)",
            height=220,
        ),
    ]


def _find_peaks(table: pd.DataFrame, sweep: Any) -> tuple[np.ndarray, np.ndarray]:
    if not len(table):
        return np.zeros(0), np.zeros(0)
    return table["peak_t"].to_numpy(dtype=float), table["peak_v"].to_numpy(dtype=float)


def _thin(values: np.ndarray, rate_hz: float) -> tuple[np.ndarray, np.ndarray]:
    """Return times and values, of long traces the extremes of each stretch in their order."""
    time = np.arange(len(values)) / rate_hz
    step = 2 * -(-len(values) // _MOST_POINTS)
    if step <= 2:
        return time, values
    whole = len(values) // step * step
    rows = values[:whole].reshape(-1, step)
    low, high = np.nanargmin(_fill(rows), axis=1), np.nanargmax(_fill(rows), axis=1)
    places = np.sort(np.stack([low, high], axis=1), axis=1) + np.arange(len(rows))[:, None] * step
    kept = places.ravel()
    return time[kept], values[kept]


def _fill(rows: np.ndarray) -> np.ndarray:
    """Return rows of which none is empty: what was not recorded throughout a stretch has no extreme."""
    return np.where(np.isfinite(rows).any(axis=1)[:, None], rows, 0.0)


def _pad(lines: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """Return lines of different lengths as two arrays (line, point), NaN behind their ends."""
    length = max([len(x) for x, _ in lines] + [1])
    x, y = np.full((2, len(lines), length), np.nan)
    for row, (at, values) in enumerate(lines):
        x[row, : len(at)], y[row, : len(at)] = at, values
    return x, y


def _draw_responses(table: pd.DataFrame) -> Panel:
    marks = []
    for place, protocol in enumerate(dict.fromkeys(table.protocol)):
        rows = np.flatnonzero(table.protocol == protocol)
        x, y = (table[name].to_numpy(dtype=float)[rows] for name in ("amplitude_pa", "num_spikes"))
        text = [
            f"sweep {table.number[row]}: {a:.4g} pA, {b:.0f} spikes"
            for row, a, b in zip(rows, x, y, strict=True)
        ]
        colour = COLOURS[place % len(COLOURS)]
        name = str(protocol).replace("_", " ")
        marks.append(Mark("points", x, y, name=name, text=text, units=rows.tolist(), colour=colour))
    return Panel(
        "responses",
        "Spikes against current",
        "Spikes of every sweep against the height of its step. Click on a sweep to see it above.",
        marks,
        "Current (pA)",
        "Spikes",
        height=300,
    )


def make_patchseq_file_page(path: str | os.PathLike[str], command: str) -> Page:
    """Return the page of a file that `patchseq features` or `patchseq predict` wrote of one cell."""
    from nwbspikegen.patchseq.nwb.reading import (
        read_cell_scalars,
        read_family_vectors,
        read_left_out_sweeps,
        read_predictions,
        read_sweep_features,
    )

    families, reasons, preset = read_family_vectors(path)
    sweeps, left_out = read_sweep_features(path), read_left_out_sweeps(path)
    predictions = _read_or_none(read_predictions, path)
    scalars = _read_or_none(read_cell_scalars, path) or {}
    parts: list[Part] = [] if predictions is None else _draw_predictions(predictions)
    for name, vector in families.items():
        x = np.arange(len(vector), dtype=float)
        title = name.replace("_", " ")
        said = f"Family {name} of the preset {preset}."
        drawn = [Mark("line", x, vector, colour=COLOURS[0])]
        parts.append(Panel(f"family_{name}", title, said, drawn, "Sample", title, height=220))
    lamps = [Lamp("note", name.replace("_", " "), reason) for name, reason in reasons.items()]
    lamps += [Lamp("note", f"sweep {row.number}", str(row.reason)) for row in iterate_rows(left_out)]
    if lamps:
        parts.append(Lamps("What is missing, and why", lamps))
    table = pd.DataFrame({"scalar": list(scalars), "value": list(scalars.values())})
    parts += [Table("sweeps", "Sweeps", sweeps, "", _SWEEPS), Table("scalars", "Scalars", table)]
    facts = {
        "Sweeps": f"{len(sweeps)} measured, {len(left_out)} left out",
        "Families": f"{len(families)} ({preset}), {len(reasons)} missing",
    }
    head = show_head(name_of(path), facts, command, verdict=_judge(predictions))
    return Page(name_of(path), "patch-clamp features of a cell", [head, Section("cell", "Cell", parts)])


def _read_or_none(read: Any, path: Any) -> Any:
    try:
        return read(path)
    except InputError:
        # the table is not in every file
        return None


def _judge(predictions: pd.DataFrame | None) -> str:
    if predictions is None:
        return ""
    told = []
    for row in predictions.to_dict("records"):
        share = row.get(f"probability_{row['predicted_class']}", np.nan)
        said = f"{row['model_name']} says {row['predicted_class']} with a probability of {share:.2f}"
        if "class_set" in row and "distance" in row:
            said += f", set {row['class_set'] or 'empty'}, distance {row['distance']:.2g}"
        told.append(f"{said} ({row['doubt']})" if row.get("doubt") else said)
    return f"{'; '.join(told)}."


def _draw_predictions(predictions: pd.DataFrame) -> list[Part]:
    """Return the probabilities of the classes, and the attention to families where the model has some."""
    panels: list[Part] = []
    for kind, title, what in (
        ("probability_", "Probability of each class", "class"),
        ("attention_", "Attention to each family", "family"),
    ):
        columns = [str(name) for name in predictions if str(name).startswith(kind)]
        known = predictions[columns].to_numpy(dtype=float) if columns else np.zeros((0, 0))
        if not np.isfinite(known).any():
            continue
        x = np.arange(len(columns), dtype=float)
        marks = [
            Mark("points", x, values, name=str(name))
            for name, values in zip(predictions.model_name, known, strict=True)
            if np.isfinite(values).any()
        ]
        names = {
            float(place): name.removeprefix(kind).replace("_", " ") for place, name in enumerate(columns)
        }
        said = f"{title}, as each model gives it; a {what} without a point has none."
        panels.append(Panel(kind.rstrip("_"), title, said, marks, what, "Share", x_names=names, height=260))
    return panels or [Prose("The file has no predictions.")]
