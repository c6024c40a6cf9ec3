"""The vote of four classifiers: what it learns, how it is stored, and which files of it are refused."""

from __future__ import annotations

import hashlib
import json
import os
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from fuzz_inputs import damage

from nwbspikegen.cli import cli
from nwbspikegen.core.errors import InputError
from nwbspikegen.patchseq.classify.models_io import CellModel
from nwbspikegen.patchseq.classify.records import VoteRecord
from nwbspikegen.patchseq.classify.tree_nodes import require_trees
from nwbspikegen.patchseq.classify.vote import CellVote, build_vote, fit_vote
from nwbspikegen.patchseq.classify.vote_files import pack_vote, unpack_vote

pytest.importorskip("skops")


def scatter_cells(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return 48 cells of two classes with gaps, and a feature that no cell has."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(48, 4)) + np.repeat([[0.0], [2.0]], 24, axis=0)
    values[rng.random(values.shape) < 0.1] = np.nan
    values[:, 3] = np.nan
    return values, np.repeat(["Sst", "Vip"], 24)


@pytest.fixture(scope="module")
def vote() -> CellVote:
    return fit_vote(*scatter_cells(0), seed=3)


def build_small(seed: int = 0) -> Any:
    """Return an unfitted vote of few trees, which is fitted and stored sooner."""
    return build_vote(seed).set_params(
        extra_trees__extratreesclassifier__n_estimators=5, boosted_trees__max_iter=4
    )


@pytest.fixture(scope="module")
def small() -> CellVote:
    values, classes = scatter_cells(0)
    with pytest.warns(UserWarning, match="n_quantiles"):
        estimator = build_small().fit(values[:, :3].copy(), classes)
    return CellVote(estimator, np.array([True, True, True, False]))


@pytest.fixture(scope="module")
def packed(small) -> tuple[bytes, VoteRecord]:
    return pack_vote(small)


def sign(content: bytes, record: VoteRecord) -> VoteRecord:
    """Return the record of other bytes: what somebody would write who means harm."""
    return record.model_copy(update={"sha256": hashlib.sha256(content).hexdigest()})


def test_it_predicts_as_scikit_learns_own(vote):
    (values, classes), (other, truth) = scatter_cells(0), scatter_cells(1)
    # what no cell has is left to nobody: scikit-learn's boosted trees refuse it
    with pytest.warns(UserWarning, match="n_quantiles"):
        theirs = build_vote(3).fit(values[:, :3].copy(), classes)
    np.testing.assert_array_equal(vote.predict_proba(other), theirs.predict_proba(other[:, :3].copy()))
    np.testing.assert_array_equal(vote.predict_proba(np.asfortranarray(other)), vote.predict_proba(other))
    assert vote.varying.tolist() == [True, True, True, False]
    assert (vote.predict(other) == truth).mean() > 0.85


def test_what_is_stored_predicts_the_same_to_the_bit(small, tmp_path):
    model = CellModel(small, "file:column:0", features=tuple("abcd"), training={"species": "mouse"})
    model.save(tmp_path / "model")
    again = CellModel.load(tmp_path / "model")
    other, _ = scatter_cells(2)
    np.testing.assert_array_equal(again.classifier.predict_proba(other), small.predict_proba(other))
    assert (again.kind, again.features, again.training) == ("vote", model.features, model.training)
    assert again.classifier.predict_proba(other[:0]).shape == (0, 2)
    content = (tmp_path / "model" / "vote.skops").read_bytes()
    for number in range(20):
        changed, *_ = damage(content, np.random.default_rng([number, 8]))
        (tmp_path / "model" / "vote.skops").write_bytes(changed)
        if changed == content:
            continue
        with pytest.raises(InputError, match="damaged"):
            CellModel.load(tmp_path / "model")
    os.remove(tmp_path / "model" / "vote.skops")
    with pytest.raises(InputError, match=r"nothing at .*vote\.skops"):
        CellModel.load(tmp_path / "model")


def test_a_file_that_calls_a_function_is_refused(packed):
    from sklearn.preprocessing import FunctionTransformer
    from skops import io

    content = io.dumps(FunctionTransformer(os.getcwd))
    with pytest.raises(InputError, match=r"type posix\.getcwd"):
        unpack_vote(content, sign(content, packed[1]))


def test_another_estimator_is_refused(packed):
    from sklearn.dummy import DummyClassifier
    from skops import io

    content = io.dumps(DummyClassifier())
    with pytest.raises(InputError, match="DummyClassifier"):
        unpack_vote(content, sign(content, packed[1]))


@pytest.mark.parametrize("member", ["extra_trees", "boosted_trees"])
def test_trees_that_never_end_are_refused(packed, member):
    again = unpack_vote(*packed)
    fitted = again.estimator.named_estimators_[member]
    if member == "extra_trees":
        tree = fitted[-1].estimators_[0].tree_
        state = tree.__getstate__()
        state["nodes"] = state["nodes"].copy()
        state["nodes"]["left_child"][0] = 0
        tree.__setstate__(state)
    else:
        fitted._predictors[0][0].nodes["right"][0] = 10**6
    content, record = pack_vote(again)
    with pytest.raises(InputError, match="nodes that are no trees"):
        unpack_vote(content, record)


def test_another_version_of_scikit_learn_is_refused(packed):
    other = packed[1].model_copy(update={"scikit_learn": "1.2.0"})
    with pytest.raises(InputError, match=r"scikit-learn 1\.2\.0 fitted"):
        unpack_vote(packed[0], other)
    other = packed[1].model_copy(update={"class_names": ("Sst", "Pvalb")})
    with pytest.raises(InputError, match="other classes"):
        unpack_vote(packed[0], other)


@pytest.mark.parametrize(
    ("left", "right", "feature"), [(0, 2, 0), (1, 0, 0), (1, 3, 0), (-1, 2, 0), (1, 2, 1), (1, 2, -1)]
)
def test_nodes_that_are_no_trees(left, right, feature):
    rest, is_leaf = np.array([-1, -1]), np.array([False, True, True])
    given = [np.append(first, rest) for first in (left, right, feature)]
    with pytest.raises(ValueError, match="no trees"):
        require_trees(*given, is_leaf, 1)
    require_trees(*(np.append(first, rest) for first in (1, 2, 0)), is_leaf, 1)


def test_few_cells_are_refused_in_one_line():
    values, classes = scatter_cells(0)
    with pytest.raises(InputError, match="4 training cells of Vip"):
        fit_vote(values[:28], classes[:28])
    with pytest.raises(InputError, match="one class"):
        fit_vote(values[:24], classes[:24])
    with pytest.raises(InputError, match="5 features"):
        CellVote(None, np.ones(4, bool)).predict_proba(np.zeros((2, 5)))
    with pytest.raises(InputError, match="same in all cells"):
        fit_vote(np.ones((48, 2)), classes)


def test_commands(tmp_path, monkeypatch):
    monkeypatch.setattr("nwbspikegen.patchseq.classify.vote.build_vote", build_small)
    values, classes = scatter_cells(0)
    table = pd.DataFrame(values, columns=["sag", "tau", "ri", "none"]).assign(cell_class=classes)
    table.insert(0, "cell", [f"c{number}" for number in range(48)])
    table.assign(donor=[f"d{number % 4}" for number in range(48)]).to_csv(tmp_path / "t.csv", index=False)
    printed = run(
        "train", tmp_path / "t.csv", "--model", "vote", "--folds", 2, "--repeats", 1, "--out", tmp_path / "m"
    )
    scores = pd.DataFrame(printed["scores"]).set_index(["predictor", "metric"])["value"]
    assert printed["model"] == "vote"
    assert scores["vote", "balanced_accuracy"] > 0.8 > 0.5 == scores["majority", "balanced_accuracy"]
    assert scores["vote", "calibration_error"] < 0.4
    assert {one.name for one in (tmp_path / "m" / "figures").iterdir()} == {"confusion.png"}
    predicted = pd.DataFrame(
        run("predict", tmp_path / "m", tmp_path / "t.csv", "--out", tmp_path / "p")["predictions"]
    )
    assert (predicted["predicted_class"] == classes).mean() > 0.95
    np.testing.assert_allclose(predicted.filter(like="probability_").sum(axis=1), 1)
    assert set(predicted["model_name"]) == {"vote"}


def run(*arguments: object) -> dict[str, object]:
    """Run a command of the group, and return the JSON that it printed."""
    done = CliRunner().invoke(cli, ["patchseq", *map(str, arguments), "--json"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)
