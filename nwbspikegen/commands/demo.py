"""The whole way on two simulated preparations, whose best possible prediction is known."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pandas as pd
import xarray as xr

from nwbspikegen.commands.convert import convert_sorting
from nwbspikegen.commands.generate import GenerationReport, generate_and_score
from nwbspikegen.commands.train import train_recordings
from nwbspikegen.core.files import write_whole
from nwbspikegen.core.plain_text import guard_formulas
from nwbspikegen.models import FittedModel
from nwbspikegen.prediction.one_step import generate
from nwbspikegen.scoring import make_baseline
from nwbspikegen.scoring.metrics import (
    AVERAGE_PRECISION_POOLED,
    BITS_PER_SPIKE,
    ROC_AUC_PER_UNIT,
    ROC_AUC_POOLED,
)
from nwbspikegen.simulation import Simulation, metadata_of, simulate
from nwbspikegen.views import Split, WindowOptions, open_window
from nwbspikegen.views.observed import read_bins

_LOG = logging.getLogger("nwbspikegen")

_PREPARATIONS = ("in_vitro", "in_vivo")
# as in benchmarks/simulated.py, whose figures the demonstration shows the like of
_NUM_UNITS = 64
# s: 150 of training and 75 of test, which are eight blocks; 400 made the demonstration too long
_DURATION = 300.0
_TABLE_FILE = "scores.csv"
FIGURE_FILE = "demo.png"
_TRUTH = "true_intensity"
_MEAN = "mean_rate"
_COLUMNS = {
    each.name: each.column
    for each in (BITS_PER_SPIKE, ROC_AUC_PER_UNIT, ROC_AUC_POOLED, AVERAGE_PRECISION_POOLED)
}


def demonstrate(out: str | os.PathLike[str], *, seed: int = 0, overwrite: bool = False) -> pd.DataFrame:
    """Simulate two preparations, train on each, predict itself and the other, and write all of it.

    Parameters
    ----------
    out : path
        Folder to write: two recordings, two models, four derived NWB files, one figure, one table.
    seed : int
        Of the simulations, the training and the drawn spikes.
    overwrite : bool
        Replace `out`.

    Returns
    -------
    DataFrame
        The scores of all directions, with the columns ``trained_on`` and ``tested_on`` before those
        of `score`, and ``share_of_best``: bits per spike over those of the true intensity.
        ``attrs["failed_audits"]`` names the audits that failed, none when all is well.
    """
    with write_whole(out, overwrite=overwrite, marker=_TABLE_FILE) as folder:
        folder.mkdir()
        simulations = {
            name: simulate(name, num_units=_NUM_UNITS, duration=_DURATION, seed=seed)
            for name in _PREPARATIONS
        }
        recordings = {name: _convert(simulation, folder) for name, simulation in simulations.items()}
        options = WindowOptions(duration=_DURATION, skip_units=0, take_units=_NUM_UNITS)
        models = {
            name: train_recordings([path], folder / f"model-{name}", options=options, seed=seed).model
            for name, path in recordings.items()
        }
        reports = {
            (trained, tested): _predict(
                models[trained], trained, recordings[tested], simulations[tested], options, seed
            )
            for trained in _PREPARATIONS
            for tested in _PREPARATIONS
        }
        table = pd.concat(
            [_label(report, *direction) for direction, report in reports.items()], ignore_index=True
        )
        # also the mark by which --overwrite knows a folder of this command
        guard_formulas(table).to_csv(folder / _TABLE_FILE, index=False)
        table.attrs["failed_audits"] = _find_failed(reports)
        _draw(reports, recordings["in_vivo"], simulations["in_vivo"], options, folder / FIGURE_FILE)
    return table


def format_demonstration(table: pd.DataFrame) -> str:
    """Return predictor x direction as text."""
    kept = table[table["null"].isin(["", _MEAN]) & table.metric.isin(list(_COLUMNS))]
    index = ["trained_on", "tested_on", "predictor"]
    wide = kept.pivot_table(index=index, columns="metric", values="value", sort=False)
    wide = wide[list(_COLUMNS)].rename(columns=_COLUMNS)
    shares = table.dropna(subset="share_of_best").groupby(index, sort=False).share_of_best.first()
    wide["share of best"] = shares
    return wide.reset_index().to_string(index=False, float_format="{:.3f}".format)


def _convert(simulation: Simulation, folder: Path) -> Path:
    metadata = metadata_of(simulation)
    subject = metadata["Subject"]["subject_id"]
    # DANDI's layout, so that the folder can be shared as it is
    (folder / f"sub-{subject}").mkdir()
    path = folder / f"sub-{subject}" / f"sub-{subject}_ecephys.nwb"
    return convert_sorting(simulation.sorting, path, metadata=metadata)


def _predict(
    model: FittedModel,
    trained: str,
    recording: Path,
    simulation: Simulation,
    options: WindowOptions,
    seed: int,
) -> GenerationReport:
    units, parts = open_window(recording, options, report=False)
    truth = _find_truth(units, parts, simulation)
    # DANDI's names have one word after "desc-": no underscore, no hyphen
    described = f"desc-spikegen-from-{trained}".replace("_", "").replace("spikegen-from-", "spikegenfrom")
    out = recording.with_name(recording.name.replace("_ecephys", f"_{described}_ecephys"))
    _LOG.info("predicting %s with the model of %s", simulation.preparation, trained)
    return generate_and_score(
        model,
        recording,
        out,
        options=options,
        seed=seed,
        extra_predictions={_TRUTH: truth},
    )


def _label(report: GenerationReport, trained: str, tested: str) -> pd.DataFrame:
    scores = _scores_of(report)
    best = (
        scores[(scores.predictor == _TRUTH) & (scores.metric == BITS_PER_SPIKE.name)].set_index("null").value
    )
    scores = scores.assign(share_of_best=float("nan"))
    rows = scores.metric == BITS_PER_SPIKE.name
    # each null has its own best: the bits of the true intensity above it
    scores.loc[rows, "share_of_best"] = scores.value[rows] / best.loc[scores["null"][rows]].to_numpy()
    scores.insert(0, "trained_on", trained)
    scores.insert(1, "tested_on", tested)
    return scores


def _scores_of(report: GenerationReport) -> pd.DataFrame:
    assert report.scores is not None  # the test segment is never used for training
    return report.scores


def _find_truth(units: xr.Dataset, parts: Split, simulation: Simulation) -> xr.DataArray:
    truth = xr.DataArray(simulation.intensity, coords=units.coords, dims=("time", "unit"), attrs=units.attrs)
    # a simulation's first bin is the recording's: the truth of every bin is at its place
    return truth.sel(time=parts.test.time)


def _find_failed(reports: dict[tuple[str, str], GenerationReport]) -> list[str]:
    return [
        f"{audit} ({trained} to {tested})"
        for (trained, tested), report in reports.items()
        for audit in report.audits.loc[~report.audits.passed.astype(bool), "audit"]
    ]


def _draw(
    reports: dict[tuple[str, str], GenerationReport],
    recording: Path,
    simulation: Simulation,
    options: WindowOptions,
    path: Path,
) -> None:
    """Draw what both models predict of the in vivo preparation, beside the rates and the best possible."""
    from nwbspikegen.plot import plot_generation

    units, parts = open_window(recording, options, report=False)
    rates = make_baseline(_MEAN)
    fitted_on = read_bins(parts.train)
    rates.fit(fitted_on.spikes, float(units.attrs["bin_size"]), fitted_on.observed)
    predictions, rows = {}, []
    for trained in _PREPARATIONS:
        report = reports[trained, "in_vivo"]
        model = str(report.spike_probability.attrs["model"])
        name = f"{model}, trained on {trained}"
        predictions[name] = report.spike_probability
        rows.append(_scores_of(report).replace({"predictor": {model: name}}))
    # what is not of a model is the same in both
    scores = pd.concat(rows, ignore_index=True).drop_duplicates(["predictor", "metric", "null"])
    # models first: figures draw in that order, and the first on top
    scores = scores.sort_values("predictor", key=lambda names: ~names.isin(list(predictions)), kind="stable")
    predictions[_MEAN] = generate(rates, parts.test)
    predictions[_TRUTH] = _find_truth(units, parts, simulation)
    plot_generation(
        parts.test,
        predictions,
        scores,
        path,
        title="Simulated in vivo preparation; the raster is predicted by the model trained on in vitro",
    )
