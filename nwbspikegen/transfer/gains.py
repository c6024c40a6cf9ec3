"""What training elsewhere gives: gains over the untrained model, by context, and what they are worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from jaxtyping import Float64

from nwbspikegen.core.errors import InputError
from nwbspikegen.scoring.blocks import estimate
from nwbspikegen.scoring.context_curves import WARM, ContextCurve, label_context
from nwbspikegen.scoring.metrics import BITS_PER_SPIKE
from nwbspikegen.scoring.table import UNTRAINED
from nwbspikegen.scoring.worth import WORTH
from nwbspikegen.transfer.evaluate import untrained_name
from nwbspikegen.transfer.scores import DIMS

# s: long enough to have seen most units fire, too short to have learnt what they do
_HEADLINE = "10"
# below it a percentile of starts is a guess
_FEWEST_STARTS = 10
GAIN_METRICS = (BITS_PER_SPIKE.name, WORTH)
_VALUES = ("value", "ci_low", "ci_high")


def name_null(context: str | float = WARM) -> str:
    """Return what tables call the untrained model with a context, as the null of bits per spike.

    Examples
    --------
    >>> name_null(10), name_null("warm")
    ('untrained, 10 s', 'untrained')
    """
    label = label_context(context)
    return UNTRAINED if label == WARM else f"{UNTRAINED}, {label} s"


def find_headline(contexts: Sequence[str]) -> str:
    """Return of measured contexts that which stands for all: 10 s, else the shortest above 0, else warm.

    Examples
    --------
    >>> find_headline(["0", "5", "10", "warm"]), find_headline([])
    ('10', 'warm')
    """
    some = [label for label in contexts if label not in (WARM, "0")]
    return _HEADLINE if _HEADLINE in some else some[0] if some else WARM


def collect_gains(
    scores: xr.Dataset,
    draws: xr.Dataset | None,
    curves: Mapping[str, ContextCurve],
    model: str,
    *,
    resamples: int = 200,
) -> tuple[xr.Dataset, xr.Dataset]:
    """Return gains over the untrained model like the scores of a study, and their draws.

    Parameters
    ----------
    scores, draws : Dataset
        Of the study: warm, on the whole test segment. The gain of these has the null ``untrained``.
    curves : mapping from column to ContextCurve
        Predictors are rows. Each context has a null of its own, ``untrained, 10 s``.
    model : str
        The trained model.
    resamples : int
        Draws of starts, where there are curves.

    Returns
    -------
    Dataset, Dataset
        Dims as of `TransferStudy.scores` and `draws`; one null for each context. Metrics are
        ``bits_per_spike``, and ``worth_seconds`` of the curves, at most all that there was. Predictors are
        the model, ``untrained`` and the baselines that are there.

    Raises
    ------
    InputError
        The model says nothing untrained, so that nothing can be counted from that.
    """
    models = list(scores.attrs.get("models", [model]))
    before = untrained_name(model, models)
    if before not in scores["predictor"].values:
        raise InputError(
            f"no {before} in the study",
            "a model that says something before it is trained, such as in_context",
            "rank by another score: metric=, null=",
        )
    measured = dict.fromkeys(label for curve in curves.values() for label in curve.contexts if label != WARM)
    # as the contexts are ordered; warm is of the whole segment, of which there is more than of some starts
    labels = [*sorted(measured, key=float), WARM]
    others = {untrained_name(each, models) for each in models} | set(models)
    trivial = [str(name) for name in scores["predictor"].values if str(name) not in others]
    # untrained is called so whatever the model: it is what everything is counted from
    # a segment of one block has no draw, and its starts have
    num_draws = max(_count_draws(draws), resamples if curves else 0)
    table = _Gains(scores, [model, UNTRAINED, *trivial], labels, num_draws)
    table.fill_warm(scores, draws, {model: model, UNTRAINED: before, **{name: name for name in trivial}})
    for tested, curve in curves.items():
        table.fill_column(tested, curve, before)
    return table.to_datasets(scores)


def _count_draws(draws: xr.Dataset | None) -> int:
    return 0 if draws is None else int(draws.sizes.get("draw", 0))


class _Gains:
    """Arrays of gains over rows, columns, predictors and contexts, while they are filled."""

    def __init__(self, scores: xr.Dataset, predictors: list[str], labels: list[str], num_draws: int) -> None:
        self.rows, self.columns = (
            [str(name) for name in scores[dim].values] for dim in ("train_session", "test_session")
        )
        self.predictors, self.labels = predictors, labels
        shape = (len(self.rows), len(self.columns), len(predictors), len(GAIN_METRICS), len(labels))
        self.values = {name: np.full(shape, np.nan) for name in (*_VALUES, "num_units", "num_spikes")}
        self.reliable = np.zeros(shape, dtype=bool)
        self.training = np.full((len(self.rows), *shape[2:]), np.nan)
        # as draws of a study are kept: of many recordings they are the largest thing in memory
        self.drawn = np.full((num_draws, *shape), np.nan, dtype=np.float32)

    def fill_warm(self, scores: xr.Dataset, draws: xr.Dataset | None, names: Mapping[str, str]) -> None:
        """Fill in what the study has scored warm; `names` are those that predictors have there."""
        chosen = {"metric": BITS_PER_SPIKE.name, "null": "mean_rate"}
        kept = scores.sel(chosen).sel(predictor=list(names.values()))
        order = ("train_session", "test_session", "predictor")
        before = list(names).index(UNTRAINED)

        def subtract(values: np.ndarray) -> np.ndarray:
            gain: np.ndarray = values - values[..., before : before + 1]
            return gain

        self.values["value"][..., 0, -1] = subtract(kept["value"].transpose(*order).values)
        for name in ("num_units", "num_spikes"):
            if name in kept:
                self.values[name][..., 0, -1] = kept[name].transpose(*order).values
        if "ci_reliable" in kept:
            self.reliable[..., 0, -1] = kept["ci_reliable"].transpose(*order).values
        if "training_value" in kept:
            own = kept["training_value"].transpose("train_session", "predictor").values
            self.training[..., 0, -1] = subtract(own)
        if draws is not None and _count_draws(draws):
            picked = draws["value"].sel(chosen).sel(predictor=list(names.values()))
            picked = picked.reindex(train_session=self.rows, test_session=self.columns)
            values = picked.transpose("draw", *order).values.astype(np.float64)
            self.drawn[: len(values), ..., 0, -1] = subtract(values)
            self._fill_ends()

    def _fill_ends(self) -> None:
        drawn = self.drawn[..., 0, -1]
        there = np.isfinite(drawn).any(axis=0)
        if there.any():
            low, high = np.nanpercentile(drawn[:, there], [2.5, 97.5], axis=0)
            self.values["ci_low"][there, 0, -1], self.values["ci_high"][there, 0, -1] = low, high

    def fill_column(self, tested: str, curve: ContextCurve, before: str) -> None:
        """Fill in what a column's curve says; its predictors are rows, and trivial ones."""
        if before not in curve.predictors:
            return
        column = self.columns.index(tested)
        for name in curve.predictors:
            if name in self.rows:
                # by its row: the model, whose name is the first
                at: tuple[int | slice, int] = (self.rows.index(name), 0)
            elif name == before or name in self.predictors:
                at = (slice(None), self.predictors.index(UNTRAINED if name == before else name))
            else:
                continue
            for metric, drawn in enumerate(self._draw(curve, name, before)):
                for label, of_draws in zip(curve.contexts, drawn, strict=True):
                    # the study has scored the whole segment warm: there is more of it than of some starts
                    if label != WARM or GAIN_METRICS[metric] == WORTH:
                        self._fill_cell(
                            (at[0], column, at[1], metric, self.labels.index(label)), of_draws, curve
                        )

    def _draw(
        self, curve: ContextCurve, name: str, before: str
    ) -> tuple[Float64[np.ndarray, "context draw"], Float64[np.ndarray, "context draw"]]:
        """Return gain and worth of each context as they are, and in draws of starts."""
        how = {"resamples": len(self.drawn)}
        worth = curve.draw_worth(name, before, **how)
        # differences and means of what was not reached would be of infinities: it counts as all there was
        worth = np.clip(worth, curve.seconds[0], curve.seconds[-1])
        return curve.draw_gain(name, before, **how), worth

    def _fill_cell(
        self,
        at: tuple[int | slice, int, int, int, int],
        of_draws: Float64[np.ndarray, " draw"],
        curve: ContextCurve,
    ) -> None:
        found = vars(estimate(of_draws))
        for name in _VALUES:
            self.values[name][at] = found[name]
        self.values["num_spikes"][at] = curve.num_spikes.sum()
        self.reliable[at] = curve.data.sizes["start"] >= _FEWEST_STARTS
        # of a single start there is no draw
        for draw, value in enumerate(of_draws[1:]):
            self.drawn[(draw, *at)] = value

    def to_datasets(self, scores: xr.Dataset) -> tuple[xr.Dataset, xr.Dataset]:
        """Return what was filled in as the scores and draws of a study."""
        coords = {
            "train_session": self.rows,
            "test_session": self.columns,
            "predictor": self.predictors,
            "metric": list(GAIN_METRICS),
            "null": [name_null(label) for label in self.labels],
        }
        gains = xr.Dataset({name: (DIMS, values) for name, values in self.values.items()}, coords)
        gains["ci_reliable"] = (DIMS, self.reliable)
        gains["training_value"] = (
            ("train_session", "predictor", "metric", "null"),
            self.training,
        )
        # what rows and columns share, who they are
        gains = gains.assign_coords({name: each for name, each in scores.coords.items() if name not in DIMS})
        gains.attrs.update(scores.attrs, headline_null=name_null(find_headline(self.labels)))
        drawn = xr.Dataset({"value": (("draw", *DIMS), self.drawn)}, coords)
        return gains, drawn


