"""Curves by seconds of past: log-likelihoods as by hand, what is left out, and what a gain is worth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr

import nwbspikegen as nsg
from nwbspikegen.core.errors import InputError
from nwbspikegen.models import FittedModel, build_model
from nwbspikegen.scoring import make_baseline
from nwbspikegen.scoring.context_curves import ContextCurve, join_curves
from nwbspikegen.scoring.context_files import read_curve, write_curve
from nwbspikegen.views import Split
from nwbspikegen.views.observed import read_spikes


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
    return FittedModel(module.eval(), "bernoulli", 0.001)


@pytest.fixture(scope="module")
def curve(model: FittedModel, window: tuple[xr.Dataset, Split]) -> ContextCurve:
    return nsg.context_curve(model, window[1], context=(0, 2, "warm"), starts=4, scored=1)


def _by_hand(predicted: xr.DataArray, segment: xr.Dataset) -> float:
    probability = np.clip(predicted.values.astype(np.float64), 1e-6, 1 - 1e-6)
    return float(np.log2(np.where(read_spikes(segment) > 0, probability, 1 - probability)).sum())


@pytest.mark.parametrize("label", ["0", "2", "warm"])
def test_log_likelihoods_are_those_of_generate(
    label: str, curve: ContextCurve, model: FittedModel, window: tuple[xr.Dataset, Split]
) -> None:
    units, parts = window
    assert curve.data["start"].values.tolist() == pytest.approx([18.0, 19.666, 21.333, 23.0])
    predictors = {
        "in_context": model,
        "untrained": model.before_training(),
        "running_rate": make_baseline("running_rate"),
        "mean_rate": make_baseline("mean_rate").fit(read_spikes(parts.train), 0.001),
        "online_hazard": make_baseline("online_hazard"),
    }
    assert curve.predictors == list(predictors)
    for column, start in enumerate(curve.data["start"].values):
        first = round(start / 0.001)
        segment = units.isel(time=slice(first, first + 1000))
        begin = 0 if label == "warm" else first - round(float(label) / 0.001)
        past = units.isel(time=slice(begin, first)) if begin < first else None
        for name, predictor in predictors.items():
            expected = _by_hand(nsg.generate(predictor, segment, context=past), segment)
            found = curve.log_likelihood(name)[curve.contexts.index(label), column]
            assert found == pytest.approx(expected, abs=1e-6), name
        assert int(curve.data["num_spikes"][column]) == int(read_spikes(segment).sum())


def test_the_target_is_known_to_what_was_fitted_on_it(curve: ContextCurve) -> None:
    assert [name for name in curve.predictors if curve.knows_target(name)] == ["mean_rate"]
    table = curve.bits()
    assert set(table.null) == {"running_rate"}
    assert table[table.knows_target].predictor.unique().tolist() == ["mean_rate"]
    assert table[table.context == "warm"].seconds.iloc[0] == pytest.approx(20.5, abs=0.01)


def test_models_read_together_as_alone(
    curve: ContextCurve, model: FittedModel, window: tuple[xr.Dataset, Split]
) -> None:
    other = FittedModel(build_model("in_context", num_units=5).eval(), "bernoulli", 0.001)
    how = {"context": (0, 2, "warm"), "starts": 4, "scored": 1}
    both = nsg.context_curve({"a": model, "b": other}, window[1], **how)
    assert both.predictors[:3] == ["a", "b", "untrained"]
    assert np.array_equal(both.log_likelihood("a"), curve.log_likelihood("in_context"))
    # the other is what it was: exactly so much is it worth
    assert np.array_equal(both.log_likelihood("b"), both.log_likelihood("untrained"))
    worth = both.worth_seconds("b")
    assert worth.worth_seconds.tolist() == both.seconds.tolist()
    assert worth.gained_seconds.tolist() == [0.0, 0.0, 0.0]
    joined = join_curves([curve, both])
    assert joined.predictors == [*curve.predictors, "a", "b"]
    assert np.array_equal(joined.log_likelihood("a"), joined.log_likelihood("in_context"))


def test_a_segment_with_its_window_is_a_split(
    curve: ContextCurve, model: FittedModel, window: tuple[xr.Dataset, Split]
) -> None:
    units, parts = window
    how = {"context": (0, 2, "warm"), "starts": curve.data["start"].values.tolist(), "scored": 1}
    found = nsg.context_curve(model, parts.test, window=units, train=parts.train, **how)
    assert found.data.identical(curve.data)


def test_without_a_window_starts_lie_within_the_segment(
    model: FittedModel, window: tuple[xr.Dataset, Split], caplog: pytest.LogCaptureFixture
) -> None:
    found = nsg.context_curve(model, window[0], context=(0, 10, 20), starts=50, scored=1)
    # up to the middle start, 11.5 s; and no bin is scored twice
    assert found.contexts == ["0", "10"]
    assert "20" in found.data.attrs["left_out"]
    assert float(found.data["start"][0]) == 10.0
    assert found.data.sizes["start"] == 14
    assert "mean_rate is left out" in caplog.text


def test_only_what_was_observed_is_scored(model: FittedModel, window: tuple[xr.Dataset, Split]) -> None:
    units, _ = window
    seen = np.ones((units.sizes["time"], 5), dtype=bool)
    # one unit lacks half of what follows the first start, all lack most of what follows the second
    seen[10_000:10_500, 0] = False
    seen[12_000:12_900] = False
    # and the context of the last was mostly not observed, but not what is scored
    seen[14_100:15_900] = False
    masked = units.assign(observed=(("time", "unit"), seen))
    segment = masked.isel(time=slice(10_000, None))
    how = {"starts": [10.0, 12.0, 16.0, 20.0], "scored": 1, "context": (0, 2), "window": masked}
    found = nsg.context_curve(model, segment, **how)
    assert found.data["start"].values.tolist() == pytest.approx([10.0, 20.0])
    assert found.data["observed_fraction"].values.tolist() == pytest.approx([0.9, 1.0])
    assert found.data.attrs["left_out"].keys() == {"2 of 4 starts"}
    spikes = read_spikes(units)[10_000:11_000].copy()
    spikes[:500, 0] = 0
    assert int(found.data["num_spikes"][0]) == int(spikes.sum())


def test_what_cannot_be_measured_is_refused(model: FittedModel, window: tuple[xr.Dataset, Split]) -> None:
    _, parts = window
    with pytest.raises(InputError, match="7 s to score after each start, in a segment of 6 s"):
        nsg.context_curve(model, parts, scored=7)
    with pytest.raises(InputError, match="'soon'"):
        nsg.context_curve(model, parts, context=("soon",))
    with pytest.raises(InputError, match="2 models with 1 names"):
        nsg.context_curve([model, model], parts, scored=1)
    with pytest.raises(InputError, match="starts at bins"):
        nsg.context_curve(model, parts, context=(0, 2), starts=[18.0, 18.5], scored=1)
    wide = nsg.open_units(nsg.simulate("in_vivo", num_units=5, duration=24, seed=2).sorting, bin_size=0.002)
    with pytest.raises(InputError, match=r"bins of 0\.002 s"):
        nsg.context_curve(model, nsg.split_fractions(wide), scored=1)


def test_bins_that_a_model_was_trained_on_are_refused(window: tuple[xr.Dataset, Split]) -> None:
    _, parts = window
    source = {"identifier": "x"}
    training = {"sources": [source], "split": {"train": [0.0, 12.0], "validation": [12.0, 18.0]}}
    module = build_model("in_context", num_units=5).eval()
    model = FittedModel(module, "bernoulli", 0.001, training)
    marked = Split(
        *(part.assign_attrs(identifier="x") for part in (parts.train, parts.validation, parts.test))
    )
    found = nsg.context_curve(model, marked, context=(0, 1), starts=3, scored=1)
    assert found.knows_target("in_context")
    assert not found.knows_target("untrained")
    with pytest.raises(InputError, match="which was trained on"):
        nsg.context_curve(model, marked.train, context=(0, 1), starts=3, scored=1)


def test_a_curve_is_read_as_it_was_written(curve: ContextCurve, tmp_path: Path) -> None:
    write_curve(tmp_path / "curve.npz", curve)
    found = read_curve(tmp_path / "curve.npz")
    xr.testing.assert_identical(found.data.drop_attrs(), curve.data.drop_attrs())
    assert found.data.attrs["untrained"] == {"in_context": "untrained"}
    assert found.worth_seconds().equals(curve.worth_seconds())
    (tmp_path / "curve.npz").write_bytes((tmp_path / "curve.npz").read_bytes()[:-50])
    with pytest.raises(InputError, match="measure the curve again"):
        read_curve(tmp_path / "curve.npz")
