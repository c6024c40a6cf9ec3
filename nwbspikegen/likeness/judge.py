"""Whether a classifier can tell generated from recorded trains: a classifier two-sample test."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float64, Int64

from nwbspikegen.core.errors import InputError, require_seed
from nwbspikegen.likeness.features import describe_windows, number_blocks
from nwbspikegen.likeness.raster import describe_raster
from nwbspikegen.likeness.trains import ComparedRuns, read_compared, read_runs
from nwbspikegen.scoring.blocks import Estimate, estimate, resample_blocks

if TYPE_CHECKING:
    import xarray as xr

# s: a window and its neighbours are alike, and would tell each other's origin
_BLOCK = 10.0
# windows of each class in each half; with fewer an area means little
_FEWEST_WINDOWS = 10
_TREES: dict[str, Any] = {"max_iter": 150, "learning_rate": 0.06, "max_leaf_nodes": 8, "min_samples_leaf": 10}
_RESAMPLES = 500
VERSIONS = ("dynamics", "whole")
"""What a judge may see: all but rates of units, or these too."""


@dataclasses.dataclass(frozen=True)
class _Judge:
    """What a judge sees of a run, and what learns from it."""

    describe: Callable[..., pd.DataFrame]
    make: Callable[[int], Any]


def _make_trees(seed: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(
        random_state=seed, class_weight="balanced", early_stopping=False, **_TREES
    )


def _make_line(seed: int) -> Any:
    """Return a regularised linear classifier, which has nothing to draw."""
    from sklearn.linear_model import RidgeClassifierCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    del seed
    return make_pipeline(
        StandardScaler(), RidgeClassifierCV(alphas=np.logspace(0, 6, 13), class_weight="balanced")
    )


JUDGES: Mapping[str, _Judge] = {
    "trees": _Judge(describe_windows, _make_trees),
    "convolutional": _Judge(describe_raster, _make_line),
}
"""Who judges."""


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What a judge says of trains that were generated.

    Attributes
    ----------
    draws : array (draw,)
        Probability that a generated window looks more generated than a recorded one; .5: it cannot tell. As
        it is, then of draws of blocks of windows.
    judge : {"trees", "convolutional"}
        Who judged.
    version : {"whole", "dynamics"}
        Whether the judge saw the rates of the units.
    window : float
        Length of its windows (s).
    num_generated, num_recorded : int
        Windows that were judged.
    importances : Series
        What the area loses when a feature, or a group of kernels, is shuffled between windows, the largest
        first.
    """

    draws: Float64[np.ndarray, " draw"] = dataclasses.field(repr=False)
    judge: str
    version: str
    window: float
    num_generated: int
    num_recorded: int
    importances: pd.Series = dataclasses.field(repr=False)

    @property
    def roc_auc(self) -> float:
        """Return the area."""
        return estimate(self.draws).value

    @property
    def ci_low(self) -> float:
        """Return the lower end of its 95 % interval, a bootstrap over blocks of windows."""
        return estimate(self.draws).ci_low

    @property
    def ci_high(self) -> float:
        """Return the upper end."""
        return estimate(self.draws).ci_high

    def __repr__(self) -> str:
        return (
            f"Verdict(roc_auc={self.roc_auc:.3f} ({self.ci_low:.3f} to {self.ci_high:.3f}), "
            f"judge={self.judge!r}, version={self.version!r}, window={self.window:g}, "
            f"{self.num_generated} generated and {self.num_recorded} recorded windows)"
        )


