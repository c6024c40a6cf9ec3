"""Sparse principal components after Zou, Hastie and Tibshirani, with a fixed number of loadings each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float64
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.linear_model import lars_path_gram
from sklearn.utils.validation import check_is_fitted

from nwbspikegen.core.errors import InputError


class SparsePCA(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Principal components of which each uses a chosen number of variables.

    Principal components written as a regression: with directions A (orthonormal) and loadings B, both
    are found in turn that make ``|X - X B A'|^2 + ridge |B|^2`` small while each column of B keeps a
    fixed number of variables. Given A, a column of B is the point on the LARS-lasso path of X A on X
    where the next variable would enter; given B, A = U V' of the singular value decomposition
    X'X B = U D V'. The loadings are scaled to length one. The form and the stopping rule are those
    of R's ``elasticnet::spca(sparse="varnum")``, which this repeats to 1e-6; scikit-learn's class of
    the same name solves another problem.

    Parameters
    ----------
    num_nonzero : sequence of int
        Variables that each component may use, one number for each component.
    ridge : float, default: 1e-6
        Weight of the squared loadings.
    tolerance : float, default: 1e-3
        The search ends when no loading moves by more.
    max_iter : int, default: 200
        Most turns.

    Attributes
    ----------
    mean_ : array, shape (variable,)
        Mean of the training rows, taken off before everything.
    loadings_ : array, shape (variable, component)
        Unit columns.
    adjusted_variance_ratio_ : array, shape (component,)
        Share of the total variance that each component adds to those before it: squared diagonal of R
        in the QR decomposition of the scores, over the total variance.
    num_turns_ : int
        Turns taken.

    References
    ----------
    Zou, Hastie and Tibshirani (2006), Sparse principal component analysis, J. Comput. Graph. Stat. 15:265.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> source = rng.normal(size=(200, 1))
    >>> rows = np.hstack([source + 0.1 * rng.normal(size=(200, 2)), rng.normal(size=(200, 3))])
    >>> pca = SparsePCA([2]).fit(rows)
    >>> np.abs(pca.loadings_[:, 0]).round(2)
    array([0.66, 0.75, 0.  , 0.  , 0.  ])
    >>> pca.transform(rows).shape
    (200, 1)
    """

    def __init__(
        self,
        num_nonzero: Sequence[int],
        *,
        # defaults of elasticnet::spca (lambda, eps.conv, max.iter)
        ridge: float = 1e-6,
        tolerance: float = 1e-3,
        max_iter: int = 200,
    ) -> None:
        self.num_nonzero = num_nonzero
        self.ridge = ridge
        self.tolerance = tolerance
        self.max_iter = max_iter

    def fit(self, rows: Float64[np.ndarray, "cell variable"], y: Any = None) -> SparsePCA:
        """Find the components of some rows without gaps; fewer rows than variables are allowed."""
        if len(rows) < 2 or not np.isfinite(rows).all():
            raise InputError(
                f"{len(rows)} rows, {np.isnan(rows).any(axis=1).sum()} with gaps",
                "at least two rows of finite numbers",
                "leave out the cells that lack this family",
            )
        self.mean_ = rows.mean(axis=0)
        centred = rows - self.mean_
        return self.fit_gram(centred.T @ centred)

    def fit_gram(self, gram: Float64[np.ndarray, "variable variable"]) -> SparsePCA:
        """Find the components from a covariance or correlation matrix, or any multiple of one.

        `transform` then expects centred rows.
        """
        self._require_counts(len(gram))
        self.n_features_in_ = len(gram)
        if not hasattr(self, "mean_") or len(self.mean_) != len(gram):
            self.mean_ = np.zeros(len(gram))
        # columns of the first directions are the ordinary components, the largest first
        directions = np.linalg.eigh(gram)[1][:, ::-1][:, : len(self.num_nonzero)]
        previous, loadings = directions, self._regress(gram, directions)
        change, turn = np.inf, 0
        while turn < self.max_iter and change > self.tolerance:
            # U V' has the largest trace of A' X'X B among all orthonormal A (reduced-rank Procrustes
            # rotation, theorem 4 of Zou et al.)
            left, _, right = np.linalg.svd(gram @ loadings, full_matrices=False)
            loadings = self._regress(gram, left @ right)
            # a direction without any correlation leaves only zeros, which cannot be scaled to length one
            unit = loadings / np.maximum(np.linalg.norm(loadings, axis=0), np.finfo(float).tiny)
            # a component and its negative are the same one
            change = max(
                min(np.abs(now - before).max(), np.abs(now + before).max())
                for now, before in zip(unit.T, previous.T, strict=True)
            )
            previous, turn = unit, turn + 1
        self.num_turns_, self.loadings_ = turn, previous
        self.adjusted_variance_ratio_ = _adjust_variance(gram, previous)
        return self

    def transform(self, rows: Float64[np.ndarray, "cell variable"]) -> Float64[np.ndarray, "cell component"]:
        """Return the scores of some rows; a row with a gap gives a row of NaN."""
        check_is_fitted(self)
        scores: Float64[np.ndarray, "cell component"] = (rows - self.mean_) @ self.loadings_
        return scores

    def _regress(
        self,
        gram: Float64[np.ndarray, "variable variable"],
        directions: Float64[np.ndarray, "variable component"],
    ) -> Float64[np.ndarray, "variable component"]:
        # an elastic net is the lasso of rows with sqrt(ridge) times the identity below them (Zou and Hastie
        # 2005), and of these only X'X + ridge I and X'X a are needed: hundreds of numbers a side, however
        # many cells
        penalised = gram + self.ridge * np.eye(len(gram))
        columns = [
            _follow_path(penalised, gram @ direction, count)
            for direction, count in zip(directions.T, self.num_nonzero, strict=True)
        ]
        return np.stack(columns, axis=1)

    def _require_counts(self, num_variables: int) -> None:
        counts = list(self.num_nonzero)
        if not counts or len(counts) > num_variables or not all(1 <= one <= num_variables for one in counts):
            raise InputError(
                f"numbers of loadings {counts} for {num_variables} variables",
                "one number for each component, each from 1 to the number of variables",
                "change num_nonzero",
            )


