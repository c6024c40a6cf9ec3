"""The first minute: bits per spike by how many seconds of a recording's own past were read.

Five real recordings as in `zero_shot.py`, whose cache may be given: windows, units and splits alike.

At starts spread over a segment every predictor reads so many seconds, or all of the window, and predicts the
seconds that follow:

    python benchmarks/first_minute.py --cache FOLDER --segment validation
    python benchmarks/first_minute.py --cache FOLDER --segment test > docs/benchmarks/first_minute.md

Choices are made on validation segments. Models and log likelihoods are kept in the cache, so that a run that
was cut off goes on; `--before FOLDER` shows what another version of the code left in its cache beside them.
"""

from __future__ import annotations

import argparse
import itertools
import json
import logging
import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path

import numpy as np
from jaxtyping import Float64, Int64, UInt8
from recordings import RECORDINGS, require_shared
from zero_shot import Bench

from nwbspikegen.core.predictor import Bins
from nwbspikegen.models import build_model, load_model
from nwbspikegen.models.in_context import InContext
from nwbspikegen.scoring import BASELINES
from nwbspikegen.views.observed import read_spikes

_LOG = logging.getLogger("benchmark")
_BIN = 0.001
_SECOND = 1000
CONTEXTS = (0, 1, 2, 5, 10, 30, 60)
_SCORED = 5
_STARTS = 20
_LATE = 60
# every fourth start: each is another minute to read
_LATE_STEP = 4
_BASELINES = ("running_rate", "mean_rate", "online_hazard", "history_glm")
_TRAINED = ("untrained", "within", "zero_shot")
_MODELS = (*_TRAINED, "pretrained")
_NULL = "running_rate"
# half of the units join late, so that the others tell what a population is
_SHARE_LATE = 0.5
_ALLOWED = -0.02

Predict = Callable[[UInt8[np.ndarray, "time unit"], int], Mapping[str, np.ndarray]]
"""From spikes and the first bin to predict, what each of some predictors gives for the bins from there on."""


def measure_contexts(
    predict: Predict,
    spikes: UInt8[np.ndarray, "time unit"],
    starts: Sequence[int],
    contexts: Sequence[int],
    scored: int,
) -> dict[str, Float64[np.ndarray, "context start"]]:
    """Return the log2-likelihood, by predictor, of the bins after each start, from contexts of so many bins.

    Parameters
    ----------
    predict : callable
        Takes spikes and the first bin to predict.
    spikes : uint8 array (time, unit)
        The recording.
    starts : sequence of int
        First bins that are scored.
    contexts : sequence of int
        Bins before each that are read.
    scored : int
        Bins that are scored from each start on.
    """
    found: dict[str, Float64[np.ndarray, "context start"]] = {}
    for row, context in enumerate(contexts):
        for column, start in enumerate(starts):
            begin = max(0, start - context)
            part = spikes[begin : start + scored]
            for name, probability in predict(part, start - begin).items():
                rows = found.setdefault(name, np.zeros((len(contexts), len(starts))))
                rows[row, column] = log_likelihood(probability, part[start - begin :]).sum()
    return found


