"""A command bins every bin of its window once, whatever it does with it afterwards."""

from __future__ import annotations

import collections
import json
import mmap
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import nwbspikegen as nsg
from nwbspikegen.cli import cli
from nwbspikegen.core import large_arrays
from nwbspikegen.simulation import metadata_of
from nwbspikegen.views import holding
from nwbspikegen.views.lazy_spikes import BinnedSpikes

_WINDOW = ("--skip-units", "0", "--take-units", "8", "--epochs", "1", "--quiet")


@pytest.fixture
def binned(monkeypatch) -> collections.Counter[tuple[str, int]]:
    """Return how often each bin of each file is binned, from now on."""
    counted: collections.Counter[tuple[str, int]] = collections.Counter()
    fill = BinnedSpikes._fill

    def count(self, wanted, units):
        name = str(self.source.table.attrs["identifier"])
        counted.update((name, self.first + int(each)) for each in wanted)
        return fill(self, wanted, units)

    monkeypatch.setattr(BinnedSpikes, "_fill", count)
    return counted


def _run(*arguments: object) -> str:
    result = CliRunner().invoke(cli, [str(each) for each in arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture(scope="module")
def recording(tmp_path_factory) -> Path:
    simulated = nsg.simulate("in_vivo", num_units=8, duration=12, seed=3)
    path = tmp_path_factory.mktemp("binned") / "a.nwb"
    return nsg.convert_sorting(simulated.sorting, path, metadata=metadata_of(simulated))


@pytest.fixture(scope="module")
def model(recording: Path) -> Path:
    _run("train", recording, "--out", recording.with_name("model"), *_WINDOW)
    return recording.with_name("model")


@pytest.fixture(scope="module")
def derived(recording: Path, model: Path) -> Path:
    _run("generate", model, recording, "--out", recording.with_name("out.nwb"), "--quiet")
    return recording.with_name("out.nwb")


def test_train(recording, tmp_path, binned):
    _run("train", recording, "--out", tmp_path / "model", *_WINDOW)
    assert set(binned.values()) == {1}
    assert len(binned) == 12_000


@pytest.mark.parametrize(
    "options",
    [[], ["--context", "cold"], ["--segment", "all"], ["--segment", "validation"], ["--free-run", "1"]],
)
def test_generate(recording, model, tmp_path, binned, options):
    _run("generate", model, recording, "--out", tmp_path / "out.nwb", "--quiet", *options)
    assert set(binned.values()) == {1}
    assert len(binned) == 12_000


def test_score_again(derived, binned):
    stored = json.loads(_run("score", derived, "--json", "--quiet"))
    # the trains of the segment are described
    assert set(binned.values()) == {1}
    assert len(binned) == 3_000
    binned.clear()
    again = json.loads(_run("score", derived, "--json", "--quiet", "--recompute"))
    assert set(binned.values()) == {1}
    assert len(binned) == 12_000
    for one, other in zip(stored["scores"], again["scores"], strict=True):
        assert one["predictor"] == other["predictor"]
        assert one["value"] == pytest.approx(other["value"], rel=1e-6, nan_ok=True)


def test_cells_of_a_study(recording, tmp_path, binned):
    simulated = nsg.simulate("in_vivo", num_units=8, duration=12, seed=4)
    other = nsg.convert_sorting(simulated.sorting, tmp_path / "b.nwb", metadata=metadata_of(simulated))
    study = nsg.TransferStudy.create(
        tmp_path / "study",
        [recording, other],
        options=nsg.WindowOptions(skip_units=0, take_units=8),
        models=["in_context"],
        epochs=1,
    )
    assert not binned
    study.run()
    # a training, the cells of a column, and the column: tasks of their own, which any worker may do
    assert set(binned.values()) == {3}
    assert len(binned) == 24_000


def test_what_is_large_is_held_in_a_file(recording, monkeypatch, binned):
    units = nsg.open_units(recording)
    parts = nsg.split_fractions(units)
    monkeypatch.setattr(large_arrays, "_MOST_HELD", units.spikes.nbytes - 1)
    held, cut = holding.hold_window(units, parts)
    owner = held.spikes.values
    while isinstance(owner, np.ndarray):
        owner = owner.base
    assert isinstance(owner, mmap.mmap)
    np.testing.assert_array_equal(cut.test.spikes, parts.test.spikes)
    assert np.shares_memory(cut.test.spikes.values, held.spikes.values)
    assert cut.test.attrs == parts.test.attrs
