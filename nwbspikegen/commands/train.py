"""Train on recordings and save the model: the whole of `nwbspikegen train`."""

from __future__ import annotations

import dataclasses
import glob
import hashlib
import json
import logging
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from nwbspikegen.commands.beside import require_beside
from nwbspikegen.commands.hold_out import Recording, plan_folds, score_zero_shot
from nwbspikegen.core.cards import require_license
from nwbspikegen.core.files import require_absent
from nwbspikegen.core.large_arrays import large_arrays_in
from nwbspikegen.core.owners import hold_alone
from nwbspikegen.core.predictor import Bins
from nwbspikegen.models import DESCRIPTION_FILE, FittedModel, find_architecture
from nwbspikegen.models.cost import (
    PROBE_BINS,
    build_probe,
    estimate_reading_seconds,
    is_worth_telling,
    tell_cost,
)
from nwbspikegen.scoring.metrics import BITS_PER_SPIKE, ROC_AUC_PER_UNIT
from nwbspikegen.training import train
from nwbspikegen.training.loggers import make_logger, require_logger
from nwbspikegen.training.populations import require_populations
from nwbspikegen.training.settings import require_settings
from nwbspikegen.training.starting import load_start, require_unmet
from nwbspikegen.training.trainer import describe_options, require_options
from nwbspikegen.views import Split, WindowOptions, open_window
from nwbspikegen.views.holding import hold_window
from nwbspikegen.views.observed import read_bins, require_distinct
from nwbspikegen.views.opening import open_view

_LOG = logging.getLogger("nwbspikegen")
# spikes in memory, those that are read, and those of validation behind their past
_BYTES_PER_READ_PAIR = 3
# 59 features and four numbers beside them, in single precision
_BYTES_PER_EXAMPLE = 252


@dataclasses.dataclass(frozen=True)
class TrainingReport:
    """What `train_recordings` made.

    Attributes
    ----------
    model : FittedModel
        The model that was saved.
    held_out : dict
        Scores, one table for each recording that was held out, by its name as it was given.
    """

    model: FittedModel
    held_out: dict[str, pd.DataFrame]


def train_recordings(
    recordings: Sequence[Recording],
    out: str | os.PathLike[str],
    *,
    options: WindowOptions,
    hold_out: Sequence[Recording] = (),
    model: str = "in_context",
    loss: str | None = None,
    epochs: int | None = None,
    start_from: str | os.PathLike[str] | None = None,
    populations: int = 0,
    device: str = "auto",
    seed: int = 0,
    trainer: Mapping[str, Any] | None = None,
    logger: str | None = None,
    baselines: Sequence[str] | None = None,
    overwrite: bool = False,
    settings: Mapping[str, Any] | None = None,
    license: str = "",
) -> TrainingReport:
    """Train a model on recordings' windows and save it into the folder `out`.

    Every recording has the same weight in training. The state of the run lies beside `out` until it is
    done. A run that was interrupted goes on from there when everything is asked for as before; other
    parameters begin another run.

    Parameters
    ----------
    recordings : sequence of path or address
        NWB files.
    out : path
        Folder to write the model to.
    options : WindowOptions
        Window, units and split, of every recording.
    hold_out : sequence of path or address
        Recordings, among those given, that the saved model is not trained on but scored on. With
        `["each"]` every recording is held out once, from a model that is not kept, and the saved model
        is trained on all.
    model, loss, epochs, start_from, populations, device, seed, trainer
        As for `nwbspikegen.train`. No recording of training of the model to start from may be held out.
    logger : {"csv", "tensorboard"}, optional
        Write the scores of every epoch beside the model: to ``version_0`` and so on in the folder
        ``OUT-log``, one for each training.
    baselines : sequence of str, optional
        Which stand beside the model in the scores of recordings that were held out, as for
        `generate_and_score`.
    overwrite : bool
        Replace `out`.
    settings : mapping of name to value, optional
        Of the architecture, or `learning_rate`, `weight_decay` and `patience`.
    license : str, optional
        Under which the model may be used, such as ``CC-BY-4.0``: for its card. Nothing is assumed.
    """
    out = Path(out)
    # all that can be refused is refused before anything is opened: training takes hours
    require_absent(out, overwrite=overwrite, marker=DESCRIPTION_FILE, sources=recordings)
    settings = dict(settings or {})
    require_settings(model, settings)
    license = require_license(license)
    folds = plan_folds(recordings, hold_out)
    require_options(trainer or {})
    require_beside(baselines)
    if logger:
        require_logger(logger)
    # two files of one recording would be trained on twice, and tested on what was trained on
    if len(recordings) > 1:
        told = [open_view(recording, unit_table=options.unit_table).attrs for recording in recordings]
        require_distinct(told, recordings)
    how: dict[str, Any] = {"model": model, "loss": loss, "epochs": epochs, "device": device, "seed": seed}
    how |= settings
    # read once: its folder may be written anew while this trains
    how |= {} if start_from is None else {"start_from": load_start(start_from, model)}
    require_populations(populations, model)
    how |= {"populations": populations} if populations else {}
    how |= {"trainer": dict(trainer)} if trainer else {}
    # two of one kind would write the same state
    with hold_alone(out), large_arrays_in(out.parent):
        fitted, held_out = _train_all(recordings, out, options, folds, how, logger, baselines)
        fitted = dataclasses.replace(fitted, license=license)
        fitted.save(out, overwrite=overwrite)
        # after the model is saved, so that a kill in between costs an epoch at most; none of another run is
        # alive as long as this one holds the output
        remove_states(out)
    return TrainingReport(fitted, held_out)


