"""Weights by which log odds of several models are summed, for each unit, shrunk to those of all units."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Float64, Int64

STRENGTHS = (3000.0, 1000.0, 300.0, 100.0, 30.0, 10.0, 3.0)
"""Ridges on what a unit's weights differ from the common ones, in nats per squared difference."""

# blocks of time, so that no block is predicted by weights that its own bursts have chosen
_NUM_FOLDS = 5
# against eight silent bins for each spike, all of them would lessen the variance by a ninth
_SILENT_PER_SPIKE = 8
_FEWEST_SILENT = 20_000
# bounds, not budgets: 4 to 7 steps were seen
_MOST_STEPS = 25
# nats in all: far below what one spike is worth
_CONVERGED = 1e-4
# a member that says the same as another leaves their difference open: so it stays where it began
_JITTER = 1e-3
# as the scores clip, and a little beyond
_LARGEST_LOG_ODDS = 15.0

_Weights = Float64[np.ndarray, " column"]


class StackedWeights(NamedTuple):
    """What is mixed, and by how much it predicted the blocks of time that chose nothing.

    Attributes
    ----------
    weights : array (unit, member)
        What each member's log odds are multiplied with.
    offset : array (unit,)
        What is added.
    common : array (member,)
        The weights of all units together.
    strength : float
        The ridge that was chosen; infinite where all units have the common weights.
    best : int
        Place of the member that predicts those blocks best alone.
    gain : float
        Nats by which blocks of time after the first were predicted better than by the best member alone, each
        with weights of the blocks before it; 0 where that member was taken as it is.
    """

    weights: Float64[np.ndarray, "unit member"]
    offset: Float64[np.ndarray, " unit"]
    common: Float64[np.ndarray, " member"]
    strength: float
    best: int
    gain: float


class _UnitRows(NamedTuple):
    """Columns of a unit in chosen bins, to which log odds are added; how many bins each is, and its block."""

    columns: Float64[np.ndarray, "row column"]
    added: Float64[np.ndarray, " row"]
    fired: Bool[np.ndarray, " row"]
    weight: Float64[np.ndarray, " row"]
    fold: Int64[np.ndarray, " row"]


class _Expansion(NamedTuple):
    """Loss of one unit in one block around some weights: its value, slope and curvature."""

    loss: float
    slope: Float64[np.ndarray, " column"]
    curvature: Float64[np.ndarray, "column column"]


def stack_log_odds(
    log_odds: Sequence[Float[np.ndarray, "time unit"]],
    fired: Bool[np.ndarray, "time unit"],
    observed: Bool[np.ndarray, "time unit"] | None = None,
    seed: int = 0,
) -> StackedWeights:
    """Return the weights that predict best, chosen by what they predict of later blocks of time.

    First the weights and the offset that all units have in common maximise the likelihood; then each unit's
    weights, with a ridge on what they differ from those, and the rate left as it is. Five blocks of time
    choose the ridge: each but the first is predicted with the weights of those before it, as what comes after
    all of them will be. Where no weights predict them better than the best member alone, that is taken as it
    is.

    All spikes are used, and of a unit's silent bins eight times as many, at least 20,000, which stand for the
    others. Stacking by likelihood is that of Smyth & Wolpert 1999 (Machine Learning 36:59), here of log odds;
    the ridge to a common value is that of a hierarchical model.

    Parameters
    ----------
    log_odds : sequence of arrays (time, unit)
        What each member says of bins that it was not fitted to.
    fired : bool array (time, unit)
        Where a spike came.
    observed : bool array (time, unit), optional
        Which bins count; by default all.
    seed : int, default: 0
        Draws the silent bins.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> truth = rng.normal(-2, 1, (20_000, 3))
    >>> fired = rng.random(truth.shape) < 1 / (1 + np.exp(-truth))
    >>> found = stack_log_odds([truth, rng.normal(-2, 1, truth.shape)], fired)
    >>> found.common.round(1) + 0.0
    array([1., 0.])
    """
    rng = np.random.default_rng(seed)
    units = [_sample_rows(log_odds, fired, observed, unit, rng) for unit in range(fired.shape[1])]
    num_members = len(log_odds)
    alone = np.sum([_losses_alone(rows, num_members) for rows in units], axis=0)
    common = _fit_common(units, num_members)
    centred = [_centre(rows, common) for rows in units]
    strength = _choose_strength([_expand_folds(rows) for rows, _ in centred])
    loss = sum(_loss_of_later(rows, strength) for rows, _ in centred)
    best = int(np.argmin(alone))
    if loss >= alone[best]:
        # columns are the members and the offset, which is 0
        common, strength, loss = np.eye(num_members + 1)[best], np.inf, alone[best]
    solutions = np.tile(common, (len(units), 1))
    for solution, (rows, centre) in zip(solutions, centred, strict=True):
        change = _fit_change(rows, strength)
        solution[:-1] += change
        # what is added on average is taken away again: the rate stays where the members see it
        solution[-1] -= change @ centre
    return StackedWeights(
        solutions[:, :-1], solutions[:, -1], common[:-1], strength, best, float(alone[best] - loss)
    )


