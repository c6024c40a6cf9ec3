"""Free runs on five real recordings: would they pass for what was recorded?

Windows, units and models as in `first_minute.py`, whose cache may be given. Half of a window is read, then a
quarter is generated and judged on the quarter that was recorded then. Prints Markdown:

    python benchmarks/realism.py --cache FOLDER > docs/benchmarks/realism.md

Models, runs and verdicts are kept in the cache, so that a run that was cut off goes on; `--cached` prints
what lies there and measures nothing. Choices are made with `--segment validation`, which judges a quarter
earlier.
"""

from __future__ import annotations

import argparse
import json
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from jaxtyping import UInt8
from realism_tables import print_head, print_recording, print_simulated, print_summary
from recordings import RECORDINGS, require_shared
from simulated_likeness import FAIR_SEEDS, SEEDS, measure_fairness, measure_preparation
from zero_shot import Bench

import nwbspikegen as nsg
from nwbspikegen.likeness import SURROGATES, Verdict, judge_likeness, make_surrogate
from nwbspikegen.models import FittedModel
from nwbspikegen.prediction.free_run import run_pieces
from nwbspikegen.scoring.baselines.coupled_glm import CoupledGLM
from nwbspikegen.scoring.baselines.glm import TAUS, HistoryGLM
from nwbspikegen.scoring.baselines.stored_glm import squash
from nwbspikegen.simulation import PREPARATIONS
from nwbspikegen.views.history import exponential_traces
from nwbspikegen.views.observed import read_spikes
from nwbspikegen.views.raised_cosines import NUM_COSINES, raised_cosines

_LOG = logging.getLogger("benchmark")
_BIN = 0.001
# s: windows of the judge; the long ones where a quarter has ten of them in each half
WINDOWS = (1.0, 10.0)
VERSIONS = ("dynamics", "whole")
MODELS = ("within", "pretrained")
GLMS = ("history_glm", "coupled_glm")
RUNS = ("before", *MODELS, *GLMS, *SURROGATES)
"""What is judged: the quarter before, which was read; models; GLMs of own past and of all; surrogates."""

SEEN_WHOLE = ("before", *MODELS, *GLMS, "dichotomised_gaussian")
"""What is judged with its rates as well."""


class Judged:
    """Runs on one recording and what is said of them, kept in the cache.

    Parameters
    ----------
    bench : Bench
        Recordings and models.
    name : str
        Of the recording.
    segment : str
        ``validation`` or ``test``: what is judged.
    is_cached : bool
        Whether what is not in the cache is left out.
    """

    def __init__(self, bench: Bench, name: str, segment: str, is_cached: bool) -> None:
        target = bench.targets[name]
        self.name, self._bench, self._is_cached = name, bench, is_cached
        self._path = bench.cache / "realism" / f"{name}-{segment}"
        self.recorded = getattr(target.parts, segment).load()
        first = target.first_bin(self.recorded)
        half, quarter = target.units.sizes["time"] // 2, self.recorded.sizes["time"]
        self._read = target.units.isel(time=slice(first - half, first))
        self._before = target.units.isel(time=slice(first - quarter, first)).load()

    @property
    def seconds(self) -> float:
        """Return how long the quarter is."""
        return float(self.recorded.sizes["time"] * _BIN)

    def run(self, label: str) -> xr.Dataset:
        """Return a run, of `RUNS`."""
        if label == "before":
            return self._before
        if label in SURROGATES:
            made = make_surrogate(label, self._before.spikes.values, _BIN)
        else:
            path = self._path.with_name(f"{self._path.name}-{label}.npz")
            if not path.is_file():
                started = time.process_time()
                _write_run(path, self._generate(label))
                _LOG.info("%s in %.0f s of one core", path.stem, time.process_time() - started)
            made = _read_run(path)
        return self.recorded.assign(spikes=(("time", "unit"), made))

    def judge(self, label: str, version: str = "dynamics", window: float = WINDOWS[0]) -> Verdict | None:
        """Return a verdict; None where there are too few windows, or it may not be measured now."""
        kept = self._path.with_name(f"{self._path.name}-{label}-{version}-{window:g}.json")
        if not kept.is_file():
            if self._is_cached or self.seconds / window < 4 * 10:
                return None
            run = self.run(label)
            # importances take most of the time, and are shown of models
            shuffles = 5 if label in ("before", *MODELS) and version == "dynamics" else 0
            verdict = judge_likeness(
                run, self.recorded, version=version, window=window, num_shuffles=shuffles
            )
            _write_verdict(kept, verdict)
        return _read_verdict(kept)

    def distances(self, label: str) -> pd.DataFrame | None:
        """Return the table of `realism`; None where it may not be measured now."""
        kept = self._path.with_name(f"{self._path.name}-{label}-distances.json")
        if not kept.is_file():
            if self._is_cached:
                return None
            nsg.realism(self.run(label), self.recorded).to_json(kept, orient="table", index=False)
        return pd.read_json(kept, orient="table")

    def _generate(self, label: str) -> UInt8[np.ndarray, "time unit"]:
        read, num_bins = self._read.load(), self.recorded.sizes["time"]
        if label in GLMS:
            run = run_history_glm if label == "history_glm" else run_coupled_glm
            return run(read_spikes(read), num_bins, seed=0)
        model: FittedModel = (
            nsg.load_model("pretrained")
            if label == "pretrained"
            else self._bench.model(f"within-{self.name}", [self.name], model="in_context")
        )
        return np.concatenate(list(run_pieces(model, read, seconds=num_bins * _BIN)), axis=1)[0]


