"""Controls: what is changed is what is said, costs are paired, models without attention have theirs."""

from __future__ import annotations

import functools

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from populations import small_population, small_split

import nwbspikegen as nsg
from nwbspikegen.explain.ablations import AblationOptions, ablate
from nwbspikegen.explain.disabling import predict_retrained, predict_without
from nwbspikegen.explain.explanation import explain
from nwbspikegen.explain.performance_drop import METRICS, Scored, find_drops, target_edges
from nwbspikegen.explain.perturbations import (
    CONTROLS,
    lag_perturbations,
    permute_units,
    remove_lags,
    shift_units,
)
from nwbspikegen.explain.results import state_results
from nwbspikegen.explain.targets import choose_targets, predict_targets
from nwbspikegen.explain.windows import observe
from nwbspikegen.models import FittedModel, build_model
from nwbspikegen.scoring import bits_per_spike, paired_difference, score_predictions
from nwbspikegen.scoring.blocks import split_blocks
from nwbspikegen.views.history import mean_rate_per_bin
from nwbspikegen.views.observed import read_spikes

_BIN = 0.001
_SETTINGS = {
    "in_context": {"width": 16},
    "shimono2026": {"num_heads": 2, "feedforward": 8, "num_bins": 60},
}


def _make(name: str, num_units: int = 6) -> FittedModel:
    torch.manual_seed(0)
    module = build_model(name, num_units, **_SETTINGS[name]).eval()
    with torch.no_grad():
        for weight in module.parameters():
            weight.add_(0.3 * torch.randn_like(weight))
    return FittedModel(module, module.default_loss, _BIN)


def _spikes(num_bins: int = 400, num_units: int = 6) -> np.ndarray:
    return (np.random.default_rng(1).random((num_bins, num_units)) < 0.1).astype(np.uint8)


@given(share=st.sampled_from([0.5, 0.95, 1.0]), seed=st.integers(0, 99))
def test_permutation_keeps_what_each_bin_counts_and_the_older_bins(share, seed):
    window = _spikes()
    changed = permute_units(window, np.random.default_rng(seed), share=share)
    older = 400 - round(share * 400)
    np.testing.assert_array_equal(changed[:older], window[:older])
    np.testing.assert_array_equal(changed.sum(axis=1), window.sum(axis=1))
    assert (changed[older:] != window[older:]).any()


def test_shifted_units_keep_their_spikes_but_not_their_times():
    window = _spikes()
    changed = shift_units(window, np.random.default_rng(0))
    np.testing.assert_array_equal(changed.sum(axis=0), window.sum(axis=0))
    for unit in range(6):
        rolls = [np.array_equal(np.roll(window[:, unit], k), changed[:, unit]) for k in range(400)]
        assert any(rolls[1:])
        assert not rolls[0]


def test_lags_are_counted_from_the_latest_bin():
    window = np.ones((10, 2), np.uint8)
    changed = remove_lags(window, np.random.default_rng(0), nearest=0, farthest=3)
    assert changed[:, 0].tolist() == [1] * 7 + [0] * 3
    assert (
        remove_lags(window, np.random.default_rng(0), nearest=8, farthest=50)[:, 0].tolist()
        == [0, 0] + [1] * 8
    )
    long, rng = np.ones((3125, 1), np.uint8), np.random.default_rng(0)
    # together they silence every bin of the window once
    assert sum((long - change(long, rng)).sum() for change in lag_perturbations().values()) == 3125


@pytest.mark.parametrize("name", _SETTINGS)
class TestTargets:
    def test_an_unchanged_past_gives_the_prediction(self, name):
        model, spikes = _make(name), _spikes()
        targets = np.array([70, 200, 201, 399])
        found = predict_targets(model, spikes, targets, {})["intact"]
        # bin by bin, because a window sees between half and all of its length when it predicts a segment
        expected = np.stack([model.predict(spikes[: t + 1], t, _BIN)[0] for t in targets.tolist()])
        np.testing.assert_allclose(found, expected, rtol=1e-4)

    def test_a_change_is_what_the_model_reads(self, name):
        model, spikes, target = _make(name), _spikes(), 300
        changes = {"silent": lambda window, rng: np.zeros_like(window)}
        found = predict_targets(model, spikes, np.array([250, target]), changes, window_bins=60)
        changed = spikes[: target + 1].copy()
        changed[target - 60 : target] = 0
        expected = model.predict(changed, target, _BIN)[0]
        np.testing.assert_allclose(found["silent"][1], expected, rtol=1e-4)
        assert not np.allclose(found["silent"], found["intact"])

    def test_the_target_and_what_follows_are_not_read(self, name):
        model, spikes, targets = _make(name), _spikes(), np.array([200])
        one = predict_targets(model, spikes, targets, CONTROLS, seed=3)
        spikes[200:] = 1 - spikes[200:]
        other = predict_targets(model, spikes, targets, CONTROLS, seed=3)
        for control in one:
            np.testing.assert_array_equal(one[control], other[control])


