"""Five real recordings: models trained within them, and models that never met them.

Each window is split 50/25/25 at 1 ms; the last quarter is scored. Prints Markdown, a recording's part
as soon as it is done:

    python benchmarks/zero_shot.py --cache FOLDER > docs/benchmarks/zero_shot.md

Models, predictions and scores are kept in the cache, so that a run that was cut off goes on.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import in_context_v0  # noqa: F401  (registers the floor)
import numpy as np
import xarray as xr
from recordings import RECORDINGS, require_shared

import nwbspikegen as nsg
from nwbspikegen.core.predictor import Predictor
from nwbspikegen.models import FittedModel, load_model
from nwbspikegen.scoring import BASELINES, calibration_error, paired_difference, rank_pooled, roc_auc_per_unit
from nwbspikegen.training.choosing import find_best_epoch
from nwbspikegen.views import Split, open_window
from nwbspikegen.views.observed import read_spikes

_LOG = logging.getLogger("benchmark")
_BIN = 0.001
_CURVE_SECONDS = (1, 10, 60, 300)
_CURVE_SCORED = 100
_PAIRS = (("slice_210511", "ibl_nyu40_20210414"), ("ibl_nyu40_20210414", "slice_210511"))
_LOSSES = ("dice", "focal", "bernoulli")
# the start and the learning rate that did best on the validation quarter of the slice
_SHIMONO = {"epochs": 3, "batch_size": 1, "start_at_rates": True, "learning_rate": 0.01}
_SHIMONO_TRAIN, _SHIMONO_VALIDATION = 200, 100
_GAIN, _GAIN_RETINA = 1.15, 1.05


@dataclass
class Target:
    """A recording, opened and split, with what is kept of it in the cache."""

    name: str
    units: xr.Dataset
    parts: Split
    cache: Path

    @property
    def spikes(self) -> np.ndarray:
        """Return the spikes of the test segment."""
        return read_spikes(self.parts.test)

    def first_bin(self, segment: xr.Dataset) -> int:
        """Return which bin of the window a segment begins with."""
        return int(np.searchsorted(self.units.time.values, float(segment.time[0]) - _BIN / 2))

    def predict(
        self, label: str, make: Callable[[], Predictor], context: float = np.inf, seconds: float = np.inf
    ) -> np.ndarray:
        """Return the first seconds of the test segment predicted from so many seconds of context."""
        path = self.cache / "predictions" / f"{self.name}-{label}.npy"
        if not path.is_file():
            started = time.perf_counter()
            num_bins = int(min(seconds / _BIN, self.parts.test.sizes["time"]))
            first = self.first_bin(self.parts.test)
            begin = first - int(min(context / _BIN, first))
            observed = self.units.isel(time=slice(begin, None)) if begin < first else None
            predicted = nsg.generate(make(), self.parts.test.isel(time=slice(num_bins)), context=observed)
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_suffix(".part.npy")
            np.save(partial, predicted.values)
            partial.rename(path)
            _LOG.info("%s predicted in %.0f s", path.stem, time.perf_counter() - started)
        return np.load(path)

    def baseline(
        self, name: str, label: str = "", context: float = np.inf, seconds: float = np.inf
    ) -> np.ndarray:
        """Return a baseline's prediction, fitted on the target's training half where it is fitted."""

        def make() -> Predictor:
            return BASELINES[name]().fit(read_spikes(self.parts.train), _BIN)

        return self.predict(label or name, make, context, seconds)

    def remember(self, label: str, measure: Callable[[], dict[str, float]]) -> dict[str, float]:
        """Return numbers, measured once."""
        path = self.cache / "scores" / f"{self.name}-{label}.json"
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(measure()))
        numbers: dict[str, float] = json.loads(path.read_text())
        return numbers

    def score(self, label: str, prediction: Callable[[], np.ndarray]) -> dict[str, float]:
        """Return the scores of a prediction of the test segment, or of its first bins."""

        def measure() -> dict[str, float]:
            predicted = prediction()
            spikes = self.spikes[: len(predicted)]
            null = self.baseline("mean_rate")[: len(predicted)]
            bits = paired_difference(predicted, null, spikes, bin_size=_BIN)
            return {
                "bits": bits.value,
                "low": bits.ci_low,
                "high": bits.ci_high,
                "per_unit": roc_auc_per_unit(predicted, spikes)[0],
                "pooled": rank_pooled(predicted, spikes).roc_auc,
                "calibration": calibration_error(predicted, spikes) / float(spikes.mean()),
            }

        return self.remember(label, measure)

    def bits(self, label: str, prediction: Callable[[], np.ndarray]) -> float:
        """Return bits per spike above the mean rate."""

        def measure() -> dict[str, float]:
            predicted = prediction()
            null = self.baseline("mean_rate")[: len(predicted)]
            spikes = self.spikes[: len(predicted)]
            return {"bits": paired_difference(predicted, null, spikes, bin_size=_BIN, resamples=0).value}

        return self.remember(f"bits-{label}", measure)["bits"]

    def difference(
        self, label: str, first: Callable[[], np.ndarray], second: Callable[[], np.ndarray]
    ) -> dict[str, float]:
        """Return how many bits per spike the first is better, with its paired interval."""

        def measure() -> dict[str, float]:
            gain = paired_difference(first(), second(), self.spikes, bin_size=_BIN)
            return {"bits": gain.value, "low": gain.ci_low, "high": gain.ci_high}

        return self.remember(f"difference-{label}", measure)


class Bench:
    """The recordings and the models, each trained once."""

    def __init__(self, cache: Path) -> None:
        self.cache = cache
        self.targets = {}
        for name, recording in RECORDINGS.items():
            units, parts = open_window(recording.to_nwb(cache), recording.options)
            self.targets[name] = Target(name, units, parts, cache)

    def model(self, label: str, trained_on: list[str], **how: Any) -> FittedModel:
        """Return a model, trained on the first halves of recordings, their second quarters choosing."""
        parts = [self.targets[name].parts for name in trained_on]
        return self.train(label, [one.train for one in parts], [one.validation for one in parts], **how)

    def train(
        self, label: str, train: list[xr.Dataset], validation: list[xr.Dataset], **how: Any
    ) -> FittedModel:
        """Return a model trained on segments; how long that took lies beside it."""
        folder = self.cache / "models" / label
        if not folder.is_dir():
            started = time.perf_counter()
            fitted = nsg.train(train, validation, progress=False, seed=0, device="cpu", **how)
            seconds = time.perf_counter() - started
            folder.parent.mkdir(parents=True, exist_ok=True)
            folder.with_suffix(".json").write_text(json.dumps(seconds))
            fitted.save(folder)
            _LOG.info("%s trained in %.0f s", label, seconds)
        return load_model(folder)

    def seconds(self, label: str) -> float:
        """Return how long a model took to train."""
        return float(json.loads((self.cache / "models" / f"{label}.json").read_text()))

    def floor(self, name: str) -> Callable[[], np.ndarray]:
        """Return a function that predicts a recording with the floor, trained within it."""
        return lambda: self.targets[name].predict(
            "floor", lambda: self.model(f"floor-{name}", [name], model="in_context_v0")
        )

    def within(self, name: str, target: str | None = None) -> Callable[[], np.ndarray]:
        """Return a function that predicts a target with the model trained within a recording."""
        label = "within" if target in (None, name) else f"from-{name}"
        return lambda: self.targets[target or name].predict(
            label, lambda: self.model(f"within-{name}", [name], model="in_context")
        )

    def zero_shot(
        self, name: str, label: str = "zero_shot", context: float = np.inf, seconds: float = np.inf
    ) -> Callable[[], np.ndarray]:
        """Return a function that predicts a recording with the model trained on the others."""
        others = [other for other in RECORDINGS if other != name]
        return lambda: self.targets[name].predict(
            label, lambda: self.model(f"without-{name}", others, model="in_context"), context, seconds
        )


def main() -> None:
    """Run all and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--cache", type=Path, required=True, help="folder outside the repository")
    parser.add_argument(
        "--score",
        nargs="+",
        choices=RECORDINGS,
        default=list(RECORDINGS),
        metavar="NAME",
        help="recordings to score; all others are trained on all the same",
    )
    parser.add_argument("--without", nargs="+", choices=("contexts", "shimono"), default=[], metavar="PART")
    asked = parser.parse_args()
    require_shared()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s")
    _LOG.setLevel(logging.INFO)
    bench = Bench(asked.cache)
    _print_head()
    rows = [_print_recording(bench, name) for name in asked.score]
    _print_summary(rows)
    _print_pairs(bench)
    if "contexts" not in asked.without:
        _print_contexts(bench, asked.score)
    if "shimono" not in asked.without:
        _print_shimono(bench, asked.score)


