"""Whether a predictor could have cheated: checks of any function that predicts.

Each audit returns rows; `assemble_audits` makes them one table. `predict(spikes, first, bin_size)`
is what is under test, given as users call it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from itertools import combinations

import numpy as np
import pandas as pd
from jaxtyping import Float, UInt8

from nwbspikegen.core.errors import InputError
from nwbspikegen.views.history import Mask

Predict = Callable[..., Float[np.ndarray, "predicted unit"]]
"""Of (spikes, first, bin_size), and of a mask where some bins were not observed."""

PredictChanged = Callable[[UInt8[np.ndarray, "time unit"], int], Float[np.ndarray, "_until_cut unit"]]
"""Of spikes that were changed from a bin on, and that bin: probabilities of some bins up to it."""

# absolute: some ten roundings of a float32 near 1 (1.2e-7 each), as a sum taken in another order makes
LOW_PRECISION_TOLERANCE = 1e-6
# of the probability: a rare unit's is itself below the absolute one, and a leak that doubled it would pass
_RELATIVE_TOLERANCE = 1e-3


@dataclass(frozen=True)
class AuditRow:
    """One check: `value` is what was measured and `tolerance` what it may be at most."""

    audit: str
    passed: bool
    value: float
    tolerance: float
    detail: str


def assemble_audits(rows: Iterable[AuditRow]) -> pd.DataFrame:
    """Return rows of audits as a table with columns audit, passed, value, tolerance, detail.

    Examples
    --------
    >>> assemble_audits(audit_splits({"train": (0.0, 5.0), "test": (5.0, 6.0)}, 0.001)).passed.tolist()
    [True]
    """
    return pd.DataFrame([asdict(row) for row in rows], columns=[field.name for field in fields(AuditRow)])


def audit_causality(
    predict: Predict,
    spikes: UInt8[np.ndarray, "time unit"],
    first: int,
    bin_size: float,
    *,
    edges: Sequence[int] = (),
    seed: int = 0,
    num_random: int = 3,
    observed: Mask = None,
    predict_changed: PredictChanged | None = None,
) -> list[AuditRow]:
    """Change inputs from a bin t on and see whether any output up to bin t moves.

    Three changes, one row each, at the first scored bin, the last, the given edges of the model's
    windows and the bins after them, and some random bins:

    - `causality_future`: every second input after t, at random, is flipped. Catches a missing mask.
    - `causality_same_bin`: only the inputs of bin t are flipped. Catches a target equal to its input.
    - `causality_statistics`: all inputs from t on become spikes, which moves every mean. Catches
      normalisation by the whole segment.

    Outputs in float64 must not move at all; in lower precision by at most 1e-6, and by at most 1e-3
    of the probability, since rare spikes have small ones. The value is the largest absolute change,
    infinite when an output is not finite.

    Parameters
    ----------
    predict : callable
        Takes (spikes, first, bin_size), returns probabilities of bins `first` to the end.
    spikes : uint8 array (time, unit)
        Context and scored bins.
    first : int
        First scored bin.
    bin_size : float
        Width of a bin in seconds.
    edges : sequence of int
        Bins of `spikes` at which a window of the model starts; those before `first` are skipped.
    seed : int
        Chooses bins and flips.
    num_random : int
        How many random bins to try.
    observed : bool array (time, unit), optional
        Whether the unit was observed in the bin. `predict` then takes it as a fourth argument, and
        outputs elsewhere are not compared.
    predict_changed : callable, optional
        What predicts from changed inputs in less time: takes (spikes, t), of which the inputs from bin t on
        were changed, and returns probabilities of bins up to t, of all that the changes can have moved. By
        default `predict`.

    Returns
    -------
    list of AuditRow
        Three rows, in the order above.

    Examples
    --------
    >>> spikes = np.zeros((50, 2), np.uint8)
    >>> cheat = lambda spikes, first, bin_size: spikes[first:] * 0.5
    >>> [row.passed for row in audit_causality(cheat, spikes, 10, 0.001)]
    [True, False, False]
    """
    if not 0 <= first < len(spikes):
        raise InputError(
            f"first scored bin {first}", f"a bin from 0 to {len(spikes) - 1}", "check the segment"
        )
    rng = np.random.default_rng(seed)
    cuts = _choose_cuts(rng, first, len(spikes), edges, num_random)
    # copies are given away: a predictor that writes into its input must not change what it is compared with
    masked = _with_mask(predict, observed)
    expected = masked(spikes.copy(), first, bin_size)

    def predict_until(changed: _Spikes, cut: int) -> Float[np.ndarray, "_until_cut unit"]:
        if predict_changed is None:
            return masked(changed, first, bin_size)[: cut - first + 1]
        found = predict_changed(changed, cut)
        seen = None if observed is None else observed[cut + 1 - len(found) : cut + 1]
        return found if seen is None else np.where(seen, found, found.dtype.type(0))

    return [
        _measure(audit, _move(change, predict_until, spikes, first, cuts, expected, rng), expected, cuts)
        for audit, change in _CHANGES.items()
    ]


def audit_splits(intervals: Mapping[str, tuple[float, float]], bin_size: float) -> list[AuditRow]:
    """Check that time intervals share no bin, pair by pair.

    Parameters
    ----------
    intervals : mapping from name to (start, stop)
        In seconds on one clock; a bin that starts at `stop` is not part of the interval.
    bin_size : float
        Width of a bin in seconds.

    Returns
    -------
    list of AuditRow
        One row per pair; the value is how many bins they share.

    Examples
    --------
    >>> audit_splits({"train": (0.0, 1.0), "test": (0.999, 2.0)}, 0.001)[0].value
    1.0
    """
    # compared as whole bins: 0.3 / 0.1 and 3 differ in the last digit, which would be an overlap of one bin
    bins = {
        name: (round(start / bin_size), round(stop / bin_size)) for name, (start, stop) in intervals.items()
    }
    rows = []
    for one, other in combinations(bins, 2):
        shared = max(0, min(bins[one][1], bins[other][1]) - max(bins[one][0], bins[other][0]))
        empty = [name for name in (one, other) if bins[name][1] <= bins[name][0]]
        detail = f"{one} and {other} share {shared} bins" + "".join(f"; {name} is empty" for name in empty)
        rows.append(AuditRow("splits", shared == 0 and not empty, float(shared), 0.0, detail))
    return rows


def audit_permutation(
    predict: Predict,
    spikes: UInt8[np.ndarray, "time unit"],
    first: int,
    bin_size: float,
    *,
    seed: int = 0,
    observed: Mask = None,
) -> list[AuditRow]:
    """Shuffle the units and see whether the outputs are shuffled alike; for models that claim it.

    Tolerances and value as in `audit_causality`, but 1e-6 in float64 too: sums over units run in
    another order. Parameters as there.

    Examples
    --------
    >>> spikes = np.eye(6, 3, dtype=np.uint8)
    >>> by_place = lambda spikes, first, bin_size: spikes[first:] * np.array([0.1, 0.2, 0.3])
    >>> audit_permutation(by_place, spikes, 0, 0.001, seed=1)[0].passed
    False
    """
    # units in a random circle, each takes the place of the one before it: none stays where it was
    circle = np.random.default_rng(seed).permutation(spikes.shape[1])
    order = np.empty_like(circle)
    order[circle] = np.roll(circle, 1)
    expected = _with_mask(predict, observed)(spikes.copy(), first, bin_size)
    other = None if observed is None else np.ascontiguousarray(observed[:, order])
    shuffled = _with_mask(predict, other)(np.ascontiguousarray(spikes[:, order]), first, bin_size)
    change = _compare(expected[:, order], shuffled)
    # a mean over units, and no network, is exact in no order: 0 cannot be asked for here, not even in float64
    passed = change.is_within(LOW_PRECISION_TOLERANCE)
    detail = f"{spikes.shape[1]} units shuffled; largest relative change {change.relative:.3g}"
    return [AuditRow("permutation", passed, change.absolute, LOW_PRECISION_TOLERANCE, detail)]


def _with_mask(predict: Predict, observed: Mask) -> Predict:
    """Return `predict` for bins of which some were not observed; its outputs of those are 0."""
    if observed is None:
        return predict

    def masked(
        spikes: UInt8[np.ndarray, "time unit"], first: int, bin_size: float
    ) -> Float[np.ndarray, "predicted unit"]:
        found = predict(spikes, first, bin_size, observed)
        return np.where(observed[first:], found, found.dtype.type(0))

    return masked


@dataclass(frozen=True)
class _Change:
    """Largest change of a probability, and the bin before which inputs were left alone."""

    absolute: float
    relative: float
    cut: int = -1

    def is_within(self, tolerance: float) -> bool:
        return self.absolute <= tolerance and (tolerance == 0 or self.relative <= _RELATIVE_TOLERANCE)


_Spikes = UInt8[np.ndarray, "time unit"]


def _flip_future(spikes: _Spikes, cut: int, rng: np.random.Generator) -> None:
    later = spikes[cut + 1 :]
    flipped = rng.random(later.shape) < 0.5
    # counts above one are spikes as well, and 1 - 2 would wrap to 255
    later[flipped] = 1 - np.minimum(later[flipped], 1)


def _flip_same_bin(spikes: _Spikes, cut: int, rng: np.random.Generator) -> None:
    spikes[cut] = 1 - np.minimum(spikes[cut], 1)


def _fill_future(spikes: _Spikes, cut: int, rng: np.random.Generator) -> None:
    spikes[cut:] = 1


_CHANGES: dict[str, Callable[[_Spikes, int, np.random.Generator], None]] = {
    "causality_future": _flip_future,
    "causality_same_bin": _flip_same_bin,
    "causality_statistics": _fill_future,
}


def _choose_cuts(
    rng: np.random.Generator, first: int, num_bins: int, edges: Sequence[int], num_random: int
) -> list[int]:
    # a window that reads one bin too many shows at its edge only, on one side of it or the other
    around = {edge + step for edge in edges for step in (-1, 0, 1)}
    random = {int(cut) for cut in rng.integers(first, num_bins, num_random)}
    return sorted(cut for cut in {first, num_bins - 1} | around | random if first <= cut < num_bins)


def _move(
    change: Callable[[_Spikes, int, np.random.Generator], None],
    predict_until: PredictChanged,
    spikes: _Spikes,
    first: int,
    cuts: Sequence[int],
    expected: Float[np.ndarray, "predicted unit"],
    rng: np.random.Generator,
) -> Iterator[_Change]:
    """Apply one kind of change at each cut and compare outputs up to the cut."""
    for cut in cuts:
        changed = spikes.copy()
        change(changed, cut, rng)
        if np.array_equal(changed, spikes):
            # nothing comes after the last bin
            continue
        moved = predict_until(changed, cut)
        upto = cut - first + 1
        found = _compare(expected[max(0, upto - len(moved)) : upto], moved)
        yield _Change(found.absolute, found.relative, cut)


def _compare(expected: Float[np.ndarray, "bin unit"], found: Float[np.ndarray, "bin unit"]) -> _Change:
    if expected.shape != found.shape or not (np.isfinite(expected).all() and np.isfinite(found).all()):
        return _Change(float("inf"), float("inf"))
    difference = np.abs(expected.astype(np.float64) - found.astype(np.float64))
    # the smallest normal float32, so that 0 against 0 is no change and not a division by zero
    size = np.maximum(np.maximum(np.abs(expected), np.abs(found)), np.finfo(np.float32).tiny)
    return _Change(float(difference.max(initial=0.0)), float((difference / size).max(initial=0.0)))


def _measure(
    audit: str, moves: Iterable[_Change], expected: Float[np.ndarray, "predicted unit"], cuts: Sequence[int]
) -> AuditRow:
    # a causal model does the same operations in the same order on the same numbers: float64 leaves no excuse,
    # while float32 on several threads or a GPU need not be summed in one order
    tolerance = 0.0 if expected.dtype == np.float64 else LOW_PRECISION_TOLERANCE
    changes = list(moves)
    # what fails is shown first, whatever the size of what passes
    worst = max(changes, key=lambda change: (not change.is_within(tolerance), change.absolute))
    detail = f"{len(cuts)} cuts, worst at bin {worst.cut}; largest relative change {worst.relative:.3g}"
    return AuditRow(audit, worst.is_within(tolerance), worst.absolute, tolerance, detail)