def test_targets_are_spread_and_behind_a_past():
    assert choose_targets(0, 5, 100, 0).tolist() == [1, 2, 3, 4]
    targets = choose_targets(100, 10_000, 50, 0)
    assert len(set(targets.tolist())) == 50
    assert targets.min() >= 100
    edges = target_edges(targets, 100, 10_000, 0.01)
    assert edges[0] == 0
    assert edges[-1] == 50
    assert (np.diff(edges) > 0).all()


def test_costs_are_those_of_the_score_table():
    rng = np.random.default_rng(0)
    spikes = (rng.random((40_000, 3)) < 0.05).astype(np.uint8)
    good = np.clip(0.05 + 0.2 * spikes + 0.01 * rng.standard_normal(spikes.shape), 0.01, 0.9)
    bad = np.full_like(good, 0.04)
    scored = Scored(spikes, np.full(3, 0.05), split_blocks(len(spikes), _BIN))
    found = find_drops(scored.draws(good), scored.draws(bad))
    difference = paired_difference(good, bad, spikes, bin_size=_BIN)
    cost = found["bits_per_spike"][1]
    assert (cost.value, cost.ci_low, cost.ci_high) == pytest.approx(tuple(vars(difference).values()))
    null = np.full_like(good, 0.05)
    table = score_predictions({"bad": bad}, spikes, bin_size=_BIN, nulls={"mean_rate": null})
    for metric in METRICS:
        row = table[table.metric == metric].iloc[0]
        assert vars(found[metric][0]) == pytest.approx(
            {"value": row.value, "ci_low": row.ci_low, "ci_high": row.ci_high}
        )


@functools.cache
def _trained(name: str) -> FittedModel:
    parts = small_split()
    return nsg.train(
        parts.train, parts.validation, model=name, epochs=1, progress=False, device="cpu", **_SETTINGS[name]
    )


@pytest.mark.parametrize("name", _SETTINGS)
def test_every_control_has_a_row_or_a_reason(name):
    model, parts = _trained(name), small_split()
    observed = observe(parts.test, small_population())
    table = ablate(model, parts, observed, AblationOptions(num_targets=3, retrain=True, resamples=20))
    measured = table[table.status == "measured"]
    assert (table[table.status != "measured"].status.str.startswith("not applicable: ")).all()
    attention = {f"attention_{how}{when}" for how in ("uniform", "removed") for when in ("", "_retrained")}
    expected = {"intact", *CONTROLS, *lag_perturbations()}
    expected |= attention if name == "shimono2026" else {"couplings_removed"}
    assert set(measured.control) == expected
    assert set(table.control) == expected | attention | {"couplings_removed"}
    assert (measured[measured.control == "intact"].cost.dropna() == 0).all()
    intact = measured[(measured.control == "intact") & (measured.scored == "whole segment")]
    bits = intact[intact.metric == "bits_per_spike"].value.iloc[0]
    predicted = nsg.generate(model, parts.test, context=small_population()).values
    null = np.broadcast_to(mean_rate_per_bin(read_spikes(parts.train)), predicted.shape)
    assert bits == pytest.approx(bits_per_spike(predicted, read_spikes(parts.test), null), rel=1e-6)


def test_disabling_changes_predictions_and_leaves_the_model_alone():
    model, parts = _trained("shimono2026"), small_split()
    observed = observe(parts.test)
    before = model.sha256
    intact = model.predict(observed.spikes, 0, _BIN)
    uniform, removed = (
        predict_without(model, observed, component) for component in ("attention_weights", "attention")
    )
    assert not np.allclose(uniform, removed)
    retrained = predict_retrained(model, parts, observed, "attention")
    assert not np.allclose(retrained, removed)
    np.testing.assert_array_equal(model.predict(observed.spikes, 0, _BIN), intact)
    assert model.sha256 == before