def _print_head() -> None:
    threads = os.environ.get("OMP_NUM_THREADS", "all")
    print("# Within a session and zero-shot\n")
    print(f"`python benchmarks/zero_shot.py`, {date.today()}, {os.cpu_count()} cores {platform.machine()},")
    print(f"OMP_NUM_THREADS {threads}, no GPU; seed 0. Last quarter of each window, warm context. Bits per")
    print("spike are above the mean rate of the training half; intervals are 95 %, 10 s blocks, paired for")
    print(
        "differences; fewer than 30 blocks are few (slice, npx, sun). ECE is the expected calibration error."
    )
    print("Zero-shot: trained on the other four, no weight fitted on the target; `history_glm` is fitted on")
    print("the target. `in_context_v0` is the floor, trained within.\n", flush=True)


def _print_recording(bench: Bench, name: str) -> dict[str, Any]:
    """Print the scores of all predictors on a recording and return what the summary needs."""
    target = bench.targets[name]
    makers = {
        "mean_rate": lambda: target.baseline("mean_rate"),
        "online_hazard": lambda: target.baseline("online_hazard"),
        "history_glm": lambda: target.baseline("history_glm"),
        "floor": bench.floor(name),
        "within": bench.within(name),
        "zero_shot": bench.zero_shot(name),
    }
    scores = {label: target.score(label, make) for label, make in makers.items()}
    titles = {
        "floor": "`in_context_v0` within",
        "within": "`in_context` within",
        "zero_shot": "`in_context` zero-shot",
    }
    test = target.parts.test
    print(f"## {name}\n")
    print(
        f"{test.sizes['unit']} units, {test.sizes['time'] * _BIN:g} s scored, {target.spikes.sum()} spikes.\n"
    )
    print("| predictor | bits per spike | interval | ROC per unit | ROC pooled | ECE / base rate |")
    print("|---|---|---|---|---|---|")
    for label, score in scores.items():
        print(f"| {titles.get(label, f'`{label}`')} | {_format_scores(score)} |")
    seconds = [
        f"{what} {bench.seconds(f'{kind}-{name}'):.0f} s"
        for what, kind in (("floor", "floor"), ("within", "within"), ("the other four", "without"))
    ]
    print(f"\nTraining: {', '.join(seconds)}.\n")
    print("| difference, bits per spike | | interval |\n|---|---|---|")
    gains = {}
    for one, other in (
        ("within", "floor"),
        ("within", "history_glm"),
        ("within", "online_hazard"),
        ("zero_shot", "history_glm"),
        ("zero_shot", "online_hazard"),
    ):
        gain = target.difference(f"{one}-{other}", makers[one], makers[other])
        gains[one, other] = gain
        called = f"{one.replace('_', '-')} minus {titles.get(other, f'`{other}`')}"
        print(f"| {called} | {gain['bits']:+.4f} | {gain['low']:+.4f} to {gain['high']:+.4f} |")
    print(flush=True)
    return {"name": name, "scores": scores, "gains": gains}