def _follow_path(
    gram: Float64[np.ndarray, "variable variable"], target: Float64[np.ndarray, " variable"], count: int
) -> Float64[np.ndarray, " variable"]:
    """Return the first point of the lasso path with `count` variables, where the next would enter."""
    # no further variable can enter: the path ends at the ridge solution
    if count == len(gram):
        return np.asarray(np.linalg.solve(gram, target))
    steps = count
    while True:
        # n_samples scales penalties, which are not looked at: any number gives the same path
        _, _, path = lars_path_gram(target, gram, n_samples=len(gram), method="lasso", max_iter=steps)
        reached = np.flatnonzero((path != 0).sum(axis=0) == count)
        if len(reached) or path.shape[1] <= steps:
            break
        # a variable that leaves on the way costs further steps
        steps *= 2
    return np.asarray(path[:, reached[0] if len(reached) else -1])


def _adjust_variance(
    gram: Float64[np.ndarray, "variable variable"], loadings: Float64[np.ndarray, "variable component"]
) -> Float64[np.ndarray, " component"]:
    """Return the squared diagonal of R of the scores' QR decomposition, over the total variance."""
    # R of a QR decomposition depends on the rows by X'X alone, so any root of it stands for them; rounding
    # can make its smallest eigenvalues negative
    root = np.linalg.eigh(gram)
    scores = (np.sqrt(np.maximum(root.eigenvalues, 0))[:, None] * root.eigenvectors.T) @ loadings
    added: Float64[np.ndarray, " component"] = np.diag(np.linalg.qr(scores, mode="r")) ** 2 / np.trace(gram)
    return added
