"""What a recording holds and what is odd about it is said before any number."""

from __future__ import annotations

import json
import logging

import h5py
import numpy as np
import pytest
from click.testing import CliRunner
from range_server import serve
from views_nwb import replace_column, write_units

import nwbspikegen as nsg
from nwbspikegen.cli import cli
from nwbspikegen.core.errors import InputError
from nwbspikegen.views import find_duplicates, measuring, open_window, surveying

_OPTIONS = nsg.WindowOptions(skip_units=0, duration=60.0)


def _draw(num_units=6, seconds=60.0, rate=8.0, seed=0):
    """Return Poisson trains with at least two milliseconds between spikes."""
    rng = np.random.default_rng(seed)
    trains = [np.sort(rng.uniform(0.0, seconds, int(rate * seconds))) for _ in range(num_units)]
    return [train[np.diff(train, prepend=-1.0) > 0.002] for train in trains]


def _names(found: nsg.Survey) -> set[str]:
    return {finding.name for finding in found.findings}


def _run(*arguments: object):
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


def test_nothing_is_odd_about_an_ordinary_recording(tmp_path):
    trains = _draw()
    found = nsg.survey(write_units(tmp_path / "a.nwb", trains, observed=(0.0, 60.0)))
    assert found.findings == ()
    assert (found.num_units, found.num_units_there, found.num_units_read) == (6, 6, 6)
    assert found.num_spikes == sum(map(len, trains))
    assert (found.start, found.stop, found.observed_share) == (0.0, 60.0, 1.0)
    assert found.rates_hz[1] == pytest.approx(np.median([len(train) / 60 for train in trains]))
    assert found.shortest_interval_ms == pytest.approx(
        np.median([1000 * np.diff(train).min() for train in trains])
    )
    assert "nothing odd was found" in str(found)


def test_a_survey_agrees_with_the_view(tmp_path):
    path = write_units(tmp_path / "a.nwb", _draw(rate=100.0), observed=(0.0, 60.0))
    units = nsg.open_units(path, start=10.0, duration=20.0, bin_size=0.01).isel(unit=[4, 1])
    found = nsg.survey(units)
    counted = nsg.open_units(path, start=10.0, duration=20.0, bin_size=0.01, binary=False).isel(unit=[4, 1])
    assert found.num_spikes == int(counted.spikes.sum())
    assert found.num_merged == int(counted.spikes.sum()) - int(units.spikes.sum())
    assert found.units.index.tolist() == units.unit.values.tolist()
    assert found.units.num_spikes.tolist() == counted.spikes.values.sum(axis=0).tolist()
    assert "merged" in _names(found)


@pytest.mark.parametrize(("scale", "rate"), [(30_000, 0.00026), (1000, 0.0079)])
@pytest.mark.parametrize("observed", [None, (0.0, 60.0)])
def test_times_in_samples_or_milliseconds_are_refused(tmp_path, caplog, scale, rate, observed):
    trains = [np.round(train * scale) for train in _draw()]
    path = write_units(tmp_path / "samples.nwb", trains, observed=observed)
    (finding,) = [each for each in nsg.survey(path).findings if each.is_fatal]
    assert finding.name == "whole_times"
    assert f"{rate:.2g} Hz per unit" in finding.text
    with pytest.raises(InputError, match="that are all whole numbers"):
        open_window(path, _OPTIONS)
    assert open_window(path, _OPTIONS, accept_odd=True)[0].sizes["unit"] == 6
    with caplog.at_level(logging.WARNING, logger="nwbspikegen"):
        nsg.open_units(path, duration=60.0)
    assert "samples or milliseconds?" in caplog.text


def test_an_hour_of_samples_can_be_surveyed(tmp_path):
    path = write_units(tmp_path / "a.nwb", [np.round(train * 30_000) for train in _draw(2, 3600.0)])
    assert {"whole_times", "duration"} <= _names(nsg.survey(path))


def test_whole_seconds_at_plausible_rates_are_told_and_taken(tmp_path):
    path = write_units(tmp_path / "a.nwb", [np.arange(40.0), np.arange(30.0)])
    assert [finding.severity for finding in nsg.survey(path).findings if finding.name == "whole_times"] == [
        "warning"
    ]


def test_milliseconds_with_decimals_are_told(tmp_path):
    trains = _draw()
    assert "milliseconds" in _names(
        nsg.survey(write_units(tmp_path / "ms.nwb", [1000 * train for train in trains]))
    )
    # a slow population that bursts is no such thing
    slow = [np.concatenate([start + np.arange(5) * 0.01 for start in train[::8] * 100]) for train in trains]
    assert "milliseconds" not in _names(nsg.survey(write_units(tmp_path / "slow.nwb", slow)))


