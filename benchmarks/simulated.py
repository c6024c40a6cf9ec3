"""Simulated preparations: what share of the best possible prediction a model reaches.

The probability that every spike was drawn from is known, so the best possible bits per spike are. A
model is trained on the first half of one recording of a preparation and predicts the last quarter of
that recording, and of one of the other preparation that it never met. Prints Markdown:

    python benchmarks/simulated.py > docs/benchmarks/simulated.md
"""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from datetime import date

import numpy as np
import xarray as xr

import nwbspikegen as nsg
from nwbspikegen.core.predictor import Predictor
from nwbspikegen.scoring import BASELINES, paired_difference
from nwbspikegen.views import Split
from nwbspikegen.views.observed import read_spikes

_PREPARATIONS = ("in_vitro", "in_vivo")
_SEEDS = (100, 101, 102, 103)
_NUM_UNITS = 64
_DURATION = 300.0
_WANTED = {"within": 0.9, "across": 0.75}


@dataclass(frozen=True)
class Simulated:
    """A simulated recording, its split, and what its last quarter is scored by."""

    units: xr.Dataset
    parts: Split
    truth: np.ndarray

    def bits(self, prediction: np.ndarray) -> float:
        """Return bits per spike above the mean rate of the training half."""
        return paired_difference(
            prediction, self.baseline("mean_rate"), read_spikes(self.parts.test), bin_size=0.001, resamples=0
        ).value

    def baseline(self, name: str) -> np.ndarray:
        """Return a baseline's prediction, fitted on the training half where it is fitted."""
        return self.predict(BASELINES[name]().fit(read_spikes(self.parts.train), 0.001))

    def predict(self, model: Predictor) -> np.ndarray:
        """Return a prediction of the last quarter, warm."""
        probability: np.ndarray = nsg.generate(model, self.parts.test, context=self.units).values
        return probability


def main() -> None:
    """Run all and print."""
    print("# Simulated preparations\n")
    print(f"`python benchmarks/simulated.py`, {date.today()}, {os.cpu_count()} cores {platform.machine()},")
    print(f"no GPU. Seeds {_SEEDS[0]} to {_SEEDS[-1]}, {_NUM_UNITS} units, {_DURATION:g} s, split 50/25/25;")
    print("last quarter scored, warm context. Share: `in_context`'s bits per spike above the mean rate over")
    print("those of the true intensity. Within: trained on the first half of the same recording. Across: on")
    print("that of the other preparation with the same seed; no weight met the target.\n")
    print(
        "| seed | target | best possible | within | share | across | share | `online_hazard` | share |"
        " `history_glm` | share |"
    )
    print("|" + "---|" * 11)
    shares = [row for seed in _SEEDS for row in _run(seed)]
    print()
    _print_means(shares)


def _run(seed: int) -> list[tuple[str, float, float]]:
    """Print a row for each preparation, and return its name with the shares within and across."""
    recordings = {name: _simulate(name, seed) for name in _PREPARATIONS}
    models = {
        name: nsg.train(one.parts.train, one.parts.validation, seed=0, device="cpu", progress=False)
        for name, one in recordings.items()
    }
    shares = []
    for name, other in (_PREPARATIONS, _PREPARATIONS[::-1]):
        target = recordings[name]
        best = target.bits(target.truth)
        found = [target.bits(target.predict(models[trained])) for trained in (name, other)]
        found += [target.bits(target.baseline(baseline)) for baseline in ("online_hazard", "history_glm")]
        cells = " | ".join(f"{bits:.4f} | {bits / best:.3f}" for bits in found)
        print(f"| {seed} | {name} | {best:.4f} | {cells} |", flush=True)
        shares.append((name, found[0] / best, found[1] / best))
    return shares


def _simulate(preparation: str, seed: int) -> Simulated:
    simulation = nsg.simulate(preparation, num_units=_NUM_UNITS, duration=_DURATION, seed=seed)
    units = nsg.open_units(simulation.sorting)
    parts = nsg.split_fractions(units, (0.5, 0.25, 0.25))
    if not np.array_equal(read_spikes(units), simulation.spikes[: units.sizes["time"]]):
        raise SystemExit("the bins opened are not those simulated: the true intensity does not fit")
    first = parts.train.sizes["time"] + parts.validation.sizes["time"]
    return Simulated(units, parts, simulation.intensity[first : first + parts.test.sizes["time"]])


def _print_means(shares: list[tuple[str, float, float]]) -> None:
    print("| mean share of the best | within | across |\n|---|---|---|")
    for name in (*_PREPARATIONS, "both"):
        kept = np.array([row[1:] for row in shares if name in (row[0], "both")])
        print(f"| {name} | {kept[:, 0].mean():.3f} | {kept[:, 1].mean():.3f} |")
    kept = np.array([row[1:] for row in shares])
    lowest = dict(zip(_WANTED, kept.min(axis=0), strict=True))
    print()
    for how, wanted in _WANTED.items():
        verdict = "met" if lowest[how] >= wanted else "missed by some"
        print(f"Wanted {how}: {wanted}. Lowest: {lowest[how]:.3f}, {verdict}.")


if __name__ == "__main__":
    main()