def judge_likeness(
    generated: xr.Dataset | xr.DataArray,
    recorded: xr.Dataset | xr.DataArray,
    *,
    judge: str = "trees",
    version: str = "dynamics",
    window: float = 1.0,
    seed: int = 0,
    num_shuffles: int = 5,
) -> Verdict:
    """Return how well a classifier tells generated from recorded windows that it has not seen.

    Both are cut into blocks of 10 s, or of a window if that is longer. A classifier that learns from every
    second block judges the others, and the other way round.

    Parameters
    ----------
    generated, recorded : Dataset (time, unit), or DataArray (sample, time, unit)
        As of `realism`. Give another stretch of the recording as `generated` for the reference: what a judge
        can tell of two stretches of one recording.
    judge : {"trees", "convolutional"}
        ``trees``: boosted trees on statistics of a window. ``convolutional``: a linear classifier of what
        random kernels over units and time see of its raster.
    version : {"dynamics", "whole"}
        ``dynamics``: everything relative to the rates of units in their own run, so that slow drift does not
        decide. ``whole``: the counts of all units as well.
    window : float, default: 1.0
        Length of a window (s).
    seed : int, default: 0
        Of trees, shuffles and bootstrap.
    num_shuffles : int, default: 5
        How often each feature is shuffled for its importance; 0: no importances, which take most of the time.

    Raises
    ------
    InputError
        Other units or bins, another judge or version, or too few windows.

    References
    ----------
    Lopez-Paz, Oquab (2017) Revisiting classifier two-sample tests, ICLR; scikit-learn's
    `HistGradientBoostingClassifier`. Dempster, Petitjean, Webb (2020) ROCKET, Data Mining and Knowledge
    Discovery 34.

    Examples
    --------
    >>> import nwbspikegen as nsg
    >>> units = nsg.open_units(nsg.simulate("in_vitro", num_units=8, duration=120, seed=1).sorting)
    >>> halves = [units.isel(time=slice(0, 60_000)), units.isel(time=slice(60_000, None))]
    >>> verdict = judge_likeness(*halves)
    >>> verdict.num_generated, verdict.num_recorded, bool(verdict.roc_auc < 0.8)
    (60, 60, True)
    """
    require_seed(seed)
    if judge not in JUDGES:
        raise InputError(f"a judge {judge!r}", f"one of {', '.join(JUDGES)}", "choose one")
    if version not in VERSIONS:
        raise InputError(f"a judge of {version!r}", f"one of {', '.join(VERSIONS)}", "choose one")
    windows = _cut_windows(*read_compared(generated, recorded), JUDGES[judge], version, window)
    said, importances = _judge_halves(windows, JUDGES[judge], seed, num_shuffles)
    draws = _draw_areas(windows, said, seed)
    return Verdict(draws, judge, version, window, *windows.count(), importances)


def compare_verdicts(one: Verdict, other: Verdict) -> Estimate:
    """Return how much larger the area of one verdict is, with the interval of the difference.

    Paired: in both, the same blocks of the recording are drawn, and blocks of the same places in the runs.

    Raises
    ------
    InputError
        They are of another recording, or of runs of another length: their blocks are no pairs.

    Examples
    --------
    >>> import nwbspikegen as nsg
    >>> units = nsg.open_units(nsg.simulate("in_vitro", num_units=8, duration=120, seed=1).sorting)
    >>> halves = [units.isel(time=slice(0, 60_000)), units.isel(time=slice(60_000, None))]
    >>> verdict = judge_likeness(*halves, num_shuffles=0)
    >>> compare_verdicts(verdict, verdict)
    Estimate(value=0.0, ci_low=0.0, ci_high=0.0)
    """
    shapes = [(each.num_generated, each.num_recorded, each.window) for each in (one, other)]
    if shapes[0] != shapes[1] or len(one.draws) != len(other.draws):
        raise InputError(
            " and ".join(
                f"{made} generated and {real} recorded windows of {w:g} s" for made, real, w in shapes
            ),
            "as many of both",
            "judge runs of one length against one recording",
        )
    return estimate(one.draws - other.draws)


@dataclasses.dataclass(frozen=True)
class Resemblance:
    """Which of two recordings a run resembles.

    Attributes
    ----------
    run : Estimate
        Probability that a window of the run looks more like one of `own` than a window of `other` does; .5:
        the run is like `other`.
    recordings : Estimate
        The same of windows of `own`: what `run` would be if it were like that.
    """

    run: Estimate
    recordings: Estimate

    @property
    def share(self) -> float:
        """Return where the run lies, from 0, like `other`, to 1, like `own`; NaN where these are alike."""
        apart = self.recordings.value - 0.5
        return (self.run.value - 0.5) / apart if self.recordings.ci_low > 0.5 else float("nan")