def _format_scores(score: dict[str, float]) -> str:
    return (
        f"{score['bits']:.4f} | {score['low']:.3f} to {score['high']:.3f} | {score['per_unit']:.3f}"
        f" | {score['pooled']:.3f} | {score['calibration']:.2f}"
    )


def _print_summary(rows: list[dict[str, Any]]) -> None:
    print("## All\n")
    print(
        "| recording | floor | within | zero-shot | within / floor | wanted |"
        " calibration error within, zero-shot | wanted |"
    )
    print("|" + "---|" * 8)
    for row in rows:
        floor, within, zero = (row["scores"][label] for label in ("floor", "within", "zero_shot"))
        gain = within["bits"] / floor["bits"]
        wanted = _GAIN_RETINA if row["name"].startswith("retina") else _GAIN
        print(
            f"| {row['name']} | {floor['bits']:.4f} | {within['bits']:.4f} | {zero['bits']:.4f}"
            f" | {gain:.3f} | {wanted} {_mark(gain >= wanted)}"
            f" | {within['calibration']:.2f}, {zero['calibration']:.2f}"
            f" | 0.2 {_mark(max(within['calibration'], zero['calibration']) <= 0.2)} |"
        )
    print(
        "\n| recording | within above `history_glm` | within above `online_hazard` |"
        " zero-shot above `history_glm` | zero-shot above `online_hazard` |"
    )
    print("|---|---|---|---|---|")
    for row in rows:
        cells = [
            _mark(row["gains"][pair]["low"] > 0)
            for pair in (
                ("within", "history_glm"),
                ("within", "online_hazard"),
                ("zero_shot", "history_glm"),
                ("zero_shot", "online_hazard"),
            )
        ]
        print(f"| {row['name']} | " + " | ".join(cells) + " |")
    print("\nMet where the lower bound of the paired interval is above 0.\n", flush=True)


def _mark(met: bool) -> str:
    return "met" if met else "missed"


