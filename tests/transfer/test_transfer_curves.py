"""A study's curves by context: as by hand, resumed, and what is ranked and laid out of them."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from click.testing import CliRunner
from report_pages import find_panel, read_table

import nwbspikegen as nsg
from nwbspikegen.cli import cli
from nwbspikegen.core.errors import InputError
from nwbspikegen.models import load_model
from nwbspikegen.scoring.context_curves import ContextCurve
from nwbspikegen.simulation import metadata_of
from nwbspikegen.transfer import read_context_gains
from nwbspikegen.transfer.cell_files import model_folder
from nwbspikegen.transfer.gains import GAIN_COLUMNS, collect_gains
from nwbspikegen.transfer.groups import compare_groups
from nwbspikegen.views import open_window

_OPTIONS = nsg.WindowOptions(duration=24.0, skip_units=0, split=(0.4, 0.2, 0.4))
_HOW = {"epochs": 1, "training_samples": 10_000, "validation_samples": 10_000, "width": 16}
_CONTEXTS = {"context": (0, 2, 10, "warm"), "starts": 6, "scored": 1.0}


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recordings")
    paths = []
    for seed, preparation in enumerate(("in_vitro", "in_vivo")):
        simulation = nsg.simulate(preparation, num_units=5 + seed, duration=24, seed=seed)
        metadata = metadata_of(simulation)
        metadata["Subject"]["subject_id"] = f"s{seed}"
        metadata["NWBFile"]["session_id"] = ("culture", "mouse")[seed]
        path = folder / f"sub-s{seed}_ecephys.nwb"
        paths.append(nsg.convert_sorting(simulation.sorting, path, metadata=metadata))
    return paths


@pytest.fixture(scope="module")
def study(recordings, tmp_path_factory):
    folder = tmp_path_factory.mktemp("study") / "study"
    made = nsg.TransferStudy.create(folder, recordings, options=_OPTIONS, **_CONTEXTS, **_HOW)
    made.run()
    return made


def test_curves_are_those_that_one_gets_by_hand(study, recordings):
    _, parts = open_window(recordings[1], _OPTIONS)
    models = {
        name: load_model(model_folder(study.folder, study.plan, "in_context", (name,)))
        for name in ("culture", "mouse")
    }
    by_hand = nsg.context_curve(models, parts, **_CONTEXTS)
    curve = study.curves["mouse"]
    assert set(curve.predictors) == set(by_hand.predictors)
    for name in curve.predictors:
        assert np.array_equal(curve.log_likelihood(name), by_hand.log_likelihood(name)), name
        assert curve.knows_target(name) == by_hand.knows_target(name), name
    assert curve.trained == by_hand.trained == {"culture": "untrained", "mouse": "untrained"}
    xr.testing.assert_equal(curve.data["seconds_read"], by_hand.data["seconds_read"])


def test_what_is_missing_is_measured_and_nothing_else(study):
    assert study.is_complete
    files = sorted((study.folder / "curves").rglob("*.npz"))
    # two columns: two rows and what is the same for them
    assert len(files) == 6
    before = {path: path.read_bytes() for path in files}
    times = {path: path.stat().st_mtime_ns for path in files}
    lost = files[1]
    lost.unlink()
    again = nsg.TransferStudy(study.folder)
    assert not again.is_complete
    again.run()
    assert lost.read_bytes() == before[lost]
    assert all(path.stat().st_mtime_ns == times[path] for path in files if path != lost)


def test_other_contexts_lie_beside_the_first(study, recordings, tmp_path):
    other = nsg.TransferStudy.create(tmp_path / "study", recordings, options=_OPTIONS, **_HOW)
    assert other.curves == {}
    with pytest.raises(InputError, match="no curve in the study"):
        other.worth_seconds()
    # as a study that was made before there were curves
    path = other.folder / "study.json"
    stored = json.loads(path.read_text())
    for name in ("contexts", "num_starts", "scored"):
        del stored[name]
    path.write_text(json.dumps(stored))
    old = nsg.TransferStudy(other.folder)
    assert old.plan == other.plan
    old.add_contexts((0, 2), starts=3, scored=1)
    assert old.plan.contexts == ("0", "2")
    assert not old.is_complete
    with pytest.raises(InputError, match="'soon'"):
        old.add_contexts(("soon",))


def test_gains_by_context(study):
    table = study.context_gains()
    assert tuple(table) == GAIN_COLUMNS
    assert len(table) == 2 * 2 * 4
    cell = table[(table.train_session == "culture") & (table.test_session == "mouse")].set_index("context")
    curve = study.curves["mouse"]
    expected = curve.difference("culture", "untrained", resamples=200).set_index("context")
    assert cell.value.tolist() == expected.value.tolist()
    worth = study.worth_seconds(10)
    assert len(worth) == 4
    found = curve.worth_seconds("culture", context=10, resamples=200).worth_seconds.item()
    picked = worth[(worth.train_session == "culture") & (worth.test_session == "mouse")]
    assert picked.worth_seconds.item() == found
    gains = study.gains
    assert gains["null"].values.tolist() == [
        "untrained, 0 s",
        "untrained, 2 s",
        "untrained, 10 s",
        "untrained",
    ]
    at = {"train_session": "culture", "test_session": "mouse", "metric": "bits_per_spike"}
    for label in ("0", "2", "10"):
        picked = gains.value.sel(predictor="in_context", null=f"untrained, {label} s", **at)
        assert float(picked) == pytest.approx(expected.value[label])
    # warm it is of the whole segment, as the study has scored it
    scores = study.scores.value.sel(null="mean_rate", **at)
    warm = gains.value.sel(predictor="in_context", null="untrained", **at)
    assert float(warm) == pytest.approx(
        float(scores.sel(predictor="in_context") - scores.sel(predictor="untrained"))
    )
    assert float(abs(gains.value.sel(predictor="untrained", metric="bits_per_spike")).max()) == 0.0


def test_recordings_are_ranked_and_laid_out_by_gain(study):
    ranked = study.recommend("mouse")
    assert ranked.attrs["null"] == "untrained, 10 s"
    expected = study.gains.value.sel(
        train_session="culture",
        test_session="mouse",
        predictor="in_context",
        metric="bits_per_spike",
        null="untrained, 10 s",
    )
    assert ranked.set_index("train_session").value["culture"] == pytest.approx(float(expected))
    assert ranked.against_untrained.tolist() == ranked.value.tolist()
    assert np.isfinite(ranked.loc[ranked.independent, ["ci_low", "rank_low", "rank_high"]].astype(float)).all(
        axis=None
    )
    assert study.recommend("mouse", context="warm").attrs["null"] == "untrained"
    assert study.recommend("mouse", metric="bits_per_spike").attrs["null"] == "mean_rate"
    assert study.rank("seeds", metric="worth_seconds").num_targets.tolist() == [1, 1]
    with pytest.raises(InputError, match="no curves of context 7"):
        study.recommend("mouse", context=7)
    for how in ({}, {"context": 2}, {"metric": "worth_seconds"}, {"metric": "bits_per_spike"}):
        layout = study.layout(**how)
        # two recordings are two places, whatever they teach each other
        assert np.linalg.norm(layout.positions.loc["mouse"] - layout.positions.loc["culture"]) > 0


def test_groups_and_tests_are_of_gains_too(study):
    groups = study.groups()
    assert {"untrained", "untrained, 10 s", "mean_rate"} <= set(groups["null"])
    tests = study.tests()
    assert set(tests.against) == {"running_rate", "untrained"}
    scores = study.scores
    kept = [name for name in scores.predictor.values if name != "running_rate"]
    # a study without the usual rival is tested against another
    assert set(compare_groups(scores.sel(predictor=kept)).against) == {"untrained"}
    with pytest.raises(InputError, match="no gru in the study"):
        study.tests("gru")


def test_gains_without_curves_are_warm(study):
    gains, drawn = collect_gains(study.scores, study.draws, {}, "in_context")
    assert gains["null"].values.tolist() == ["untrained"]
    assert gains.attrs["headline_null"] == "untrained"
    # the test segment is a single block
    assert drawn.sizes["draw"] == study.draws.sizes["draw"] == 0


def test_a_curve_without_untrained_gives_no_gain(study):
    curve = study.curves["mouse"]
    some = ContextCurve(curve.data).keep(["culture", "running_rate"])
    gains, _ = collect_gains(study.scores, study.draws, {"mouse": some}, "in_context")
    assert bool(gains.value.sel(null="untrained, 10 s").isnull().all())


def test_gains_are_written_to_nwb_and_read_as_they_were(study, tmp_path):
    metadata = {"Subject": {"species": "Mus musculus"}}
    path = study.write_nwb(tmp_path / "study.nwb", metadata=metadata)
    found = read_context_gains(path)
    pd.testing.assert_frame_equal(found, study.context_gains(), check_dtype=False)


def test_the_command_measures_what_is_missing_and_prints_it(study):
    # of the study that is there: nothing is left to do
    how = ["--context", "0,2,10,warm", "--duration", "24", "--skip-units", "0", "--split", "0.4,0.2,0.4"]
    how += [text for name, value in _HOW.items() if name != "epochs" for text in ("--set", f"{name}={value}")]
    paths = [str(session.path) for session in study.plan.sessions]
    done = CliRunner().invoke(cli, ["transfer", *paths, "--out", str(study.folder), "--epochs", "1", *how])
    assert done.exit_code == 0, done.output
    assert "Bits per spike above untrained, 10 s, of in_context" in done.output
    assert "worth_seconds of in_context with 10 s of the target's past" in done.output
    assert "rows differ by no more than their intervals" not in done.output
    assert (study.folder / "tables" / "context_gains.csv").is_file()
    for name in ("gain-matrix", "gain-layout", "mouse-curve", "culture-curve"):
        assert (study.folder / "figures" / f"in_context-{name}.png").is_file()
    refused = CliRunner().invoke(cli, ["transfer", *paths, "--out", str(study.folder), "--context", "0,soon"])
    assert refused.exit_code == 2
    assert "'soon'" in refused.output


def test_the_page_of_a_study_shows_what_the_first_minute_gives(study, tmp_path):
    page = nsg.report(study, tmp_path / "study.html")
    gains = study.context_gains()
    panel = find_panel(page, "context_gain")
    drawn = next(each["rows"] for each in panel["by_unit"] if each["trace"] == 1)
    names = [(a, b) for a in study.scores.train_session.values for b in study.scores.test_session.values]
    for pair, values in zip(names, drawn, strict=True):
        rows = gains[(gains.train_session == pair[0]) & (gains.test_session == pair[1])]
        # a page holds four digits
        np.testing.assert_allclose(values[: len(rows)], rows.sort_values("seconds").value, atol=1e-3)
    rows = gains[gains.context == "10"]
    written = [cell for row in find_panel(page, "worth_seconds")["data"][0]["text"] for cell in row]
    assert sum(bool(cell) for cell in written) == np.isfinite(rows.worth_seconds.astype(float)).sum() > 0
    stored = nsg.report(
        study.write_nwb(tmp_path / "study.nwb", metadata={"Subject": {"species": "Mus musculus"}}),
        tmp_path / "stored.html",
    )
    assert read_table(stored, "context_gains") == read_table(page, "context_gains")
