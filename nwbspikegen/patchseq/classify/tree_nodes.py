"""Whether nodes are trees: children behind their parents and inside, features that there are."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Int64


def require_trees(
    left: Int64[np.ndarray, " node"],
    right: Int64[np.ndarray, " node"],
    feature: Int64[np.ndarray, " node"],
    is_leaf: Bool[np.ndarray, " node"],
    num_features: int,
) -> None:
    """Raise `ValueError` for nodes down which a cell would go for ever, or out of the arrays.

    Nothing of this is checked by scikit-learn, which ends with the interpreter when a child lies out of
    bounds, and does not end when a node is its own child. A child stands behind its parent in every tree
    that scikit-learn grows, so that any way down ends.

    Parameters
    ----------
    left, right : array of int, shape (node,)
        Numbers of the children.
    feature : array of int, shape (node,)
        Numbers of the features that are compared.
    is_leaf : array of bool, shape (node,)
        Where children and feature mean nothing.
    num_features : int
        Number of features that there are.

    Examples
    --------
    >>> left, right = np.array([1, -1, -1]), np.array([2, -1, -1])
    >>> require_trees(left, right, np.array([0, -2, -2]), left < 0, num_features=1)
    >>> require_trees(left - 1, right, np.array([0, -2, -2]), left < 0, num_features=1)
    Traceback (most recent call last):
    ValueError: nodes that are no trees
    """
    number = np.arange(len(left))
    fits = [(child > number) & (child < len(left)) for child in (left, right)]
    if not (is_leaf | (fits[0] & fits[1] & (feature >= 0) & (feature < num_features))).all():
        raise ValueError("nodes that are no trees")
