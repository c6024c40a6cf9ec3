"""What predictors know by how many seconds of a recording's own past they were given."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from jaxtyping import Float64

from nwbspikegen.core.errors import InputError
from nwbspikegen.scoring.blocks import estimate, resample_blocks
from nwbspikegen.scoring.likelihood import weigh_bits
from nwbspikegen.scoring.table import UNTRAINED
from nwbspikegen.scoring.worth import find_worth, share_of_gain, summarise_worth

WARM = "warm"
"""The context that is all of the window before a start."""
NULL = "running_rate"
# percentiles of 1,000 draws have an error of a twentieth of the interval, far below what 20 starts leave open
RESAMPLES = 1000

BITS_COLUMNS = (
    *("predictor", "context", "seconds", "null", "value", "ci_low", "ci_high"),
    *("num_starts", "num_spikes", "knows_target"),
)
"""Columns of `ContextCurve.bits`, in order."""


def label_context(context: str | float) -> str:
    """Return what tables call a context: its seconds without trailing zeros, or ``warm``.

    Examples
    --------
    >>> label_context(10.0), label_context("warm")
    ('10', 'warm')
    """
    if isinstance(context, str) and context.strip() == WARM:
        return WARM
    try:
        seconds = float(context)
    except ValueError:
        seconds = np.nan
    if not (np.isfinite(seconds) and seconds >= 0):
        raise InputError(f"context {context!r}", f"seconds, 0 or more, or {WARM}", "such as 0,1,5,10,warm")
    return f"{seconds:g}"


@dataclass(frozen=True)
class ContextCurve:
    """How well each predictor does, from each length of context, after each of some starts.

    Everything is summed over the observed bins of the seconds after a start, the same ones for all
    predictors and contexts, so that differences are paired. Intervals are 95 %, by bootstrap over starts.

    Attributes
    ----------
    data : Dataset
        ``log_likelihood`` (predictor, context, start), log2; ``seconds_read`` (context, start), how much
        time lay before the start; ``num_spikes`` and ``observed_fraction`` (start). Coordinates: ``start``
        (s, session clock), ``context`` (labels), ``knows_target`` (predictor): whether it was fitted on
        other bins of the recording, and so knows more than its context. `attrs`: ``scored``, seconds
        after each start; ``left_out``, what was asked for and is not there, with the reason; ``untrained``,
        of each predictor that was trained, the name of itself before training.

    Examples
    --------
    >>> coords = {"predictor": ["untrained", "in_context", "running_rate"], "context": ["0", "10"],
    ...           "start": [60.0, 65.0]}
    >>> bits = np.array([[[-90.0, -80.0]] * 2, [[-85.0, -75.0]] * 2, [[-100.0, -90.0]] * 2])
    >>> data = xr.Dataset({
    ...     "log_likelihood": (("predictor", "context", "start"), bits),
    ...     "seconds_read": (("context", "start"), np.array([[0.0, 0.0], [10.0, 10.0]])),
    ...     "num_spikes": ("start", np.array([10, 10])), "observed_fraction": ("start", np.ones(2)),
    ... }, coords).assign_coords(knows_target=("predictor", np.zeros(3, bool)))
    >>> ContextCurve(data).difference("in_context", "untrained").value.tolist()
    [0.5, 0.5]
    """

    data: xr.Dataset

    @property
    def predictors(self) -> list[str]:
        """Names of the predictors."""
        return [str(name) for name in self.data["predictor"].values]

    @property
    def contexts(self) -> list[str]:
        """Labels of the contexts, the shortest first."""
        return [str(label) for label in self.data["context"].values]

    @property
    def seconds(self) -> Float64[np.ndarray, " context"]:
        """Seconds of each context, on average over starts: of ``warm``, how much of the window there was."""
        return np.asarray(self.data["seconds_read"].mean("start").values, dtype=np.float64)

    @property
    def num_spikes(self) -> Float64[np.ndarray, " start"]:
        """Spikes that are scored after each start."""
        return np.asarray(self.data["num_spikes"].values, dtype=np.float64)

    def log_likelihood(self, predictor: str) -> Float64[np.ndarray, "context start"]:
        """Return the log2-likelihood of one predictor."""
        if predictor not in self.predictors:
            raise InputError(
                f"no predictor {predictor!r} in the curve",
                f"one of {', '.join(self.predictors)}",
                "choose one",
            )
        values: Float64[np.ndarray, "context start"] = (
            self.data["log_likelihood"].sel(predictor=predictor).transpose("context", "start").values
        )
        return values

    def bits(self, null: str = NULL, *, resamples: int = RESAMPLES, seed: int = 0) -> pd.DataFrame:
        """Return bits per spike above a null with the same context, of every predictor but the null.

        Parameters
        ----------
        null : str
            By default `running_rate`, which knows no more than the context says; `mean_rate` is the target's
            own rate, and knows more than a predictor that met the recording seconds ago.
        resamples, seed
            Of the bootstrap over starts.

        Returns
        -------
        DataFrame
            ``predictor, context, seconds, null, value, ci_low, ci_high, num_starts, num_spikes,
            knows_target``.
        """
        tables = [
            self.difference(name, null, resamples=resamples, seed=seed).assign(
                predictor=name,
                null=null,
                num_starts=self.data.sizes["start"],
                num_spikes=int(self.num_spikes.sum()),
                knows_target=self.knows_target(name),
            )
            for name in self.predictors
            if name != null
        ]
        return pd.concat(tables, ignore_index=True)[list(BITS_COLUMNS)]

    def difference(self, one: str, other: str, *, resamples: int = RESAMPLES, seed: int = 0) -> pd.DataFrame:
        """Return by how many bits per spike one predictor is better than another, by context.

        Returns
        -------
        DataFrame
            ``context, seconds, value, ci_low, ci_high``.
        """
        drawn = self.draw_gain(one, other, resamples=resamples, seed=seed)
        rows = [vars(estimate(values)) for values in drawn]
        table = pd.DataFrame(rows, columns=["value", "ci_low", "ci_high"])
        table.insert(0, "seconds", self.seconds)
        table.insert(0, "context", self.contexts)
        return table

    def draw_gain(
        self, one: str, other: str, *, resamples: int = RESAMPLES, seed: int = 0
    ) -> Float64[np.ndarray, "context draw"]:
        """Return the same differences for starts as they are, first, and as drawn with replacement."""
        gain = self.log_likelihood(one) - self.log_likelihood(other)
        weights = self._weights(resamples, seed)
        return np.array([weigh_bits(row, self.num_spikes, weights) for row in gain])

    def worth_seconds(
        self,
        predictor: str | Sequence[str] | None = None,
        *,
        context: str | float | None = None,
        reference: str | None = None,
        resamples: int = RESAMPLES,
        seed: int = 0,
    ) -> pd.DataFrame:
        """Return how many seconds of context the untrained model needs to do as well as a trained one.

        The curve of the untrained model is made non-decreasing (isotonic, so that noise does not make it
        turn) and linear between contexts in log(1 + seconds). To its value at the context is added the gain
        of the trained model there; where the curve reaches that sum is the answer. An untrained model is so
        worth its own context.

        Parameters
        ----------
        predictor : str or sequence of str, optional
            By default all that were trained.
        context : str or float, optional
            One context; all by default.
        reference : str, optional
            Whose seconds; by default the predictor before training.

        Returns
        -------
        DataFrame
            ``predictor, context, reference, worth_seconds, ci_low, ci_high, bound, gained_seconds,
            measured_up_to``. Where the untrained model never does as well, up to the longest context that
            was measured (`measured_up_to`), `worth_seconds` is infinite and `bound` is ``>``; where it does
            better from the shortest one, that is what stands there and `bound` is ``<``. `gained_seconds`
            are those beyond the context: negative, they are what training cost.
        """
        names = [predictor] if isinstance(predictor, str) else predictor
        tables = []
        for name in [*self.trained] if names is None else names:
            known = reference or self.find_untrained(name)
            drawn = self.draw_worth(name, known, resamples=resamples, seed=seed)
            table = summarise_worth(drawn, self.seconds)
            table.insert(0, "reference", known)
            table.insert(0, "context", self.contexts)
            tables.append(table.assign(predictor=name))
        if not tables:
            raise InputError(
                "a curve without a trained model and itself before training",
                "a model that says something untrained, such as in_context",
                "measure one of these",
            )
        found = pd.concat(tables, ignore_index=True)
        found.insert(0, "predictor", found.pop("predictor"))
        if context is not None:
            found = found[found["context"] == self._require_context(context)].reset_index(drop=True)
        return found

    def draw_worth(
        self, predictor: str, reference: str, *, resamples: int = RESAMPLES, seed: int = 0
    ) -> Float64[np.ndarray, "context draw"]:
        """Return worth in seconds for starts as they are, first, and as drawn: `find_worth`."""
        weights = self._weights(resamples, seed)
        known = np.array(
            [weigh_bits(row, self.num_spikes, weights) for row in self.log_likelihood(reference)]
        )
        gain = self.draw_gain(predictor, reference, resamples=resamples, seed=seed)
        return find_worth(known, gain, self.seconds)

    def transfer_share(
        self,
        zero_shot: str,
        own: str,
        *,
        untrained: str | None = None,
        resamples: int = RESAMPLES,
        seed: int = 0,
    ) -> pd.DataFrame:
        """Return (zero-shot - untrained) / (own - untrained) by context.

        What learning elsewhere gives of what learning on the target itself gives. It is NaN, undefined,
        where the interval of own - untrained reaches down to 0: then there is nothing to have a share of.

        Parameters
        ----------
        zero_shot, own : str
            The predictor that has not met the target, and the one that was trained on it.
        untrained : str, optional
            By default `own` before training.

        Returns
        -------
        DataFrame
            ``context, seconds, transfer_share, ci_low, ci_high, own_gain, own_gain_low, own_gain_high``.
        """
        known = untrained or self.find_untrained(own)
        how = {"resamples": resamples, "seed": seed}
        of_own = self.draw_gain(own, known, **how)
        of_other = self.draw_gain(zero_shot, known, **how)
        rows = [share_of_gain(other, own_gain) for other, own_gain in zip(of_other, of_own, strict=True)]
        table = pd.DataFrame(rows)
        table.insert(0, "seconds", self.seconds)
        table.insert(0, "context", self.contexts)
        return table

    def keep(self, predictors: Sequence[str]) -> ContextCurve:
        """Return the curve of some predictors."""
        for name in predictors:
            self.log_likelihood(name)
        return ContextCurve(self.data.sel(predictor=list(predictors)))

    @property
    def trained(self) -> dict[str, str]:
        """Predictors that were trained and say something untrained, with the name of themselves before."""
        return {
            name: before
            for name, before in dict(self.data.attrs.get("untrained", {})).items()
            if name in self.predictors and before in self.predictors
        }

    def find_untrained(self, predictor: str) -> str:
        """Return the name of a predictor before training; `untrained` of one that nobody trained here."""
        return self.trained.get(predictor, UNTRAINED)

    def knows_target(self, predictor: str) -> bool:
        """Return whether a predictor was fitted on other bins of the recording."""
        return bool(self.data["knows_target"].sel(predictor=predictor).item())

    def _weights(self, resamples: int, seed: int) -> Float64[np.ndarray, "draw start"]:
        return resample_blocks(self.data.sizes["start"], resamples, seed)

    def _require_context(self, context: str | float) -> str:
        label = label_context(context)
        if label not in self.contexts:
            raise InputError(
                f"no context {label!r} in the curve", f"one of {', '.join(self.contexts)}", "choose one"
            )
        return label


def join_curves(curves: Iterable[ContextCurve]) -> ContextCurve:
    """Return one curve of all predictors; each must have the same starts and contexts.

    A predictor that several have is taken of the first.

    Raises
    ------
    InputError
        Starts, contexts or scored spikes differ: their differences would not be paired.
    """
    first, *others = curves
    parts = [first.data]
    for other in others:
        for name in ("start", "context", "num_spikes", "seconds_read"):
            if not np.array_equal(first.data[name].values, other.data[name].values):
                raise InputError(
                    f"curves with other values of {name}",
                    "the same starts, contexts and spikes",
                    "measure them with the same arguments",
                )
        parts.append(other.data)
    names: dict[str, None] = {}
    kept = []
    for part in parts:
        fresh = [str(name) for name in part["predictor"].values if str(name) not in names]
        names.update(dict.fromkeys(fresh))
        kept.append(part.sel(predictor=fresh))
    joined = first.data.drop_dims("predictor").assign(
        log_likelihood=xr.concat([part["log_likelihood"] for part in kept], "predictor")
    )
    return ContextCurve(joined.assign_attrs(_join_attrs(parts)))


def _join_attrs(parts: Sequence[xr.Dataset]) -> dict[str, Any]:
    joined = dict(parts[0].attrs)
    for name in ("untrained", "left_out"):
        joined[name] = {key: value for part in parts for key, value in part.attrs.get(name, {}).items()}
    return joined


def walk_contexts(contexts: Iterable[str | float]) -> Iterator[tuple[str, float]]:
    """Give label and seconds of each context once, in order of length; warm, infinitely long, is last."""
    seconds = {label: np.inf if label == WARM else float(label) for label in map(label_context, contexts)}
    yield from sorted(seconds.items(), key=lambda each: each[1])
