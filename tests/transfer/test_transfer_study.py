"""A small study of simulated recordings: resumed, extended, distributed, and equal to work by hand."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr
from click.testing import CliRunner

import nwbspikegen as nsg
from nwbspikegen.cli import cli
from nwbspikegen.core.errors import InputError, OutputError
from nwbspikegen.core.predictor import Bins
from nwbspikegen.core.tasks import open_client
from nwbspikegen.models import build_model, load_model
from nwbspikegen.prediction.together import predict_with_each
from nwbspikegen.scoring.independence import compare_recordings
from nwbspikegen.simulation import metadata_of
from nwbspikegen.transfer.cell_files import cell_file, model_folder
from nwbspikegen.transfer.groups import compare_groups, flip_signs, summarise_groups
from nwbspikegen.views import open_window

# intervals are drawn from blocks of 10 s: a test segment of 15 s has two
_OPTIONS = nsg.WindowOptions(duration=24.0, skip_units=0, split=(0.2, 0.17, 0.63))
_HOW = {"epochs": 1, "training_samples": 10_000, "validation_samples": 10_000, "width": 16}
_NAMES = ("culture", "mouse", "other")


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recordings")
    paths = {}
    for seed, (name, preparation) in enumerate(zip(_NAMES, ("in_vitro", "in_vivo", "in_vivo"), strict=True)):
        simulation = nsg.simulate(preparation, num_units=6 + seed, duration=24, seed=seed)
        metadata = metadata_of(simulation)
        metadata["Subject"]["subject_id"] = f"s{seed}"
        metadata["NWBFile"]["session_id"] = name
        path = folder / f"sub-s{seed}_ecephys.nwb"
        paths[name] = nsg.convert_sorting(simulation.sorting, path, metadata=metadata)
    return paths


def _create(folder, paths, **how):
    return nsg.TransferStudy.create(folder, list(paths), options=_OPTIONS, **{**_HOW, **how})


@pytest.fixture(scope="module")
def study(recordings, tmp_path_factory):
    """A study that ran here, without interruption."""
    made = _create(tmp_path_factory.mktemp("whole") / "study", recordings.values())
    made.run()
    return made


def _assert_same(one: nsg.TransferStudy, other: nsg.TransferStudy) -> None:
    xr.testing.assert_identical(one.scores, other.scores)
    xr.testing.assert_identical(one.draws, other.draws)


@pytest.mark.parametrize(("trained", "tested"), [("mouse", "mouse"), ("culture", "other")])
def test_a_cell_is_what_one_gets_by_hand(study, recordings, trained, tested):
    _, parts = open_window(recordings[trained], _OPTIONS)
    model = nsg.train(parts.train, parts.validation, progress=False, **_HOW)
    units, target = open_window(recordings[tested], _OPTIONS)
    predicted = nsg.generate(model, target.test, context=units)
    table = nsg.score(predicted, target.test, train=target.train, context=units)
    cell = study.scores.sel(train_session=trained, test_session=tested)
    # a table of one prediction has paired differences to each predictor too, which a study has draws for
    kept = table[table["null"].isin(cell["null"].values)]
    assert len(kept) > 40
    for row in kept.itertuples():
        found = cell.sel(predictor=row.predictor, metric=row.metric, null=row.null)
        for name in ("value", "ci_low", "ci_high", "num_units", "num_spikes", "num_silent_units"):
            np.testing.assert_equal(float(found[name]), float(getattr(row, name)), err_msg=str(row))
    assert {"untrained", *table.predictor} == set(study.scores.predictor.values)


def test_draws_give_the_intervals_and_are_paired(study):
    chosen = {"metric": "bits_per_spike", "null": "mean_rate"}
    draws, scores = study.draws.value.sel(chosen), study.scores.sel(chosen)
    assert draws.sizes["draw"] == 200
    low = draws.quantile(0.025, "draw").drop_vars("quantile")
    np.testing.assert_allclose(low, scores.ci_low.sel(predictor=draws.predictor), rtol=1e-5, atol=1e-6)
    nothing = draws.sel(predictor="mean_rate")
    assert float(abs(nothing).max()) == 0.0


def test_a_killed_study_goes_on_and_grows(study, recordings, tmp_path):
    first, second, third = recordings.values()
    _create(tmp_path / "study", (first, second))
    code = f"import nwbspikegen as nsg; nsg.TransferStudy({str(tmp_path / 'study')!r}).run()"
    child = subprocess.Popen([sys.executable, "-W", "ignore", "-c", code], start_new_session=True)
    _wait_for(lambda: list((tmp_path / "study" / "models").rglob("*")), child)
    os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    resumed = nsg.TransferStudy(tmp_path / "study")
    assert not resumed.is_complete
    resumed.run()
    assert resumed.is_complete
    before = {
        path: path.stat().st_mtime_ns for path in resumed.folder.rglob("*.*") if path.name != "study.json"
    }
    resumed.add([third])
    resumed.run()
    assert all(path.stat().st_mtime_ns == made for path, made in before.items())
    _assert_same(study, resumed)


def _wait_for(condition, child) -> None:
    for _ in range(6000):
        if condition() or child.poll() is not None:
            return
        time.sleep(0.02)
    raise AssertionError("nothing happened")


def test_what_a_training_has_left_that_was_killed_at_its_end_is_removed(study, tmp_path):
    shutil.copytree(study.folder, tmp_path / "study")
    other = nsg.TransferStudy(tmp_path / "study")
    model = next((tmp_path / "study" / "models").rglob("model.json")).parent
    left = model.with_name(f".{model.name}.unfinished")
    left.mkdir()
    other.run()
    assert not left.exists()
    _assert_same(study, other)


@pytest.mark.whole
def test_a_worker_that_dies_loses_nothing(study, recordings, tmp_path):
    other = _create(tmp_path / "study", recordings.values())
    with open_client(workers=2) as client:
        victim = next(iter(client.run(os.getpid).values()))
        killer = subprocess.Popen([sys.executable, "-c", _KILLER, str(tmp_path / "study"), str(victim)])
        other.run(client)
        survivors = client.run(os.getpid).values()
    assert killer.wait() == 0, "the study was over before the worker was killed"
    assert victim not in survivors
    _assert_same(study, other)


_KILLER = """
import os, pathlib, signal, sys, time
folder, victim = pathlib.Path(sys.argv[1]), int(sys.argv[2])
while not list(folder.rglob("models/**/*.ckpt")):
    time.sleep(0.01)