def judge_resemblance(
    generated: xr.Dataset | xr.DataArray,
    own: xr.Dataset | xr.DataArray,
    other: xr.Dataset | xr.DataArray,
    *,
    window: float = 1.0,
    seed: int = 0,
) -> Resemblance:
    """Return which of two recordings a run resembles: the model's own, or the one whose past it read.

    Boosted trees learn to tell windows of the two recordings from each other, by dynamics (`judge_likeness`),
    and then judge windows of the run, in the blocks that they have not learnt from. Where the recordings
    have different numbers of units, those with most spikes are compared.

    Parameters
    ----------
    generated : DataArray (sample, time, unit), or Dataset (time, unit)
        As of `judge_likeness`.
    own : Dataset (time, unit)
        The recording that the model learnt from; it need not have the same units.
    other : Dataset (time, unit)
        The recording that the run goes on from, with the units of the run.
    window, seed
        As of `judge_likeness`.

    Raises
    ------
    InputError
        Other units or bins, or too few windows.

    Examples
    --------
    >>> import nwbspikegen as nsg
    >>> own, other = (
    ...     nsg.open_units(nsg.simulate(kind, num_units=8, duration=80, seed=1).sorting)
    ...     for kind in ("in_vitro", "in_vivo")
    ... )
    >>> told = judge_resemblance(other.isel(time=slice(0, 40_000)), own, other.isel(time=slice(40_000, None)))
    >>> bool(told.recordings.value > 0.6), bool(told.share < 0.5)
    (True, True)
    """
    require_seed(seed)
    made, real = read_compared(generated, other)
    model = read_runs(own, "recording of the model")
    if model.bin_size != real.bin_size:
        raise InputError(
            f"bins of {model.bin_size:g} and {real.bin_size:g} s", "one bin size", "open both with --bin-size"
        )
    number = min(model.num_units, real.num_units)
    kept = _find_most_active(real, number)
    trees = JUDGES["trees"]
    known = _cut_windows(
        model.take_units(_find_most_active(model, number)), real.take_units(kept), trees, "dynamics", window
    )
    # one fit judges the run and the recordings
    table, block = _describe(made.take_units(kept), trees, "dynamics", window)
    is_run = np.arange(len(known.half) + len(table)) >= len(known.half)
    shown = _Windows(
        pd.concat([known.features, table], ignore_index=True),
        np.append(known.is_made, np.ones(len(table), dtype=bool)),
        np.append(known.half, block % 2),
        np.append(known.block, known.block.max() + 1 + block),
    )
    said, _ = _judge_halves(known, trees, seed, 0, judged=shown)
    estimates = []
    for chosen in (is_run | ~shown.is_made, ~is_run):
        windows = shown.choose(chosen)
        _require_windows(windows.is_made, windows.half, window)
        estimates.append(estimate(_draw_areas(windows, said[chosen], seed)))
    return Resemblance(*estimates)


def _find_most_active(runs: ComparedRuns, number: int) -> Int64[np.ndarray, " unit"]:
    counts = np.sum([run.sum(axis=0, dtype=np.int64) for run in runs.runs], axis=0)
    return np.sort(np.argsort(-counts, kind="stable")[:number])


@dataclasses.dataclass(frozen=True)
class _Windows:
    """What is judged: features, origin, half and block of every window."""

    features: pd.DataFrame
    is_made: Bool[np.ndarray, " window"]
    half: Int64[np.ndarray, " window"]
    block: Int64[np.ndarray, " window"]

    def choose(self, chosen: Bool[np.ndarray, " window"]) -> _Windows:
        """Return some of them."""
        return _Windows(self.features[chosen], self.is_made[chosen], self.half[chosen], self.block[chosen])

    def count(self) -> tuple[int, int]:
        """Return how many are generated, and how many recorded."""
        return int(self.is_made.sum()), int((~self.is_made).sum())


def _cut_windows(
    made: ComparedRuns, real: ComparedRuns, judge: _Judge, version: str, window: float
) -> _Windows:
    told = [_describe(trains, judge, version, window) for trains in (made, real)]
    features = pd.concat([table for table, _ in told], ignore_index=True)
    is_made = np.repeat([True, False], [len(table) for table, _ in told])
    # blocks of the two are numbered apart, and alternate between the halves in each
    half = np.concatenate([block % 2 for _, block in told])
    block = np.concatenate([told[0][1], told[1][1] + told[0][1].max(initial=-1) + 1])
    _require_windows(is_made, half, window)
    return _Windows(features, is_made, half, block)


