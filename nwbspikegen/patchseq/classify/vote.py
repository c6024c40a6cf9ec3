"""The best classifier found for the human table: four unlike ones that vote by their probabilities.

It is a scikit-learn estimator for comparisons; what is saved and shipped are the forest and the BiLSTM.
"""

from __future__ import annotations

from typing import Any

from nwbspikegen.core.errors import require_seed


def build_vote(seed: int = 0) -> Any:
    """Return an unfitted vote of support vectors, boosted trees, extra trees and a logistic model.

    Support vectors and the logistic model read normal scores of each feature's quantiles, with gaps at
    the median; boosted trees read gaps as they are; all balance the classes.

    Examples
    --------
    >>> [name for name, _ in build_vote().estimators]
    ['support_vectors', 'boosted_trees', 'extra_trees', 'logistic']
    """
    from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier, VotingClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    require_seed(seed)
    boosted = HistGradientBoostingClassifier(
        class_weight="balanced",
        learning_rate=0.06,
        max_iter=150,
        max_leaf_nodes=12,
        l2_regularization=1,
        random_state=seed,
    )
    extra = ExtraTreesClassifier(500, class_weight="balanced", max_features=0.3, random_state=seed)
    logistic = LogisticRegression(C=0.03, class_weight="balanced", max_iter=2000)
    return VotingClassifier(
        [
            ("support_vectors", make_pipeline(*_score_quantiles(), _build_support_vectors())),
            ("boosted_trees", boosted),
            ("extra_trees", make_pipeline(SimpleImputer(strategy="median"), extra)),
            ("logistic", make_pipeline(*_score_quantiles(), logistic)),
        ],
        voting="soft",
    )


def _score_quantiles() -> list[Any]:
    from sklearn.impute import SimpleImputer
    from sklearn.preprocessing import QuantileTransformer

    return [
        SimpleImputer(strategy="median"),
        QuantileTransformer(n_quantiles=100, output_distribution="normal"),
    ]


def _build_support_vectors() -> Any:
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.svm import SVC

    return CalibratedClassifierCV(SVC(C=3, gamma=0.005, class_weight="balanced"), ensemble=False)
