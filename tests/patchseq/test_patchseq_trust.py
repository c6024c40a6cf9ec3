"""How far predictions are to be trusted: calibration, sets of classes, distances, and what is doubted."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from scipy.spatial.distance import mahalanobis

from nwbspikegen.cli import cli
from nwbspikegen.core.errors import InputError
from nwbspikegen.patchseq.classify.confidence import Confidence, fit_confidence
from nwbspikegen.patchseq.classify.known_cells import learn_known_cells
from nwbspikegen.patchseq.classify.models_io import CellModel
from nwbspikegen.patchseq.run.doubt import NONE_OF_THESE


def run(*arguments: object, expect: int = 0) -> tuple[str, str]:
    """Run a command, and return what it printed on stdout and stderr."""
    done = CliRunner().invoke(cli, ["patchseq", *map(str, arguments)])
    assert done.exit_code == expect, done.output
    return done.stdout, done.stderr


def draw_predictions(num_cells: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return probabilities of .9 for a class that is right in 6 of 10 cells, and the classes."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, num_cells)
    said = np.where(rng.random(num_cells) < 0.6, truth, (truth + rng.integers(1, 3, num_cells)) % 3)
    probability = np.full((num_cells, 3), 0.05)
    probability[np.arange(num_cells), said] = 0.9
    return probability, truth


def test_calibration_says_how_many_are_right():
    probability, truth = draw_predictions(4000, 0)
    confidence = fit_confidence(probability[None], truth)
    other, others = draw_predictions(4000, 1)
    calibrated = confidence.calibrate(other)
    hit = calibrated.argmax(axis=1) == others
    np.testing.assert_allclose(calibrated.sum(axis=1), 1)
    np.testing.assert_array_equal(calibrated.argmax(axis=1), other.argmax(axis=1))
    # 4,000 cells: the share of 0.6 has a standard error of 0.008
    assert calibrated.max(axis=1).mean() == pytest.approx(hit.mean(), abs=0.025)
    # the classes that were not predicted are alike, and stay so
    np.testing.assert_allclose(np.sort(calibrated, axis=1)[:, 0], np.sort(calibrated, axis=1)[:, 1])


def test_sets_hold_the_class_as_often_as_they_say():
    rng = np.random.default_rng(0)
    own = rng.beta(4, 2, 3000)
    truth = rng.integers(0, 2, 3000)
    probability = np.where(truth[:, None] == [0, 1], own[:, None], 1 - own[:, None])
    confidence = fit_confidence(probability[None, :1500], truth[:1500], coverage=0.8)
    sets = confidence.choose_sets(confidence.calibrate(probability[1500:]))
    covered = sets[np.arange(1500), truth[1500:]].mean()
    # 1,500 cells on either side: two standard errors of 0.8 are 0.03
    assert covered == pytest.approx(0.8, abs=0.03)
    assert confidence.num_cells == 1500


def test_the_threshold_is_the_conformal_one():
    probability = np.linspace(0.5, 0.95, 19)[:, None] * [1, 0] + [0, 0.05]
    confidence = fit_confidence(probability[None], np.zeros(19, dtype=int), coverage=0.9)
    # ceil(20 x 0.9) = 18 of 19 cells reach it: the second least
    own = np.sort(confidence.calibrate(probability)[:, 0])
    assert confidence.least_probability == pytest.approx(own[1])
    few = fit_confidence(probability[None, :8], np.zeros(8, dtype=int), coverage=0.9)
    # nine cells would be needed: all classes are in every set
    assert few.least_probability == 0


def test_what_is_certain_or_missing_stays_so():
    confidence = Confidence(0.5, np.zeros(3), 0.4, 0.9, 100)
    calibrated = confidence.calibrate(np.array([[1.0, 0, 0], [np.nan] * 3, [0.4, 0.3, 0.3]]))
    sure = 1 / (1 + np.exp(-0.5 * np.log(0.999 / 0.001)))
    np.testing.assert_allclose(calibrated[0], [sure, (1 - sure) / 2, (1 - sure) / 2])
    assert np.isnan(calibrated[1]).all()
    assert confidence.choose_sets(calibrated)[1].tolist() == [False] * 3
    # no other class overtakes the predicted one
    assert calibrated[2].argmax() == 0


def draw_cells(seed: int, *, num_donors: int = 40, shift: float = 0.0) -> tuple[np.ndarray, ...]:
    """Return cells of two classes, six a donor, in three features of which two go together."""
    rng = np.random.default_rng(seed)
    donors = np.repeat(np.arange(num_donors), 6)
    truth = np.tile([0, 1], 3 * num_donors)
    values = rng.multivariate_normal([0, 0, 0], [[1, 0.8, 0], [0.8, 1, 0], [0, 0, 1]], len(truth))
    values += 6 * truth[:, None] + 0.3 * rng.normal(size=(num_donors, 3))[donors] + shift
    return values, truth, donors.astype(str)


def test_distance_is_that_of_mahalanobis_from_the_nearest_class():
    values, truth, donors = draw_cells(0, num_donors=300)
    known = learn_known_cells(values, truth, truth, donors)
    scatter = np.cov(
        np.vstack([values[truth == one] - values[truth == one].mean(axis=0) for one in (0, 1)]).T
    )
    inverse = np.linalg.inv(scatter)
    means = [values[truth == one].mean(axis=0) for one in (0, 1)]
    expected = [min(mahalanobis(row, mean, inverse) for mean in means) for row in values]
    found = known.measure_distance(values)
    ratio = found / np.array(expected)
    # the same but for the unit, in which 95 % lie below 1
    assert ratio.std() / ratio.mean() < 0.05
    assert (found < 1).mean() == pytest.approx(0.95, abs=0.02)
    assert (found < float(known.furthest)).mean() == pytest.approx(0.98, abs=0.015)
    gap = values[:5].copy()
    gap[:, 2] = np.nan
    assert np.isfinite(known.measure_distance(gap)).all()
    assert np.isnan(known.measure_distance(np.full((1, 3), np.nan))).all()
    # a unit off by a thousand
    assert (known.measure_distance(1000 * values) > 3).all()


def test_a_common_shift_shows_in_a_set_and_not_in_its_cells():
    values, truth, donors = draw_cells(0)
    known = learn_known_cells(values, truth, truth, donors)
    own, shifted = draw_cells(1, num_donors=8), draw_cells(1, num_donors=8, shift=1.0)
    assert known.test_set(own[0], own[1], own[2]) > 0.01
    assert known.test_set(shifted[0], shifted[1], shifted[2]) < 1e-6
    assert (known.measure_distance(shifted[0]) > 1).mean() < 0.4
    assert np.isnan(known.test_set(own[0][:9], own[1][:9], own[2][:9]))
    # of one donor, as cells of unknown donors are, less is certain
    blind = np.full(len(shifted[2]), "")
    assert known.test_set(shifted[0], shifted[1], blind) > known.test_set(*shifted)


def write_table(path: Path, seed: int, **options: float) -> pd.DataFrame:
    values, truth, donors = draw_cells(seed, **options)
    table = pd.DataFrame(values, columns=["sag", "tau", "ri"])
    table.insert(0, "cell", [f"c{number}" for number in range(len(table))])
    table = table.assign(donor=donors, cell_class=np.array(["Sst", "Vip"])[truth], species="mouse")
    table.to_csv(path, index=False)
    return table


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trust")
    write_table(folder / "cells.csv", 0, num_donors=20)
    run("train", folder / "cells.csv", "--out", folder / "model", "--folds", 3, "--repeats", 1, "--trees", 30)
    return folder / "model"


def test_what_is_doubted_is_printed_and_stored(model, tmp_path):
    table = write_table(tmp_path / "new.csv", 2, num_donors=2)
    table.loc[0, ["sag", "tau", "ri"]] = [80.0, -90.0, 70.0]
    table.loc[3, ["tau", "ri"]] = np.nan
    table.to_csv(tmp_path / "new.csv", index=False)
    printed, told = run("predict", model, tmp_path / "new.csv", "--out", tmp_path / "out")
    found = pd.read_csv(tmp_path / "out" / "predictions.csv", keep_default_na=False).set_index("cell")
    assert found.loc["c0", "answer"] == NONE_OF_THESE
    assert found.loc["c0", "distance"] > 3
    assert "further from the training cells than 98 % of them" in found.loc["c0", "doubt"]
    assert found.loc["c3", "doubt"] == "fewer features than 99 % of the training cells have (100%)"
    assert found.loc["c3", "answer"] == found.loc["c3", "predicted_class"]
    calm = found.drop(["c0", "c3"])
    assert (calm.loc[calm.doubt == "", "answer"] == calm.loc[calm.doubt == "", "predicted_class"]).all()
    assert NONE_OF_THESE in printed
    assert f"answered '{NONE_OF_THESE}'" in told
    assert set(found["class_set"]) <= {"Sst", "Vip", "", "Sst or Vip"}


def test_a_shifted_set_is_doubted_as_a_whole(model, tmp_path):
    write_table(tmp_path / "new.csv", 2, num_donors=8, shift=1.5)
    _, told = run("predict", model, tmp_path / "new.csv", "--out", tmp_path / "out")
    assert "these 48 cells as a set lie apart from the training cells" in told
    found = pd.read_csv(tmp_path / "out" / "predictions.csv")
    assert found["doubt"].str.contains("in a set of cells that lies apart").all()
    notes = json.loads((tmp_path / "out" / "about.json").read_text())["notes"]
    assert any("as a set lie apart" in note for note in notes)


def test_it_is_stored_and_damage_is_refused(model, tmp_path):
    read = CellModel.load(model)
    assert read.confidence is not None
    assert read.known is not None
    values = draw_cells(5)[0]
    read.save(tmp_path / "again")
    again = CellModel.load(tmp_path / "again")
    np.testing.assert_array_equal(again.known.measure_distance(values), read.known.measure_distance(values))
    assert again.confidence.least_probability == read.confidence.least_probability
    damaged = (
        {"scale": np.array(0.0)},
        {"median": np.zeros(2)},
        {"covariance": np.full((3, 3), np.nan)},
        {"covariance": -np.eye(3)},
        {"class_mean": np.zeros((3, 3))},
    )
    path = tmp_path / "again" / "arrays.npz"
    with np.load(path) as stored:
        arrays = dict(stored)
    for changes in damaged:
        np.savez(path, **(arrays | {f"known/{name}": one for name, one in changes.items()}))
        with pytest.raises(InputError, match="damaged or no model"):
            CellModel.load(tmp_path / "again")
    np.savez(path, **{name: one for name, one in arrays.items() if name != "known/shift"})
    with pytest.raises(InputError, match="damaged or no model"):
        CellModel.load(tmp_path / "again")
    replace(read, confidence=replace(read.confidence, intercept=np.zeros(3))).save(tmp_path / "bad")
    with pytest.raises(InputError, match="a calibration of other classes"):
        CellModel.load(tmp_path / "bad")


def test_training_tells_coverage_and_size(model):
    scores = pd.read_csv(model / "scores.csv").set_index(["predictor", "metric"])["value"]
    assert scores["forest", "set_coverage"] == pytest.approx(0.9, abs=0.1)
    assert 0.8 < scores["forest", "set_size"] <= 2
    held_out = pd.read_csv(model / "cross_validated.csv", keep_default_na=False)
    share = [
        one in each.split(" or ") for one, each in zip(held_out.cell_class, held_out.class_set, strict=True)
    ]
    assert np.mean(share) == pytest.approx(scores["forest", "set_coverage"])


def test_a_model_without_it_predicts_as_before(model, tmp_path):
    read = CellModel.load(model)
    replace(read, confidence=None, known=None).save(tmp_path / "bare")
    write_table(tmp_path / "new.csv", 2, num_donors=2)
    run("predict", tmp_path / "bare", tmp_path / "new.csv", "--out", tmp_path / "out")
    found = pd.read_csv(tmp_path / "out" / "predictions.csv")
    assert not {"class_set", "distance", "answer", "doubt"} & set(found)
