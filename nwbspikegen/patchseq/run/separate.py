"""Cells to how far apart their classes lie: the whole of `nwbspikegen patchseq separate`."""

from __future__ import annotations

import pandas as pd

from nwbspikegen.patchseq.classify.components import FamilyComponents, separate_families
from nwbspikegen.patchseq.classify.scores import measure_separation
from nwbspikegen.patchseq.run.fit import Recipe, keep_usable
from nwbspikegen.patchseq.run.load import LoadedCells
from nwbspikegen.patchseq.species.alignment import align

SCALARS = "scalars"
COLUMNS = ("family", "cell_class", "num_cells", "silhouette", "same_class", "chance")


def separate_cells(
    cells: LoadedCells, *, use_scalars: bool = False, num_neighbours: int = 15
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Measure in each feature family how far apart the classes of some cells lie.

    No classifier is trained: the figures are of the cells as they lie, so that a family in which a class
    stands apart can be told from one in which it does not. Families become sparse principal components
    first (see `FamilyComponents`). Scalars, which have unlike units, are measured together as one family,
    each in normal scores of its ranks, with a gap at the median.

    Parameters
    ----------
    cells : LoadedCells
        From `load_cells`; cells without a class are left out.
    use_scalars : bool, default: False
        Measure scalars though there are families.
    num_neighbours : int, default: 15
        Neighbours of each cell that are looked at.

    Returns
    -------
    table : DataFrame
        One row per family and class: ``family``, ``cell_class``, ``num_cells`` (which have the whole
        family), ``silhouette`` (mean, -1 to 1), ``same_class`` (share of the neighbours that have the
        cell's class) and ``chance`` (that share for a class spread at random).
    left_out : dict of str to int
        Number of cells left out, by reason.

    Raises
    ------
    InputError
        Cells of one class, or fewer than neighbours in every family.
    """
    recipe = Recipe(use_scalars=use_scalars)
    usable, left_out = keep_usable(cells, recipe)
    if recipe.reads_families(usable):
        components = FamilyComponents().fit_transform(usable.require_families())
        classes = ("cell", usable.table.classes)
        table = separate_families(components.assign_coords(cell_class=classes), neighbours=num_neighbours)
    else:
        values = usable.table.values
        # nothing is aligned: this is the way to normal scores with gaps at the median
        scores = align(values, values, method="rank").target
        table = measure_separation(scores, usable.table.classes, neighbours=num_neighbours).reset_index()
        table.insert(0, "family", SCALARS)
    return table[list(COLUMNS)], left_out