def _sample_rows(
    log_odds: Sequence[Float[np.ndarray, "time unit"]],
    fired: Bool[np.ndarray, "time unit"],
    observed: Bool[np.ndarray, "time unit"] | None,
    unit: int,
    rng: np.random.Generator,
) -> _UnitRows:
    seen = np.ones(len(fired), dtype=bool) if observed is None else observed[:, unit]
    spiking, silent = np.flatnonzero(seen & fired[:, unit]), np.flatnonzero(seen & ~fired[:, unit])
    num_kept = min(len(silent), max(_FEWEST_SILENT, _SILENT_PER_SPIKE * len(spiking)))
    kept = rng.choice(silent, num_kept, replace=False) if num_kept < len(silent) else silent
    bins = np.concatenate([spiking, kept])
    # each silent bin that is kept stands for as many as were left out (Horvitz and Thompson)
    weight = np.where(np.arange(len(bins)) < len(spiking), 1.0, len(silent) / max(num_kept, 1))
    columns = np.ones((len(bins), len(log_odds) + 1))
    for place, member in enumerate(log_odds):
        columns[:, place] = np.clip(member[bins, unit], -_LARGEST_LOG_ODDS, _LARGEST_LOG_ODDS)
    fold = bins * _NUM_FOLDS // len(fired)
    return _UnitRows(columns, np.zeros(len(bins)), np.arange(len(bins)) < len(spiking), weight, fold)


def _losses_alone(rows: _UnitRows, num_members: int) -> Float64[np.ndarray, " member"]:
    """Return the loss of each member as it is, in all blocks of time but the first."""
    later = _select(rows, rows.fold > 0)
    return np.array([_measure_loss(later, weights) for weights in np.eye(num_members + 1)[:num_members]])


def _measure_loss(rows: _UnitRows, weights: _Weights) -> float:
    """Return the negative log-likelihood, in nats."""
    log_odds = rows.columns @ weights + rows.added
    return float(rows.weight @ (np.logaddexp(0.0, log_odds) - rows.fired * log_odds))


def _expand(rows: _UnitRows, weights: _Weights) -> _Expansion:
    log_odds = rows.columns @ weights + rows.added
    probability = 1 / (1 + np.exp(-np.clip(log_odds, -500, 500)))
    loss = float(rows.weight @ (np.logaddexp(0.0, log_odds) - rows.fired * log_odds))
    slope = rows.columns.T @ (rows.weight * (probability - rows.fired))
    weighted = rows.columns * (rows.weight * probability * (1 - probability))[:, None]
    return _Expansion(loss, slope, rows.columns.T @ weighted)


def _select(rows: _UnitRows, is_kept: Bool[np.ndarray, " row"]) -> _UnitRows:
    return _UnitRows(*(values[is_kept] for values in rows))


def _expand_folds(rows: _UnitRows) -> list[_Expansion]:
    """Return each block's expansion around the common weights."""
    none = np.zeros(rows.columns.shape[1])
    return [_expand(_select(rows, rows.fold == fold), none) for fold in range(_NUM_FOLDS)]