def run_history_glm(
    spikes: UInt8[np.ndarray, "time unit"], num_bins: int, seed: int
) -> UInt8[np.ndarray, "time unit"]:
    """Return what `history_glm`, fitted on some bins, generates after them from its own spikes."""
    weights = HistoryGLM().fit(spikes, _BIN).weights
    slopes = weights["slopes"] / weights["scale"]
    offset = weights["intercept"] - (slopes * weights["centre"]).sum(axis=1)
    # of the bin after the last: the traces that a bin of silence would be predicted from
    longest = spikes[-20 * round(TAUS[-1]) :]
    ended = np.concatenate([longest, np.zeros((1, spikes.shape[1]), np.uint8)])
    traces = exponential_traces(ended, len(longest), TAUS, bin_size=_BIN)[0].astype(np.float64)
    decay, rng = np.exp(-1.0 / np.array(TAUS)), np.random.default_rng(seed)
    made = np.empty((num_bins, spikes.shape[1]), np.uint8)
    for fired, uniform in zip(made, rng.random(made.shape, dtype=np.float32), strict=True):
        kept = np.clip(traces, weights["low"], weights["high"])
        fired[:] = uniform < squash(offset + (kept * slopes).sum(axis=1))
        traces = decay * traces + (1 - decay) * fired[:, None]
    return made


def run_coupled_glm(
    spikes: UInt8[np.ndarray, "time unit"], num_bins: int, seed: int
) -> UInt8[np.ndarray, "time unit"]:
    """Return what `coupled_glm`, fitted on some bins, generates after them from spikes of its own."""
    weights = CoupledGLM().fit(spikes, _BIN).weights
    # of a unit all its cosines, as the columns of the fit
    shape = (-1, spikes.shape[1], NUM_COSINES)
    low, high, centre = (weights[name].reshape(shape[1:]) for name in ("low", "high", "centre"))
    slopes = (weights["slopes"] / weights["scale"]).reshape(shape)
    offset = weights["intercept"] - (slopes * centre).sum(axis=(1, 2))
    # the latest bin is lag 1
    cosines = raised_cosines(_BIN)[::-1].T.astype(np.float32)
    slopes = slopes.reshape(len(slopes), -1).T.astype(np.float32)
    num_lags, rng = cosines.shape[1], np.random.default_rng(seed)
    past = np.concatenate([spikes[-num_lags:], np.zeros((num_bins, spikes.shape[1]), np.uint8)])
    recent = past.astype(np.float32)
    for now in range(num_lags, len(past)):
        columns = (cosines @ recent[now - num_lags : now]).T
        log_odds = offset + np.clip(columns, low, high).astype(np.float32).ravel() @ slopes
        past[now] = rng.random(len(offset), dtype=np.float32) < squash(log_odds)
        recent[now] = past[now]
    return past[num_lags:]


def _write_run(path: Path, spikes: UInt8[np.ndarray, "time unit"]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".part.npz")
    np.savez(partial, spikes=np.packbits(spikes, axis=0), bins=len(spikes))
    partial.rename(path)


def _read_run(path: Path) -> UInt8[np.ndarray, "time unit"]:
    with np.load(path) as kept:
        return np.unpackbits(kept["spikes"], axis=0, count=int(kept["bins"]))


def _write_verdict(path: Path, verdict: Verdict) -> None:
    told = {**vars(verdict), "draws": verdict.draws.tolist(), "importances": verdict.importances.to_dict()}
    path.write_text(json.dumps(told))


def _read_verdict(path: Path) -> Verdict:
    told = json.loads(path.read_text())
    importances = pd.Series(told.pop("importances"), dtype=float)
    return Verdict(np.array(told.pop("draws")), importances=importances, **told)


def _remember(path: Path, measure: Callable[[], Any]) -> Any:
    """Return what was measured, once."""
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(measure()))
    return json.loads(path.read_text())


def main() -> None:
    """Run and judge all, and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--cache", type=Path, required=True, help="folder outside the repository")
    parser.add_argument("--segment", choices=("validation", "test"), default="test")
    parser.add_argument("--score", nargs="+", choices=RECORDINGS, default=list(RECORDINGS), metavar="NAME")
    parser.add_argument("--cached", action="store_true", help="leave out what is not in the cache")
    asked = parser.parse_args()
    require_shared()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s")
    _LOG.setLevel(logging.INFO)
    bench = Bench(asked.cache)
    print_head(asked.segment)
    judged = [Judged(bench, name, asked.segment, asked.cached) for name in asked.score]
    print_summary(judged)
    for each in judged:
        print_recording(each)
    _print_simulated(asked.cache / "realism", asked.cached)


def _print_simulated(folder: Path, is_cached: bool) -> None:
    fair, found = {}, {}
    for preparation in PREPARATIONS:
        for seed in FAIR_SEEDS:
            path = folder / f"fair-{preparation}-{seed}.json"
            if path.is_file() or not is_cached:
                fair[preparation, seed] = _remember(
                    path, lambda preparation=preparation, seed=seed: measure_fairness(preparation, seed)
                )
        for seed in SEEDS:
            path = folder / f"{preparation}-{seed}.json"
            if path.is_file() or not is_cached:
                found[preparation, seed] = _remember(
                    path, lambda preparation=preparation, seed=seed: measure_preparation(preparation, seed)
                )
    print_simulated(fair, found)


if __name__ == "__main__":
    main()
