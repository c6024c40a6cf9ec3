"""What unobserved time does to scores: independent Poisson units, of which nothing can be predicted.

    python benchmarks/observed.py [--out docs/benchmarks/observed.md] [--seeds 3] [--durations 60,240]

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

NUM_UNITS = 8
_RATE_HZ = 10.0
_SAMPLING_HZ = 10_000.0
_MODELS = {
    "in_context": {"model": "in_context", "epochs": 2},
    "shimono2026": {
        "model": "shimono2026",
        "loss": "bernoulli",
        "epochs": 2,
        "num_bins": 1000,
        "start_at_rates": True,
    },
}
Intervals = list[tuple[float, float]]


@dataclasses.dataclass(frozen=True)
class Situation:
    """What was observed of each unit, and what happened in time that the recording calls invalid."""

    name: str
    duration: float
    observed: list[Intervals]
    invalid: Intervals = dataclasses.field(default_factory=list)


def list_situations(rng: np.random.Generator, duration: float = 60.0) -> list[Situation]:
    """Return the situations; training is the first half, validation the next quarter, test the last."""
    part = duration / 60
    whole: Intervals = [(0.0, duration)]
    lost: Intervals = [(0.0, 40 * part)]

    def pause(start: float, stop: float) -> list[Intervals]:
        return [[(0.0, start * part), (stop * part, duration)]] * NUM_UNITS

    situations = {
        "all": [whole] * NUM_UNITS,
        "three units lost after 2/3": [lost if unit < 3 else whole for unit in range(NUM_UNITS)],
        "a pause in training": pause(10, 28),
        "a pause in test": pause(50, 54),
        "a pause over the border before test": pause(42, 48),
        "artefacts in invalid_times": [whole] * NUM_UNITS,
        "30 intervals, others for each unit": [patchwork(rng, duration) for _ in range(NUM_UNITS)],
    }
    invalid = {"artefacts in invalid_times": [(12 * part, 15 * part), (50 * part, 52 * part)]}
    return [Situation(name, duration, each, invalid.get(name, [])) for name, each in situations.items()]


def patchwork(rng: np.random.Generator, duration: float) -> Intervals:
    """Return 30 intervals that together cover more than half of the time."""
    gaps = np.sort(rng.choice(np.arange(1, 600), 60, replace=False)).reshape(-1, 2) * duration / 600
    between = np.column_stack([np.concatenate([[0.0], gaps[:-1, 1]]), gaps[:, 0]])
    chosen = max(between, gaps, key=lambda stretches: np.diff(stretches).sum())
    return [(float(start), float(stop)) for start, stop in chosen]


def draw_trains(rng: np.random.Generator, duration: float = 60.0) -> list[np.ndarray]:
    """Return Poisson trains (s) of different rates, without any structure."""
    rates = _RATE_HZ * (0.5 + np.arange(NUM_UNITS) / NUM_UNITS)
    return [np.sort(rng.uniform(0.0, duration, rng.poisson(rate * duration))) for rate in rates]


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


def score_situation(sorting: NumpySorting, seed: int = 0) -> tuple[pd.DataFrame, bool]:
    """Return bits per spike and ROC-AUC within units of every predictor, and whether all audits pass."""
    units = nsg.open_units(sorting)
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


def score_bursting(seed: int, share: float = 0.3, stretch: float = 5.0) -> tuple[float, float, float]:
    """Return bits per spike of `in_context` on the same bins, from all, from what is left, from less time.

    Less time is the whole recording without its beginning: as much past as is left, in one piece.
    """
    simulation = nsg.simulate("in_vitro", num_units=24, duration=600, seed=seed)
    rng = np.random.default_rng(seed)
    places = rng.choice(120, round(120 * share), replace=False)
    gaps = [(float(place * stretch), float((place + 1) * stretch)) for place in np.sort(places)]
    whole = nsg.open_units(simulation.sorting)
    partly = nsg.open_units(simulation.sorting, exclude=gaps)
    less = round(whole.sizes["time"] * 0.75 * share)
    kept = read_bins(nsg.split_fractions(partly).test).observed[:, 0]
    test = nsg.split_fractions(whole).test
    spikes = read_bins(test).spikes[kept]
    null = np.broadcast_to(simulation.spikes[: whole.sizes["time"] // 2].mean(axis=0), spikes.shape)
    found = []
    for units, since in ((whole, 0), (partly, 0), (whole, less)):
        parts = nsg.split_fractions(units)
        train = parts.train.isel(time=slice(since, None))
        model = nsg.train(train, parts.validation, seed=0, progress=False)
        predicted = nsg.generate(model, parts.test, context=units.isel(time=slice(since, None)))
        found.append(bits_per_spike(predicted.values[kept], spikes, null))
    return found[0], found[1], found[2]


def run(seeds: int, durations: Sequence[float], report: Callable[[str], None] = print) -> str:
    """Return the page."""
    tables = []
    for duration in durations:
        rows = []
        for seed in range(seeds):
            rng = np.random.default_rng(seed)
            trains = draw_trains(rng, duration)
            for situation in list_situations(rng, duration):
                table, passed = score_situation(record(trains, situation, rng), seed)
                rows.append(table.reset_index().assign(observed=situation.name, seed=seed, passed=passed))
                report(
                    f"{duration:g} s, seed {seed}, {situation.name}\n{table.round(3).to_string()}\n{passed}"
                )
        tables += ["", f"## {duration:g} s", "", *_table(pd.concat(rows, ignore_index=True))]
    bursting = [score_bursting(seed) for seed in range(seeds)]
    ratios = [
        f"| {seed} | {whole:.4f} | {left:.4f} ({left / whole:.3f}) | {less:.4f} ({less / whole:.3f}) |"
        for seed, (whole, left, less) in enumerate(bursting)
    ]
    return "\n".join([*_HEAD, _say_when(seeds, durations), *_READ, *tables, *_BURSTING, *ratios]) + "\n"


_HEAD = ["# What was not observed is not silence", ""]
_READ = [
    "",
    "Read it like this. What is left in these tables is chance and what predictors fit to it, which is more",
    "where less was observed: `online_hazard`, which believes 20 bins of a class as much as its rate, loses",
    "most in the shortest recording. Within units `running_rate` lies below 0.5 also where all was observed:",
    "a rate so far that is above the mean by chance is followed by what is below it. When unobserved time",
    "was taken for silence, six such units, three of them lost after 40 of 60 s, scored 2.36 bits per spike.",
]
_BURSTING = [
    "",
    "## A bursting preparation",
    "",
    "Simulated in vitro, 24 units, 600 s, of which 30 % is taken away at random in stretches of 5 s: bits",
    "per spike of `in_context` on the bins of test that are left, trained on and reading all, or what is",
    "left; in brackets the share of the first. Beside it a recording that begins later, so that it has as",
    "much past, in one piece: what less time costs by itself.",
    "",
    "| seed | all | what is left | as much time in one piece |",
    "|---|---|---|---|",
]


def _say_when(seeds: int, durations: Sequence[float]) -> str:
    asked = ",".join(f"{duration:g}" for duration in durations)
    return (
        f"Measured {date.today()} by `python benchmarks/observed.py --seeds {seeds} --durations {asked}` on "
        f"CPU. {NUM_UNITS} independent Poisson units of 5 to 14 Hz, split 50/25/25, warm context. Bits per "
        f"spike above `mean_rate` on the observed bins of test, mean over {seeds} seeds; the truth is 0, and "
        "what is fitted lies below it by what it fitted to noise. In brackets the largest difference, of any "
        "seed, from the same trains when all was observed."
    )


def _table(frame: pd.DataFrame) -> list[str]:
    full = frame[frame.observed == "all"].set_index(["seed", "predictor"])
    keys = pd.MultiIndex.from_frame(frame[["seed", "predictor"]])
    frame = frame.assign(change=frame.bits.to_numpy() - full.bits.loc[keys].to_numpy())
    names = list(dict.fromkeys(frame.predictor))
    head = " | ".join(f"`{name}`" for name in names)
    lines = [f"| observed | {head} | of test | audits |", "|---|" + "---|" * (len(names) + 2)]
    ranks = ["", "ROC-AUC within units, mean over seeds:", "", f"| observed | {head} |"]
    ranks.append("|---|" + "---|" * len(names))
    for situation, group in frame.groupby("observed", sort=False):
        own = group.groupby("predictor")
        bits, change, roc = own.bits.mean(), own.change.apply(lambda each: each.abs().max()), own.roc.mean()
        cells = " | ".join(f"{bits[name]:+.3f} ({change[name]:.3f})" for name in names)
        passed = "pass" if group.passed.all() else "FAIL"
        lines.append(f"| {situation} | {cells} | {group.observed_fraction.mean():.0%} | {passed} |")
        ranks.append(f"| {situation} | {' | '.join(f'{roc[name]:.3f}' for name in names)} |")
    return lines + ranks


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs/benchmarks/observed.md"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--durations", default="60,240")
    chosen = parser.parse_args()
    logging.getLogger("nwbspikegen").setLevel(logging.ERROR)
    chosen.out.write_text(run(chosen.seeds, [float(each) for each in chosen.durations.split(",")]))


if __name__ == "__main__":
    main()
