"""Forest and BiLSTM: what they learn, that gaps cannot matter, and that saving changes nothing."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
import xarray as xr

from nwbspikegen.core.errors import InputError, OutputError
from nwbspikegen.patchseq.classify.bilstm import CellBiLSTM, fit_bilstm, summarise_attention
from nwbspikegen.patchseq.classify.bilstm_training import BiLSTMSchedule, FamilyCells
from nwbspikegen.patchseq.classify.components import FamilyComponents, pad_families
from nwbspikegen.patchseq.classify.forest import _vote, fit_forest
from nwbspikegen.patchseq.classify.models_io import CellModel
from nwbspikegen.patchseq.classify.scores import (
    compare_classes,
    measure_separation,
    score_classes,
    score_confidence,
)
from nwbspikegen.patchseq.features.tables import CellTable

NAMES = np.array(["Lamp5", "Pvalb", "Sst", "Vip"])


def scatter_cells(num_per_class: int, seed: int, noise: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Return values with gaps (cell, feature) of four classes, and the classes."""
    rng = np.random.default_rng(seed)
    classes = np.repeat(NAMES, num_per_class)
    centres = np.random.default_rng(99).normal(size=(4, 6)) * 2
    values = centres[np.repeat(np.arange(4), num_per_class)] + noise * rng.normal(size=(4 * num_per_class, 6))
    values[rng.random(values.shape) < 0.1] = np.nan
    return values, classes


def test_forest_arrays_predict_as_scikit_learn():
    from sklearn.ensemble import RandomForestClassifier

    values, classes = scatter_cells(30, 0)
    ours = fit_forest(values, classes, num_trees=60, seed=5)
    theirs = RandomForestClassifier(60, class_weight="balanced", random_state=5).fit(values, classes)
    other, _ = scatter_cells(50, 1)
    np.testing.assert_allclose(_vote(ours.nodes, other), theirs.predict_proba(other), atol=1e-12)
    assert (ours.predict(other) == theirs.predict(other)).mean() > 0.98  # ties aside


def test_forest_is_calibrated():
    values, classes = scatter_cells(60, 0, noise=2.5)
    forest = fit_forest(values, classes, num_trees=200)
    assert forest.calibration["after"] < forest.calibration["before"]
    other, truth = scatter_cells(150, 1, noise=2.5)
    error = score_confidence(forest.predict_proba(other), forest.class_names, truth)
    assert error < 0.09
    np.testing.assert_allclose(forest.predict_proba(other).sum(axis=1), 1)


def test_forest_refuses_other_features_and_single_classes():
    values, classes = scatter_cells(10, 0)
    with pytest.raises(InputError, match="5 features"):
        fit_forest(values, classes, num_trees=3).predict_proba(values[:, :5])
    with pytest.raises(InputError, match="one class"):
        fit_forest(values[:5], classes[:5])


@pytest.fixture(scope="module")
def families() -> xr.Dataset:
    """Return 80 cells of four classes with three families, the second of which says nothing."""
    rng = np.random.default_rng(0)
    number = np.repeat(np.arange(4), 20)
    telling = 2 * rng.normal(size=(4, 9))[number] + 0.5 * rng.normal(size=(80, 9))
    weak = (number[:, None] % 2) + 0.8 * rng.normal(size=(80, 9))
    cells = xr.Dataset(
        {
            "isi_shape": (("cell", "isi_shape_sample"), telling),
            "inst_freq": (("cell", "inst_freq_sample"), rng.normal(size=(80, 7))),
            "psth": (("cell", "psth_sample"), weak),
        },
        coords={
            "cell": [f"c{one}" for one in range(80)],
            "cell_class": ("cell", NAMES[number]),
            "donor": ("cell", [f"d{one % 8}" for one in range(80)]),
        },
    )
    cells["psth"][5] = np.nan
    return cells