def test_a_clock_that_starts_again_is_refused(tmp_path):
    trains = [np.concatenate([train, train[train < 20], train]) for train in _draw(seconds=30.0)]
    path = write_units(tmp_path / "takes.nwb", trains)
    with pytest.raises(InputError, match=r"a clock that starts again in the trains of 6 of 6 units"):
        open_window(path, _OPTIONS)
    # one unit of many was sorted twice, perhaps
    few = write_units(tmp_path / "few.nwb", [*_draw(20, 30.0), trains[0]])
    assert [
        finding.severity for finding in nsg.survey(few).findings if finding.name == "restarted_clock"
    ] == ["warning"]


def test_shuffled_times_are_sorted_and_told(tmp_path):
    rng = np.random.default_rng(1)
    path = write_units(tmp_path / "a.nwb", [rng.permutation(train) for train in _draw()])
    found = nsg.survey(path)
    assert _names(found) == {"not_ascending"}
    assert found.findings[0].severity == "note"


def test_steps_back_are_counted_across_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr("nwbspikegen.nwb.page_index.BLOCK", 7)
    path = write_units(tmp_path / "a.nwb", [np.r_[0:14, 0:9], np.r_[3:5], np.r_[5.5, 0:3]])
    clocks = nsg.open_units(path).spikes.encoding["binned"].source.read_clocks([0, 1, 2])
    assert clocks.num_steps_back.tolist() == [1, 0, 1]
    assert clocks.largest_step_back.tolist() == [13.0, 0.0, 5.5]
    assert not clocks.is_whole


def test_gaps_and_what_lies_in_them(tmp_path):
    trains = _draw()
    path = write_units(tmp_path / "a.nwb", trains, observed=(0.0, 60.0))
    with h5py.File(path, "r+") as file:
        del file["units/obs_intervals"], file["units/obs_intervals_index"]
        file["units/obs_intervals"] = np.tile([[0.0, 10.0], [28.0, 60.0]], (6, 1))
        file["units/obs_intervals_index"] = 2 * np.arange(1, 7)
    found = nsg.survey(path, exclude=[(50.0, 51.0)])
    texts = {finding.name: str(finding) for finding in found.findings}
    assert "2 gaps of 19 s in all (31.7%), the first from 10 to 28 s" in texts["gaps"]
    assert "--exclude" in texts["gaps"]
    inside = sum(int(np.sum((train > 10) & (train < 28) | (train > 50) & (train < 51))) for train in trains)
    assert texts["unobserved_spikes"].startswith(f"{inside:,} of {found.num_spikes:,} spikes")
    assert (found.observed_seconds, found.observed_share) == (41.0, pytest.approx(41 / 60))


def test_units_observed_at_different_times(tmp_path):
    path = write_units(tmp_path / "a.nwb", [[0.1, 9.0], [0.2]])
    with h5py.File(path, "r+") as file:
        file["units/obs_intervals"] = [[0.0, 1.0], [8.0, 10.0], [0.0, 10.0]]
        file["units/obs_intervals_index"] = [2, 3]
    (finding,) = [each for each in nsg.survey(path).findings if each.name == "gaps"]
    assert "30% to 100% of the window each; gaps of any unit: 1, the first from 1 to 8 s" in finding.text


def test_a_window_without_an_observed_bin_is_refused(tmp_path):
    path = write_units(tmp_path / "a.nwb", _draw(), observed=(0.0, 60.0))
    with pytest.raises(InputError, match=r"no unit observed from 0 to 60 s, in a\.nwb"):
        open_window(path, nsg.WindowOptions(skip_units=0, exclude=((0.0, 60.0),)))


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (lambda train: np.concatenate([train, train + 86_400]), "silence"),
        (lambda train: train + 3600.0, "late_clock"),
        (lambda train: train - 5.0, "negative_times"),
        (lambda train: train / 1000, "high_rates"),
        (lambda train: train * 20_000.5, "duration"),
        (lambda train: train * 20_000.5, "low_rates"),
        (lambda train: np.sort(np.concatenate([train, train + 0.0005])), "refractory"),
    ],
)
def test_what_is_odd_has_a_name(tmp_path, change, name):
    path = write_units(tmp_path / "a.nwb", [change(train) for train in _draw()])
    (finding,) = [each for each in nsg.survey(path).findings if each.name == name]
    assert finding.option
    assert not finding.is_fatal


def test_coarse_times_outside_spikes_silent_and_equal_units(tmp_path):
    trains = _draw()
    path = write_units(tmp_path / "a.nwb", [*trains, trains[0] + 1e-4, []], observed=(0.0, 50.0))
    assert {"outside", "silent", "duplicates"} <= _names(nsg.survey(path))
    late = [train + 40_000.0 for train in trains]
    path = write_units(tmp_path / "b.nwb", late)
    replace_column(path, "spike_times", np.concatenate(late).astype(np.float32))
    assert "coarse" in _names(nsg.survey(path))


