"""The first minute: what models know by how many seconds of a recording's own past were read.

Five real recordings as in `zero_shot.py`, whose cache may be given: windows, units, splits alike. From starts
spread over a segment every predictor reads so many seconds before, or all of the window, and predicts what
follows (`nsg.context_curve`):

    python benchmarks/first_minute.py --cache FOLDER --segment validation
    python benchmarks/first_minute.py --cache FOLDER --segment test > docs/benchmarks/first_minute.md

Choices are made on validation segments. Models and log likelihoods are kept in the cache, one file for each
model on each recording, so that a run that was cut off goes on and only what is new is measured. With
`--before FOLDER`, what another version of the code left in its cache is shown beside them.
"""

from __future__ import annotations

import argparse
import itertools
import json
import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from first_minute_tables import print_head, print_recording
from jaxtyping import Float64, Int64, UInt8
from recordings import RECORDINGS, require_shared
from zero_shot import Bench

import nwbspikegen as nsg
from nwbspikegen.core.errors import InputError
from nwbspikegen.core.predictor import Bins, Predictor
from nwbspikegen.models import FittedModel
from nwbspikegen.prediction.together import predict_with_each
from nwbspikegen.scoring import (
    ContextCurve,
    assemble_audits,
    audit_causality,
    audit_permutation,
    calibration_error,
    join_curves,
    make_baseline,
    read_curve,
    write_curve,
)
from nwbspikegen.scoring.likelihood import sum_log2_likelihood
from nwbspikegen.views.observed import read_bins, read_spikes

_LOG = logging.getLogger("benchmark")
_BIN = 0.001
_SECOND = 1000
CONTEXTS = (0, 1, 2, 5, 10, 30, 60, "warm")
SCORED = 5
STARTS = 20
LATE = 60
# every fourth start: each is another minute to read
_LATE_STEP = 4
BASELINES = ("running_rate", "mean_rate", "online_hazard", "history_glm")
PARTS = (
    *("curve", "zero_shot", "pairs", "control", "pretrained", "started", "beside", "whole", "odd", "audits"),
    "coupled_glm",
)
# half of the units join late, so that the others tell what a population is
_SHARE_LATE = 0.5
# beside four recordings 100 taught as much as 400 (npx, validation)
_POPULATIONS = 100
# of a curve, for calibration: enough bins, and a fifth of the reading
_CALIBRATION_STEP = 5


