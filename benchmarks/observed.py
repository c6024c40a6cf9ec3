"""What unobserved time does to scores: independent Poisson units, of which nothing can be predicted.

    python benchmarks/observed.py [--out docs/benchmarks/observed.md] [--seeds 5]

Eight units that fire by chance are observed in seven ways. Whatever is missed, no predictor may tell more
of a spike than when all was observed. Then a bursting preparation of which 30 % is taken away in stretches
of 5 s: `in_context` must predict what is left as well as the same bins of the whole recording.
"""

from __future__ import annotations

import argparse
import dataclasses
import logging
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from spikeinterface.core import NumpySorting

import nwbspikegen as nsg
from nwbspikegen.scoring import bits_per_spike
from nwbspikegen.views.observed import read_bins

DURATION = 60.0
NUM_UNITS = 8
_RATE_HZ = 10.0
_SAMPLING_HZ = 10_000.0
_MODELS = {
    "in_context": {"model": "in_context", "epochs": 2},
    "shimono2026": {
        "model": "shimono2026", "loss": "bernoulli", "epochs": 2, "num_bins": 1000, "start_at_rates": True,
    },
}  # fmt: skip
Intervals = list[tuple[float, float]]


@dataclasses.dataclass(frozen=True)
class Situation:
    """What was observed of each unit, and what happened in time that the recording calls invalid."""

    name: str
    observed: list[Intervals]
    invalid: Intervals = dataclasses.field(default_factory=list)


def list_situations(rng: np.random.Generator) -> list[Situation]:
    """Return the situations; training is 0 to 30 s, validation ends at 45 s, test at 60 s."""
    whole: Intervals = [(0.0, DURATION)]

    def pause(start: float, stop: float) -> list[Intervals]:
        return [[(0.0, start), (stop, DURATION)]] * NUM_UNITS

    return [
        Situation("all observed", [whole] * NUM_UNITS),
        Situation("three units lost at 40 s", [[(0.0, 40.0)] if u < 3 else whole for u in range(NUM_UNITS)]),
        Situation("a pause in training, 10 to 28 s", pause(10.0, 28.0)),
        Situation("a pause in test, 50 to 54 s", pause(50.0, 54.0)),
        Situation("a pause at the border, 42 to 48 s", pause(42.0, 48.0)),
        Situation("artefacts, called invalid", [whole] * NUM_UNITS, [(12.0, 15.0), (50.0, 52.0)]),
        Situation("30 intervals of each unit", [patchwork(rng) for _ in range(NUM_UNITS)]),
    ]


def patchwork(rng: np.random.Generator) -> Intervals:
    """Return 30 intervals that together cover about two thirds of the time."""
    edges = np.sort(rng.choice(np.arange(1, 599), 60, replace=False)) / 10
    gaps = edges.reshape(-1, 2)
    # of 60 gaps and stretches between, the longer is observed
    stretches = np.column_stack([np.concatenate([[0.0], gaps[:-1, 1]]), gaps[:, 0]])
    chosen = stretches if np.diff(stretches).sum() > np.diff(gaps).sum() else gaps
    return [(float(start), float(stop)) for start, stop in chosen]


def draw_trains(rng: np.random.Generator) -> list[np.ndarray]:
    """Return Poisson trains (s) of different rates, without any structure."""
    rates = _RATE_HZ * (0.5 + np.arange(NUM_UNITS) / NUM_UNITS)
    return [np.sort(rng.uniform(0.0, DURATION, rng.poisson(rate * DURATION))) for rate in rates]


