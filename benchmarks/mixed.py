"""Models together: `in_context`, a coupled GLM and a GRU within each recording, and what they say mixed.

Five real recordings as in `zero_shot.py`, whose cache may be given: windows, units and splits alike. Members
are trained on the first half of a window, the second quarter chooses epochs and weights, the last is scored.
Prints Markdown:

    python benchmarks/mixed.py --cache FOLDER > docs/benchmarks/mixed.md

Models and predictions are kept in the cache, so that a run that was cut off goes on. Each member reads a
recording once, from its start to its end.
"""

from __future__ import annotations

import argparse
import logging
import os
import platform
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import cast

import numpy as np
from recordings import RECORDINGS, require_shared
from zero_shot import Bench

from nwbspikegen.models import FittedModel
from nwbspikegen.models.mixed import Mixed
from nwbspikegen.scoring import paired_difference
from nwbspikegen.training.mixing import weigh_models
from nwbspikegen.views.history import mean_rate_per_bin
from nwbspikegen.views.observed import read_spikes

_LOG = logging.getLogger("benchmark")
_BIN = 0.001
_MEMBERS = {"in_context": "within", "glm": "glm", "population_gru": "gru"}
_TITLES = {"glm": "`coupled_glm` (`glm`)"}
# what was asked for
_WANTED = {"slice_210511": 0.242, "ibl_nyu40_20210414": 0.565}
_ALLOWED = -0.002


def main() -> None:
    """Run all and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--cache", type=Path, required=True, help="folder outside the repository")
    parser.add_argument("--score", nargs="+", choices=RECORDINGS, default=list(RECORDINGS), metavar="NAME")
    asked = parser.parse_args()
    require_shared()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s")
    _LOG.setLevel(logging.INFO)
    _print_head()
    bench = Bench(asked.cache)
    rows = [_print_recording(bench, name) for name in asked.score]
    print("## All\n")
    print("| recording | `in_context` | `mixed` | wanted | difference | lower bound at least -.002 |")
    print("|---|---|---|---|---|---|")
    for row in rows:
        print("| " + " | ".join(row) + " |")


def _print_head() -> None:
    print("# Several models together\n")
    print(f"`python benchmarks/mixed.py`, {date.today()}, {os.cpu_count()} cores {platform.machine()},")
    print(f"OMP_NUM_THREADS {os.environ.get('OMP_NUM_THREADS', 'all')}, no GPU; seed 0.")
    print("Trained on the first half of each window; the third quarter chose epochs and weights; the last is")
    print(
        "scored, warm. Bits per spike are above the mean rate of the training half; intervals are 95 %, 10 s"
    )
    print("blocks, paired for differences; fewer than 30 blocks are few (slice, npx, sun). Choices in the")
    print(
        "architectures and in how they are weighed were made on third quarters of slice and npx.\n",
        flush=True,
    )


def _read_once(bench: Bench, name: str, label: str, make: Callable[[], FittedModel]) -> np.ndarray:
    """Return the probabilities of validation and test segment, from one reading of the recording."""
    path = bench.cache / "predictions" / f"{name}-{label}-later.npy"
    if not path.is_file():
        model, started = make(), time.process_time()
        parts = bench.targets[name].parts
        spikes = np.concatenate([read_spikes(each) for each in (parts.train, parts.validation, parts.test)])
        predicted = model.predict(spikes, parts.train.sizes["time"], _BIN)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".part.npy")
        np.save(partial, predicted)
        partial.rename(path)
        _LOG.info("%s predicted in %.0f CPU s", path.stem, time.process_time() - started)
    return cast(np.ndarray, np.load(path))


def _print_recording(bench: Bench, name: str) -> list[str]:
    """Print the scores of all models on a recording and return its row of the summary."""
    parts = bench.targets[name].parts
    models = {
        member: bench.model(f"{label}-{name}", [name], model=member) for member, label in _MEMBERS.items()
    }
    later = {
        member: _read_once(bench, name, _MEMBERS[member], lambda member=member: models[member])
        for member in models
    }
    num_validation = parts.validation.sizes["time"]
    chosen_on = [each[:num_validation] for each in later.values()]
    mixed = weigh_models(list(models.values()), chosen_on, parts.train, parts.validation)
    module = cast(Mixed, mixed.module)
    predicted = {member: each[num_validation:] for member, each in later.items()}
    predicted["mixed"] = _read_once(bench, name, f"mixed-{mixed.sha256[:12]}", lambda: mixed)[num_validation:]
    spikes = read_spikes(parts.test)
    null = np.broadcast_to(
        mean_rate_per_bin(read_spikes(parts.train), None).astype(np.float32), spikes.shape
    ).copy()
    print(f"## {name}\n")
    print(f"{spikes.shape[1]} units, {len(spikes) * _BIN:g} s scored, {spikes.sum()} spikes.\n")
    print("| predictor | bits per spike | interval | minus `in_context` | interval |\n|---|---|---|---|---|")
    bits, gains = {}, {}
    for label, probability in predicted.items():
        bits[label] = paired_difference(probability, null, spikes, bin_size=_BIN)
        gains[label] = paired_difference(probability, predicted["in_context"], spikes, bin_size=_BIN)
        one, gain = bits[label], gains[label]
        compared = f"{gain.value:+.4f} | {gain.ci_low:+.4f} to {gain.ci_high:+.4f}"
        title, interval = _TITLES.get(label, f"`{label}`"), f"{one.ci_low:.3f} to {one.ci_high:.3f}"
        print(f"| {title} | {one.value:.4f} | {interval} | {' |' if label == 'in_context' else compared} |")
    told = mixed.training
    weights = ", ".join(f"{each['name']} {each['weight']:.2f}" for each in told["members"])
    ridge = "none" if told["unit_ridge"] is None else f"ridge {told['unit_ridge']:g}"
    num_spikes = int(read_spikes(parts.validation).sum())
    fallback = told["members"][module.settings.fallback]["name"]
    print(
        f"\nWeights of all units together: {weights}; units' own weights: {ridge}; falls back on {fallback}."
    )
    print(
        "On the third quarter, each block with weights of those before it, the mixture is "
        f"{told['gain_nats'] / np.log(2) / num_spikes:+.4f} bits per spike above its best member.\n",
        flush=True,
    )
    wanted = _WANTED.get(name)
    gain = gains["mixed"]
    return [
        name,
        f"{bits['in_context'].value:.4f}",
        f"{bits['mixed'].value:.4f}",
        "" if wanted is None else f"{wanted} {_mark(bits['mixed'].value >= wanted)}",
        f"{gain.value:+.4f} ({gain.ci_low:+.4f} to {gain.ci_high:+.4f})",
        _mark(gain.ci_low >= _ALLOWED),
    ]


def _mark(is_met: bool) -> str:
    return "met" if is_met else "missed"


if __name__ == "__main__":
    main()
