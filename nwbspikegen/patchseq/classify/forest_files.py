"""The trees of a forest to arrays and back.

They are kept as plain arrays rather than as scikit-learn's forest in skops. Of 500 trees on the human table
(704 cells, 84 scalars) both give the same probabilities to the bit, but the arrays take 1.1 MB and 0.09 s to
read against 2.7 MB and 2.8 s, and need no scikit-learn to predict, nor the version that grew them. And skops
does not look at the nodes: a tree whose root is its own child is read and then never ends, one with a child
out of bounds ends the interpreter, so that `_require_trees` would be needed all the same.
"""

from __future__ import annotations

import numpy as np

from nwbspikegen.patchseq.classify.forest import CellForest
from nwbspikegen.patchseq.classify.records import ForestRecord
from nwbspikegen.patchseq.classify.tree_nodes import require_trees

_PREFIX = "forest/"


def pack_forest(forest: CellForest, arrays: dict[str, np.ndarray]) -> ForestRecord:
    """Add the trees to the arrays of a model, and return what else there is to store."""
    arrays.update({f"{_PREFIX}{name}": value for name, value in forest.nodes.items()})
    return ForestRecord(
        class_names=tuple(forest.class_names.tolist()),
        temperature=forest.temperature,
        num_features=forest.num_features,
        calibration=forest.calibration,
    )


def unpack_forest(record: ForestRecord, arrays: dict[str, np.ndarray]) -> CellForest:
    """Rebuild what `pack_forest` packed, or raise `ValueError` or `KeyError` for arrays that are no trees."""
    nodes = {name.removeprefix(_PREFIX): value for name, value in arrays.items() if name.startswith(_PREFIX)}
    names = np.asarray(record.class_names, dtype=str)
    _require_forest(nodes, len(names), record.num_features)
    return CellForest(names, record.temperature, nodes, record.num_features, dict(record.calibration))


def _require_forest(nodes: dict[str, np.ndarray], num_classes: int, num_features: int) -> None:
    """Raise `ValueError` for nodes that are no trees, down which a cell would go for ever."""
    left, root = nodes["left"], nodes["root"]
    fits = (
        all(nodes[name].shape == (len(left),) for name in ("right", "feature", "threshold", "missing_left"))
        and nodes["share"].shape == (len(left), num_classes)
        # not "u", in which the -1 of a leaf would be a huge number
        and all(nodes[name].dtype.kind == "i" for name in ("left", "right", "feature", "root"))
        and bool(len(root) and ((root >= 0) & (root < len(left))).all())
        and bool(np.isfinite(nodes["share"]).all())
        and bool(((left < 0) == (nodes["right"] < 0)).all() and (nodes["feature"] < num_features).all())
    )
    if not fits:
        raise ValueError("nodes that are no trees")
    left, right, feature = (nodes[name].astype(np.int64) for name in ("left", "right", "feature"))
    require_trees(left, right, feature, left < 0, num_features)