def record(trains: Sequence[np.ndarray], situation: Situation, rng: np.random.Generator) -> NumpySorting:
    """Return what a recorder keeps of trains: nothing while it does not look, bursts in invalid time."""
    kept = {}
    for unit, (train, intervals) in enumerate(zip(trains, situation.observed, strict=True)):
        for start, stop in situation.invalid:
            # fifteen bursts a second, in all units at once
            burst = np.arange(start, stop, 1 / 15) + rng.uniform(0, 0.002)
            train = np.concatenate([train, (burst[:, None] + np.arange(0, 0.02, 0.004)).ravel()])
        seen = np.zeros(len(train), dtype=bool)
        for start, stop in intervals:
            seen |= (train >= start) & (train < stop)
        kept[str(unit)] = np.unique(np.round(np.sort(train[seen]) * _SAMPLING_HZ).astype(np.int64))
    sorting = NumpySorting.from_unit_dict([kept], sampling_frequency=_SAMPLING_HZ)
    sorting.annotate(
        obs_intervals={str(unit): each for unit, each in enumerate(situation.observed)},
        identifier=situation.name,
    )
    sorting.named_intervals = {"invalid_times": situation.invalid}
    return sorting


def score_situation(sorting: NumpySorting, seed: int) -> tuple[pd.DataFrame, bool]:
    """Return bits per spike and ROC-AUC within units of every predictor, and whether all audits pass."""
    units = nsg.open_units(sorting, duration=DURATION)
    parts = nsg.split_fractions(units)
    tables, passed = [], True
    for place, (name, how) in enumerate(_MODELS.items()):
        model = nsg.train(parts.train, parts.validation, seed=seed, progress=False, **how)
        predicted = nsg.generate(model, parts.test, context=units)
        names = ("running_rate", "online_hazard", "history_glm") if place == 0 else ()
        tables.append(nsg.score(predicted, parts.test, train=parts.train, context=units, baselines=names))
        audits = nsg.audit(model, parts)
        passed &= bool(audits.passed.all())
        if name == "in_context":
            again = predicted.copy(data=_untrained(model).predict(*_arrays(units, parts)))
            again.attrs["model"] = "in_context, untrained"
            tables.append(nsg.score(again, parts.test, train=parts.train, context=units, baselines=()))
    table = pd.concat(tables, ignore_index=True)
    bits = table[(table.metric == "bits_per_spike") & (table["null"] == "mean_rate")]
    ranks = table[table.metric == "roc_auc_per_unit"]
    found = bits.set_index("predictor")[["value", "observed_fraction"]].rename(columns={"value": "bits"})
    return found.join(ranks.set_index("predictor").value.rename("roc")), passed


def _untrained(model: nsg.FittedModel) -> nsg.FittedModel:
    from nwbspikegen.models import build_model

    return dataclasses.replace(model, module=build_model("in_context", model.module.num_units).eval())


def _arrays(units: xr.Dataset, parts: nsg.Split) -> tuple[np.ndarray, int, float, np.ndarray | None]:
    bins = read_bins(units)
    return bins.spikes, len(bins.spikes) - parts.test.sizes["time"], 0.001, bins.observed


def score_bursting(seed: int, share: float = 0.3, stretch: float = 5.0) -> tuple[float, float]:
    """Return bits per spike of `in_context` on the same bins: of the whole recording, and of what is left."""
    simulation = nsg.simulate("in_vitro", num_units=24, duration=400, seed=seed)
    rng = np.random.default_rng(seed)
    places = rng.choice(80, round(80 * share), replace=False)
    gaps = [(float(place * stretch), float((place + 1) * stretch)) for place in np.sort(places)]
    whole = nsg.open_units(simulation.sorting)
    partly = nsg.open_units(simulation.sorting, exclude=gaps)
    mask = read_bins(nsg.split_fractions(partly).test).observed
    found = []
    for units in (whole, partly):
        parts = nsg.split_fractions(units)
        model = nsg.train(parts.train, parts.validation, seed=0, progress=False)
        predicted = nsg.generate(model, parts.test, context=units).values
        spikes = read_bins(nsg.split_fractions(whole).test).spikes
        rates = read_bins(nsg.split_fractions(partly).train)
        null = (rates.spikes.sum(axis=0) + 0.5) / (
            (len(rates.spikes) if rates.observed is None else rates.observed.sum(axis=0)) + 1
        )
        kept = mask[:, 0]
        null_of = np.broadcast_to(null, predicted[kept].shape)
        found.append(bits_per_spike(predicted[kept], spikes[kept], null_of))
    return found[0], found[1]


