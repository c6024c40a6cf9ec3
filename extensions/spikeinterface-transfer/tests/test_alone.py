"""The extension by itself, as it is when it was installed from its own wheel."""

from __future__ import annotations

import nwbspikegen_si as nsi
from spikeinterface.core.sortinganalyzer import get_extension_class

import nwbspikegen as nsg


def test_importing_registers_it():
    assert get_extension_class("nwbspikegen_generation") is nsi.ComputeSpikeGeneration


def test_public_names_are_documented():
    assert all(getattr(nsi, name).__doc__ for name in nsi.__all__)


def test_a_sorting_is_trained_on_and_predicted(tmp_path):
    sorting = nsg.simulate("in_vivo", num_units=4, duration=20.0, seed=1).sorting
    quick = {"epochs": 1, "device": "cpu", "progress": False, "width": 8, "training_samples": 20_000}
    nsi.train_spike_model(sorting, tmp_path / "model", **quick)
    analyzer = nsi.create_spike_analyzer(sorting)
    analyzer.compute("nwbspikegen_generation", model=tmp_path / "model", baselines=["running_rate"])
    found = analyzer.get_extension("nwbspikegen_generation").get_data()
    assert found.spike_probability.shape == (5000, 4)
    assert found.audits.passed.all()