def tabulate_gains(
    curves: Mapping[str, ContextCurve], independence: pd.DataFrame, *, resamples: int, seed: int
) -> pd.DataFrame:
    """Return one row for each training row, column and context, with what training gave there.

    Returns
    -------
    DataFrame
        ``train_session, test_session, context, seconds``; ``value`` with ``ci_low`` and ``ci_high``, the gain
        over `untrained` with the same context, bits per spike; ``worth_seconds`` with ``worth_low`` and
        ``worth_high``, ``bound``, ``gained_seconds`` and ``measured_up_to``; ``transfer_share`` with
        ``share_low`` and ``share_high``, of the gain of the session's own row; ``independent, shared``.
    """
    how: dict[str, Any] = {"resamples": resamples, "seed": seed}
    tables = []
    for tested, curve in curves.items():
        for name, known in curve.trained.items():
            table = curve.difference(name, known, **how)
            worth = curve.worth_seconds(name, **how)
            worth = worth.rename(columns={"ci_low": "worth_low", "ci_high": "worth_high"})
            table = table.join(worth.drop(columns=["predictor", "context", "reference"]))
            # a share of what the session's own row gains, and so none for that row
            if tested in curve.trained and name != tested:
                share = curve.transfer_share(name, tested, **how)
                table["transfer_share"] = share["transfer_share"]
                table[["share_low", "share_high"]] = share[["ci_low", "ci_high"]]
            else:
                table[["transfer_share", "share_low", "share_high"]] = np.nan
            table.insert(0, "test_session", tested)
            table.insert(0, "train_session", name)
            tables.append(table)
    if not tables:
        return pd.DataFrame(columns=[*GAIN_COLUMNS])
    pairs = independence[["train_session", "test_session", "independent", "shared"]]
    return pd.concat(tables, ignore_index=True).merge(pairs, how="left")[[*GAIN_COLUMNS]]


GAIN_COLUMNS = (
    *("train_session", "test_session", "context", "seconds", "value", "ci_low", "ci_high"),
    *("worth_seconds", "worth_low", "worth_high", "bound", "gained_seconds", "measured_up_to"),
    *("transfer_share", "share_low", "share_high", "independent", "shared"),
)
"""Columns of a study's table of gains by context, in order."""