class Curves:
    """What is measured on one recording's segment, kept in the cache.

    Parameters
    ----------
    bench : Bench
        Recordings and models.
    name : str
        Of the recording.
    segment : str
        ``validation`` or ``test``.
    num_starts : int
        From where it is predicted.
    parts : set of str
        Of `PARTS`, what is measured.
    """

    def __init__(self, bench: Bench, name: str, segment: str, num_starts: int, parts: set[str]) -> None:
        self.target = bench.targets[name]
        self.name, self._bench, self.parts = name, bench, parts
        self._path = bench.cache / "first_minute" / f"{name}-{segment}-{num_starts}"
        self.segment: xr.Dataset = getattr(self.target.parts, segment)
        self.clock = float(self.segment.time[0])
        last = (self.segment.sizes["time"] - SCORED * _SECOND) // _SECOND
        # whole seconds, as they always were here
        self.starts = np.linspace(0, last, num_starts).astype(int)
        self._kept: dict[str, Predictor | None] = {}

    @property
    def models(self) -> dict[str, FittedModel]:
        """Models by name: trained within, on the other four, on each of them, on a prior, on noise; started.

        What is called started went on from the weights of what was trained on the prior, beside was trained
        on the prior and recordings together.
        """
        others = [other for other in RECORDINGS if other != self.name]
        made = {"within": lambda: self._train(f"within-{self.name}", [self.name])}
        if "zero_shot" in self.parts:
            made["zero_shot"] = lambda: self._train(f"without-{self.name}", others)
        if "pairs" in self.parts:
            made |= {f"from-{one}": lambda one=one: self._train(f"within-{one}", [one]) for one in others}
        if "control" in self.parts:
            made["shuffled"] = lambda: self._train_shuffled(others)
        if "pretrained" in self.parts:
            made["pretrained"] = _load_pretrained
        if "started" in self.parts:
            how: dict[str, Any] = {"model": "in_context", "start_from": "pretrained"}
            made["zero_shot_started"] = lambda: self._bench.model(f"started-{self.name}", others, **how)
            label = f"within-started-{self.name}"
            made["within_started"] = lambda: self._bench.model(label, [self.name], **how)
        if "beside" in self.parts:
            mixed: dict[str, Any] = {"model": "in_context", "populations": _POPULATIONS}
            made["zero_shot_beside"] = lambda: self._bench.model(f"beside-{self.name}", others, **mixed)
        for label, make in made.items():
            if label not in self._kept:
                self._kept[label] = make()
        return {label: model for label in made if (model := self._kept[label]) is not None}

    @property
    def whole_models(self) -> dict[str, FittedModel]:
        """The models that are looked at further: before training, within, zero-shot, pretrained."""
        named = self.models
        chosen = [label for label in ("within", "zero_shot", "pretrained") if label in named]
        return {"untrained": named["within"].before_training(), **{label: named[label] for label in chosen}}

    @property
    def baselines(self) -> list[str]:
        """Names of the baselines."""
        return [*BASELINES, *(["coupled_glm"] if "coupled_glm" in self.parts else [])]

    def curve(self) -> ContextCurve:
        """Return the curve of every baseline and model, measuring what is missing."""
        paths = {name: self._path / f"{name}.npz" for name in self.baselines}
        paths["untrained"] = self._path / "untrained.npz"
        models = self.models
        paths |= {name: self._path / f"{name}-{model.sha256[:12]}.npz" for name, model in models.items()}
        missing = [name for name, path in paths.items() if not path.is_file()]
        if missing:
            started = time.perf_counter()
            # itself before training comes with any model
            asked = [name for name in models if name in missing] or (
                ["within"] if "untrained" in missing else []
            )
            found = nsg.context_curve(
                {name: models[name] for name in asked},
                self.segment,
                window=self.target.units,
                train=self.target.parts.train,
                context=CONTEXTS,
                starts=(self.clock + self.starts).tolist(),
                scored=SCORED,
                baselines=[name for name in self.baselines if name in missing],
            )
            for name in missing:
                write_curve(paths[name], found.keep([name]))
            self._say("curve", started)
        return join_curves(read_curve(path) for path in paths.values())

    def read_only(self) -> ContextCurve | None:
        """Return the curve that lies in the cache, as another version of the code has left it."""
        found = sorted(self._path.glob("*.npz"), key=lambda path: path.stat().st_mtime, reverse=True)
        curves: dict[str, ContextCurve] = {}
        for path in found:
            curve = read_curve(path)
            # of a model that was trained again, the newest
            curves.setdefault(curve.predictors[0], curve)
        return join_curves(curves.values()) if curves else None

    def warm(self) -> dict[str, Float64[np.ndarray, " second"]]:
        """Return log-likelihoods of every second of the segment, from all of the window before."""

        def measure() -> dict[str, np.ndarray]:
            bins, first = self._bins(), self._first
            whole = bins.until(first + self.segment.sizes["time"])
            scored, found = whole.since(first), {}
            # the last second is less than one where a segment ends in it
            edges = np.append(np.arange(0, len(scored.spikes), _SECOND), len(scored.spikes))
            for name, probability in self._predict(whole, first):
                found[name] = sum_log2_likelihood(probability, scored.spikes, edges, scored.observed)
            return found

        return self._remember("warm", measure)

    def late(self) -> dict[str, Float64[np.ndarray, " start"]]:
        """Return log-likelihoods of units that were silent for the 60 s before each start."""

        def measure() -> dict[str, np.ndarray]:
            found: dict[str, list[float]] = {}
            for start in self._late_starts:
                part, joining = self.join_late(start)
                for name, probability in self._predict(Bins(part, None), LATE * _SECOND):
                    spikes = part[LATE * _SECOND :, joining]
                    whole = np.array([0, len(spikes)], dtype=np.int64)
                    bits = sum_log2_likelihood(probability[:, joining], spikes, whole)
                    found.setdefault(name, []).append(float(bits[0]))
            return {name: np.array(values) for name, values in found.items()}

        return self._remember("late", measure)

    @property
    def _late_starts(self) -> list[int]:
        return (self._first + self.starts[::_LATE_STEP] * _SECOND).tolist()

    def join_late(self, start: int) -> tuple[UInt8[np.ndarray, "time unit"], Int64[np.ndarray, " joining"]]:
        """Return 60 s before a start and the seconds after it, with half of the units silent before it."""
        spikes = self._bins().spikes
        num_units = spikes.shape[1]
        joining = np.random.default_rng(start).permutation(num_units)[: int(_SHARE_LATE * num_units)]
        part = spikes[start - LATE * _SECOND : start + SCORED * _SECOND].copy()
        part[: LATE * _SECOND, joining] = 0
        return part, np.sort(joining)

    def num_late(self) -> Int64[np.ndarray, " start"]:
        """Return how many spikes of units that join late are scored after each start."""
        late = (self.join_late(start) for start in self._late_starts)
        return np.array([int((part[LATE * _SECOND :, units] > 0).sum()) for part, units in late])

    def bursts(self) -> ContextCurve:
        """Return the curve, without context, of beginnings where the population is busiest."""
        path = self._path / f"bursts-{self._digest}.npz"
        if not path.is_file():
            started = time.perf_counter()
            found = nsg.context_curve(
                {name: model for name, model in self.whole_models.items() if name != "untrained"},
                self.segment,
                window=self.target.units,
                context=(0,),
                starts=self.busiest(),
                scored=SCORED,
                baselines=("running_rate", "online_hazard"),
            )
            write_curve(path, found)
            self._say("bursts", started)
        return read_curve(path)

    def busiest(self) -> list[float]:
        """Return when, once in each stretch, most spikes lie 50 ms about; those that overlap are left out."""
        total = read_spikes(self.segment).sum(axis=1, dtype=np.int64)
        near = np.convolve(total, np.ones(100), mode="same")[: len(total) - SCORED * _SECOND]
        edges = np.linspace(0, len(near), len(self.starts) + 1).astype(int)
        chosen: list[int] = []
        for begin, end in itertools.pairwise(edges):
            at = int(begin + near[begin:end].argmax())
            if not chosen or at >= chosen[-1] + SCORED * _SECOND:
                chosen.append(at)
        return [self.clock + at * _BIN for at in chosen]

    def audits(self) -> list[dict[str, object]]:
        """Return audits and calibration of the zero-shot and the pretrained model at every context length."""

        def measure() -> list[dict[str, object]]:
            rows: list[dict[str, object]] = []
            asked = {name: self.models[name] for name in ("zero_shot", "pretrained") if name in self.models}
            for name, model in (asked or {"within": self.models["within"]}).items():
                for label in CONTEXTS[:-1]:
                    rows += [
                        {"model": name, "context": str(label), **row} for row in self._audit(model, label)
                    ]
            return rows

        return self._keep_json("audits", measure)

    def _audit(self, model: FittedModel, seconds: int) -> list[dict[str, object]]:
        bins, context = self._bins(), seconds * _SECOND
        start = self._first + int(self.starts[len(self.starts) // 2]) * _SECOND
        part = bins.since(start - context).until(context + _SECOND)
        rows = audit_causality(model.predict, part.spikes, context, _BIN, observed=part.observed)
        rows += audit_permutation(model.predict, part.spikes, context, _BIN, observed=part.observed)
        table = assemble_audits(rows)[["audit", "passed", "value"]].to_dict("records")
        predicted, spikes = [], []
        for begin in self._first + self.starts[::_CALIBRATION_STEP] * _SECOND:
            piece = bins.since(begin - context).until(context + SCORED * _SECOND)
            predicted.append(model.predict(piece.spikes, context, _BIN, piece.observed))
            spikes.append(piece.spikes[context:])
        joined = np.concatenate(spikes)
        error = calibration_error(np.concatenate(predicted), joined) / float(joined.mean())
        return [*table, {"audit": "calibration", "passed": True, "value": error}]

    def _predict(self, bins: Bins, first: int):  # type: ignore[no-untyped-def]
        """Give what baselines and the models that are looked at further predict, each with its name."""
        for name in self.baselines:
            yield name, self._fitted(name).predict(bins.spikes, first, _BIN, bins.observed)
        models = self.whole_models
        names = list(models)
        for place, predicted in predict_with_each([models[name].module for name in names], bins, first, _BIN):
            yield names[place], predicted

    def _fitted(self, name: str):  # type: ignore[no-untyped-def]
        if name not in self._kept:
            train = read_bins(self.target.parts.train)
            self._kept[name] = make_baseline(name).fit(train.spikes, _BIN, train.observed)
        return self._kept[name]

    def _train(self, label: str, trained_on: Sequence[str]) -> FittedModel:
        return self._bench.model(label, list(trained_on), model="in_context")

    def _train_shuffled(self, others: Sequence[str]) -> FittedModel:
        """Return a model that was trained on the others, each unit's bins in random order."""
        label = f"without-{self.name}-shuffled"
        # read only where there is something to train
        is_there = (self._bench.cache / "models" / label).is_dir()
        parts = [] if is_there else [self._bench.targets[name].parts for name in others]
        train, validation = (
            [_shuffle_time(getattr(each, part), seed) for seed, each in enumerate(parts)]
            for part in ("train", "validation")
        )
        return self._bench.train(label, train, validation, model="in_context")

    @property
    def _first(self) -> int:
        return self.target.first_bin(self.segment)

    def _bins(self) -> Bins:
        if not hasattr(self, "_read"):
            self._read = read_bins(self.target.units)
        return self._read

    @property
    def _digest(self) -> str:
        """Of the models that are looked at further: what is stored holds for these."""
        return "-".join(model.sha256[:6] for name, model in self.whole_models.items() if name != "untrained")

    def _remember(self, label: str, measure: Callable[[], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
        made = self._keep_json(label, lambda: {name: values.tolist() for name, values in measure().items()})
        return {name: np.array(values) for name, values in made.items()}

    def _keep_json(self, label: str, measure: Callable[[], object]):  # type: ignore[no-untyped-def]
        path = self._path / f"{label}-{self._digest}.json"
        if not path.is_file():
            started = time.perf_counter()
            found = measure()
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(found))
            self._say(label, started)
        return json.loads(path.read_text())

    def _say(self, label: str, started: float) -> None:
        _LOG.info("%s %s in %.0f s", self._path.name, label, time.perf_counter() - started)


def _shuffle_time(part: xr.Dataset, seed: int) -> xr.Dataset:
    """Return a segment with each unit's observed bins in random order: its rates, and nothing of when."""
    bins, rng = read_bins(part), np.random.default_rng(seed)
    spikes = bins.spikes.copy()
    for unit in range(spikes.shape[1]):
        seen = slice(None) if bins.observed is None else bins.observed[:, unit]
        spikes[seen, unit] = rng.permutation(spikes[seen, unit])
    return part.assign(spikes=(("time", "unit"), spikes))


def _load_pretrained() -> FittedModel | None:
    """Return the model that comes with the package; None where this version has none."""
    try:
        return nsg.load_model("pretrained")
    except InputError:
        return None


def main() -> None:
    """Measure all and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--cache", type=Path, required=True, help="folder outside the repository")
    parser.add_argument("--segment", choices=("validation", "test"), default="validation")
    parser.add_argument("--before", type=Path, help="cache of another version of the code")
    parser.add_argument("--score", nargs="+", choices=RECORDINGS, default=list(RECORDINGS), metavar="NAME")
    parser.add_argument("--starts", type=int, default=STARTS)
    # the fit takes minutes to an hour a recording
    parser.add_argument("--with-coupled-glm", action="store_true")
    parser.add_argument("--without", nargs="+", choices=PARTS[:-1], default=[], metavar="PART")
    asked = parser.parse_args()
    require_shared()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s")
    _LOG.setLevel(logging.INFO)
    parts = set(PARTS) - set(asked.without) - (set() if asked.with_coupled_glm else {"coupled_glm"})
    bench = Bench(asked.cache)
    before = None if asked.before is None else Bench(asked.before)
    print_head(asked.segment, asked.starts, SCORED)
    for name in asked.score:
        curves = Curves(bench, name, asked.segment, asked.starts, parts)
        other = None if before is None else Curves(before, name, asked.segment, asked.starts, parts)
        print_recording(curves, None if other is None else other.read_only())


if __name__ == "__main__":
    main()