os.kill(victim, signal.SIGKILL)
"""


def test_rows_of_several_sessions(study, recordings):
    """Leave-one-out and mixtures that mean the same are trained once."""
    study = nsg.TransferStudy(study.folder)
    study.require_settings(models=["in_context"], seed=0, leave_one_out=True, **_HOW)
    study.add_row(["other", "mouse"])
    plan = study.plan
    assert plan.rows() == [*_NAMES, "mouse+other", "others"]
    assert plan.trained_on("others", "culture") == ("mouse", "other")
    mixture = model_folder(study.folder, plan, "in_context", ("mouse", "other"))
    assert mixture == model_folder(study.folder, plan, "in_context", plan.trained_on("others", "culture"))
    study.run()
    scores = study.scores
    assert len(load_model(mixture).training["sources"]) == 2
    both = scores.value.sel(test_session="culture", predictor="in_context")
    xr.testing.assert_equal(
        both.sel(train_session="others", drop=True).reset_coords(drop=True),
        both.sel(train_session="mouse+other", drop=True).reset_coords(drop=True),
    )
    assert not bool(scores.independent.sel(train_session="mouse+other", test_session="mouse"))
    assert bool(scores.independent.sel(train_session="others").all())
    assert scores.train_preparation.values.tolist() == ["in_vitro", "in_vivo", "in_vivo", "in_vivo", "mixed"]


def test_a_new_recording_is_only_tested(study, recordings, tmp_path):
    small = _create(tmp_path / "study", list(recordings.values())[:2])
    small.run()
    models = sorted(small.folder.rglob("model.json"))
    ranking = small.recommend(recordings["other"], options=_OPTIONS)
    assert set(ranking.train_session) == {"culture", "mouse"}
    of_bits = {"test_session": "other", "metric": "bits_per_spike", "null": "mean_rate"}
    warm = small.recommend(recordings["other"], options=_OPTIONS, metric="bits_per_spike")
    scores = study.scores.value.sel(of_bits)
    for gained, scored in zip(ranking.itertuples(), warm.itertuples(), strict=True):
        assert gained.train_session == scored.train_session
        expected = scores.sel(train_session=gained.train_session)
        assert scored.value == float(expected.sel(predictor="in_context"))
        assert gained.value == float(
            expected.sel(predictor="in_context") - expected.sel(predictor="untrained")
        )
    assert sorted(small.folder.rglob("model.json")) == models
    assert small.scores.sizes["test_session"] == 2


def test_groups_and_tests(study):
    groups = study.groups().set_index(["group", "predictor", "metric", "null"])
    value = study.scores.value.sel(predictor="in_context", metric="bits_per_spike", null="mean_rate")
    found = groups.loc[("in_vivo others", "in_context", "bits_per_spike", "mean_rate")]
    cells = [
        float(value.sel(train_session=a, test_session=b)) for a, b in (("mouse", "other"), ("other", "mouse"))
    ]
    assert found["mean"] == pytest.approx(np.mean(cells))
    assert found["sd"] == pytest.approx(np.std(cells, ddof=1))
    assert (found["num_cells"], found["num_dependent"]) == (2, 0)
    assert groups.loc[("in_vitro self", "in_context", "bits_per_spike", "mean_rate")]["num_dependent"] == 1
    assert "in_vitro others" not in groups.index.get_level_values("group")
    training = groups.loc[("in_vitro training", "in_context", "roc_auc_pooled", "")]["mean"]
    assert training == float(
        study.scores.training_value.sel(
            train_session="culture", predictor="in_context", metric="roc_auc_pooled", null=""
        )
    )
    tests = study.tests()
    assert (tests.p_holm >= tests.p_value).all()
    assert tests[tests.group == "in_vivo others"].num_targets.eq(2).all()


def test_sign_flips_find_a_difference_only_where_there_is_one():
    rng = np.random.default_rng(0)
    assert flip_signs(rng.normal(1.0, 0.1, 10)) == pytest.approx(2 / 2**10)
    assert flip_signs(rng.normal(1.0, 0.1, 40)) < 1e-3
    p_values = [flip_signs(rng.normal(0.0, 1.0, 8)) for _ in range(400)]
    assert 0.02 < np.mean(np.array(p_values) <= 0.05) < 0.09


def test_cells_of_a_target_count_once():
    """Thirty cells of six targets are six numbers that are tested."""
    names = [f"s{number}" for number in range(6)]
    value = np.zeros((6, 6, 2, 1, 1))
    value[:, :, 0] = 1 + 0.01 * np.random.default_rng(0).normal(size=(6, 6, 1, 1))
    dims = ("train_session", "test_session", "predictor", "metric", "null")
    scores = xr.Dataset(
        {"value": (dims, value), "training_value": (("train_session", *dims[2:]), value[:, 0])},
        {
            "train_session": names,
            "test_session": names,
            "predictor": ["m", "running_rate"],
            "metric": ["roc_auc_pooled"],
            "null": [""],
            "train_preparation": ("train_session", ["in_vivo"] * 6),
            "test_preparation": ("test_session", ["in_vivo"] * 6),
            "independent": (dims[:2], np.ones((6, 6), dtype=bool)),
        },
    )
    others = compare_groups(scores).set_index("group").loc["in_vivo others"]
    assert others.num_targets == 6
    assert others.p_value == pytest.approx(2 / 2**6)
    assert others.p_holm == pytest.approx(2 * 2 / 2**6)
    assert summarise_groups(scores).set_index("group").loc["in_vivo others"].num_cells.max() == 30


@pytest.mark.parametrize(
    ("changes", "independent", "shared"),
    [
        ({}, True, "lab"),
        ({"subject_id": "m1"}, False, "subject, lab"),
        ({"lab": "Y"}, True, ""),
        ({"session_start_time": "2020-01-01T00:01:00+00:00"}, True, "time, lab"),
        ({"session_start_time": "2020-01-01T02:01:00+02:00", "subject_id": ""}, False, "time, lab"),
        (
            {"session_start_time": "2020-01-01T00:01:00+00:00", "subject_id": "m1"},
            False,
            "subject, time, lab",
        ),
        ({"identifier": "a"}, False, "session, subject, lab"),
    ],
)
def test_what_pairs_share(changes, independent, shared):
    one = {
        "identifier": "a",
        "subject_id": "m1",
        "lab": "X",
        "window": [0.0, 100.0],
        "session_start_time": "2020-01-01T00:00:00+00:00",
    }
    other = {
        **one,
        "identifier": "b",
        "subject_id": "m2",
        "session_start_time": "2020-02-01T00:00:00",
        **changes,
    }
    row = compare_recordings({"one": one, "other": other}).set_index(["one", "other"]).loc[("one", "other")]
    assert (bool(row.independent), row.shared) == (independent, shared)
    assert row.overlap_s == (40.0 if "time" in shared else 0.0)


def test_models_together_predict_what_each_predicts_alone():
    simulation = nsg.simulate("in_vivo", num_units=5, duration=25, seed=4)
    models = []
    for seed in range(3):
        torch.manual_seed(seed)
        model = build_model("in_context", 5, width=8 + seed)
        torch.nn.init.normal_(model.network[-1].weight, std=0.1)
        models.append(model)
    models.insert(1, build_model("shimono2026", 7))
    together = dict(predict_with_each(models, Bins(simulation.spikes, None), 20_000, 0.001))
    assert isinstance(together.pop(1), InputError)
    for place, prediction in together.items():
        alone = models[place].predict(simulation.spikes, 20_000, 0.001)
        np.testing.assert_array_equal(prediction, alone)


def test_what_cannot_be_is_refused(study, recordings, tmp_path):
    first, second, _ = recordings.values()
    with pytest.raises(InputError, match="one recording twice"):
        _create(tmp_path / "a", (first, second, first))
    with pytest.raises(InputError, match="at least two"):
        _create(tmp_path / "a", (first,))
    with pytest.raises(InputError, match="choose one of these"):
        _create(tmp_path / "a", (first, second), models=("transformer",))
    with pytest.raises(InputError, match="a mixture of culture"):
        _create(tmp_path / "a", (first, second), mixtures=[["culture", "rat"]])
    with pytest.raises(OutputError, match="exists"):
        _create(study.folder, (first, second))
    with pytest.raises(InputError, match="other window options for culture"):
        nsg.TransferStudy(study.folder).add([first], options=nsg.WindowOptions())
    with pytest.raises(InputError, match="models \\('shimono2026',\\)"):
        study.require_settings(models=["shimono2026"], seed=0, **_HOW)
    assert not (tmp_path / "a").exists()


def test_one_broken_recording_does_not_stop_the_others(recordings, tmp_path):
    study = _create(tmp_path / "study", list(recordings.values())[:2])
    sessions = json.loads((study.folder / "study.json").read_text())
    sessions["sessions"][1]["path"] = str(tmp_path / "gone.nwb")
    (study.folder / "study.json").write_text(json.dumps(sessions))
    broken = nsg.TransferStudy(study.folder)
    with pytest.raises(InputError, match="tasks that failed, the first with: found nothing"):
        broken.run()
    value = broken.scores.value.sel(predictor="in_context", metric="bits_per_spike", null="mean_rate")
    # scored in one task with the cell whose model could not be trained
    assert np.isfinite(value.sel(train_session="culture", test_session="culture"))
    assert int(value.notnull().sum()) == 1


def test_the_command_line(recordings, tmp_path):
    listed = tmp_path / "sessions.yaml"
    listed.write_text(
        "".join(f"{name}: {{file: {path}, duration: 24}}\n" for name, path in list(recordings.items())[:2])
    )
    arguments = [
        "transfer",
        "--sessions",
        listed,
        "--out",
        tmp_path / "study",
        "--skip-units",
        0,
        "--split",
        "0.3,0.2,0.5",
        "--epochs",
        1,
        "--workers",
        1,
    ]
    arguments = [*map(str, arguments), "--nwb", str(tmp_path / "nwb"), "--recommend", "mouse", "--json"]
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 0, result.output
    printed = json.loads(result.stdout)
    assert printed["sessions"] == ["culture", "mouse"]
    assert printed["recommendation"][0]["train_session"] == "culture"
    tables = pd.read_csv(tmp_path / "study" / "tables" / "scores.csv")
    assert {"train_session", "test_session", "predictor", "value", "shared"} <= set(tables)
    assert (tmp_path / "study" / "figures" / "in_context-bits_per_spike-matrix.png").is_file()
    stored = nsg.read_transfer_scores(printed["files"][0])
    np.testing.assert_allclose(stored.value, nsg.TransferStudy(tmp_path / "study").scores.value)
    again = CliRunner().invoke(cli, [*arguments, "--overwrite", "--seed", "-1"])
    assert again.exit_code == 2
    wrong = CliRunner().invoke(cli, ["transfer", "--out", str(tmp_path / "x")])
    assert wrong.exit_code == 2
    assert "name the recordings" in wrong.stderr


@pytest.mark.parametrize(("which", "named"), [("seeds", "train_session"), ("targets", "test_session")])
def test_rows_and_columns_of_a_study_that_is_there_are_ranked(study, which, named):
    before = {path: path.stat().st_mtime_ns for path in study.folder.rglob("*.*")}
    arguments = ["transfer", "--out", str(study.folder), "--rank", which]
    printed = json.loads(CliRunner().invoke(cli, [*arguments, "--json"]).stdout)["ranks"]
    table = study.rank(which)
    assert [row[named] for row in printed] == table[named].tolist()
    assert [row["rank"] for row in printed] == [None if pd.isna(rank) else rank for rank in table["rank"]]
    text = CliRunner().invoke(cli, arguments)
    assert text.exit_code == 0, text.output
    assert all(name in text.stdout for name in table[:0].columns)
    assert before == {path: path.stat().st_mtime_ns for path in study.folder.rglob("*.*")}
    refused = CliRunner().invoke(cli, [*arguments, "--epochs", "3"])
    assert refused.exit_code == 2
    assert "--epochs without recordings" in refused.stderr
    with pytest.raises(InputError, match="ranks of 'both'"):
        study.rank("both")


def test_a_cell_without_scores_says_why(recordings, tmp_path):
    """A model for other numbers of units is refused, and the rest of the matrix stands."""
    study = nsg.TransferStudy.create(
        tmp_path / "study",
        list(recordings.values())[:2],
        options=_OPTIONS,
        models=["shimono2026"],
        epochs=1,
        num_bins=100,
        baselines=(),
        resamples=10,
    )
    with contextlib.suppress(InputError):
        study.run()
    value = study.scores.value.sel(predictor="shimono2026", metric="roc_auc_pooled", null="")
    assert np.isfinite(np.diag(value)).all()
    assert int(value.notnull().sum()) == 2
    assert study.is_complete
    plan = study.plan
    cell = next(cell for cell in plan.cells() if cell.row != cell.tested)
    assert cell_file(study.folder, plan, cell).is_file()