def log_likelihood(
    probability: np.ndarray, spikes: UInt8[np.ndarray, "time unit"]
) -> Float64[np.ndarray, " time"]:
    """Return the log2-likelihood of every bin, probabilities clipped as in `bits_per_spike`."""
    out = np.empty(len(spikes))
    # a second at a time: whole segments in double precision would take gigabytes
    for start in range(0, len(spikes), _SECOND):
        rows = slice(start, start + _SECOND)
        clipped = np.clip(probability[rows].astype(np.float64), 1e-6, 1 - 1e-6)
        out[rows] = np.log2(np.where(spikes[rows] > 0, clipped, 1 - clipped)).sum(axis=1)
    return out


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
    has_pretrained : bool
        Whether the model in the package is measured; in another version's cache it is not.
    """

    def __init__(self, bench: Bench, name: str, segment: str, *, has_pretrained: bool = True) -> None:
        target = bench.targets[name]
        self.name, self._bench, self._path = name, bench, bench.cache / "first_minute" / f"{name}-{segment}"
        self.spikes = read_spikes(target.units)
        part = getattr(target.parts, segment)
        first = float(part.time[0]) - _BIN / 2
        self.first = int(np.searchsorted(target.units.time.values, first))
        self.stop = self.first + part.sizes["time"]
        self._train = read_spikes(target.parts.train)
        self._pretrained = load_model("pretrained") if has_pretrained else None
        last = (part.sizes["time"] - _SCORED * _SECOND) // _SECOND
        # whole seconds, so that warm predictions, kept second by second, give the same bins
        self.starts = (self.first + np.linspace(0, last, _STARTS).astype(int) * _SECOND).tolist()

    def baselines(self, spikes: UInt8[np.ndarray, "time unit"], first: int) -> dict[str, np.ndarray]:
        """Return what each baseline predicts."""
        return {
            name: fitted.predict(spikes, first, _BIN)
            for name, fitted in ((name, self._fitted(name)) for name in _BASELINES)
        }

    def models(self, spikes: UInt8[np.ndarray, "time unit"], first: int) -> dict[str, np.ndarray]:
        """Return what `in_context` predicts untrained, trained within and on the other four."""
        predicted = InContext.predict_together(self._models(), Bins(spikes, None), first, _BIN)
        return dict(zip(_TRAINED, predicted, strict=True))

    def pretrained(self, spikes: UInt8[np.ndarray, "time unit"], first: int) -> dict[str, np.ndarray]:
        """Return what the model in the package predicts."""
        assert self._pretrained is not None
        return {"pretrained": self._pretrained.predict(spikes, first, _BIN)}

    def cold(self) -> dict[str, Float64[np.ndarray, "context start"]]:
        """Return log-likelihoods from each context of seconds."""
        contexts = [seconds * _SECOND for seconds in CONTEXTS]

        def measure(predict: Predict) -> dict[str, np.ndarray]:
            return measure_contexts(predict, self.spikes, self.starts, contexts, _SCORED * _SECOND)

        return self._remember("cold", measure)

    def warm(self) -> dict[str, Float64[np.ndarray, " second"]]:
        """Return log-likelihoods of every second of the segment, from all of the window before."""

        def measure(predict: Predict) -> dict[str, np.ndarray]:
            whole, found = self.spikes[: self.stop], {}
            for name, probability in predict(whole, self.first).items():
                bits = log_likelihood(probability, whole[self.first :])
                # the last second is less than one where a segment ends in it
                found[name] = np.add.reduceat(bits, np.arange(0, len(bits), _SECOND))
            return found

        return self._remember("warm", measure)

    def late(self) -> dict[str, Float64[np.ndarray, "1 start"]]:
        """Return log-likelihoods of units that were silent for the 60 s before each start."""

        def measure(predict: Predict) -> dict[str, np.ndarray]:
            found: dict[str, np.ndarray] = {}
            for column, start in enumerate(self.starts[::_LATE_STEP]):
                part, joining = self.join_late(start)
                for name, probability in predict(part, _LATE * _SECOND).items():
                    bits = log_likelihood(probability[:, joining], part[_LATE * _SECOND :, joining])
                    rows = found.setdefault(name, np.zeros((1, len(self.starts[::_LATE_STEP]))))
                    rows[0, column] = bits.sum()
            return found

        return self._remember("late", measure)

    def join_late(self, start: int) -> tuple[UInt8[np.ndarray, "time unit"], Int64[np.ndarray, " joining"]]:
        """Return 60 s before a start and the seconds after it, with half of the units silent before it."""
        num_units = self.spikes.shape[1]
        joining = np.random.default_rng(start).permutation(num_units)[: int(_SHARE_LATE * num_units)]
        part = self.spikes[start - _LATE * _SECOND : start + _SCORED * _SECOND].copy()
        part[: _LATE * _SECOND, joining] = 0
        return part, np.sort(joining)

    def bursts(self) -> dict[str, Float64[np.ndarray, "1 start"]]:
        """Return log-likelihoods of recordings that begin where the population is busiest."""
        starts = self.busiest()
        return self._remember(
            "bursts",
            lambda predict: measure_contexts(predict, self.spikes, starts, [0], _SCORED * _SECOND),
        )

    def busiest(self) -> list[int]:
        """Return as many bins as there are starts, one in each stretch, where most spikes lie 50 ms about."""
        total = self.spikes[self.first : self.stop].sum(axis=1, dtype=np.int64)
        near = np.convolve(total, np.ones(100), mode="same")[: len(total) - _SCORED * _SECOND]
        edges = np.linspace(0, len(near), _STARTS + 1).astype(int)
        return [
            self.first + int(begin + near[begin:end].argmax()) for begin, end in itertools.pairwise(edges)
        ]

    def num_spikes(self, starts: Sequence[int]) -> Int64[np.ndarray, " start"]:
        """Return how many spikes are scored after each start."""
        return np.array(
            [int((self.spikes[at : at + _SCORED * _SECOND] > 0).sum()) for at in starts], dtype=np.int64
        )

    def num_late(self) -> Int64[np.ndarray, " start"]:
        """Return how many spikes of units that join late are scored after each start."""
        late = (self.join_late(start) for start in self.starts[::_LATE_STEP])
        return np.array([int((part[_LATE * _SECOND :, units] > 0).sum()) for part, units in late])

    def _fitted(self, name: str):  # type: ignore[no-untyped-def]
        fitted = self.__dict__.setdefault("_kept", {})
        if name not in fitted:
            fitted[name] = BASELINES[name]().fit(self._train, _BIN)
        return fitted[name]

    def _models(self) -> list[InContext]:
        if not hasattr(self, "_loaded"):
            others = [other for other in RECORDINGS if other != self.name]
            self._loaded = [
                build_model("in_context", self.spikes.shape[1]).eval(),
                self._bench.model(f"within-{self.name}", [self.name], model="in_context").module,
                self._bench.model(f"without-{self.name}", others, model="in_context").module,
            ]
        return self._loaded

    def _remember(
        self, label: str, measure: Callable[[Predict], dict[str, np.ndarray]]
    ) -> dict[str, np.ndarray]:
        # by itself and under its hash: the package may bring another one before anything else changes
        found: dict[str, np.ndarray] = {}
        parts: dict[str, tuple[Predict, ...]] = {label: (self.baselines, self.models)}
        if self._pretrained is not None:
            parts[f"{label}-pretrained-{self._pretrained.sha256[:12]}"] = (self.pretrained,)
        for name, predictors in parts.items():
            path = self._path / f"{name}.json"
            if not path.is_file():
                started = time.perf_counter()
                measured = {
                    each: values.tolist()
                    for predict in predictors
                    for each, values in measure(predict).items()
                }
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(json.dumps(measured))
                _LOG.info("%s %s in %.0f s", self._path.name, name, time.perf_counter() - started)
            found |= {each: np.array(values) for each, values in json.loads(path.read_text()).items()}
        return found


def difference(
    one: Float64[np.ndarray, " start"],
    other: Float64[np.ndarray, " start"],
    num_spikes: Int64[np.ndarray, " start"],
) -> tuple[float, float, float]:
    """Return by how many bits per spike one is better, with its 95 % interval by bootstrap over starts."""
    gain = one - other
    chosen = np.random.default_rng(0).integers(0, len(gain), (2000, len(gain)))
    resampled = gain[chosen].sum(axis=1) / np.maximum(num_spikes[chosen].sum(axis=1), 1)
    low, high = np.quantile(resampled, [0.025, 0.975])
    return float(gain.sum() / num_spikes.sum()), float(low), float(high)


def main() -> None:
    """Measure all and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--cache", type=Path, required=True, help="folder outside the repository")
    parser.add_argument("--segment", choices=("validation", "test"), default="validation")
    parser.add_argument("--before", type=Path, help="cache of another version of the code")
    parser.add_argument("--score", nargs="+", choices=RECORDINGS, default=list(RECORDINGS), metavar="NAME")
    asked = parser.parse_args()
    require_shared()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s")
    _LOG.setLevel(logging.INFO)
    bench = Bench(asked.cache)
    before = None if asked.before is None else Bench(asked.before)
    _print_head(asked.segment)
    for name in asked.score:
        curves = Curves(bench, name, asked.segment)
        other = None if before is None else Curves(before, name, asked.segment, has_pretrained=False)
        _print_recording(curves, other)


