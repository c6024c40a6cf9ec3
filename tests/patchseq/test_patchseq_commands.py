"""`nwbspikegen patchseq`: what its commands write from simulated cells, and what they refuse."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from nwbspikegen.cli import cli
from nwbspikegen.patchseq.features.files import read_features, write_features
from nwbspikegen.patchseq.nwb.reading import read_family_vectors, read_predictions
from nwbspikegen.patchseq.simulation.files import simulate_patchseq

_CLASSES = ["Lamp5", "Pvalb", "Sst", "Vip"]
# long families cost most of the time
_KEPT = ("isi_shape", "subthresh_norm", "inst_freq_norm")
_QUICK = ["--folds", "2", "--repeats", "2", "--trees", "20"]


def run(*arguments: object, expect: int = 0) -> tuple[str, str]:
    """Run a command, and return what it printed on stdout and stderr."""
    done = CliRunner().invoke(cli, ["patchseq", *map(str, arguments)])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == expect, done.output
    return done.stdout, done.stderr


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    return simulate_patchseq(tmp_path_factory.mktemp("cells"), 1, "Mus musculus", 1)


@pytest.fixture(scope="module")
def measured(recordings, tmp_path_factory):
    """Return a folder of features of four recordings beside one that is none, and what was printed."""
    folder = tmp_path_factory.mktemp("measured")
    (folder / "other.nwb").write_text("no recording")
    printed = run("features", folder / "other.nwb", *recordings, "--out", folder / "out", "--json", expect=2)
    return folder / "out", *printed


@pytest.fixture(scope="module")
def many(measured, tmp_path_factory):
    """Return two folders of features, a species each: the measured cells over again, a little changed."""
    four, folder = read_features(measured[0]), tmp_path_factory.mktemp("many")
    four = four[[*_KEPT, "reason", "scalar"]].sel(family=list(_KEPT))
    paths = []
    for seed, species in enumerate(("mouse", "human")):
        rng = np.random.default_rng(seed)
        cells = four.isel(cell=np.tile(np.arange(4), 7)).copy(deep=True)
        for name in (*_KEPT, "scalar"):
            values = cells[name].values
            spread = 0.3 * np.nan_to_num(values).std(axis=0) + 1e-9
            # a factor for the whole cell, so that families stay smooth
            values += (rng.normal(size=(28, 1)) + 0.2 * rng.normal(size=values.shape) + seed) * spread
        cells["isi_shape"][3] = np.nan
        cells["reason"].loc[{"family": "isi_shape"}][3] = "no second spike"
        cells = cells.assign_coords(
            cell=[f"{species}{number}" for number in range(28)],
            donor=("cell", np.array([f"{species}-d{number // 3}" for number in range(28)], dtype=object)),
            species=("cell", np.full(28, species, dtype=object)),
        )
        paths.append(folder / species)
        paths[-1].mkdir()
        write_features(paths[-1], cells)
    return paths


@pytest.fixture(scope="module")
def network(many, tmp_path_factory):
    out = tmp_path_factory.mktemp("network") / "model"
    printed, _ = run(
        "train",
        many[0],
        "--model",
        "bilstm",
        "--epochs",
        3,
        "--folds",
        2,
        "--repeats",
        1,
        "--out",
        out,
        "--json",
    )
    return out, json.loads(printed)


def test_features_of_recordings(measured, recordings):
    out, printed, told = measured
    result = json.loads(printed)
    assert [row["cell_class"] for row in result["cells"]] == _CLASSES
    assert len(result["missing_families"]) == 12
    assert not any(result["missing_families"].values())
    assert [row["recording"].endswith("other.nwb") for row in result["refused"]] == [True]
    assert told.splitlines()[-1].startswith("nwbspikegen: error: found 1 of 5 recordings")
    names = {path.name for path in out.iterdir()}
    assert names >= {"cells.csv", "cells.parquet", "families.npz", "features.json", "nwb", "refused.csv"}
    csv, parquet = pd.read_csv(out / "cells.csv"), pd.read_parquet(out / "cells.parquet")
    # of conditions, of which there are none, CSV cannot tell whether they are texts
    csv = csv.drop(columns="condition")
    pd.testing.assert_frame_equal(csv, parquet[csv.columns], check_dtype=False)
    assert len(list((out / "nwb").iterdir())) == len(recordings)


def test_files_hold_the_same_families(measured):
    cells = read_features(measured[0])
    paths = list((measured[0] / "nwb").iterdir())
    assert len(paths) == 4
    for path in paths:
        families, reasons, preset = read_family_vectors(path)
        assert (len(families), reasons, preset) == (12, {}, "gouwens2020")
        name = next(cell for cell in cells["cell"].values if cell.split("-", 1)[1] in path.name)
        for family, vector in families.items():
            np.testing.assert_array_equal(vector, cells[family].sel(cell=name).values)


def test_files_are_valid(measured):
    path = next(iter((measured[0] / "nwb").iterdir()))
    done = CliRunner().invoke(cli, ["validate", str(path), "--json"])
    assert done.exit_code == 0, done.output


def test_refused_values_and_their_acceptance(shared_data, tmp_path):
    path = shared_data / "icephys" / "UCL1999_99111002.nwb"
    (tmp_path / "m.yaml").write_text(
        "Subject: {subject_id: r1, species: Rattus norvegicus, age: P14D/P21D, sex: U}"
    )
    rest = [path, "--metadata", tmp_path / "m.yaml", "--out", tmp_path / "out"]
    _, told = run("features", *rest, expect=2)
    assert "neurons rest between" in told
    assert "--accept-implausible" in told
    assert not (tmp_path / "out").exists()
    printed, told = run("features", *rest, "--accept-implausible", "--json")
    assert "it is read nevertheless" in told
    assert json.loads(printed)["missing_families"]["first_ap_v"] == 1
    reasons = read_family_vectors(next((tmp_path / "out" / "nwb").iterdir()))[1]
    assert "short square" in reasons["first_ap_v"]


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_forest_of_a_table(many, tmp_path, suffix):
    table = many[0] / f"cells{suffix}"
    printed, _ = run("train", table, *_QUICK, "--out", tmp_path / "model", "--json")
    scores = pd.DataFrame(json.loads(printed)["scores"]).set_index(["predictor", "metric"])
    assert scores.loc[("forest", "balanced_accuracy"), "value"] > 0.8
    assert scores.loc[("majority", "balanced_accuracy"), "value"] <= 0.26
    assert {one.name for one in (tmp_path / "model" / "figures").iterdir()} == {"confusion.png"}
    printed, _ = run("predict", tmp_path / "model", table, "--out", tmp_path / "predicted", "--json")
    predicted = pd.DataFrame(json.loads(printed)["predictions"])
    assert (predicted["predicted_class"] == predicted["cell_class"]).mean() > 0.9
    probability = predicted.filter(like="probability_")
    np.testing.assert_allclose(probability.sum(axis=1), 1)


def test_forest_of_families_with_labels_of_another_table(many, tmp_path):
    known = pd.read_csv(many[0] / "cells.csv")[["cell", "cell_class"]]
    known.rename(columns={"cell": "id", "cell_class": "kind"})[4:].to_csv(tmp_path / "l.csv", index=False)
    blank = read_features(many[0])
    (tmp_path / "cells").mkdir()
    write_features(tmp_path / "cells", blank.assign_coords(cell_class=("cell", np.full(28, "", object))))
    printed, told = run(
        "train",
        tmp_path / "cells",
        "--labels",
        tmp_path / "l.csv",
        "--cell-column",
        "id",
        "--class-column",
        "kind",
        *_QUICK,
        "--out",
        tmp_path / "model",
        "--json",
    )
    result = json.loads(printed)
    assert result["left_out"] == {"no class": 4}
    assert "4 cells left out: no class" in told
    assert result["label_version"].startswith("l.csv:kind:")
    figures = {one.stem for one in (tmp_path / "model" / "figures").iterdir()}
    assert figures == {"confusion", "families", "cell_map"}


def test_network_and_its_files(network):
    out, result = network
    assert result["model"] == "bilstm"
    assert {one.suffix for one in out.iterdir()} == {".json", ".safetensors", ".npz", ".csv", ".md", ""}
    assert {one.stem for one in (out / "figures").iterdir()} == {
        "confusion",
        "families",
        "cell_map",
        "attention",
    }
    crossed = pd.read_csv(out / "cross_validated.csv")
    assert len(crossed) == 28
    assert crossed["cell_class"].nunique() == 4


def test_network_predicts_recordings_and_files_alike(network, measured, recordings, tmp_path):
    derived = sorted((measured[0] / "nwb").iterdir())[:2]
    run("predict", network[0], *sorted(recordings)[:2], "--out", tmp_path / "a")
    printed, _ = run("predict", network[0], *derived, "--out", tmp_path / "b", "--json")
    one, other = (pd.read_csv(tmp_path / name / "predictions.csv") for name in "ab")
    pd.testing.assert_frame_equal(one, other)
    files = json.loads(printed)["files"]
    assert len(files) == 2
    stored = read_predictions(files[0])
    assert stored["predicted_class"].item() == one["predicted_class"][0]
    np.testing.assert_allclose(stored.filter(like="attention_").sum(axis=1), 1, atol=1e-6)
    assert CliRunner().invoke(cli, ["validate", files[0]]).exit_code == 0


def test_masked_family_has_no_attention(network, many, tmp_path):
    run("predict", network[0], many[0], "--out", tmp_path / "out")
    table = pd.read_csv(tmp_path / "out" / "predictions.csv").set_index("cell")
    assert np.isnan(table.loc["mouse3", "attention_isi_shape"])
    assert table["attention_isi_shape"].notna().sum() == 27
    assert not (tmp_path / "out" / "nwb").exists()


@pytest.mark.parametrize(
    ("model", "conditions"),
    [
        ("linear", {"zero_shot", "target_only", "pooled"}),
        ("forest", {"zero_shot", "target_only", "stacked"}),
        ("bilstm", {"zero_shot", "target_only", "fine_tune", "joint"}),
    ],
)
def test_transfer(many, tmp_path, model, conditions, monkeypatch):
    from nwbspikegen.patchseq.run import transfer as transferring

    monkeypatch.setattr(transferring, "fit_target_forest", transferring.fit_target_only)
    monkeypatch.setattr(transferring, "fit_stacked_forest", transferring.fit_pooled)
    sources = many if model == "bilstm" else [one / "cells.csv" for one in many]
    printed, _ = run(
        "transfer",
        *sources,
        "--model",
        model,
        "--labelled",
        "8,999",
        "--seeds",
        1,
        "--folds",
        2,
        "--epochs",
        2,
        "--out",
        tmp_path / "out",
        "--json",
    )
    result = json.loads(printed)
    assert {row["condition"] for row in result["scores"]} == conditions
    assert {row["condition"] for row in result["gains"]} == conditions - {"zero_shot", "target_only"}
    assert result["notes"] == [note for note in result["notes"] if note.startswith("999 labelled cells")]
    predicted = pd.read_csv(tmp_path / "out" / "predictions.csv")
    assert len(predicted) == 28 * len(conditions)
    about = json.loads((tmp_path / "out" / "transfer.json").read_text())
    assert about["source_labels"] != about["target_labels"]
    assert (tmp_path / "out" / "figures" / "few_shot.png").is_file()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["features", "absent.nwb"], "absent.nwb"),
        (["train", "absent"], "nothing that holds cells at absent"),
        (["train", "one_donor.csv"], "cells of 1 donor"),
        (["train", "table.csv", "--model", "bilstm"], "tables of scalars"),
        (["train", "table.csv", "--class-column", "absent"], "no labelled cell"),
        (["train", "broken.parquet"], "broken.parquet"),
        (["train", "table.csv", "table.csv"], "cell 1 twice"),
        (["predict", "absent", "table.csv"], "absent"),
        (["transfer", "table.csv", "other.csv"], "two classes or more"),
        (["transfer", "table.csv", "one_donor.csv", "--labelled", "a"], "--labelled a"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(tmp_path, monkeypatch, arguments, reason):
    monkeypatch.chdir(tmp_path)
    rows = {"cell": range(1, 9), "donor": list("aabbccdd"), "cell_class": ["Sst", "Vip"] * 4, "sag": 0.1}
    table = pd.DataFrame(rows)
    table.to_csv("table.csv", index=False)
    table.assign(donor="a").to_csv("one_donor.csv", index=False)
    table.assign(cell_class="Pvalb").to_csv("other.csv", index=False)
    (tmp_path / "broken.parquet").write_text("PAR1")
    _, told = run(*arguments, "--out", "out", "--quiet", expect=2)
    last = told.strip().splitlines()[-1]
    assert last.startswith("nwbspikegen: error: ")
    assert reason in last
    assert not (tmp_path / "out").exists()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_only_what_was_written_by_it_is_replaced(many, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("all of it")
    arguments = ["train", many[0] / "cells.csv", *_QUICK, "--out", tmp_path / "mine"]
    run(*arguments, expect=2)
    run(*arguments, "--overwrite", expect=2)
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "all of it"
    shutil.rmtree(tmp_path / "mine")
    run(*arguments)
    run(*arguments, expect=2)
    run(*arguments, "--overwrite")
