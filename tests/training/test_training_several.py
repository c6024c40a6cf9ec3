"""Training on several recordings: balanced, held out, remembered."""

from __future__ import annotations

import json
import shutil

import pytest
from click.testing import CliRunner

import nwbspikegen as nsg
from nwbspikegen.cli import cli
from nwbspikegen.core.errors import InputError
from nwbspikegen.models import build_model
from nwbspikegen.simulation import metadata_of
from nwbspikegen.training.loaders import make_validation_loaders

_WINDOW = ["--skip-units", "0", "--duration", "16", "--epochs", "1"]


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("several")
    paths = []
    for seed, (preparation, num_units) in enumerate((("in_vitro", 5), ("in_vivo", 7), ("in_vivo", 4))):
        simulation = nsg.simulate(preparation, num_units=num_units, duration=16, seed=seed)
        metadata = metadata_of(simulation)
        metadata["Subject"]["subject_id"] = f"s{seed}"
        path = folder / f"sub-s{seed}_ecephys.nwb"
        paths.append(nsg.convert_sorting(simulation.sorting, path, metadata=metadata))
    return paths


def _train(*arguments: object):
    return CliRunner().invoke(cli, ["train", *map(str, arguments), *_WINDOW])


def test_a_recording_that_is_held_out_is_scored_and_not_trained_on(recordings, tmp_path):
    out = tmp_path / "model"
    result = _train(*recordings, "--hold-out", recordings[1], "--out", out, "--json")
    assert result.exit_code == 0, result.output
    printed = json.loads(result.stdout)
    assert list(printed["held_out"]) == [str(recordings[1])]
    predictors = {row["predictor"] for row in printed["held_out"][str(recordings[1])]}
    assert {"in_context", "untrained", "online_hazard", "history_glm", "mean_rate"} <= predictors
    training = nsg.load_model(out).training
    assert [source["subject_id"] for source in training["sources"]] == ["s0", "s2"]
    assert list(training["held_out"]) == [recordings[1].name]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model"]


def test_each_is_held_out_once_and_the_model_knows_all(recordings, tmp_path):
    result = _train(*recordings, "--hold-out", "--out", tmp_path / "model")
    assert result.exit_code == 0, result.output
    training = nsg.load_model(tmp_path / "model").training
    assert len(training["sources"]) == len(training["held_out"]) == 3
    assert result.stdout.count("held out") == 3


def test_every_recording_of_training_is_opened_as_it_was(recordings, tmp_path):
    assert _train(*recordings[:2], "--out", tmp_path / "model").exit_code == 0
    for number, path in enumerate(recordings):
        out = tmp_path / f"out{number}_desc-spikegen_ecephys.nwb"
        arguments = ["generate", tmp_path / "model", path, "--out", out, "--skip-units", "0"]
        result = CliRunner().invoke(cli, [str(argument) for argument in arguments])
        assert result.exit_code == 0, result.output
        assert ("is a file of training" in result.stderr) == (number < 2)
        audits = nsg.read_audits(out)
        assert audits.passed.all(), audits
        assert (audits.audit == "independence").sum() == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--hold-out", "other.nwb"], "one of the recordings given"),
        (["--model", "shimono2026"], "2 recordings for shimono2026"),
    ],
)
def test_what_cannot_be_is_refused(recordings, tmp_path, arguments, message):
    result = _train(*recordings[:2], "--out", tmp_path / "model", *arguments)
    assert result.exit_code == 2, result.output
    assert message in result.stderr
    assert not (tmp_path / "model").exists()


def test_a_recording_is_one_however_it_is_spelled(recordings, tmp_path):
    """Nor does a copy of it become another, which could be held out."""
    first, second = recordings[:2]
    spelled = first.parent / ".." / first.parent.name / second.name
    result = _train(first, second, "--hold-out", spelled, "--out", tmp_path / "model")
    assert result.exit_code == 0, result.output
    copy = shutil.copy(first, tmp_path / "copy.nwb")
    for again in (first, copy):
        result = _train(first, second, again, "--hold-out", first, "--out", tmp_path / "other")
        assert result.exit_code == 2, result.output
        assert "one recording twice" in result.stderr
    assert not (tmp_path / "other").exists()


def test_one_recording_cannot_be_held_out(recordings, tmp_path):
    result = _train(recordings[0], "--hold-out", "--out", tmp_path / "model")
    assert result.exit_code == 2
    assert "all held out" in result.stderr


def test_pairs_that_do_not_belong_together_are_refused(recordings):
    first, second = (nsg.split_fractions(nsg.open_units(path)) for path in recordings[:2])
    for train, validation, message in (
        ([first.train], [second.validation], "different recordings"),
        ([first.train, second.train], [second.validation, first.validation], "different recordings"),
        ([first.train, first.validation], [first.validation, first.test], "in both segments"),
        ([first.train, first.train], [first.validation, first.test], "in both segments"),
    ):
        with pytest.raises(InputError, match=message):
            nsg.train(train, validation, epochs=1, progress=False)


def test_validation_pairs_are_shared_among_recordings():
    """What is held does not grow with the recordings; of one alone nothing changes."""
    network = build_model("in_context", 4, validation_samples=6000)
    parts = [
        nsg.split_fractions(
            nsg.open_units(nsg.simulate("in_vivo", num_units=4, duration=20, seed=seed).sorting)
        )
        for seed in range(3)
    ]

    def count(parts) -> list[int]:
        loaders = make_validation_loaders(
            network, [each.train for each in parts], [each.validation for each in parts], seed=0
        )
        return [sum(batch.target.numel() for batch in loader) for loader in loaders]

    (alone,) = count(parts[:1])
    # 5,000 bins of 4 units: 1,500 bins are drawn, give or take three standard deviations of 32
    assert alone == pytest.approx(6000, abs=4 * 97)
    assert count(parts) == pytest.approx([2000] * 3, abs=4 * 64)


def test_an_architecture_that_knows_nothing_of_sharing_is_not_asked(monkeypatch):
    network = build_model("in_context", 4)
    parts = [
        nsg.split_fractions(
            nsg.open_units(nsg.simulate("in_vivo", num_units=4, duration=4, seed=seed).sorting)
        )
        for seed in range(2)
    ]
    examples, asked = network.validation_examples, []

    def own(spikes, first, bin_size, mean_rate, seed):
        asked.append(len(spikes))
        return examples(spikes, first, bin_size, mean_rate, seed)

    monkeypatch.setattr(network, "validation_examples", own)
    make_validation_loaders(network, [each.train for each in parts], [each.validation for each in parts], 0)
    assert len(asked) == 2
