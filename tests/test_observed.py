"""Unobserved time invents nothing: independent units score what they score when all was observed.

The situations are those of `benchmarks/observed.py`, which also measures them for longer and more seeds.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import nwbspikegen as nsg
from nwbspikegen.core.errors import InputError
from nwbspikegen.models import FittedModel, build_model
from nwbspikegen.scoring import bits_per_spike
from nwbspikegen.views.observed import read_bins, read_observed

_DURATION = 120.0
_SEED = 1


def _load_benchmark() -> ModuleType:
    path = Path(__file__).parents[1] / "benchmarks" / "observed.py"
    spec = importlib.util.spec_from_file_location("benchmark_observed", path)
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_BENCHMARK = _load_benchmark()
_NAMES = [each.name for each in _BENCHMARK.list_situations(np.random.default_rng(0))]


def _open(name: str):
    """Return the same Poisson trains as they were observed in a situation."""
    rng = np.random.default_rng(_SEED)
    trains = _BENCHMARK.draw_trains(rng, _DURATION)
    situations = {each.name: each for each in _BENCHMARK.list_situations(rng, _DURATION)}
    return nsg.open_units(_BENCHMARK.record(trains, situations[name], rng))


def _untrained() -> FittedModel:
    return FittedModel(build_model("in_context", _BENCHMARK.NUM_UNITS).eval(), "bernoulli", 0.001)


def _score(units, model=None):
    parts = nsg.split_fractions(units)
    predicted = nsg.generate(model or _untrained(), parts.test, context=units)
    table = nsg.score(predicted, parts.test, train=parts.train, context=units, resamples=0)
    bits = table[(table.metric == "bits_per_spike") & (table["null"] == "mean_rate")]
    roc = table[table.metric == "roc_auc_per_unit"]
    return bits.set_index("predictor").value, roc.set_index("predictor").value, table, predicted


@pytest.fixture(scope="module")
def whole():
    return _score(_open("all"))


@pytest.mark.parametrize("name", _NAMES[1:])
def test_gaps_invent_no_predictability(whole, name):
    units = _open(name)
    bits, roc, table, predicted = _score(units)
    assert abs(bits - whole[0]).max() < 0.05
    assert abs(roc - 0.5).max() < 0.05
    assert abs(roc - whole[1]).max() < 0.03
    test = nsg.split_fractions(units).test
    seen = read_observed(test)
    fraction = 1.0 if seen is None else seen.mean()
    assert set(table.observed_fraction) == {fraction}
    assert predicted.attrs["observed_fraction"] == fraction
    # there is a prediction where someone looked, and none elsewhere
    np.testing.assert_array_equal(
        np.isfinite(predicted.values), np.ones_like(predicted) if seen is None else seen
    )


def test_audits_hold_where_units_were_not_always_observed():
    parts = nsg.split_fractions(_open("30 intervals, others for each unit"))
    assert nsg.audit(_untrained(), parts).passed.all()


@pytest.mark.parametrize("model", ["in_context", "shimono2026"])
def test_training_on_gaps_invents_nothing_either(model):
    how = {"in_context": {}, "shimono2026": {"start_at_rates": True, "loss": "bernoulli", "num_bins": 500}}[
        model
    ]
    found = {}
    for name in ("all", "three units lost after 2/3"):
        units = _open(name)
        parts = nsg.split_fractions(units)
        fitted = nsg.train(parts.train, parts.validation, model=model, epochs=1, progress=False, **how)
        found[name] = _score(units, fitted)[0][model]
    assert all(abs(bits - found["all"]) < 0.05 for bits in found.values()), found


def test_what_lies_in_unobserved_time_moves_nothing():
    """Spikes in excluded time, whatever they are, leave predictions and scores to the bit as they were."""
    simulation = nsg.simulate("in_vitro", num_units=6, duration=60, seed=2)
    exclude = [(10.0, 14.0), (50.0, 52.0)]
    quiet = nsg.open_units(simulation.sorting, exclude=exclude)
    loud = quiet.copy()
    counts = quiet.spikes.values.copy()
    counts[~quiet.observed.values] = 1
    loud["spikes"] = (("time", "unit"), counts)
    found = [_score(units) for units in (quiet, loud)]
    np.testing.assert_array_equal(found[0][3].values, found[1][3].values)
    assert found[0][2].equals(found[1][2])


def test_a_bursting_preparation_is_predicted_as_well_from_what_is_left():
    """30 % of the time is taken away, 5 s at a time; the same bins are scored."""
    simulation = nsg.simulate("in_vitro", num_units=24, duration=300, seed=5)
    places = np.random.default_rng(5).choice(60, 18, replace=False)
    whole = nsg.open_units(simulation.sorting)
    partly = nsg.open_units(
        simulation.sorting, exclude=[(5.0 * place, 5.0 * place + 5.0) for place in np.sort(places)]
    )
    # what the same view is when the gaps are taken for silence
    silent = partly.drop_vars("observed")
    silent["spikes"] = (("time", "unit"), read_bins(partly).spikes)
    kept = read_observed(nsg.split_fractions(partly).test)[:, 0]
    spikes = read_bins(nsg.split_fractions(whole).test).spikes[kept]
    model = FittedModel(build_model("in_context", 24).eval(), "bernoulli", 0.001)
    null = np.broadcast_to(simulation.spikes.mean(axis=0), spikes.shape)

    def bits(units):
        predicted = nsg.generate(model, nsg.split_fractions(units).test, context=units)
        return bits_per_spike(predicted.values[kept], spikes, null)

    # 30 % less of the past to learn from costs about 3 % by itself: docs/benchmarks/observed.md
    of_all = bits(whole)
    assert bits(partly) > 0.95 * of_all
    assert bits(silent) < 0.94 * of_all


def test_a_predictor_that_would_take_gaps_for_silence_is_refused():
    class Flat:
        name = "flat"

        def predict(self, spikes, first, bin_size):
            return np.full((len(spikes) - first, spikes.shape[1]), 0.01, dtype=np.float32)

        def save(self, folder): ...

        @classmethod
        def load(cls, folder): ...

    parts = nsg.split_fractions(_open("all"))
    assert nsg.generate(Flat(), parts.test).attrs["observed_fraction"] == 1.0
    with pytest.raises(InputError, match="flat, which would take them for silence"):
        nsg.generate(Flat(), nsg.split_fractions(_open("a pause in test")).test)
