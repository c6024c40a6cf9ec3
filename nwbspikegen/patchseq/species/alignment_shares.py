"""How large the classes are in another species, estimated without its labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Shaped

from nwbspikegen.core.errors import InputError
from nwbspikegen.patchseq.species.alignment import Aligned, align

# mouse to human the shares move by 0.001 in the second turn and not at all from the third on
_TURNS = 3


@dataclass(frozen=True)
class SharedSpace:
    """Source and target aligned with the source weighted to the target's composition.

    Attributes
    ----------
    aligned : Aligned
        Both in one space.
    source_weight : array, shape (source cell,)
        Weight of each source cell: its class's share over the class's number of cells.
    shares : dict
        Estimated share of each class in the target.
    parted_class : str
        The class whose share was estimated; the others divide the rest equally.
    evidence : float
        BIC of one Gaussian minus that of two, along the axis of that class: above 0 speaks for two.
    """

    aligned: Aligned
    source_weight: Float64[np.ndarray, " cell"]
    shares: dict[str, float]
    parted_class: str
    evidence: float


def align_shares(
    source: Float64[np.ndarray, "source_cell feature"],
    classes: Shaped[np.ndarray, " source_cell"],
    target: Float64[np.ndarray, "target_cell feature"],
    *,
    method: str = "rank",
    estimate: bool = True,
    seed: int = 0,
) -> SharedSpace:
    """Align two species whose classes may be of different sizes in the two samples.

    Marginal distributions can only be matched when both hold the classes in the same shares. The
    source starts with equal classes. Then, a few times: for each class, the source's linear
    discriminant of the class against the rest is laid through the target, and one Gaussian and two of
    equal width (of unequal width, long tails pass for two) are fitted along it; of the class with the
    strongest evidence for two, the share is the weight of the Gaussian on its side, and the other
    classes divide the rest equally; source cells are weighted to these shares and aligned again.
    Without evidence for two Gaussians the classes stay equal.

    Parameters
    ----------
    source, target : array, shape (cell, feature)
        The same features; NaN where missing.
    classes : array of str, shape (cell,)
        Classes of the source cells.
    method : str
        As for `align`.
    estimate : bool, default: True
        False keeps the classes equal.
    seed : int
        Of the start of the mixtures.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> mouse = np.vstack([rng.normal(-4, 1, (100, 2)), rng.normal(4, 1, (100, 2))])
    >>> human = np.vstack([rng.normal(-4, 1, (160, 2)), rng.normal(4, 1, (40, 2))])
    >>> space = align_shares(mouse, np.repeat(["Sst", "Vip"], 100), human, method="scale")
    >>> round(space.shares["Vip"], 2)
    0.2
    """
    names, number, size = np.unique(classes, return_inverse=True, return_counts=True)
    if len(names) < 2:
        raise InputError(f"cells of {len(names)} class", "cells of two classes or more", "give more cells")
    shares, parted, evidence = np.full(len(names), 1 / len(names)), -1, -np.inf
    for _ in range(_TURNS if estimate else 0):
        aligned = align(source, target, method=method, source_weight=(shares / size)[number])
        found = [_part(aligned, number == one, seed) for one in range(len(names))]
        parted = int(np.argmax([one[0] for one in found]))
        evidence, share = found[parted]
        # BIC prefers one Gaussian: there is nothing to tell a share from, and what an earlier turn said is
        # dropped
        if evidence <= 0:
            shares = np.full(len(names), 1 / len(names))
            break
        shares = np.full(len(names), (1 - share) / (len(names) - 1))
        shares[parted] = share
    # a class weighs its share, however many cells it has
    weight = (shares / size)[number]
    return SharedSpace(
        align(source, target, method=method, source_weight=weight),
        weight,
        dict(zip(names.tolist(), shares.tolist(), strict=True)),
        str(names[parted]) if evidence > 0 else "",
        float(evidence),
    )


def _part(aligned: Aligned, inside: np.ndarray, seed: int) -> tuple[float, float]:
    """Return the evidence that the target falls in two along the axis of a class, and its part's share."""
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.mixture import GaussianMixture

    # one class against the rest, with equal priors: the size of the class in the source must not move the
    # axis
    axis = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto", priors=[0.5, 0.5])
    along = axis.fit(aligned.source, inside).decision_function(aligned.target)[:, None]
    # several starts, since a mixture may end in a poor optimum
    two = GaussianMixture(2, covariance_type="tied", random_state=seed, n_init=3).fit(along)
    one = GaussianMixture(1).fit(along)
    upper = int(np.argmax(two.means_[:, 0]))
    # a share of 0 or 1 would leave classes without any weight; without alignment .98 is reached
    # (docs/benchmarks/patchseq_tables.md)
    return float(one.bic(along) - two.bic(along)), float(np.clip(two.weights_[upper], 0.02, 0.98))