def _fit_common(units: Sequence[_UnitRows], num_members: int) -> _Weights:
    """Return the weights that predict all units best, by Newton's method from the mean of the members."""
    start = np.append(np.full(num_members, 1 / num_members), 0.0)
    ridge = np.full(num_members + 1, _JITTER)
    return _minimise(list(units), start, start, ridge)


def _centre(rows: _UnitRows, common: _Weights) -> tuple[_UnitRows, Float64[np.ndarray, " member"]]:
    """Return a unit's rows as what it may change of the common weights, and the mean of each member there.

    Log odds are centred, by what each bin tells, so that other weights change how much a member's ups and
    downs count and not the rate, which drifts.
    """
    log_odds = rows.columns @ common
    probability = 1 / (1 + np.exp(-log_odds))
    told = rows.weight * probability * (1 - probability)
    # a unit that was never observed has no rows
    centre: Float64[np.ndarray, " member"] = told @ rows.columns[:, :-1] / (told.sum() or 1.0)
    return rows._replace(columns=rows.columns[:, :-1] - centre, added=log_odds), centre


def _fit_change(rows: _UnitRows, strength: float) -> Float64[np.ndarray, " member"]:
    """Return what a unit's weights differ from the common ones."""
    none = np.zeros(rows.columns.shape[1])
    if np.isinf(strength):
        return none
    return _minimise([rows], none, none, np.full(len(none), strength))


def _minimise(units: list[_UnitRows], start: _Weights, centre: _Weights, ridge: _Weights) -> _Weights:
    """Return what minimises the loss of some units plus half of ridge x distance from a centre, squared."""
    weights = start
    expansion = _add(units, weights, centre, ridge)
    for _ in range(_MOST_STEPS):
        step = -np.linalg.solve(expansion.curvature, expansion.slope)
        # the loss is convex: a step that goes too far is halved until it goes down
        for share in 0.5 ** np.arange(10):
            tried = _add(units, weights + share * step, centre, ridge)
            if tried.loss <= expansion.loss:
                break
        else:
            return weights
        won, weights, expansion = expansion.loss - tried.loss, weights + share * step, tried
        if won < _CONVERGED:
            break
    return weights


def _add(units: list[_UnitRows], weights: _Weights, centre: _Weights, ridge: _Weights) -> _Expansion:
    parts = [_expand(rows, weights) for rows in units]
    away = weights - centre
    return _Expansion(
        sum(part.loss for part in parts) + 0.5 * float(ridge @ away**2),
        sum(part.slope for part in parts) + ridge * away,
        sum(part.curvature for part in parts) + np.diag(ridge),
    )


def _choose_strength(units: Sequence[Sequence[_Expansion]]) -> float:
    """Return the ridge that predicts later blocks of time best; infinite: all units have the common weights.

    By the expansions around the common weights: near them, where it is chosen, they are the loss.
    """
    # relative to the common weights, whose change is 0
    best, least = np.inf, 0.0
    for strength in STRENGTHS:
        change = sum(_change_of_later(folds, strength) for folds in units)
        if change < least:
            best, least = strength, change
    return best


def _change_of_later(folds: Sequence[_Expansion], strength: float) -> float:
    """Return by how much one unit's loss changes when each block has weights of those before it."""
    ridge = strength * np.eye(len(folds[0].slope))
    change = 0.0
    for place in range(1, len(folds)):
        before, fold = folds[:place], folds[place]
        curvature = sum((each.curvature for each in before), ridge)
        step = -np.linalg.solve(curvature, sum(each.slope for each in before))
        change += float(fold.slope @ step + 0.5 * step @ fold.curvature @ step)
    return change


def _loss_of_later(rows: _UnitRows, strength: float) -> float:
    """Return a unit's loss when each block but the first is predicted with the weights of those before it."""
    return sum(
        _measure_loss(
            _select(rows, rows.fold == fold), _fit_change(_select(rows, rows.fold < fold), strength)
        )
        for fold in range(1, _NUM_FOLDS)
    )