def _print_head(segment: str) -> None:
    print("# The first minute\n")
    print(f"`python benchmarks/first_minute.py --segment {segment}`, {date.today()}, {os.cpu_count()} cores")
    print(
        f"{platform.machine()}, OMP_NUM_THREADS {os.environ.get('OMP_NUM_THREADS', 'all')}, no GPU; seed 0."
    )
    print(f"Bits per spike of the {_SCORED} s after each of {_STARTS} starts, spread over the {segment}")
    print(
        "segment, from so many seconds of context, above `running_rate` with the same context. Intervals are"
    )
    print("95 %, by bootstrap over starts. `mean_rate` and `history_glm` are fitted on the target's training")
    print("half, and `within` is trained on it: they know more than their context. `pretrained` is the model")
    print("in the package, which has met simulated populations only.\n", flush=True)


def _print_recording(curves: Curves, before: Curves | None) -> None:
    print(f"## {curves.name}\n")
    print("| predictor | " + " | ".join(f"{seconds} s" for seconds in CONTEXTS) + " | warm |")
    print("|" + "---|" * (len(CONTEXTS) + 2))
    num_spikes = curves.num_spikes(curves.starts)
    for label, one in (("before", before), ("", curves)):
        if one is None:
            continue
        curve = _join_warm(one)
        for name in (*_BASELINES[1:], *_MODELS):
            # baselines that did not change are shown once
            if label and name in ("mean_rate", "history_glm", "pretrained"):
                continue
            gains = [difference(curve[name][k], curve[_NULL][k], num_spikes) for k in range(len(curve[name]))]
            print(f"| `{name}` {label} | " + " | ".join(_format(gain) for gain in gains) + " |")
    curve = _join_warm(curves)
    for name in _MODELS[1:]:
        gains = [
            difference(curve[name][k], curve["untrained"][k], num_spikes) for k in range(len(curve[name]))
        ]
        print(f"| {name} minus untrained | " + " | ".join(_format(gain) for gain in gains) + " |")
    _print_segment(curves, before)
    _print_odd_starts(curves, before)