@pytest.fixture(scope="module")
def trained(families) -> tuple[FamilyComponents, FamilyCells, CellBiLSTM]:
    shares = dict.fromkeys(("isi_shape", "inst_freq", "psth"), (1.0, 0.8, 0.8))
    transformer = FamilyComponents(nonzero_shares=shares).fit(families)
    components = transformer.transform(families)
    cells = FamilyCells(
        *pad_families(components),
        components["cell_class"].values.astype(str),
        components["donor"].values.astype(str),
    )
    return transformer, cells, fit_bilstm(cells, schedule=BiLSTMSchedule(epochs=25, batch=16), seed=1)


def test_bilstm_learns_and_attends_to_what_tells(trained, families):
    transformer, cells, model = trained
    probability, attention = model.read(cells.families, cells.present)
    assert (model.class_names[probability.argmax(axis=1)] == cells.classes).mean() > 0.9
    np.testing.assert_allclose(attention.sum(axis=1), 1, atol=1e-6)
    table = summarise_attention(attention, cells.present, cells.classes, transformer.families_)
    assert table.shape == (4, 3)
    assert table.to_numpy().min() >= 0


def test_what_stands_in_a_gap_cannot_matter(trained):
    _, cells, model = trained
    assert not cells.present[5, 2]
    noisy = cells.families.copy()
    noisy[5, 2] = 1e3
    np.testing.assert_array_equal(
        model.read(noisy, cells.present)[0], model.read(cells.families, cells.present)[0]
    )
    assert model.read(noisy, cells.present)[1][5, 2] == 0


def test_the_same_seed_gives_the_same_network(trained):
    _, cells, model = trained
    again = fit_bilstm(cells, schedule=BiLSTMSchedule(epochs=25, batch=16), seed=1)
    np.testing.assert_array_equal(
        again.predict_proba(cells.families, cells.present), model.predict_proba(cells.families, cells.present)
    )


def test_sizes_are_those_of_the_paper(trained):
    network = trained[2].network
    assert network.lstm.hidden_size == 128
    assert network.lstm.bidirectional
    assert network.energy[0].out_features == 128
    assert network.after[1].p == 0.2
    assert vars(BiLSTMSchedule()) == {
        "learning_rate": 1e-3,
        "weight_decay": 1e-4,
        "batch": 64,
        "epochs": 50,
        "patience": 7,
        "warm_up": 5,
        "source_weight": 0.5,
    }


def test_training_stops_early_and_keeps_the_best(trained):
    model = trained[2]
    curve = [one["validation_loss"] for one in model.record["curves"][0]]
    assert len(curve) <= 25
    assert torch.isfinite(torch.tensor(curve)).all()


def test_cells_without_any_family_are_refused(trained):
    cells = trained[1]
    with pytest.raises(InputError, match="without any family"):
        trained[2].read(cells.families[:2], np.zeros((2, 3), bool))
    with pytest.raises(InputError, match="cells of shape"):
        trained[2].read(cells.families[:, :2], cells.present[:, :2])


def test_saved_network_predicts_the_same(trained, families, tmp_path):
    transformer, _, network = trained
    model = CellModel(network, "by hand", transformer, training={"species": "mouse"})
    model.save(tmp_path / "model")
    again = CellModel.load(tmp_path / "model")
    xr.testing.assert_identical(again.predict(families), model.predict(families))
    assert again.label_version == "by hand"
    assert again.training == {"species": "mouse"}
    suffixes = {one.suffix for one in (tmp_path / "model").iterdir()}
    assert suffixes == {".json", ".md", ".npz", ".safetensors"}
    with pytest.raises(OutputError):
        model.save(tmp_path / "model")


def test_models_of_before_name_the_condition_too(trained, tmp_path):
    transformer, _, network = trained
    CellModel(network, "by hand", transformer).save(tmp_path / "model")
    path = tmp_path / "model" / "model.json"
    stored = path.read_text()
    assert stored.count('"condition"') == 1
    path.write_text(stored.replace('"condition"', '"arm"'))
    assert CellModel.load(tmp_path / "model").classifier.record == network.record