def run(seeds: int, report: Callable[[str], None] = print) -> str:
    """Return the page."""
    rows = []
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        trains = draw_trains(rng)
        for situation in list_situations(rng):
            table, passed = score_situation(record(trains, situation, rng), seed)
            rows.append(table.reset_index().assign(situation=situation.name, seed=seed, passed=passed))
            report(f"seed {seed}, {situation.name}\n{table.round(3).to_string()}\naudits pass: {passed}")
    frame = pd.concat(rows, ignore_index=True)
    bursting = [score_bursting(seed) for seed in range(seeds)]
    for seed, (whole, left) in enumerate(bursting):
        report(f"bursting, seed {seed}: {whole:.4f} whole, {left:.4f} of what is left")
    return _page(frame, bursting)


def _page(frame: pd.DataFrame, bursting: Sequence[tuple[float, float]]) -> str:
    full = frame[frame.situation == "all observed"].set_index(["seed", "predictor"])
    keys = pd.MultiIndex.from_frame(frame[["seed", "predictor"]])
    frame = frame.assign(change=frame.bits.to_numpy() - full.bits.loc[keys].to_numpy())
    names = list(dict.fromkeys(frame.predictor))
    num_seeds = frame.seed.nunique()
    lines = [
        "# What was not observed is not silence",
        "",
        f"Measured {date.today()} by `python benchmarks/observed.py --seeds {num_seeds}` on CPU. {NUM_UNITS} "
        f"independent Poisson units, {DURATION:g} s, training 30 s, validation 15 s, test 15 s, warm context. "
        f"Bits per spike above `mean_rate`, mean over {num_seeds} seeds; the truth is 0, and a fitted model is "
        "a little below it by what it fits to noise. In brackets the largest difference, of any seed, from the "
        "same trains fully observed.",
        "",
        "| observed | " + " | ".join(f"`{name}`" for name in names) + " | observed bins of test | audits |",
        "|---|" + "---|" * (len(names) + 2),
    ]
    for situation, group in frame.groupby("situation", sort=False):
        cells = []
        for name in names:
            own = group[group.predictor == name]
            cells.append(f"{own.bits.mean():+.3f} ({own.change.abs().max():.3f})")
        passed = "pass" if group.passed.all() else "FAIL"
        lines.append(
            f"| {situation} | {' | '.join(cells)} | {group.observed_fraction.mean():.0%} | {passed} |"
        )
    lines += ["", "ROC-AUC within units, mean over seeds (largest distance from 0.5):", ""]
    lines += [
        "| observed | " + " | ".join(f"`{name}`" for name in names) + " |",
        "|---|" + "---|" * len(names),
    ]
    for situation, group in frame.groupby("situation", sort=False):
        cells = []
        for name in names:
            own = group[group.predictor == name]
            cells.append(f"{own.roc.mean():.3f} ({(own.roc - 0.5).abs().max():.3f})")
        lines.append(f"| {situation} | {' | '.join(cells)} |")
    lines += [
        "",
        "A bursting preparation (simulated in vitro, 24 units, 400 s) of which 30 % is taken away at random, in "
        "stretches of 5 s: bits per spike of `in_context` on the bins of test that are left, trained on and "
        "reading the whole recording, or only what is left of it.",
        "",
        "| seed | whole | what is left | ratio |",
        "|---|---|---|---|",
    ]
    lines += [f"| {seed} | {whole:.4f} | {left:.4f} | {left / whole:.3f} |"
              for seed, (whole, left) in enumerate(bursting)]  # fmt: skip
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs/benchmarks/observed.md"))
    parser.add_argument("--seeds", type=int, default=5)
    chosen = parser.parse_args()
    logging.getLogger("nwbspikegen").setLevel(logging.ERROR)
    chosen.out.write_text(run(chosen.seeds))


if __name__ == "__main__":
    main()
