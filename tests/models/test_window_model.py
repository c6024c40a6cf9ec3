"""Models of one's own: settings as fields, a start at the rates, names, states that only read."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from model_specs import BIN, make_spikes
from populations import small_population, small_split

from nwbspikegen.core.errors import InputError
from nwbspikegen.explain.ablations import AblationOptions
from nwbspikegen.explain.explanation import explain
from nwbspikegen.models import (
    MODELS,
    FittedModel,
    RecordingState,
    SpikeModel,
    WindowModel,
    build_model,
    find_architecture,
    load_model,
    register,
)
from nwbspikegen.scoring import bits_per_spike
from nwbspikegen.scoring.audits import audit_causality
from nwbspikegen.views import history


class Recurrent(WindowModel):
    """A network over windows that may look ahead."""

    width: int = 8
    looks_ahead: bool = False
    rnn: torch.nn.GRU

    def build(self, num_units):
        self.rnn = torch.nn.GRU(num_units, self.width, batch_first=True, bidirectional=self.looks_ahead)
        self.out = torch.nn.Linear(self.width * (1 + self.looks_ahead), num_units)

    def body(self, spikes):
        return self.out(self.rnn(spikes)[0])


_NAME = f"{__name__}:Recurrent"


class RateState(RecordingState):
    """Reads rates, and says no more than it has to."""

    def __init__(self, model, num_units, bin_size):
        super().__init__(model, num_units)
        self.read_so_far = np.zeros((0, num_units), np.uint8)
        self.bin_size = bin_size
        self.has_rates = True

    def read(self, spikes, observed=None, wanted=None):
        first = len(self.read_so_far)
        self.read_so_far = np.concatenate([self.read_so_far, spikes])
        rates = history.running_rate(self.read_so_far, first, self.bin_size)
        rates = rates if self.has_rates else np.full_like(rates, 0.5)
        return rates if wanted is None else rates[wanted]

    def leave_out(self, component):
        self.has_rates = False


class Rates(SpikeModel):
    """The running rate, as a whole model of its own."""

    is_permutation_equivariant = True
    default_loss = "bernoulli"
    settings_class = type(build_model("in_context", 1).settings)
    components = ("rates",)

    def begin(self, num_units, bin_size):
        return RateState(self, num_units, bin_size)

    def training_examples(self, *arguments, **options):
        raise NotImplementedError

    validation_examples = training_examples


def test_settings_are_fields_with_a_default():
    model = build_model(_NAME, 3, width="4", looks_ahead="True")
    expected = {"num_bins": 100, "batch_size": 8, "width": 4, "looks_ahead": True}
    assert model.parameters_used == expected
    assert model.width == 4
    with pytest.raises(InputError, match="one of num_bins, batch_size, width, looks_ahead"):
        build_model(_NAME, 3, depth=2)
    for wrong in ("many", "0", "1.5"):
        with pytest.raises(InputError, match="width"):
            build_model(_NAME, 3, width=wrong)


def test_a_setting_that_no_command_line_could_give_is_refused():
    with pytest.raises(InputError, match="setting sizes"):
        type("Wrong", (Recurrent,), {"__annotations__": {"sizes": tuple}, "sizes": (1, 2)})


def test_it_starts_at_the_rates():
    rng = np.random.default_rng(0)
    spikes = (rng.random((20_000, 5)) < np.array([0.001, 0.005, 0.02, 0.1, 0.3])).astype(np.uint8)
    torch.manual_seed(0)
    model = build_model(_NAME, 5)
    model.training_examples([spikes], BIN, seed=0)
    rates = np.broadcast_to(history.mean_rate_per_bin(spikes), spikes.shape)
    predicted = model.predict(spikes, 0, BIN)
    np.testing.assert_allclose(predicted, rates, rtol=0.1)
    assert bits_per_spike(predicted, spikes, rates) > -1e-3


@pytest.mark.parametrize("looks_ahead", [False, True])
def test_the_audit_finds_a_body_that_looks_ahead(looks_ahead):
    torch.manual_seed(0)
    model = build_model(_NAME, 6, num_bins=60, looks_ahead=looks_ahead)
    rows = audit_causality(model.predict, make_spikes(), 100, BIN, edges=[130])
    assert [row.passed for row in rows] == [True, True, True] if not looks_ahead else not rows[0].passed


def test_windows_are_places_of_one_recording():
    model = build_model(_NAME, 6)
    with pytest.raises(InputError, match="its inputs and outputs are places"):
        model.predict(make_spikes(50, 5), 0, BIN)
    with pytest.raises(InputError, match="2 recordings"):
        model.training_examples([make_spikes(), make_spikes()], BIN, seed=0)


def test_what_was_not_observed_is_no_target_and_read_as_a_rate():
    spikes, observed = make_spikes(), np.ones((300, 6), dtype=bool)
    observed[50:90, 1] = False
    model = build_model(_NAME, 6, num_bins=50, batch_size=100)
    (batch,) = model.training_examples([spikes], BIN, 0, observed=[observed]).epoch(None)
    assert batch.weight.sum() == 250 * 6 - 40
    read = batch.inputs[0].reshape(-1, 6)[50:90, 1]
    assert ((read > 0) & (read < 1)).all()


def test_a_name_leads_to_its_class_and_back(tmp_path):
    fitted = FittedModel(build_model(_NAME, 6, width=4), "bernoulli", BIN)
    fitted.save(tmp_path / "model")
    again = load_model(tmp_path / "model")
    assert (again.name, type(again.module)) == (_NAME, Recurrent)
    assert Recurrent.name == _NAME


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("transformer", "package.module:Name"),
        ("no_such_module:Model", "cannot be imported"),
        ("fractions:Fraction", "Fraction, which is no SpikeModel"),
        (f"{__name__}:make_spikes", "make_spikes, which is no SpikeModel"),
        ("nwbspikegen.models:WindowModel", "without body, build"),
    ],
)
def test_names_of_no_model_are_refused(name, said):
    with pytest.raises(InputError, match=said):
        find_architecture(name)


def test_a_name_stands_for_one_model(monkeypatch):
    monkeypatch.setitem(MODELS, "mine", Recurrent)
    with pytest.raises(InputError, match="a second model called 'mine'"):
        register("mine")(Rates)
    with pytest.raises(InputError, match="a second model called 'in_context'"):
        register("in_context")(Rates)
    # as when a notebook runs a cell again
    again = type("Recurrent", (Recurrent,), {"__module__": __name__})
    assert register("mine")(again) is MODELS["mine"]


def test_a_state_that_only_reads_can_do_everything():
    model, spikes = build_model(f"{__name__}:Rates", 6), make_spikes()
    expected = history.running_rate(np.concatenate([spikes, spikes[:1]]), 200, BIN)
    np.testing.assert_array_equal(model.predict(spikes, 200, BIN), expected[:100])
    state = model.begin(6, BIN)
    assert state.read(spikes[:200], wanted=np.zeros(200, dtype=bool)).shape == (0, 6)
    run = state.fork(num_samples=3)
    np.testing.assert_array_equal(run.step(), expected[[0] * 3])
    probability = run.step(np.stack([spikes[200], spikes[200], 1 - spikes[200]]))
    np.testing.assert_array_equal(probability[:2], expected[[1] * 2])
    assert (probability[2] != expected[1]).all()
    changed = state.predict_perturbed(spikes[200:], [spikes[200:], np.zeros_like(spikes[200:])])
    np.testing.assert_array_equal(changed[0], expected[100])
    assert (changed[1] < changed[0]).all()
    np.testing.assert_array_equal(state.read(spikes[200:]), expected[:100])


def test_any_model_can_be_explained_by_what_it_predicts():
    model = FittedModel(build_model(f"{__name__}:Rates", 8), "bernoulli", BIN)
    options = AblationOptions(num_targets=3, resamples=10)
    found = explain(model, small_split(), context=small_population(), options=options)
    assert set(found.maps.data_vars) == {"lag_cost"}
    measured = found.ablations[found.ablations.status == "measured"]
    assert {"intact", "rates_removed", "time_reversed"} <= set(measured.control)
    cost = measured[(measured.control == "rates_removed") & (measured.metric == "bits_per_spike")].cost
    assert cost.iloc[0] > 1
    assert any(said.startswith("rates_removed: losing rates costs") for said in found.results)
