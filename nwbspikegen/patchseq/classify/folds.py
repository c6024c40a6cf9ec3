"""Which cells train and which are scored: by donor, across conditions, and with few labels."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import Int64, Shaped

from nwbspikegen.core.errors import InputError

Fold = tuple[Int64[np.ndarray, " train"], Int64[np.ndarray, " test"]]


def folds_by_donor(
    classes: Shaped[np.ndarray, " cell"],
    donors: Shaped[np.ndarray, " cell"],
    *,
    num_folds: int = 5,
    seed: int = 0,
) -> Iterator[Fold]:
    """Yield indices of training and test cells; a donor's cells are never on both sides.

    Folds have about equal shares of every class (scikit-learn's ``StratifiedGroupKFold``, shuffled).

    Examples
    --------
    >>> classes, donors = np.array(["Sst", "Vip"] * 10), np.repeat(np.arange(10), 2)
    >>> [len(test) for _, test in folds_by_donor(classes, donors)]
    [4, 4, 4, 4, 4]
    """
    from sklearn.model_selection import StratifiedGroupKFold

    num_donors = len(np.unique(donors))
    if num_donors < num_folds:
        raise InputError(
            f"{num_donors} donors for {num_folds} folds", "a donor for each fold", "ask for fewer folds"
        )
    folds = StratifiedGroupKFold(num_folds, shuffle=True, random_state=seed)
    yield from folds.split(np.zeros(len(classes)), classes, donors)


def hold_out_condition(
    conditions: Shaped[np.ndarray, " cell"], donors: Shaped[np.ndarray, " cell"], train: str, test: str
) -> Fold:
    """Return the cells of one condition to train on and those of another to test on.

    A donor with cells of both conditions gives test cells only, so that no donor is on both sides.

    Examples
    --------
    >>> conditions = np.array(["culture", "culture", "acute"])
    >>> hold_out_condition(conditions, np.array(["a", "b", "b"]), "culture", "acute")
    (array([0]), array([2]))
    """
    tested = np.flatnonzero(conditions == test)
    trained = np.flatnonzero((conditions == train) & ~np.isin(donors, donors[tested]))
    if not len(tested) or not len(trained):
        raise InputError(
            f"conditions {sorted(set(conditions.tolist()))}",
            f"cells of {train} and of {test}",
            "name two that are there",
        )
    return trained, tested


def draw_labelled(
    classes: Shaped[np.ndarray, " cell"], num_cells: int, *, seed: int, fewest: int = 2
) -> Int64[np.ndarray, " drawn"]:
    """Return the indices of cells drawn for labelling, in the shares of their classes.

    Every class gets at least `fewest` cells, as long as it has them; the largest gives way.

    Examples
    --------
    >>> drawn = draw_labelled(np.array(["Sst"] * 90 + ["Vip"] * 10), 20, seed=0)
    >>> len(drawn), int((drawn >= 90).sum())
    (20, 2)
    """
    names, counts = np.unique(classes, return_counts=True)
    if not fewest * len(names) <= num_cells <= len(classes):
        raise InputError(
            f"{num_cells} of {len(classes)} cells to draw",
            f"{fewest * len(names)} to {len(classes)}",
            "draw another number",
        )
    # largest remainders: rounded down, then one more where most is missing
    wanted = counts / len(classes) * num_cells
    take = np.minimum(np.maximum(np.floor(wanted).astype(int), fewest), counts)
    # the largest gives way, since a small class that loses a cell loses more of what is known of it
    while take.sum() > num_cells:
        take[np.argmax(take)] -= 1
    while take.sum() < num_cells:
        take[np.argmax(np.where(take < counts, wanted - take, -np.inf))] += 1
    rng = np.random.default_rng(seed)
    return np.concatenate(
        [
            rng.choice(np.flatnonzero(classes == name), number, replace=False)
            for name, number in zip(names, take, strict=True)
        ]
    )
