"""Label-free alignment: source cells brought to where the cells of another species lie.

No method sees a label of the target. `source_weight` counts each source cell more or less; with it the
composition of the source can be made that of the target (`alignment_shares`), without which an aligned
class takes the place of another that is larger in the target.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from nwbspikegen.core.errors import InputError, MissingExtraError

_Rows = Float64[np.ndarray, "_cell _feature"]
_Weight = Float64[np.ndarray, " _cell"]
# ends normal scores at 2.9 deviations, and gives a new cell outside of all others a place. Mouse to human,
# all cells, balanced accuracy: .525 at 0.0005, .526 at 0.002, .523 at 0.01, .511 at 0.05
_FURTHEST = 0.002


@dataclass(frozen=True)
class Aligned:
    """Source and target in one space; `place` brings further target cells there.

    Attributes
    ----------
    source, target : array, shape (cell, feature)
        Neither holds a gap: a missing value became the median of its species before everything.
    place : callable
        From target cells as they were measured to this space.
    """

    source: _Rows
    target: _Rows
    place: Callable[[_Rows], _Rows]


def align(
    source: _Rows, target: _Rows, *, method: str = "rank", source_weight: _Weight | None = None
) -> Aligned:
    """Bring source and target cells into one space.

    Parameters
    ----------
    source, target : array, shape (cell, feature)
        The same features in both; NaN where missing.
    method : str
        - ``none``: both scaled by the source's mean and standard deviation;
        - ``scale``: each by its own;
        - ``rank``: each to normal scores of its own ranks (cut at 0.2 % and 99.8 %);
        - ``quantile``: each source feature mapped through its quantiles onto the target's, in the
          target's own scale;
        - ``coral``: ``scale``, then the source's covariance made the target's (Sun, Feng and Saenko 2016),
          each with one added to its diagonal;
        - ``transport``: ``scale``, then every source cell moved to the mean of the target cells that
          entropic optimal transport (POT) gives it.
    source_weight : array, shape (cell,), optional
        Weight of each source cell in its own mean, ranks and covariance, and its mass in transport.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> mouse = rng.normal(size=(300, 2))
    >>> aligned = align(mouse, np.exp(mouse) * 3 + 1)
    >>> np.allclose(aligned.source, aligned.target)
    True
    """
    if method not in _METHODS:
        raise InputError(f"alignment {method}", ", ".join(_METHODS), "name one of these")
    if source.shape[1] != target.shape[1] or not len(source) or not len(target):
        raise InputError(
            f"cells of shapes {source.shape} and {target.shape}", "the same features", "select them first"
        )
    weight = np.ones(len(source)) if source_weight is None else source_weight
    if len(weight) != len(source) or not (weight >= 0).all() or not weight.sum() > 0:
        raise InputError(
            f"{len(weight)} weights for {len(source)} cells",
            "one weight, not below 0, for each",
            "check them",
        )
    # each by its own: the source's median would put human gaps where mouse cells lie
    fill = _learn_medians(target)
    aligned = _METHODS[method](_learn_medians(source)(source), fill(target), weight / weight.sum())
    return Aligned(aligned.source, aligned.target, lambda new: aligned.place(fill(new)))


def _use_source_scale(source: _Rows, target: _Rows, weight: _Weight) -> Aligned:
    scale = _learn_scale(source, weight)
    return Aligned(scale(source), scale(target), scale)


def _use_own_scales(source: _Rows, target: _Rows, weight: _Weight) -> Aligned:
    place = _learn_scale(target, _weigh_equally(target))
    return Aligned(_learn_scale(source, weight)(source), place(target), place)


def _use_ranks(source: _Rows, target: _Rows, weight: _Weight) -> Aligned:
    place = _learn_ranks(target, _weigh_equally(target))
    return Aligned(_learn_ranks(source, weight)(source), place(target), place)


def _match_quantiles(source: _Rows, target: _Rows, weight: _Weight) -> Aligned:
    from scipy.special import ndtr

    # scores and back, for the same ends as those of `rank`
    level = ndtr(_learn_ranks(source, weight)(source))
    mapped = np.stack(
        [np.quantile(column, one) for column, one in zip(target.T, level.T, strict=True)], axis=1
    )
    place = _learn_scale(target, _weigh_equally(target))
    return Aligned(place(mapped), place(target), place)


def _match_covariance(source: _Rows, target: _Rows, weight: _Weight) -> Aligned:
    scaled = _use_own_scales(source, target, weight)
    eye = np.eye(source.shape[1])
    # one on the diagonal, as Sun et al. have it, lets a covariance of fewer cells than features be inverted
    whiten = _root(np.cov(scaled.source.T, aweights=weight).reshape(eye.shape) + eye, -0.5)
    colour = _root(np.cov(scaled.target.T).reshape(eye.shape) + eye, 0.5)
    return Aligned(scaled.source @ whiten @ colour, scaled.target, scaled.place)


def _transport(source: _Rows, target: _Rows, weight: _Weight) -> Aligned:
    try:
        import ot
    except ImportError as error:
        raise MissingExtraError("no POT", "optimal transport", "install nwbspikegen[patchseq]") from error

    scaled = _use_own_scales(source, target, weight)
    cost = ot.dist(scaled.source, scaled.target)
    scale = np.median(cost)
    # what a whole row or column costs more does not change the plan, and would underflow
    cost = cost - cost.min(axis=1, keepdims=True)
    cost = cost - cost.min(axis=0, keepdims=True)
    # the plan need not be exact: far fewer steps than POT's default give the same classes
    plan = ot.sinkhorn(
        weight,
        _weigh_equally(target),
        cost,
        # of the median cost; mouse to human .420 at 0.01, .422 at 0.05, .419 at 0.2 (equal classes, a third
        # of the mouse)
        reg=0.05 * scale,
        numItermax=300,
        stopThr=1e-6,
        warn=False,
    )
    # barycentric projection: the mean of where a cell's mass goes. A cell of weight 0 has none, and stays
    moved = plan @ scaled.target / np.maximum(plan.sum(axis=1, keepdims=True), np.finfo(float).tiny)
    return Aligned(np.where(weight[:, None] > 0, moved, scaled.source), scaled.target, scaled.place)


_METHODS: dict[str, Callable[[_Rows, _Rows, _Weight], Aligned]] = {
    "none": _use_source_scale,
    "scale": _use_own_scales,
    "rank": _use_ranks,
    "quantile": _match_quantiles,
    "coral": _match_covariance,
    "transport": _transport,
}


def _weigh_equally(rows: _Rows) -> _Weight:
    return np.full(len(rows), 1 / len(rows))


def _learn_medians(rows: _Rows) -> Callable[[_Rows], _Rows]:
    # 0 for a feature that nobody has: after scaling it is the same everywhere
    known = np.isfinite(rows)
    middle = np.array(
        [np.median(column[one]) if one.any() else 0.0 for column, one in zip(rows.T, known.T, strict=True)]
    )
    return lambda new: np.where(np.isfinite(new), new, middle)


def _learn_scale(rows: _Rows, weight: _Weight) -> Callable[[_Rows], _Rows]:
    mean = weight @ rows
    deviation = np.sqrt(weight @ (rows - mean) ** 2)
    # a feature that is the same in all cells says nothing; divided by 0 it would be NaN
    deviation[deviation == 0] = 1
    return lambda new: (new - mean) / deviation


def _learn_ranks(rows: _Rows, weight: _Weight) -> Callable[[_Rows], _Rows]:
    """Return the map to normal scores of the middles of the steps of the weighted distribution."""
    from scipy.special import ndtri

    steps = [_accumulate(column, weight) for column in rows.T]

    def place(new: _Rows) -> _Rows:
        level = [np.interp(column, *step) for column, step in zip(new.T, steps, strict=True)]
        return np.asarray(ndtri(np.clip(np.stack(level, axis=1), _FURTHEST, 1 - _FURTHEST)))

    return place


def _accumulate(
    column: Float64[np.ndarray, " cell"], weight: _Weight
) -> tuple[Float64[np.ndarray, " value"], Float64[np.ndarray, " value"]]:
    """Return the values that occur, ascending, and the middle of each one's step of the distribution."""
    values, where = np.unique(column, return_inverse=True)
    mass = np.bincount(where, weights=weight, minlength=len(values))
    # the middle of a step, so that equal values share a rank and no level is 0 or 1
    return values, np.cumsum(mass) - mass / 2


def _root(
    matrix: Float64[np.ndarray, "feature feature"], power: float
) -> Float64[np.ndarray, "feature feature"]:
    # of a symmetric matrix: V diag(values ^ power) V'
    values, vectors = np.linalg.eigh(matrix)
    root: Float64[np.ndarray, "feature feature"] = (vectors * values**power) @ vectors.T
    return root
