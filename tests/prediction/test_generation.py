"""One step ahead: the same through any context, and no leak passes the audit."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from populations import small_population, small_split
from torch.nn import functional

import nwbspikegen as nsg
from nwbspikegen.core.errors import InputError
from nwbspikegen.models import FittedModel, build_model
from nwbspikegen.models.shimono2026 import EncoderLayer
from nwbspikegen.scoring.baselines import BASELINES


def _transformer() -> FittedModel:
    torch.manual_seed(1)
    module = build_model("shimono2026", 8, num_heads=2, feedforward=8, num_bins=100).eval()
    return FittedModel(module, "dice", 0.001)


def _failed(model) -> set[str]:
    audits = nsg.audit(model, small_split())
    return set(audits.audit[~audits.passed.astype(bool)])


def test_an_honest_model_passes():
    assert _failed(_transformer()) == set()


def test_a_missing_mask_is_caught(monkeypatch):
    def without_mask(query, key, value, is_causal):
        return attend(query, key, value, is_causal=False)

    attend = functional.scaled_dot_product_attention
    monkeypatch.setattr(functional, "scaled_dot_product_attention", without_mask)
    assert "causality_future" in _failed(_transformer())


def test_a_target_equal_to_its_input_is_caught(monkeypatch):
    model = _transformer()
    predict = model.module.predict

    def one_bin_late(spikes, first, bin_size):
        # what a model trained to reproduce its input needs: the bin itself among the inputs
        return predict(np.vstack([spikes[1:], spikes[-1:]]), first, bin_size)

    monkeypatch.setattr(model.module, "predict", one_bin_late)
    assert "causality_same_bin" in _failed(model)


def test_statistics_of_the_whole_segment_are_caught(monkeypatch):
    forward = EncoderLayer.forward
    model = _transformer()
    predict = model.module.predict

    def normalised(spikes, first, bin_size):
        scale = 1 / (spikes.mean() + 0.01)
        monkeypatch.setattr(EncoderLayer, "forward", lambda layer, hidden: forward(layer, hidden * scale))
        return predict(spikes, first, bin_size)

    monkeypatch.setattr(model.module, "predict", normalised)
    assert "causality_statistics" in _failed(model)


def test_warm_and_cold_are_said_and_differ():
    units, parts = small_population(), small_split()
    model = BASELINES["running_rate"]()
    warm = nsg.generate(model, parts.test, context=units)
    cold = nsg.generate(model, parts.test)
    assert (warm.attrs["context"], float(warm.context_start)) == ("warm", 0.0)
    assert (cold.attrs["context"], float(cold.context_start)) == ("cold", 30.0)
    assert not np.array_equal(warm.values, cold.values)
    assert warm.dims == ("time", "unit")
    assert warm.dtype == np.float32
    np.testing.assert_array_equal(warm.time, parts.test.time)


def test_bins_of_the_segment_in_the_context_are_left_alone():
    units, parts = small_population(), small_split()
    before = units.isel(time=slice(0, 30_000))
    model = BASELINES["online_hazard"]()
    np.testing.assert_array_equal(
        nsg.generate(model, parts.test, context=units), nsg.generate(model, parts.test, context=before)
    )


def test_a_context_that_does_not_fit_is_refused():
    units, parts = small_population(), small_split()
    model = BASELINES["running_rate"]()
    with pytest.raises(InputError, match="without a gap"):
        nsg.generate(model, parts.test, context=parts.train)
    other = nsg.open_units(nsg.simulate("in_vivo", num_units=8, duration=40, seed=4).sorting)
    with pytest.raises(InputError, match="another recording"):
        nsg.generate(model, parts.test, context=other)
    with pytest.raises(InputError, match="other units"):
        nsg.generate(model, parts.test, context=units.isel(unit=slice(0, 4)))
