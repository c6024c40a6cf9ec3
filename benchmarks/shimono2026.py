"""The published transformer, made causal and trained for the paper's 200 epochs, beside trivial predictors.

Slice and Neuropixels, the paper's losses and Bernoulli. Each window is split 50/25/25; validation may stop
the training, the last quarter is scored, with warm context. Everything goes through files, as on the command
line, and every file written is validated. Prints Markdown:

    python benchmarks/shimono2026.py --cache FOLDER > docs/benchmarks/shimono2026.md

Models, and the state of a training, lie in the cache: one that was cut off goes on. `--only-kept` trains
nothing, and names what is missing. `--train RECORDING-LOSS` trains one and prints nothing.
"""

from __future__ import annotations

import argparse
import itertools
import os
import platform
import time
from datetime import date
from pathlib import Path

import numpy as np
import torch
from recordings import RECORDINGS, Recording, require_shared

import nwbspikegen as nsg
from nwbspikegen.commands.generate import GenerationReport, generate_and_score
from nwbspikegen.models import LOSSES, FittedModel, build_model, load_model
from nwbspikegen.scoring import rank_pooled, roc_auc_per_unit
from nwbspikegen.training.choosing import find_best_epoch
from nwbspikegen.views import open_window
from nwbspikegen.views.observed import read_spikes

_RECORDINGS = ("slice_210511", "ibl_nyu40_20210414")
_RUNS = tuple(itertools.product(_RECORDINGS, ("bernoulli", "dice", "focal")))
# the start and the learning rate that did best on the validation quarter of the slice
_SETTINGS = {"start_at_rates": True, "learning_rate": 0.01}
_PREDICTORS = ("mean_rate", "running_rate", "online_hazard", "history_glm")
_METRICS = (
    ("roc_auc_pooled", "", "ROC pooled"),
    ("roc_auc_per_unit", "", "ROC per unit"),
    ("average_precision_pooled", "", "AP pooled"),
    ("bits_per_spike", "mean_rate", "bits per spike"),
)
# of the rebuilt script: its windows need no more to show what they read
_LEAK_BINS, _LEAK_EPOCHS = 500, 5
_PAPER = "vitro self .93 ± .05, vivo self .77 ± .10, vitro to vivo .70 ± .09, vivo to vitro .80 ± .10"