def remove_states(out: Path) -> None:
    """Remove the states of trainings that were to make an output, also of those with other options."""
    for state in out.parent.glob(f".{glob.escape(out.name)}.unfinished-*"):
        shutil.rmtree(state, ignore_errors=True)


def _train_all(
    recordings: Sequence[Recording],
    out: Path,
    options: WindowOptions,
    folds: Sequence[Sequence[int]],
    how: dict[str, Any],
    logger: str | None,
    baselines: Sequence[str] | None,
) -> tuple[FittedModel, dict[str, pd.DataFrame]]:
    """Return the model that is kept, and the scores of what was held out, by recording."""
    # binned once, whatever the number of folds
    windows = [hold_window(*open_window(recording, options)) for recording in recordings]
    if "start_from" in how:
        held = sorted({place for fold in folds for place in fold})
        require_unmet(
            how["start_from"], [windows[place][0] for place in held], [recordings[place] for place in held]
        )
    # with one fold the model that was scored is the one that is kept; with several each has seen less
    keeps_all = not folds or len(folds) > 1
    held_out: dict[str, pd.DataFrame] = {}
    fitted = None
    for fold in folds:
        rest = [window for place, window in enumerate(windows) if place not in fold]
        fitted = _train_one(rest, out, options, how, logger)
        for place in fold:
            _LOG.info("scoring on %s, which was held out", recordings[place])
            held_out[os.fspath(recordings[place])] = score_zero_shot(
                fitted, *windows[place], baselines=baselines, seed=how["seed"]
            )
    if keeps_all or fitted is None:
        fitted = _train_one(windows, out, options, how, logger)
    record = {**fitted.training, "options": options.as_dict(), "held_out": _summarise(held_out)}
    # the options with which `generate` opens a recording of training again, so that its bins are known
    scores = _list_scores(held_out, "in turn, from a model of the others" if keeps_all else "from this model")
    return dataclasses.replace(fitted, training=record, scores=scores), held_out