def _describe(
    trains: ComparedRuns, judge: _Judge, version: str, window: float
) -> tuple[pd.DataFrame, Int64[np.ndarray, " window"]]:
    """Return features of the windows of all runs, and which block each is in."""
    tables = [
        judge.describe(run, trains.bin_size, window, is_whole=version == "whole") for run in trains.runs
    ]
    blocks, first = [], 0
    for table in tables:
        blocks.append(first + number_blocks(len(table), window, _BLOCK))
        first = int(blocks[-1].max(initial=first - 1)) + 1
    return pd.concat(tables, ignore_index=True), np.concatenate(blocks)


def _require_windows(
    is_made: Bool[np.ndarray, " window"], half: Int64[np.ndarray, " window"], window: float
) -> None:
    fewest = min(int(((is_made == made) & (half == each)).sum()) for made in (True, False) for each in (0, 1))
    if fewest < _FEWEST_WINDOWS:
        raise InputError(
            f"{fewest} windows of {window:g} s in a half of the generated or the recorded blocks",
            f"{_FEWEST_WINDOWS} or more in each",
            "generate more, or take a longer recording or shorter windows",
        )


def _judge_halves(
    windows: _Windows, judge: _Judge, seed: int, num_shuffles: int, judged: _Windows | None = None
) -> tuple[Float64[np.ndarray, " window"], pd.Series]:
    """Return the score of each window by what learnt from the other half, and what features are worth.

    With `judged`, these windows are given scores by what has learnt from the others.
    """
    judged = windows if judged is None else judged
    features, is_made, half = judged.features.to_numpy(np.float64), judged.is_made, judged.half
    taught, teacher = windows.features.to_numpy(np.float64), windows.half
    groups, of = np.unique(windows.features.columns.to_numpy(str), return_inverse=True)
    said = np.empty(len(features))
    worth = np.zeros(len(groups))
    for each in (0, 1):
        classifier = judge.make(seed).fit(taught[teacher != each], windows.is_made[teacher != each])
        shown = features[half == each]
        # ranks: the two classifiers need not have one scale
        said[half == each] = pd.Series(classifier.decision_function(shown)).rank(pct=True).to_numpy()
        if num_shuffles:
            rng = np.random.default_rng([seed, each])
            worth += _shuffle_groups(classifier, shown, is_made[half == each], of, num_shuffles, rng) / 2
    importances = pd.Series(worth, index=groups, name="roc_auc_lost")
    return said, importances.sort_values(ascending=False)[: None if num_shuffles else 0]


def _shuffle_groups(
    classifier: Any,
    judged: Float64[np.ndarray, "window feature"],
    is_made: Bool[np.ndarray, " window"],
    of: Int64[np.ndarray, " feature"],
    num_shuffles: int,
    rng: np.random.Generator,
) -> Float64[np.ndarray, " group"]:
    """Return what the area loses when all features of a group are shuffled together between windows."""
    from sklearn.metrics import roc_auc_score

    whole = float(roc_auc_score(is_made, classifier.decision_function(judged)))
    lost = np.zeros(int(of.max()) + 1)
    for group in range(len(lost)):
        columns = np.flatnonzero(of == group)
        for _ in range(num_shuffles):
            shuffled = judged.copy()
            shuffled[:, columns] = judged[rng.permutation(len(judged))][:, columns]
            lost[group] += whole - float(roc_auc_score(is_made, classifier.decision_function(shuffled)))
    return lost / num_shuffles


def _draw_areas(
    windows: _Windows, said: Float64[np.ndarray, " window"], seed: int
) -> Float64[np.ndarray, " draw"]:
    """Return the area as it is, then of draws of blocks, generated and recorded ones apart."""
    from sklearn.metrics import roc_auc_score

    is_made, block = windows.is_made, windows.block
    made, real = np.unique(block[is_made]), np.unique(block[~is_made])
    drawn = [resample_blocks(len(each), _RESAMPLES, seed + place) for place, each in enumerate((made, real))]
    weight_of = np.zeros((min(map(len, drawn)), int(block.max()) + 1))
    for blocks, weights in zip((made, real), drawn, strict=True):
        weight_of[:, blocks] = weights[: len(weight_of)]
    return np.array([roc_auc_score(is_made, said, sample_weight=weights[block]) for weights in weight_of])