def test_with_too_many_spikes_some_units_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr(measuring, "_MOST_SPIKES", 1000)
    monkeypatch.setattr(surveying, "_MOST_COMPARED", 1000)
    found = nsg.survey(write_units(tmp_path / "a.nwb", _draw(12), observed=(0.0, 60.0)))
    assert found.num_units_read == 2
    assert found.units.index.tolist() == [10, 16]
    assert f"{found.num_spikes:,} spikes of the 2 read" in str(found)


def test_on_the_web_too(tmp_path):
    path = write_units(tmp_path / "a.nwb", _draw(), observed=(0.0, 60.0))
    with serve(tmp_path) as server:
        found = nsg.survey(f"{server.url}/a.nwb")
    assert found.name == "a.nwb"
    assert found.num_spikes == nsg.survey(path).num_spikes
    assert found.findings == ()


def test_duplicates_are_compared_where_both_were_observed(tmp_path):
    train = _draw(1)[0]
    path = write_units(tmp_path / "a.nwb", [train, train[train < 20], _draw(1, seed=4)[0]])
    with h5py.File(path, "r+") as file:
        file["units/obs_intervals"] = [[0.0, 60.0], [0.0, 20.0], [0.0, 60.0]]
        file["units/obs_intervals_index"] = [1, 2, 3]
    (pair,) = find_duplicates(nsg.open_units(path)).itertuples(index=False)
    assert (pair.unit, pair.other, pair.num_shared, pair.share) == (10, 11, int((train < 20).sum()), 1.0)


def test_info_prints_and_json_says_the_same(tmp_path):
    trains = _draw()
    path = write_units(tmp_path / "a.nwb", [np.concatenate([train, train]) for train in trains])
    printed = _run("info", path)
    assert printed.exit_code == 0, printed.output
    assert "FATAL     a clock that starts again" in printed.stdout
    told = json.loads(_run("info", path, "--json", "--duration", 30).stdout)
    assert told["kind"] == "recording"
    assert told["stop"] - told["start"] == pytest.approx(30.0)
    (fatal,) = [each for each in told["findings"] if each["is_fatal"]]
    assert set(fatal) == {"name", "text", "option", "severity", "is_fatal"}
    (tmp_path / "folder").mkdir()
    wrong = _run("info", tmp_path / "folder")
    assert (wrong.exit_code, wrong.stderr.count("\n")) == (2, 1)
    assert "the folder of a model" in wrong.stderr


def test_commands_refuse_what_is_odd_in_one_line_and_go_on_when_told_to(tmp_path):
    path = write_units(tmp_path / "a.nwb", [np.concatenate([train, train]) for train in _draw(seconds=20.0)])
    options = ["--skip-units", "0", "--epochs", "1", "--out", tmp_path / "model"]
    for command in ("train", "sweep"):
        extra = ["--vary", "width=8"] if command == "sweep" else []
        refused = _run(command, path, *options, *extra)
        assert refused.exit_code == 2
        assert "--accept-odd goes on all the same" in refused.stderr.splitlines()[-1]
        assert "in a.nwb" in refused.stderr
    done = _run("train", path, *options, "--accept-odd")
    assert done.exit_code == 0, done.output
    told = done.stderr
    assert told.index("a.nwb: 6 of 6 units") < told.index("a.nwb, FATAL: a clock") < told.index("training")
    # what the model was trained with holds where it is used on the same file
    about = _run("info", tmp_path / "model")
    assert "a model, in_context" in about.stdout
    units, _ = open_window(path, nsg.WindowOptions.from_dict({"accept_odd": True, "skip_units": 0}))
    assert units.sizes["unit"] == 6


def test_few_spikes_are_told(tmp_path, caplog):
    path = write_units(tmp_path / "a.nwb", _draw(2, 60.0, 0.5), observed=(0.0, 60.0))
    with caplog.at_level(logging.INFO, logger="nwbspikegen"):
        open_window(path, _OPTIONS)
    assert "spikes in the test segment: its scores mean nothing" in caplog.text
    caplog.clear()
    with caplog.at_level(logging.INFO, logger="nwbspikegen"):
        open_window(path, _OPTIONS, report=False)
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("retina_stafford_wt", set()),
        ("retina_stafford_ko", {"duplicates", "late_clock"}),
        ("retina_sun_duplicate_unit", {"duplicates", "refractory"}),
        ("A8604-211122", set()),
        ("retina_maccione_hdmea", {"duplicates", "refractory"}),
    ],
)
def test_real_recordings(shared_data, name, expected):
    found = nsg.survey(shared_data / "nwb" / f"{name}.nwb")
    assert _names(found) == expected
    pairs = [finding.text for finding in found.findings if finding.name == "duplicates"]
    if name == "retina_sun_duplicate_unit":
        assert pairs[0].startswith("3 pairs")
    if name == "retina_maccione_hdmea":
        assert "neighbouring electrodes" in pairs[0]