def _print_pairs(bench: Bench) -> None:
    print("## Single pairs, zero-shot, warm\n")
    print(
        "| from | to | bits per spike | interval | ROC per unit | ROC pooled | ECE / base rate |"
        " share of within | minus `history_glm` | minus `online_hazard` |"
    )
    print("|" + "---|" * 10)
    for source, name in _PAIRS:
        target, moved = bench.targets[name], bench.within(source, name)
        score = target.score(f"from-{source}", moved)
        share = score["bits"] / target.score("within", bench.within(name))["bits"]
        cells = []
        for other in ("history_glm", "online_hazard"):
            gain = target.difference(
                f"from-{source}-{other}", moved, lambda other=other, target=target: target.baseline(other)
            )
            cells.append(f"{gain['bits']:+.4f} ({gain['low']:+.4f} to {gain['high']:+.4f})")
        print(f"| {source} | {name} | {_format_scores(score)} | {share:.3f} | " + " | ".join(cells) + " |")
    print(flush=True)


def _print_contexts(bench: Bench, names: list[str]) -> None:
    print("## Zero-shot by seconds of context\n")
    print(f"Bits per spike in the first {_CURVE_SCORED} s of the last quarter (slice and npx: all of it), by")
    print("how much is read right before it: nothing (cold), some seconds, or all of the window.\n")
    lengths = (0, *_CURVE_SECONDS)
    columns = [
        *(f"{seconds} s" for seconds in lengths),
        "all",
        "`online_hazard`, 0 s",
        "`online_hazard`, all",
    ]
    print("| recording | " + " | ".join(columns) + " |")
    print("|" + "---|" * (len(columns) + 1))
    scored = round(_CURVE_SCORED / _BIN)
    for name in names:
        target = bench.targets[name]
        makers: dict[str, Callable[[], np.ndarray]] = {
            f"context-{seconds}": bench.zero_shot(name, f"context-{seconds}", seconds, _CURVE_SCORED)
            for seconds in lengths
        }
        makers["context-all"] = lambda name=name: bench.zero_shot(name)()[:scored]
        makers["hazard-0"] = lambda one=target: one.baseline("online_hazard", "hazard-0", 0, _CURVE_SCORED)
        makers["hazard-all"] = lambda one=target: one.baseline("online_hazard")[:scored]
        cells = [f"{target.bits(label, make):.4f}" for label, make in makers.items()]
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)
    print("\nCold, the same bins:\n")
    print("| recording | bits per spike | interval | ROC per unit | ROC pooled | ECE / base rate |")
    print("|" + "---|" * 6)
    for name in names:
        target = bench.targets[name]
        cold = target.score("cold", bench.zero_shot(name, "context-0", 0, _CURVE_SCORED))
        print(f"| {name} | {_format_scores(cold)} |", flush=True)
    print()


def _print_shimono(bench: Bench, names: list[str]) -> None:
    print("## `shimono2026`\n")
    print(f"Trained for {_SHIMONO['epochs']} epochs, windows one by one, on the last {_SHIMONO_TRAIN} s")
    print(f"of the training half, learning rate {_SHIMONO['learning_rate']}; loss chosen by bits per spike")
    print(f"on the first {_SHIMONO_VALIDATION} s of validation. It starts at the units' mean rates")
    print("(`start_at_rates`), which is not in the paper. The paper's 200 epochs would take too long here.\n")
    losses = ", ".join(_LOSSES)
    scored = "bits per spike | interval | ROC per unit | ROC pooled | ECE / base rate"
    print(
        f"| recording | loss | validation: {losses} | {scored} | `in_context` within minus it | trained in |"
    )
    print("|" + "---|" * 10)
    for name in names:
        target = bench.targets[name]
        train = target.parts.train.isel(time=slice(-round(_SHIMONO_TRAIN / _BIN), None))
        validation = target.parts.validation.isel(time=slice(round(_SHIMONO_VALIDATION / _BIN)))
        found = {}
        for loss in _LOSSES:
            fitted = bench.train(
                f"shimono-rates-{loss}-{name}",
                [train],
                [validation],
                model="shimono2026",
                loss=loss,
                **_SHIMONO,
            )
            found[loss] = find_best_epoch(fitted)["bits_per_spike"]
        best = max(found, key=lambda loss, found=found: found[loss])
        label = f"shimono-rates-{best}"

        def predicted(target: Target = target, label: str = label, name: str = name) -> np.ndarray:
            return target.predict(label, lambda: load_model(bench.cache / "models" / f"{label}-{name}"))

        score = target.score(label, predicted)
        gain = target.difference(f"within-{label}", bench.within(name), predicted)
        seconds = sum(bench.seconds(f"shimono-rates-{loss}-{name}") for loss in _LOSSES)
        validated = ", ".join(f"{value:.3f}" for value in found.values())
        print(
            f"| {name} | {best} | {validated} | {_format_scores(score)}"
            f" | {gain['bits']:+.3f} ({gain['low']:+.3f} to {gain['high']:+.3f})"
            f" | {seconds:.0f} s |",
            flush=True,
        )


if __name__ == "__main__":
    main()
