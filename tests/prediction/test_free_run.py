"""Free runs: what `generate` predicts for the first bin, reproducible, stable, and written to NWB."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr
from click.testing import CliRunner
from report_pages import read_table

import nwbspikegen as nsg
from nwbspikegen.cli import cli
from nwbspikegen.core.errors import InputError
from nwbspikegen.likeness import judge_likeness
from nwbspikegen.models import FittedModel, build_model
from nwbspikegen.prediction.free_run import run_pieces
from nwbspikegen.prediction.nwb_reading import read_generated_units, read_realism, read_verdicts
from nwbspikegen.simulation import metadata_of
from nwbspikegen.views.observed import read_spikes


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    simulation = nsg.simulate("in_vivo", num_units=6, duration=40, seed=3)
    path = tmp_path_factory.mktemp("free") / "sub-a_ecephys.nwb"
    return nsg.convert_sorting(simulation.sorting, path, metadata=metadata_of(simulation))


@pytest.fixture(scope="module")
def parts(recording):
    return nsg.split_fractions(nsg.open_units(recording))


@pytest.fixture(scope="module")
def models(parts):
    settings = {"in_context": {}, "shimono2026": {"num_bins": 200, "num_heads": 2}}
    return {
        name: nsg.train(parts.train, parts.validation, model=name, epochs=1, progress=False, **chosen)
        for name, chosen in settings.items()
    }


@pytest.fixture(scope="module")
def coarse(recording, tmp_path_factory):
    """Return the folder of a model of bins of 5 ms: a run of half a minute has 6,000 of them."""
    parts = nsg.split_fractions(nsg.open_units(recording, bin_size=0.005))
    folder = tmp_path_factory.mktemp("coarse") / "model"
    nsg.train(parts.train, parts.validation, epochs=1, progress=False).save(folder)
    return folder


def _read(model, spikes):
    """Return what a model, fitted or not, has made of some bins."""
    state = model.begin(spikes.shape[1], 0.001)
    state.read(spikes, wanted=np.zeros(len(spikes), dtype=bool))
    return state


def test_it_goes_on_as_it_would_predict(models, parts):
    """The first bin exactly; then nearly, as counts go on in `predict` and stay in a free run."""
    model, spikes, first = models["in_context"], read_spikes(parts.train), 18_000
    run = _read(model, spikes[:first]).fork(num_samples=2)
    expected = model.predict(spikes[: first + 50], first, 0.001)
    probability = run.step()
    for step in range(50):
        tolerance = 1e-4 if step == 0 else 0.2
        np.testing.assert_allclose(probability, np.stack([expected[step]] * 2), rtol=tolerance)
        probability = run.step(np.stack([spikes[first + step]] * 2))


def test_a_transformer_goes_on_as_it_would_predict(models, parts):
    model, spikes, first = models["shimono2026"], read_spikes(parts.train), 5000
    run = _read(model, spikes[:first]).fork(num_samples=2)
    probability = run.step()
    for step in range(first, first + 50):
        expected = model.predict(spikes[step - 200 : step + 1], 200, 0.001)[0]
        np.testing.assert_allclose(probability, np.stack([expected] * 2), rtol=1e-4)
        probability = run.step(np.stack([spikes[step]] * 2))


@pytest.mark.parametrize("depth", [1, 2])
def test_a_transformer_keeps_no_more_than_its_input(depth):
    """Kept keys are those of whole windows, also when the ring has gone round several times."""
    torch.manual_seed(0)
    module = build_model("shimono2026", 4, num_bins=20, num_heads=2, depth=depth).eval()
    spikes = (np.random.default_rng(1).random((100, 4)) < 0.3).astype(np.uint8)
    run = _read(module, spikes[:30])
    for step in range(30, 100):
        probability = run.step(spikes[step][None])
    with torch.no_grad():
        window = torch.from_numpy(spikes[80:]).float()[None]
        expected = torch.sigmoid(module(window)[0, -1]).numpy()
    # a deeper key was computed from the bins that it saw then
    np.testing.assert_allclose(probability[0], expected, rtol=1e-4 if depth == 1 else 1.0)


@pytest.mark.parametrize("name", ["in_context", "shimono2026"])
def test_samples_are_reproducible_and_differ(models, parts, name):
    one = nsg.free_run(models[name], parts.train, seconds=0.5, seed=4)
    three = nsg.free_run(models[name], parts.train, seconds=0.5, seed=4, num_samples=3)
    assert three.dims == ("sample", "time", "unit")
    np.testing.assert_array_equal(three.values[0], one.values[0])
    assert set(np.unique(three.values)) <= {0, 1}
    assert three.time.values[0] == pytest.approx(float(parts.train.time[-1]) + 0.001)
    assert not np.array_equal(three.values[1], three.values[2])


def test_it_comes_in_pieces(models, parts, monkeypatch):
    whole = nsg.free_run(models["in_context"], parts.train, seconds=1.2, seed=1)
    monkeypatch.setattr("nwbspikegen.prediction.free_run._PIECE_BINS", 1000)
    pieces = list(run_pieces(models["in_context"], parts.train, seconds=1.2, seed=1))
    assert [piece.shape for piece in pieces] == [(1, 1000, 6), (1, 200, 6)]
    np.testing.assert_array_equal(np.concatenate(pieces, axis=1), whole.values)


def test_rates_stay(models, parts):
    """For a quarter of a minute here, for ten in `benchmarks/free_run.py`."""
    run = nsg.free_run(models["in_context"], parts.train, seconds=15, seed=2)
    rate_hz = run.values[0].reshape(3, 5000, -1).mean(axis=(1, 2)) * 1000
    recorded_hz = float(parts.train.spikes.mean()) * 1000
    assert (rate_hz > recorded_hz / 2).all()
    assert (rate_hz < recorded_hz * 2).all()


def test_a_run_says_whether_rates_were_held(models, parts):
    held, free = (
        nsg.free_run(models["in_context"], parts.train, seconds=0.2, seed=1, hold_rates=hold_rates)
        for hold_rates in (True, False)
    )
    assert held.attrs["hold_rates"]
    assert not free.attrs["hold_rates"]
    # at first nothing is corrected
    np.testing.assert_array_equal(held.values[:, 0], free.values[:, 0])


@pytest.mark.parametrize(("seconds", "samples"), [(0.0001, 1), (np.nan, 1), (1.0, 0)])
def test_runs_of_nothing_are_refused(models, parts, seconds, samples):
    with pytest.raises(InputError, match="at least one bin and one sample"):
        nsg.free_run(models["in_context"], parts.train, seconds=seconds, num_samples=samples)


@pytest.mark.parametrize("bins", [slice(None, None, -1), slice(None, None, 2), slice(0, 0)])
def test_bins_that_do_not_follow_each_other_are_refused(models, parts, bins):
    broken = parts.train.isel(time=bins)
    with pytest.raises(InputError, match="do not follow each other"):
        nsg.free_run(models["in_context"], broken, seconds=0.1)
    with pytest.raises(InputError, match="do not follow each other"):
        nsg.generate(models["in_context"], broken)


def test_the_command_writes_nwb_with_statistics(models, recording, tmp_path):
    model: FittedModel = models["in_context"]
    model.save(tmp_path / "model")
    out = tmp_path / "sub-a_desc-spikegen_ecephys.nwb"
    arguments = ["generate", tmp_path / "model", recording, "--out", out, "--free-run", "5", "--samples", "2"]
    result = CliRunner().invoke(cli, [str(argument) for argument in [*arguments, "--duration", "40"]])
    assert result.exit_code == 0, result.output
    assert "observed before" in result.stdout
    statistics = nsg.read_statistics(out)
    assert statistics.train.unique().tolist() == ["sample 0", "sample 1", "observed before"]
    rates = statistics[statistics.statistic == "rate_correlation"]
    assert (rates.value > 0.5).all()
    first, second = (read_generated_units(out, sample=sample) for sample in (0, 1))
    assert list(first) == list(second) == nsg.open_units(recording).unit.values.tolist()
    assert any(not np.array_equal(first[unit], second[unit]) for unit in first)
    times = np.concatenate(list(first.values()))
    assert times.min() > 30.0
    assert times.max() < 35.0
    findings = nsg.validate_file(out)
    assert not (findings.severity == "error").any(), findings
    printed = CliRunner().invoke(cli, ["score", str(out)])
    assert printed.exit_code == 0, printed.output
    assert "observed before" in printed.stdout
    refused = CliRunner().invoke(cli, [*map(str, arguments), "--overwrite", "--segment", "train"])
    assert refused.exit_code == 2
    assert "--segment with --free-run" in refused.stderr
    with pytest.raises(InputError, match="no sample 2"):
        read_generated_units(out, sample=2)


def test_how_far_a_run_is_from_the_recording_is_told_and_stored(coarse, tmp_path):
    simulation = nsg.simulate("in_vivo", num_units=6, duration=80, seed=4)
    path = nsg.convert_sorting(
        simulation.sorting, tmp_path / "sub-b_ecephys.nwb", metadata=metadata_of(simulation)
    )
    out = tmp_path / "sub-b_desc-spikegen_ecephys.nwb"
    arguments = ["generate", coarse, path, "--out", out, "--free-run", "10", "--samples", "2"]
    result = CliRunner().invoke(cli, [*map(str, arguments), "--bin-size", "0.005", "--json"])
    assert result.exit_code == 0, result.output
    stored = read_realism(out)
    test = nsg.split_fractions(nsg.open_units(path, bin_size=0.005)).test
    runs = [read_generated_units(out, sample=sample) for sample in (0, 1)]
    spikes = np.zeros((2, 2000, 6), dtype=np.uint8)
    for sample, run in enumerate(runs):
        for column, unit in enumerate(test.unit.values):
            # spikes are stored at bin centres
            spikes[sample, np.floor((run[unit] - 60.0) / 0.005 + 1e-6).astype(int), column] = 1
    generated = xr.DataArray(spikes, dims=("sample", "time", "unit"), attrs={"bin_size": 0.005})
    pd.testing.assert_frame_equal(stored, nsg.realism(generated, test), check_dtype=False)
    assert stored.attrs["stretch"] == 10
    printed = CliRunner().invoke(cli, ["score", str(out)])
    assert "unit: rate" in printed.stdout
    page = nsg.report(out, tmp_path / "run.html")
    assert [row["statistic"] for row in read_table(page, "realism")] == stored.statistic.tolist()


def test_judges_say_what_the_run_is_like_and_their_words_are_stored(coarse, recording, tmp_path):
    simulation = nsg.simulate("in_vivo", num_units=6, duration=120, seed=4)
    path = nsg.convert_sorting(
        simulation.sorting, tmp_path / "sub-b_ecephys.nwb", metadata=metadata_of(simulation)
    )
    out = tmp_path / "sub-b_desc-spikegen_ecephys.nwb"
    arguments = ["generate", coarse, path, "--out", out, "--free-run", "30", "--bin-size", "0.005"]
    arguments += ["--judge", "--compare-with", recording]
    result = CliRunner().invoke(cli, [*map(str, arguments)])
    assert result.exit_code == 0, result.output
    stored = read_verdicts(out)
    own = f"trees, by {Path(recording).name}"
    assert stored.judge.tolist() == ["trees", "trees", "convolutional", "convolutional", own, own]
    assert stored.train.tolist() == ["generated", "observed before"] * 2 + ["generated", Path(recording).name]
    assert ((stored.ci_low <= stored.roc_auc) & (stored.roc_auc <= stored.ci_high)).all()
    # the same words, from what is stored
    units = nsg.open_units(path, bin_size=0.005)
    parts = nsg.split_fractions(units)
    before = units.isel(time=slice(12_000, 18_000))
    told = judge_likeness(before, parts.test, judge="convolutional", num_shuffles=0)
    assert stored.roc_auc[3] == pytest.approx(told.roc_auc)
    printed = CliRunner().invoke(cli, ["score", str(out)]).stdout
    assert "told from recorded" in printed
    assert Path(recording).name in printed
    assert "told from recorded" in result.stdout
    shown = read_table(nsg.report(out, tmp_path / "run.html"), "verdicts")
    assert [row["judge"] for row in shown] == stored.judge.tolist()
    findings = nsg.validate_file(out)
    assert not (findings.severity == "error").any(), findings