def _tell_training(windows: Sequence[tuple[xr.Dataset, Split]], how: Mapping[str, Any]) -> None:
    """Say what a long reading before the epochs will cost, from how fast each recording's start is read."""
    num_readings = find_architecture(how["model"]).readings_in_training
    # minutes that are cut into short pasts are read beside populations
    num_readings += bool(num_readings and how.get("populations"))
    if not num_readings or not is_worth_telling(
        num_readings * sum(parts.train.sizes["time"] * units.sizes["unit"] for units, parts in windows)
    ):
        return
    seconds, num_bytes = 0.0, 0.0
    for units, parts in windows:
        num_units, bin_size = units.sizes["unit"], float(units.attrs["bin_size"])
        num_train, num_later = parts.train.sizes["time"], parts.validation.sizes["time"]
        network = build_probe(how["model"], num_units)
        # an architecture from elsewhere reads all
        most_units = int(how.get("training_units", getattr(network.settings, "training_units", num_units)))
        num_read = min(num_units, most_units)
        probe = read_bins(parts.train.isel(time=slice(0, PROBE_BINS)))
        most = int(how.get("validation_samples", network.settings.validation_samples))
        seconds += estimate_reading_seconds(
            network,
            Bins(
                probe.spikes[:, :num_read], None if probe.observed is None else probe.observed[:, :num_read]
            ),
            bin_size,
            # once more as the past of validation
            num_bins=(num_readings + 1) * num_train + num_later,
            num_predicted=min(num_later, most // num_read),
        )
        num_bytes += _BYTES_PER_READ_PAIR * (num_train + num_later) * num_units
        num_bytes += _BYTES_PER_EXAMPLE * min(num_later * num_read, most)
    num_bytes += _BYTES_PER_EXAMPLE * int(how.get("training_samples", network.settings.training_samples))
    tell_cost("reading, before the epochs", seconds, num_bytes)


def _train_one(
    windows: Sequence[tuple[xr.Dataset, Split]],
    out: Path,
    options: WindowOptions,
    how: dict[str, Any],
    logger: str | None,
) -> FittedModel:
    """Train on some recordings' windows, from where an interrupted run of the same was."""
    sources = [units.attrs["source_sha256"] or units.attrs["identifier"] for units, _ in windows]
    told = {**how, **({"trainer": describe_options(how["trainer"])} if "trainer" in how else {})}
    if "start_from" in how:
        told["start_from"] = how["start_from"].sha256
    _tell_training(windows, how)
    # a run is known by all that was asked for: another learning rate begins anew, and disturbs none
    digest = hashlib.sha256(json.dumps([told, options.as_dict(), sources]).encode()).hexdigest()[:12]
    num_units = sum(units.sizes["unit"] for units, _ in windows)
    _LOG.info("training %s on %d units of %d recordings", how["model"], num_units, len(windows))
    # beside the model and hidden, since the folder itself appears whole at the end
    unfinished = out.parent / f".{out.name}.unfinished-{digest}"
    if logger:
        how = {**how, "trainer": {**how.get("trainer", {}), "logger": make_logger(logger, out)}}
    return train(
        [parts.train for _, parts in windows],
        [parts.validation for _, parts in windows],
        checkpoints=unfinished,
        **how,
    )


def _list_scores(held_out: dict[str, pd.DataFrame], scored: str) -> list[dict[str, Any]]:
    """Return what a card says of recordings that were held out: the model's scores, and the baselines'."""
    rows = []
    for name, table in held_out.items():
        is_bits = (table.metric == BITS_PER_SPIKE.name) & (table["null"] == "mean_rate")
        shown = table[is_bits | (table.metric == ROC_AUC_PER_UNIT.name)]
        columns = ["predictor", "metric", "null", "value", "ci_low", "ci_high"]
        told = {"recording": Path(name).name, "scored": scored}
        rows += [{**told, **row} for row in shown[columns].to_dict("records")]
    return rows


def _summarise(held_out: dict[str, pd.DataFrame]) -> dict[str, float]:
    """Return the model's bits per spike on each recording that was held out."""
    summary = {}
    for name, scores in held_out.items():
        wanted = scores[(scores.metric == BITS_PER_SPIKE.name) & (scores["null"] == "mean_rate")]
        # models are shared: they tell a recording's name, not whose folder it lay in
        summary[Path(name).name] = float(wanted.value.iloc[0])
    return summary
