"""The published transformer, made causal, on a real slice beside the trivial predictors.

Each window is split 50/25/25; the last quarter is scored, with warm context. Everything goes through
files, as on the command line, and every file written is validated. Prints Markdown:

    python benchmarks/shimono2026.py > docs/benchmarks/shimono2026.md
"""

from __future__ import annotations

import os
import platform
import tempfile
import time
from datetime import date
from pathlib import Path

from recordings import RECORDINGS, Recording, require_shared

import nwbspikegen as nsg
from nwbspikegen.commands.generate import GenerationReport, generate_and_score
from nwbspikegen.commands.train import train_recordings
from nwbspikegen.prediction.one_step import generate
from nwbspikegen.scoring import BASELINES, paired_difference
from nwbspikegen.views import WindowOptions, open_window
from nwbspikegen.views.observed import read_spikes

_RUNS = (("slice_210511", "shimono2026", "dice", 10),)
_METRICS = (
    ("bits_per_spike", "mean_rate"),
    ("roc_auc_per_unit", ""),
    ("roc_auc_pooled", ""),
    ("average_precision_pooled", ""),
    ("pr_auc_pooled", ""),
    ("calibration_error", ""),
)
_COMPARED = ("history_glm", "online_hazard")


def main() -> None:
    """Run all and print."""
    require_shared()
    print("# shimono2026 within a session\n")
    print(f"`python benchmarks/shimono2026.py`, {date.today()}, {os.cpu_count()} cores {platform.machine()}")
    print("no GPU; seed 0; the paper's start (`start_at_rates=false`), probabilities near one half; last")
    print("quarter of each window, warm context. Bits per spike are above the mean")
    print("rate of the training half. Intervals are 95 %, 10 s blocks; fewer than 30 blocks are few.\n")
    with tempfile.TemporaryDirectory() as folder:
        files = {name: recording.to_nwb(Path(folder)) for name, recording in RECORDINGS.items()}
        for number, (name, model, loss, epochs) in enumerate(_RUNS):
            _run(Path(folder), RECORDINGS[name], files[name], model, loss, epochs, number)


def _run(
    folder: Path,
    recording: Recording,
    path: Path,
    model: str,
    loss: str | None,
    epochs: int | None,
    number: int,
) -> None:
    options = WindowOptions(duration=recording.duration)
    started = time.perf_counter()
    fitted = train_recordings(
        [path],
        folder / f"model{number}",
        options=options,
        model=model,
        loss=loss,
        epochs=epochs,
        settings={"start_at_rates": False},
    ).model
    seconds = time.perf_counter() - started
    out = folder / f"derived{number}.nwb"
    report = generate_and_score(fitted, path, out)
    errors = (nsg.validate_file(out).severity == "error").sum()
    print(f"## {recording.name}, `{model}`, {fitted.loss}\n")
    _print_scores(report)
    failed = report.audits[~report.audits.passed.astype(bool)].audit.tolist()
    print(
        f" Trained in {seconds:.0f} s, {len(fitted.curves)} epochs."
        f" Audits failed: {failed or 'none'} of {len(report.audits)}."
    )
    print(f"Errors of `nwbspikegen validate` on the derived file: {errors}.\n")
    _print_differences(report, path, options)


def _print_scores(report: GenerationReport) -> None:
    scores = report.scores
    titles = [
        "predictor",
        *(metric.replace("_", " ") for metric, _ in _METRICS),
        "interval of bits per spike",
    ]
    print("| " + " | ".join(titles) + " |")
    print("|" + "---|" * len(titles))
    for predictor, rows in scores.groupby("predictor", sort=False):
        picked = [rows[rows.metric.eq(metric) & rows["null"].eq(null)].iloc[0] for metric, null in _METRICS]
        interval = f"{picked[0].ci_low:.3f} to {picked[0].ci_high:.3f}"
        interval += "" if picked[0].ci_reliable else " (few blocks)"
        print(f"| `{predictor}` | " + " | ".join(f"{row.value:.4f}" for row in picked) + f" | {interval} |")
    first = scores.iloc[0]
    print(
        f"\n{first.num_units} units, {first.num_silent_units} of them silent, {first.num_spikes} spikes.",
        end="",
    )


def _print_differences(report: GenerationReport, path: Path, options: WindowOptions) -> None:
    """Print how much better the model is than the strongest baselines, on the same blocks."""
    units, parts = open_window(path, options)
    for name in _COMPARED:
        baseline = BASELINES[name]()
        baseline.fit(read_spikes(parts.train), options.bin_size)
        other = generate(baseline, parts.test, context=units)
        spikes = read_spikes(parts.test)
        gain = paired_difference(
            report.spike_probability.values, other.values, spikes, bin_size=options.bin_size
        )
        print(
            f"Above `{name}`: {gain.value:.4f} bits per spike, "
            f"paired interval {gain.ci_low:.4f} to {gain.ci_high:.4f}.\n"
        )


if __name__ == "__main__":
    main()
