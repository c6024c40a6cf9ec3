"""What `patchseq train` and `predict` say they did: columns, species, scores."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from nwbspikegen.cli import cli
from nwbspikegen.patchseq.classify.models_io import CellModel
from nwbspikegen.patchseq.features.table_allen import SHARED_FEATURES, name_source_columns
from nwbspikegen.patchseq.features.tables import CellTable, read_cell_table
from nwbspikegen.patchseq.run.load import LoadedCells, share_loaded
from nwbspikegen.patchseq.run.predict import compare_species

_QUICK = ["--folds", "2", "--repeats", "1", "--trees", "20"]


def run(*arguments: object, expect: int = 0) -> tuple[str, str]:
    """Run a command, and return what it printed on stdout and stderr."""
    done = CliRunner().invoke(cli, ["patchseq", *map(str, arguments)])
    assert done.exit_code == expect, done.output
    return done.stdout, done.stderr


def make_table(path, species: str, *, seed: int = 0) -> pd.DataFrame:
    """Write 24 cells of two classes that lie 10 apart in `sag`, with a column of notes."""
    rng = np.random.default_rng(seed)
    classes = ["Sst", "Vip"] * 12
    table = pd.DataFrame(
        {
            "cell": [f"{species}{number}" for number in range(24)],
            "donor": [f"d{number // 4}" for number in range(24)],
            "cell_class": classes,
            "species": species,
            "note": "good",
            "sag": rng.normal(size=24) + np.where(np.array(classes) == "Sst", 0, 10),
        }
    )
    table.to_csv(path, index=False)
    return table


@pytest.fixture
def model(tmp_path):
    make_table(tmp_path / "mouse.csv", "Mus musculus")
    printed, _ = run("train", tmp_path / "mouse.csv", *_QUICK, "--out", tmp_path / "model", "--json")
    return tmp_path / "model", json.loads(printed)


def test_columns_that_are_not_used_are_told(model, tmp_path):
    assert model[1]["features"] == ["sag"]
    assert model[1]["columns_not_used"] == {"note": "holds no numbers"}
    make_table(tmp_path / "new.csv", "mouse", seed=1).assign(tau=1.0).to_csv(
        tmp_path / "new.csv", index=False
    )
    printed, _ = run("predict", model[0], tmp_path / "new.csv", "--out", tmp_path / "out")
    assert "1 features read: sag" in printed
    assert "1 columns not used, not one that the model was trained on: tau" in printed
    about = json.loads((tmp_path / "out" / "about.json").read_text())
    assert set(about["columns_not_used"]) == {"note", "tau"}
    assert about["notes"] == []


def test_another_species_is_a_warning_that_names_transfer(model, tmp_path):
    make_table(tmp_path / "human.csv", "Homo sapiens", seed=1)
    _, told = run("predict", model[0], tmp_path / "human.csv", "--out", tmp_path / "out")
    assert "a model of mouse cells on human cells" in told
    assert "patchseq transfer" in told
    note, few = json.loads((tmp_path / "out" / "about.json").read_text())["notes"]
    assert note.startswith("a model of mouse cells on human cells")
    assert few == "24 more of 24 cells have a doubt"


@pytest.mark.parametrize(
    ("learned", "met", "notes"),
    [
        ("mouse", "Mus musculus", 0),
        ("human", "Mus musculus", 1),
        ("mouse and human", "human", 0),
        ("mouse", "human and mouse", 1),
        ("cells", "human", 0),
        ("human", "forty_cells", 0),
    ],
)
def test_species_are_compared_by_meaning(learned, met, notes):
    labels = pd.DataFrame({"cell_class": [""], "donor": [""], "condition": [""]})
    cells = LoadedCells(CellTable(pd.DataFrame({"sag": [0.1]}), labels, met, ""))
    assert len(compare_species(CellModel(None, "", training={"species": learned}), cells)) == notes


def test_scores_of_known_classes_are_stored(model, tmp_path):
    table = make_table(tmp_path / "new.csv", "mouse", seed=1)
    # four Sst cells are labelled Vip and one Vip cell is not labelled: right are Sst 8 of 8, Vip 11 of 15
    table.loc[[0, 2, 4, 6], "cell_class"] = "Vip"
    table.loc[23, "cell_class"] = ""
    table.to_csv(tmp_path / "new.csv", index=False)
    printed, _ = run("predict", model[0], tmp_path / "new.csv", "--out", tmp_path / "out", "--json")
    scores = pd.read_csv(tmp_path / "out" / "scores.csv").set_index("metric")
    assert scores.loc["accuracy", "value"] == pytest.approx(19 / 23)
    assert scores.loc["balanced_accuracy", "value"] == pytest.approx((1 + 11 / 15) / 2)
    assert set(scores["num_cells"]) == {23}
    assert set(scores["num_donors"]) == {6}
    assert len(json.loads(printed)["scores"]) == len(scores) == 6
    # the sets of the classes that lie 10 apart hold one class each: the right one in 19 of 23
    assert scores.loc["set_coverage", "value"] == pytest.approx(19 / 23)
    assert scores.loc["set_size", "value"] == 1


def test_no_scores_without_classes(model, tmp_path):
    make_table(tmp_path / "new.csv", "mouse").drop(columns="cell_class").to_csv(
        tmp_path / "new.csv", index=False
    )
    printed, _ = run("predict", model[0], tmp_path / "new.csv", "--out", tmp_path / "out", "--json")
    assert json.loads(printed)["scores"] == []
    assert not (tmp_path / "out" / "scores.csv").exists()


def test_species_of_a_table(tmp_path):
    make_table(tmp_path / "t.csv", "Homo sapiens")
    assert read_cell_table(tmp_path / "t.csv").species == "Homo sapiens"
    assert read_cell_table(tmp_path / "t.csv", species="rat").species == "rat"
    pd.read_csv(tmp_path / "t.csv").drop(columns="species").to_csv(tmp_path / "t.csv", index=False)
    assert read_cell_table(tmp_path / "t.csv").species == "t"


def test_shared_features_are_made_from_the_names_of_measured_cells():
    names = name_source_columns("mouse")
    own = pd.DataFrame({name: [float(place)] for place, name in enumerate(names)}).assign(other=1.0)
    labels = pd.DataFrame({"cell_class": [""], "donor": [""], "condition": [""]})
    shared = share_loaded(LoadedCells(CellTable(own, labels, "Homo sapiens", "")))
    assert set(shared.table.features) == set(SHARED_FEATURES)
    assert shared.table.species == "Homo sapiens"
    assert shared.table.features["tau"].item() == names.index("tau") / 1000
    distance = names.index("peak_v_long_square") - names.index("threshold_v_long_square")
    assert shared.table.features["peak_deltav_rheo"].item() == distance
    assert shared.unused == {"other": "not one of the 19 shared features"}


def test_features_that_are_not_there_are_refused(tmp_path):
    make_table(tmp_path / "t.csv", "mouse")
    for choice, reason in (("shared", "cells without"), ("families", "tables of scalars")):
        _, told = run("train", tmp_path / "t.csv", "--features", choice, "--out", tmp_path / "m", expect=2)
        assert reason in told
        assert not (tmp_path / "m").exists()


def test_all_features_of_the_human_table(shared_data, tmp_path):
    source = shared_data / "patchseq_human"
    for choice, number in (("all", 84), ("shared", 19)):
        out = tmp_path / choice
        printed, _ = run("train", source, "--features", choice, *_QUICK, "--out", out, "--json")
        result = json.loads(printed)
        assert len(result["features"]) == number
        # 93 features and the key
        assert len(result["columns_not_used"]) == 94 - number
        printed, _ = run("predict", out, source, "--out", tmp_path / f"{choice}-predicted", "--json")
        assert len(json.loads(printed)["predictions"]) == 704
