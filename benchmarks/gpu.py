"""What a GPU changes: the paper's transformer for 200 epochs, and `in_context` within five recordings.

Steps of the transformer in single precision, bfloat16 and compiled; whole trainings; peak memory; and whether
what a GPU predicts is what a CPU predicts. Prints Markdown:

    python benchmarks/gpu.py --cache FOLDER > docs/benchmarks/gpu.md

`--device cpu --steps 2 --epochs 1` shows anywhere that the script runs.
"""

from __future__ import annotations

import argparse
import contextlib
import platform
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import numpy as np
import torch
from recordings import RECORDINGS, require_shared

import nwbspikegen as nsg
from nwbspikegen.models import LOSSES, FittedModel, build_model
from nwbspikegen.prediction.one_step import generate
from nwbspikegen.views import Split, open_window

_SLICE = "slice_210511"
_BATCH = 4
# before these the kernels are chosen, and compiled
_WARM_UP = 3
_STEPS = (
    ("single precision", torch.float32, False),
    ("bfloat16", torch.bfloat16, False),
    ("bfloat16, compiled", torch.bfloat16, True),
)


def main() -> None:
    """Measure all and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--cache", type=Path, required=True, help="folder outside the repository")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--epochs", type=int, default=200, help="of the paper's transformer")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--score", nargs="+", choices=RECORDINGS, default=list(RECORDINGS), metavar="NAME")
    asked = parser.parse_args()
    require_shared()
    is_cuda = asked.device.startswith("cuda")
    name = (
        torch.cuda.get_device_name()
        if is_cuda
        else f"{platform.machine()}, {torch.get_num_threads()} threads"
    )
    print("# On a GPU\n")
    print(
        f"`python benchmarks/gpu.py --device {asked.device} --epochs {asked.epochs}`, {date.today()}, {name},"
    )
    print(f"torch {torch.__version__}; seed 0. Scores are of the last quarter of each window, warm.\n")
    _print_steps(asked.device, asked.steps)
    _print_trainings(asked, is_cuda)


def _print_steps(device: str, num_steps: int) -> None:
    """Print seconds per step of training with the paper's settings, and peak memory."""
    print("## A step of the paper's transformer\n")
    print(f"{_BATCH} windows of 3,125 bins of 128 units, forward and backward.\n")
    print("| | milliseconds | peak memory, MiB |\n|---|---|---|")
    for label, precision, is_compiled in _STEPS:
        network = build_model("shimono2026", 128).to(device).train()
        run: Callable[[torch.Tensor], torch.Tensor] = torch.compile(network) if is_compiled else network
        optimiser = torch.optim.AdamW(network.parameters())
        spikes = (torch.rand(_BATCH, network.num_bins, 128, device=device) < 0.01).float()
        with _peak_memory(device) as peak:
            for step in range(_WARM_UP + num_steps):
                if step == _WARM_UP:
                    started = _now(device)
                optimiser.zero_grad()
                with torch.autocast(device.split(":")[0], precision, enabled=precision != torch.float32):
                    log_odds = run(spikes)
                LOSSES["dice"](log_odds.float(), spikes, torch.ones_like(spikes)).backward()
                optimiser.step()
            seconds = (_now(device) - started) / num_steps
        print(f"| {label} | {1000 * seconds:.1f} | {peak[0]} |", flush=True)
    print()


def _print_trainings(asked: argparse.Namespace, is_cuda: bool) -> None:
    """Print whole trainings; the transformer on the slice alone."""
    precision = {"precision": "bf16-mixed"} if is_cuda else {}
    print("## Whole trainings\n")
    print(
        "| recording | model | epochs | seconds | peak memory, MiB | bits per spike above `mean_rate` |"
        " largest difference to a CPU's prediction |\n|---|---|---|---|---|---|---|"
    )
    for name in asked.score:
        recording = RECORDINGS[name]
        units, parts = open_window(recording.to_nwb(asked.cache), recording.options)
        models = ["in_context", *(["shimono2026"] if name == _SLICE else [])]
        for model in models:
            more = {"epochs": asked.epochs, "trainer": precision} if model == "shimono2026" else {}
            with _peak_memory(asked.device) as peak:
                started = _now(asked.device)
                fitted = nsg.train(parts.train, parts.validation, model=model, device=asked.device, **more)
                seconds = _now(asked.device) - started
            bits, difference = _score(fitted, units, parts, asked.device)
            print(
                f"| {name} | `{model}`, {fitted.loss} | {len(fitted.curves)} | {seconds:.0f} | {peak[0]} |"
                f" {bits:.4f} | {difference:.1e} |",
                flush=True,
            )


def _score(fitted: FittedModel, units: object, parts: Split, device: str) -> tuple[float, float]:
    """Return bits per spike, and by how much a prediction on the device differs from one on a CPU."""
    predicted = generate(fitted, parts.test, context=units)
    scores = nsg.score(predicted, parts.test, train=parts.train, context=units, baselines=["mean_rate"])
    rows = scores[(scores.metric == "bits_per_spike") & (scores["null"] == "mean_rate")]
    fitted.module.to(device)
    there = generate(fitted, parts.test, context=units)
    fitted.module.to("cpu")
    return float(rows.value.iloc[0]), float(np.abs(there.values - predicted.values).max())


@contextlib.contextmanager
def _peak_memory(device: str) -> Iterator[list[str]]:
    """Give a list that holds the peak memory of the GPU after the block."""
    told: list[str] = []
    if device.startswith("cuda"):
        torch.cuda.reset_peak_memory_stats()
    yield told
    told.append(f"{torch.cuda.max_memory_allocated() / 2**20:.0f}" if device.startswith("cuda") else "-")


def _now(device: str) -> float:
    """Return the time after all that was given to the device is done."""
    if device.startswith("cuda"):
        torch.cuda.synchronize()
    return time.perf_counter()


if __name__ == "__main__":
    main()