def test_saved_forest_predicts_the_same_to_the_last_digit(tmp_path):
    values, classes = scatter_cells(20, 0)
    names = tuple("abcdef")
    model = CellModel(fit_forest(values, classes, num_trees=40), "file:column:0", features=names)
    model.save(tmp_path / "model")
    again = CellModel.load(tmp_path / "model")
    other, _ = scatter_cells(30, 2)
    np.testing.assert_allclose(
        again.classifier.predict_proba(other), model.classifier.predict_proba(other), rtol=0, atol=1e-12
    )
    import pandas as pd

    frame = pd.DataFrame(other, columns=list(names)).rename(index=str)
    cells = pd.DataFrame({"cell_class": "", "donor": "", "condition": ""}, index=frame.index)
    predictions = again.predict(CellTable(frame, cells, "human", ""))
    assert predictions["class"].values.tolist() == NAMES.tolist()
    assert (predictions["predicted_class"].values == model.classifier.predict(other)).all()


def test_forest_of_components_keeps_cells_with_gaps(trained, families, tmp_path):
    transformer = trained[0]
    components = transformer.transform(families)
    forest = fit_forest(
        components["components"].values, families["cell_class"].values.astype(str), num_trees=80
    )
    model = CellModel(forest, "by hand", transformer)
    lacking = families.copy(deep=True)
    for name in ("isi_shape", "inst_freq", "psth"):
        lacking[name][0] = np.nan
    predictions = model.predict(lacking)
    assert predictions["predicted_class"].values[0] == ""
    assert np.isnan(predictions["probability"].values[0]).all()
    assert predictions["predicted_class"].values[5] in NAMES
    model.save(tmp_path / "model")
    xr.testing.assert_identical(CellModel.load(tmp_path / "model").predict(lacking), predictions)


def test_damaged_models_are_refused(tmp_path):
    values, classes = scatter_cells(5, 0)
    CellModel(fit_forest(values, classes, num_trees=2), "x", features=tuple("abcdef")).save(
        tmp_path / "model"
    )
    (tmp_path / "model" / "model.json").write_text(json.dumps({"format": "other"}))
    with pytest.raises(InputError, match="of format 'other'"):
        CellModel.load(tmp_path / "model")
    with pytest.raises(InputError):
        CellModel.load(tmp_path)


def test_scores_are_those_of_scikit_learn():
    from sklearn.metrics import balanced_accuracy_score, f1_score

    rng = np.random.default_rng(0)
    classes, donors = rng.choice(NAMES, 200), rng.integers(0, 20, 200).astype(str)
    predicted = np.where(rng.random(200) < 0.7, classes, rng.choice(NAMES, 200))
    by_metric = {
        "macro_f1": f1_score(classes, predicted, average="macro"),
        "balanced_accuracy": balanced_accuracy_score(classes, predicted),
        "accuracy": (classes == predicted).mean(),
    }
    for metric, expected in by_metric.items():
        found = score_classes(predicted[None], classes, donors, metric=metric)
        assert found.value == pytest.approx(expected)
        assert found.low < expected < found.high


def test_intervals_are_of_donors_not_cells():
    """Twenty cells of a donor that stand or fall together count as one."""
    classes = np.array(["Sst", "Vip"] * 100)
    right = np.repeat(np.random.default_rng(0).random(10) < 0.7, 20)
    predicted = np.where(right, classes, np.where(classes == "Sst", "Vip", "Sst"))[None]
    together = score_classes(predicted, classes, np.repeat(np.arange(10), 20).astype(str))
    apart = score_classes(predicted, classes, np.arange(200).astype(str))
    assert together.high - together.low > 2 * (apart.high - apart.low)


def test_paired_differences_cancel_what_is_shared():
    rng = np.random.default_rng(0)
    classes, donors = rng.choice(NAMES, 300), rng.integers(0, 30, 300).astype(str)
    worse = np.where(rng.random(300) < 0.5, classes, "Sst")[None]
    better = np.where(rng.random(300) < 0.4, classes, worse[0])[None]
    gain = compare_classes(better, worse, classes, donors)
    assert 0 < gain.low < gain.value < gain.high
    nothing = compare_classes(worse, worse, classes, donors)
    assert (nothing.value, nothing.low, nothing.high) == (0, 0, 0)


def test_separation_needs_two_classes():
    with pytest.raises(InputError, match="of 1 classes"):
        measure_separation(np.zeros((30, 2)), np.full(30, "Sst"))
