"""The members of a vote to bytes of skops and back: no pickle, and no type that is not named here.

The file's sha256 stands in `model.json`, so that damage ends in an error before anything is read. That is no
help against intent, since who changes the file can change the number: against code that runs as a file is
read stands the list of types, none of which runs any, and against nodes that send scikit-learn out of its
arrays, or round in circles, the look at every tree. Support vectors of a hostile file could still end the
interpreter; read models of people whom you know.
"""

from __future__ import annotations

import hashlib
import zipfile
from typing import Any

import numpy as np

from nwbspikegen.core.errors import InputError, require_extra
from nwbspikegen.patchseq.classify.records import VoteRecord
from nwbspikegen.patchseq.classify.tree_nodes import require_trees
from nwbspikegen.patchseq.classify.vote import CellVote

# what skops does not trust by itself; all hold numbers and call nothing
_TRUSTED = (
    "numpy.dtype",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.tree._tree.Tree",
    "sklearn.utils._bunch.Bunch",
)
_TRAIN_AGAIN = "train it again"


def require_skops() -> None:
    """Raise `MissingExtraError` when votes cannot be stored."""
    require_extra("patchseq", "skops", purpose="storing the vote of classifiers")


def pack_vote(vote: CellVote) -> tuple[bytes, VoteRecord]:
    """Return the members as skops writes them, and what else there is to store."""
    require_skops()
    import sklearn
    from skops import io

    content = io.dumps(vote.estimator, compression=zipfile.ZIP_DEFLATED)
    return content, VoteRecord(
        class_names=tuple(vote.class_names.tolist()),
        varying=tuple(vote.varying.tolist()),
        sha256=hashlib.sha256(content).hexdigest(),
        scikit_learn=sklearn.__version__,
    )


def unpack_vote(content: bytes, record: VoteRecord) -> CellVote:
    """Rebuild what `pack_vote` packed.

    Raises
    ------
    InputError
        The bytes are damaged, hold another type than a vote has, or were written with another version of
        scikit-learn.
    """
    require_skops()
    import sklearn

    if hashlib.sha256(content).hexdigest() != record.sha256:
        raise InputError("members of a vote that are damaged", "bytes as they were written", _TRAIN_AGAIN)
    # a patch release keeps what estimators consist of
    if record.scikit_learn.split(".")[:2] != sklearn.__version__.split(".")[:2]:
        raise InputError(
            f"a vote that scikit-learn {record.scikit_learn[:20]} fitted, read by {sklearn.__version__}",
            "the same version",
            f"{_TRAIN_AGAIN}, or install that version",
        )
    vote = CellVote(_load(content), np.array(record.varying, dtype=bool))
    if (
        tuple(vote.class_names.tolist()) != record.class_names
        or vote.estimator.estimators_[0].n_features_in_ != vote.varying.sum()
    ):
        raise InputError(
            "a vote on other classes or features than described", "those of this model", _TRAIN_AGAIN
        )
    return vote


def _load(content: bytes) -> Any:
    from skops import io

    try:
        # skops names what it would build before it builds anything
        unknown = sorted({*io.get_untrusted_types(data=content)} - {*_TRUSTED})
        if unknown:
            raise ValueError(f"type {unknown[0]}")
        estimator = io.loads(content, trusted=list(_TRUSTED))
        _require_sound(estimator)
    # a file that is none makes zipfile and skops raise almost anything
    except Exception as error:
        said = " ".join(str(error).split())[:120]
        raise InputError(
            f"members of a vote that cannot be read ({type(error).__name__}: {said})",
            "what a vote has",
            _TRAIN_AGAIN,
        ) from error
    return estimator


def _require_sound(estimator: Any) -> None:
    """Raise for an estimator that `build_vote` does not build, and for trees that are none."""
    from sklearn.ensemble import VotingClassifier

    if type(estimator) is not VotingClassifier:
        raise ValueError(f"a {type(estimator).__name__}")
    members = estimator.named_estimators_
    extra = members["extra_trees"][-1]
    for one in extra.estimators_:
        tree = one.tree_
        # scikit-learn takes a node for a leaf by its left child alone
        is_leaf = tree.children_left == -1
        _require(tree.children_left, tree.children_right, tree.feature, is_leaf, extra.n_features_in_)
    boosted = members["boosted_trees"]
    for predictor in np.ravel(boosted._predictors):
        nodes = predictor.nodes
        is_leaf = nodes["is_leaf"].astype(bool)
        _require(nodes["left"], nodes["right"], nodes["feature_idx"], is_leaf, boosted.n_features_in_)
        # their splits index a table of bits by the value of the feature, unchecked
        if nodes["is_categorical"].any():
            raise ValueError("categories, which no feature has")


def _require(left: Any, right: Any, feature: Any, is_leaf: Any, num_features: int) -> None:
    # estimators count in integers of several types, unsigned ones too
    left, right, feature = (np.asarray(each).astype(np.int64) for each in (left, right, feature))
    require_trees(left, right, feature, np.asarray(is_leaf), num_features)