def test_without_couplings_units_are_told_apart_by_their_own_past_only():
    model, spikes = _make("in_context"), _spikes(3000)
    spikes[1:, 1] = spikes[:-1, 0]  # unit 1 follows unit 0
    coords = {"time": _BIN * np.arange(3000), "unit": np.arange(6)}
    units = xr.Dataset({"spikes": (("time", "unit"), spikes)}, coords, {"bin_size": _BIN})
    observed = observe(units)
    without = predict_without(model, observed, "coupling")
    assert without.shape == (3000, 6)
    assert not np.allclose(without, model.predict(spikes, 0, _BIN))
    order = np.array([2, 0, 1, 5, 4, 3])
    shuffled = observe(units.isel(unit=order))
    np.testing.assert_allclose(predict_without(model, shuffled, "coupling"), without[:, order], rtol=1e-4)


def _rows(control: str, *costs: tuple[float, float, float], value: float = 0.1) -> list[dict[str, object]]:
    """Return a row per metric, with (cost, low, high) of each."""
    common = {"control": control, "status": "measured", "ci_reliable": True, "value": value}
    return [
        {**common, "metric": metric, "cost": cost, "cost_ci_low": low, "cost_ci_high": high}
        for metric, (cost, low, high) in zip(METRICS, costs, strict=True)
    ]


_NOTHING, _LOSS, _GAIN = (0.0, -0.01, 0.01), (0.5, 0.2, 1.0), (-0.6, -0.7, -0.5)
_TINY = (-1e-4, -2e-4, -5e-5)


def test_results_say_plainly_when_a_map_explains_nothing():
    table = pd.DataFrame(
        [
            *_rows("attention_uniform", _TINY, _NOTHING, _NOTHING),
            *_rows("attention_removed", _LOSS, _NOTHING, _NOTHING),
            {"control": "couplings_removed", "status": "not applicable: it has none"},
        ]
    )
    uniform, removed, couplings = state_results(table)
    assert "costs nothing" in uniform
    assert "the map explains nothing" in uniform
    assert "costs bits per spike 0.5 [0.2 to 1]; no change of pooled ROC-AUC" in removed
    assert "nothing" not in removed
    assert couplings == "couplings_removed: not applicable: it has none"


def test_results_leave_open_what_few_bins_cannot_tell():
    wide = (0.02, -0.3, 0.4)
    (said,) = state_results(pd.DataFrame(_rows("attention_uniform", _NOTHING, wide, _NOTHING)))
    assert "costs nothing that can be told" in said
    assert "too wide" in said
    assert "explains nothing" not in said


def test_results_call_a_cost_below_zero_a_gain():
    table = pd.DataFrame(
        [
            *_rows("intact", _NOTHING, _NOTHING, _NOTHING, value=-55.0),
            *_rows("attention_uniform", _GAIN, _NOTHING, _NOTHING),
            *_rows("attention_removed", _GAIN, _LOSS, _NOTHING),
            *_rows("time_reversed", _GAIN, _GAIN, _GAIN),
        ]
    )
    intact, uniform, removed, reversed_ = state_results(table)
    assert "55 bits per spike worse than each unit's mean rate" in intact
    assert "costs nothing and gains bits per spike 0.6 [0.5 to 0.7]" in uniform
    assert uniform.endswith("here the map explains nothing")
    assert "costs pooled ROC-AUC 0.5 [0.2 to 1], and gains bits per spike 0.6 [0.5 to 0.7]" in removed
    assert "nothing" not in removed
    assert reversed_.endswith("here the prediction does not need it")


def test_an_explanation_holds_maps_tables_and_sentences():
    parts = small_split()
    options = AblationOptions(num_targets=4, resamples=10)
    found = explain(_trained("in_context"), parts, context=small_population(), options=options)
    assert found.maps["influence"].shape == (8, 8)
    assert found.rate_correlations.empty
    assert found.maps["lag_cost"].sizes["lag_range"] == len(lag_perturbations())
    assert any("couplings" in sentence for sentence in found.results)
