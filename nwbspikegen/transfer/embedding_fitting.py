"""Points in space whose distances are as given: SMACOF, and rigid motions."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float64

# as in Shimono 2026
_DIMENSIONS = 3
# fall of the stress in one step, in units of all squared distances, below which a fit has arrived:
# that of a start only has to tell which one is best, and a draw's is far below what draws differ by
_ROUGH = 1e-6
_FINE = 1e-10
# more than the tolerances leave to do; scikit-learn stops at 300
_MOST_STEPS = 1000


def fit_positions(
    distances: Float64[np.ndarray, "session session"],
    *,
    num_starts: int = 32,
    seed: int = 0,
    start: Float64[np.ndarray, "session 3"] | None = None,
) -> Float64[np.ndarray, "session 3"]:
    """Return points that minimise the stress sum (||xi - xj|| - d(i, j))^2, centred.

    Parameters
    ----------
    distances : array (session, session)
        Symmetric, zero on the diagonal.
    num_starts : int, default: 32
        Random starts, of which the best fit is kept.
    seed : int
        Of the starts.
    start : array (session, 3), optional
        Where to start instead: one fit, and no random start.

    Notes
    -----
    Metric multidimensional scaling by SMACOF (De Leeuw and Mair 2009), scikit-learn's.

    Examples
    --------
    >>> apart = np.array([[0.0, 3.0, 4.0], [3.0, 0.0, 5.0], [4.0, 5.0, 0.0]])
    >>> bool(sum_stress(fit_positions(apart), apart) < 1e-3)
    True
    """
    if not distances.any():
        return np.zeros((len(distances), _DIMENSIONS))
    # starts are drawn at the scale of one, whatever the unit
    scale = float(distances.max())
    near = distances / scale
    if start is None:
        rough = _minimise(near, _ROUGH, n_init=num_starts, random_state=seed)
        points = _minimise(near, _FINE, rough)
    else:
        # a draw differs little from the point layout, and starts there: it stays in the same local minimum
        points = _minimise(near, _ROUGH, start / scale)
    return np.asarray((points - points.mean(axis=0)) * scale)


def _minimise(
    distances: Float64[np.ndarray, "session session"],
    tolerance: float,
    start: Float64[np.ndarray, "session 3"] | None = None,
    **options: Any,
) -> Float64[np.ndarray, "session 3"]:
    from sklearn.manifold import MDS

    # every argument is said: scikit-learn 1.9 warns of those whose default is about to change
    scaling = MDS(
        n_components=_DIMENSIONS,
        metric="precomputed",
        # a start that is given to `fit_transform` wins over this
        init="random",
        normalized_stress=False,
        max_iter=_MOST_STEPS,
        eps=tolerance,
        **{"n_init": 1, **options},
    )
    return np.asarray(scaling.fit_transform(distances, init=start), dtype=np.float64)


def sum_stress(
    positions: Float64[np.ndarray, "session 3"], distances: Float64[np.ndarray, "session session"]
) -> float:
    """Return the sum over pairs of (||xi - xj|| - d(i, j))^2.

    Examples
    --------
    >>> sum_stress(np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0]]), np.array([[0.0, 3.0], [3.0, 0.0]]))
    4.0
    """
    from scipy.spatial.distance import pdist, squareform

    return float(((pdist(positions) - squareform(distances, checks=False)) ** 2).sum())


def turn_to_axes(positions: Float64[np.ndarray, "session 3"]) -> Float64[np.ndarray, "session 3"]:
    """Return centred points turned so that they spread most along x, then y, then z.

    Each axis points to the side of its farthest point. A layout is known up to a rigid motion only;
    this chooses one.
    """
    _, _, axes = np.linalg.svd(positions, full_matrices=True)
    # the rows of V' are the principal axes, for the points are centred
    turned = positions @ axes.T
    farthest = np.abs(turned).argmax(axis=0)
    return np.asarray(turned * np.where(turned[farthest, range(_DIMENSIONS)] < 0.0, -1.0, 1.0))


def align_positions(
    positions: Float64[np.ndarray, "session 3"], reference: Float64[np.ndarray, "session 3"]
) -> Float64[np.ndarray, "session 3"]:
    """Return points moved onto a reference by rotation, reflection and translation, without scaling.

    Examples
    --------
    >>> square = np.array([[0.0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]])
    >>> align_positions(square[:, [1, 0, 2]] * -1 + 5.0, square).round(9).tolist() == square.tolist()
    True
    """
    from scipy.linalg import orthogonal_procrustes

    centre = reference.mean(axis=0)
    moved = positions - positions.mean(axis=0)
    # reflections are allowed: distances do not know left from right
    turn, _ = orthogonal_procrustes(moved, reference - centre)
    return np.asarray(moved @ turn + centre)
