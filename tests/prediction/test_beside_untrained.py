"""A model beside itself before training."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import xarray as xr

import nwbspikegen as nsg
from nwbspikegen.commands.beside import generate_with_beside, leave_untrained, require_beside
from nwbspikegen.core.errors import InputError
from nwbspikegen.models import FittedModel, build_model
from nwbspikegen.prediction.beside_untrained import generate_beside_untrained
from nwbspikegen.scoring import paired_difference
from nwbspikegen.views import Split


@pytest.fixture(scope="module")
def window() -> tuple[xr.Dataset, Split]:
    units = nsg.open_units(nsg.simulate("in_vivo", num_units=5, duration=24, seed=2).sorting)
    return units, nsg.split_fractions(units, (0.5, 0.25, 0.25))


@pytest.fixture(scope="module")
def model() -> FittedModel:
    """One that is not what it was: its last bias says that spikes are rarer."""
    module = build_model("in_context", num_units=5)
    with torch.no_grad():
        module.network[-1].bias -= 1.0
    return FittedModel(module.eval(), "bernoulli", 0.001, {"seed": 3})


def test_both_predict_as_they_would_alone(model: FittedModel, window: tuple[xr.Dataset, Split]) -> None:
    units, parts = window
    trained, untrained = generate_beside_untrained(model, parts.test, context=units)
    assert trained.identical(nsg.generate(model, parts.test, context=units))
    alone = nsg.generate(model.before_training(), parts.test, context=units)
    assert np.array_equal(untrained.values, alone.values)
    assert untrained.attrs["model"] == "untrained"
    assert not np.array_equal(untrained.values, trained.values)


def test_what_was_not_observed_is_missing_in_both(
    model: FittedModel, window: tuple[xr.Dataset, Split]
) -> None:
    units, parts = window
    seen = np.ones((units.sizes["time"], 5), dtype=bool)
    seen[-1000:, 2] = False
    masked = units.assign(observed=(("time", "unit"), seen))
    segment = masked.isel(time=slice(-parts.test.sizes["time"], None))
    trained, untrained = generate_beside_untrained(model, segment, context=masked)
    missing = np.isnan(untrained.values)
    assert missing[-1000:, 2].all()
    assert missing.sum() == 1000
    assert np.array_equal(missing, np.isnan(trained.values))


def test_before_training_it_is_a_new_model_of_the_same_settings(model: FittedModel) -> None:
    state = torch.random.get_rng_state()
    before = model.before_training()
    assert torch.equal(state, torch.random.get_rng_state())
    assert before.parameters == model.parameters
    assert before.sha256 == model.before_training().sha256 != model.sha256


def test_initial_weights_of_a_window_are_no_predictor(window: tuple[xr.Dataset, Split]) -> None:
    units, parts = window
    settings = {"window": 50, "heads": 1, "width": 8}
    known = build_model("shimono2026", num_units=5).parameters_used
    module = build_model(
        "shimono2026", num_units=5, **{name: value for name, value in settings.items() if name in known}
    )
    fitted = FittedModel(module.eval(), "dice", 0.001)
    assert not module.predicts_untrained
    predicted, others = generate_with_beside(
        fitted, parts.test.isel(time=slice(200)), context=units, names=None
    )
    assert (predicted.sizes["time"], others) == (200, {})


def test_names_choose_and_are_checked(model: FittedModel, window: tuple[xr.Dataset, Split]) -> None:
    units, parts = window
    short = parts.test.isel(time=slice(100))
    assert generate_with_beside(model, short, context=units, names=["mean_rate"])[1] == {}
    assert set(generate_with_beside(model, short, context=units, names=["untrained"])[1]) == {"untrained"}
    assert leave_untrained(["untrained", "mean_rate"]) == ["mean_rate"]
    assert leave_untrained(None) is None
    with pytest.raises(InputError, match="baseline 'trained'"):
        require_beside(["untrained", "trained"])


def test_the_gain_in_the_table_is_the_paired_difference(
    model: FittedModel, window: tuple[xr.Dataset, Split]
) -> None:
    units, parts = window
    trained, untrained = generate_beside_untrained(model, parts.test, context=units)
    table = nsg.score(
        trained,
        parts.test,
        train=parts.train,
        context=units,
        baselines=(),
        extra_predictions={"untrained": untrained},
        resamples=20,
    )
    rows = table[(table.metric == "bits_per_spike") & (table["null"] == "untrained")].set_index("predictor")
    spikes = np.asarray(parts.test.spikes.values)
    expected = paired_difference(trained.values, untrained.values, spikes, bin_size=0.001, resamples=20)
    assert rows.value["in_context"] == pytest.approx(expected.value)
    assert rows.value["untrained"] == 0
    assert rows.value["in_context"] < 0