def _join_warm(curves: Curves) -> dict[str, Float64[np.ndarray, "context start"]]:
    """Return log-likelihoods by context, warm last."""
    cold, warm = curves.cold(), curves.warm()
    at = [(start - curves.first) // _SECOND for start in curves.starts]
    return {
        name: np.vstack([cold[name], [warm[name][second : second + _SCORED].sum() for second in at]])
        for name in cold
    }


def _print_segment(curves: Curves, before: Curves | None) -> None:
    """Print warm scores of the whole segment, as `zero_shot.py` measures them."""
    total = int((curves.spikes[curves.first : curves.stop] > 0).sum())
    print("\nWarm, the whole segment, bits per spike above `mean_rate`:\n")
    names = ("online_hazard", "history_glm", *_MODELS)
    print("| | " + " | ".join(f"`{name}`" for name in names) + " |\n|" + "---|" * (len(names) + 1))
    for label, one in (("before", before), ("now", curves)):
        if one is not None:
            warm = one.warm()
            bits = [
                f"{(warm[name] - warm['mean_rate']).sum() / total:.4f}" if name in warm else ""
                for name in names
            ]
            print(f"| {label} | " + " | ".join(bits) + " |")


def _print_odd_starts(curves: Curves, before: Curves | None) -> None:
    """Print what units that join late and beginnings within bursts are worth."""
    print(
        f"\nHalf of the units silent for {_LATE} s, then as recorded, these units alone; and recordings that"
        " begin at\nthe busiest bin of each stretch, without context; above `running_rate`:\n"
    )
    names = ("online_hazard", *_MODELS)
    print("| | " + " | ".join(f"`{name}`" for name in names) + " |\n|" + "---|" * (len(names) + 1))
    counts = {"late": curves.num_late(), "bursts": curves.num_spikes(curves.busiest())}
    for label, one in (("before", before), ("now", curves)):
        if one is None:
            continue
        for kind, bits in (("late", one.late()), ("bursts", one.bursts())):
            gains = [
                _format(difference(bits[name][0], bits[_NULL][0], counts[kind])) if name in bits else ""
                for name in names
            ]
            print(f"| {kind}, {label} | " + " | ".join(gains) + " |")
    print(flush=True)


def _format(gain: tuple[float, float, float]) -> str:
    mark = "**" if gain[0] < _ALLOWED else ""
    return f"{mark}{gain[0]:+.3f}{mark} ({gain[1]:+.2f} to {gain[2]:+.2f})"


if __name__ == "__main__":
    main()