def main() -> None:
    """Train what is missing, and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--cache", type=Path, required=True, help="folder outside the repository")
    parser.add_argument("--epochs", type=int, default=200)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--only-kept", action="store_true", help="train nothing")
    parser.add_argument("--train", choices=[f"{name}-{loss}" for name, loss in _RUNS], help="this one alone")
    asked = parser.parse_args()
    require_shared()
    if asked.train:
        _train(asked, *asked.train.rsplit("-", 1))
        return
    _print_head(asked)
    for name in _RECORDINGS:
        _print_recording(asked, RECORDINGS[name])


def _train(asked: argparse.Namespace, name: str, loss: str) -> FittedModel | None:
    """Return a model from the cache, trained first unless that is not wanted."""
    folder = asked.cache / f"{name}-{loss}"
    if (folder / "model.json").is_file():
        return load_model(folder)
    if asked.only_kept:
        return None
    recording = RECORDINGS[name]
    _, parts = open_window(recording.to_nwb(asked.cache), recording.options)
    started = time.perf_counter()
    fitted = nsg.train(
        parts.train,
        parts.validation,
        model="shimono2026",
        loss=loss,
        epochs=asked.epochs,
        device=asked.device,
        checkpoints=asked.cache / f"{name}-{loss}-state",
        **_SETTINGS,
    )
    fitted.save(folder)
    (folder / "seconds.txt").write_text(f"{time.perf_counter() - started:.0f}")
    return fitted


def _print_head(asked: argparse.Namespace) -> None:
    print("# The paper's transformer, made causal\n")
    print(
        f"`python benchmarks/shimono2026.py --epochs {asked.epochs}`, {date.today()}, {os.cpu_count()} cores"
    )
    print(f"{platform.machine()}, {torch.cuda.get_device_name() if torch.cuda.is_available() else 'no GPU'};")
    print("seed 0; last quarter of each window, warm context. Bits per spike are above the mean rate of the")
    print("training half; intervals are 95 %, 10 s blocks, few of them. `as released` is rebuilt from the")
    print("paper's script: no mask, and the target of a bin is that bin itself, so its row is no prediction.")
    print(f"The paper's own ROC-AUC, pooled: {_PAPER}.\n", flush=True)


def _print_recording(asked: argparse.Namespace, recording: Recording) -> None:
    print(f"## {recording.name}\n")
    print("| predictor | " + " | ".join(title for *_, title in _METRICS) + " | interval | epochs, kept |")
    print("|" + "---|" * (len(_METRICS) + 3))
    _print_leak(recording, asked.cache)
    missing, has_baselines = [], False
    for loss in (loss for name, loss in _RUNS if name == recording.name):
        fitted = _train(asked, recording.name, loss)
        if fitted is None:
            missing.append(loss)
            continue
        report = _score(asked.cache, recording, fitted)
        epochs = f"{len(fitted.curves)}, {find_best_epoch(fitted)['epoch']}"
        names = ("shimono2026",) if has_baselines else ("shimono2026", *_PREDICTORS)
        for predictor in names:
            is_model = predictor == "shimono2026"
            label = f"`{predictor}`, {loss}" if is_model else f"`{predictor}`"
            _print_row(report, predictor, label, epochs if is_model else "")
        has_baselines = True
        failed = report.audits[~report.audits.passed.astype(bool)].audit.tolist()
        if failed:
            raise SystemExit(f"{recording.name}, {loss}: audits failed: {failed}")
    if missing:
        print(f"\nNot trained yet: {', '.join(missing)}.")
    print(flush=True)


def _score(cache: Path, recording: Recording, fitted: FittedModel) -> GenerationReport:
    """Return scores and audits, through a file that is valid."""
    out = cache / f"{recording.name}-{fitted.loss}.nwb"
    report = generate_and_score(
        fitted,
        recording.to_nwb(cache),
        out,
        options=recording.options,
        baselines=_PREDICTORS,
        overwrite=True,
    )
    if (nsg.validate_file(out).severity == "error").any():
        raise SystemExit(f"{out} is not valid")
    return report


def _print_row(report: GenerationReport, predictor: str, label: str, epochs: str) -> None:
    rows = report.scores[report.scores.predictor == predictor]
    picked = [rows[rows.metric.eq(metric) & rows["null"].eq(null)].iloc[0] for metric, null, _ in _METRICS]
    interval = f"{picked[-1].ci_low:.3f} to {picked[-1].ci_high:.3f}"
    cells = " | ".join(f"{row.value:.4f}" for row in picked)
    print(f"| {label} | {cells} | {interval} | {epochs} |", flush=True)


def _print_leak(recording: Recording, cache: Path) -> None:
    """Print what the released script's way scores: every bin is read, and then told."""
    _, parts = open_window(recording.to_nwb(cache), recording.options)
    torch.manual_seed(0)
    train, test = (torch.from_numpy(_cut(read_spikes(part))).float() for part in (parts.train, parts.test))
    network = build_model("shimono2026", train.shape[-1], num_bins=_LEAK_BINS, start_at_rates=False)
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-3)
    network.train()
    for _ in range(_LEAK_EPOCHS):
        for batch in train[torch.randperm(len(train))].split(4):
            optimiser.zero_grad()
            LOSSES["dice"](_look_ahead(network, batch), batch, torch.ones_like(batch)).backward()
            optimiser.step()
    network.eval()
    with torch.no_grad():
        told = torch.cat([torch.sigmoid(_look_ahead(network, batch)) for batch in test.split(4)])
    probability, spikes = told.flatten(0, 1).numpy(), test.flatten(0, 1).numpy().astype(np.uint8)
    ranking = rank_pooled(probability, spikes)
    per_unit = roc_auc_per_unit(probability, spikes)[0]
    print(
        f"| as released, dice | {ranking.roc_auc:.4f} | {per_unit:.4f} | {ranking.average_precision:.4f}"
        f" | no prediction | | {_LEAK_EPOCHS} |",
        flush=True,
    )


def _look_ahead(network: torch.nn.Module, batch: torch.Tensor) -> torch.Tensor:
    hidden = network.encoder_input(batch)
    for layer in network.layers:
        hidden = layer.combine(hidden, *layer.split_heads(hidden))
    return hidden[..., : batch.shape[-1]]


def _cut(spikes: np.ndarray) -> np.ndarray:
    """Return whole windows (window, bin, unit)."""
    whole = len(spikes) // _LEAK_BINS * _LEAK_BINS
    return spikes[:whole].reshape(-1, _LEAK_BINS, spikes.shape[1])


if __name__ == "__main__":
    main()
