"""Models that benchmarks/explain.py explains, trained into a folder or taken from it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from recordings import RECORDINGS

import nwbspikegen as nsg
from nwbspikegen.explain.correlations import correlate_rates
from nwbspikegen.explain.explanation import Explanation
from nwbspikegen.explain.maps import map_attention
from nwbspikegen.explain.nwb import read_attention
from nwbspikegen.explain.results import state_results
from nwbspikegen.explain.run import explain_and_write
from nwbspikegen.models import FittedModel, load_model
from nwbspikegen.views import Split, open_window

_MOST_TRAINING, _MOST_VALIDATION = 200_000, 100_000
_PAPERS_START = {"start_at_rates": False}
SHORT = {**_PAPERS_START, "num_bins": 500, "batch_size": 2}
"""Windows that a small training budget can afford: 400 steps an epoch instead of 16."""


@dataclass(frozen=True)
class Run:
    """A model of a recording: how it is trained, and what its controls may cost."""

    recording: str
    model: str
    kind: str
    loss: str | None = None
    epochs: int | None = None
    learning_rate: float | None = None
    num_targets: int = 300
    retrain: bool = False
    settings: dict[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def key(self) -> str:
        """Name of its folder, file and figures."""
        return f"{self.model}_{self.kind}_{self.recording}".replace("__", "_")

    @property
    def title(self) -> str:
        """What it is, in a heading."""
        bins = {"full": ", 3,125 bins", "short": ", 500 bins", "bernoulli": ", 500 bins, Bernoulli"}
        return f"{self.recording}, `{self.model}`{bins.get(self.kind, '')}"


FULL = tuple(
    Run(name, "shimono2026", "full", "dice", 3, settings=_PAPERS_START)
    for name in ("slice_210511", "ibl_nyu40_20210414")
)
SHORT_WINDOWS = tuple(
    Run(name, "shimono2026", "short", "dice", 2, 1e-2, retrain=name == "slice_210511", settings=SHORT)
    for name in RECORDINGS
)
BERNOULLI = Run("slice_210511", "shimono2026", "bernoulli", "bernoulli", 2, 1e-2, settings=SHORT)
IN_CONTEXT = tuple(
    Run(name, "in_context", "", num_targets=60) for name in ("slice_210511", "ibl_nyu40_20210414")
)


def open_run(folder: Path, run: Run) -> tuple[Path, Any, Split]:
    """Return a recording as NWB, its window, and its parts."""
    recording = RECORDINGS[run.recording]
    path = recording.to_nwb(folder)
    return path, *open_window(path, recording.options)


def fit(folder: Path, run: Run) -> FittedModel:
    """Train on at most the latest 200 s of the training segment, or take the model that is there.

    Longer recordings validate on the first 100 s after it.
    """
    out = folder / run.key
    if not out.is_dir():
        _, _, parts = open_run(folder, run)
        training = parts.train.isel(time=slice(-_MOST_TRAINING, None))
        validation = parts.validation.isel(time=slice(0, _MOST_VALIDATION))
        fitted = nsg.train(
            training,
            validation,
            model=run.model,
            loss=run.loss,
            epochs=run.epochs,
            learning_rate=run.learning_rate,
            progress=False,
            **run.settings,
        )
        record = {**fitted.training, "options": RECORDINGS[run.recording].options.as_dict()}
        dataclasses.replace(fitted, training=record).save(out)
    return load_model(out)


def explain_run(folder: Path, run: Run) -> tuple[FittedModel, Path, Explanation]:
    """Explain a run and write the file, or read the file that is there."""
    fitted, out = fit(folder, run), folder / f"{run.key}_desc-explain_ecephys.nwb"
    if not out.is_file():
        source, _, _ = open_run(folder, run)
        explain_and_write(fitted, source, out, num_targets=run.num_targets, retrain=run.retrain)
    maps, correlations, ablations = read_attention(out)
    return fitted, out, Explanation(maps, correlations, ablations, state_results(ablations))


def correlate_run(folder: Path, run: Run, num_windows: int) -> pd.DataFrame:
    """Return how profiles follow firing in windows of the test segment, or the table that is there."""
    table = folder / f"{run.key}_correlations.csv"
    if not table.is_file():
        _, units, parts = open_run(folder, run)
        found = map_attention(fit(folder, run), parts.test, context=units, most_windows=num_windows)
        correlate_rates(found).to_csv(table, index=False)
    return pd.read_csv(table)
