"""What every architecture must do, ours and a foreign one alike: a new one is tested by being named here."""

from __future__ import annotations

import numpy as np
import pytest
from installed_package import install_package, read_module, remove_package
from model_specs import BIN, SMALL, make_model, make_spikes

from nwbspikegen.core.errors import InputError
from nwbspikegen.core.predictor import Bins
from nwbspikegen.models import MODELS, build_model, find_architecture, load_model
from nwbspikegen.models.state import predict_next
from nwbspikegen.scoring.audits import audit_causality, audit_permutation


@pytest.fixture(scope="module", autouse=True)
def mymodels(tmp_path_factory):
    """Install the model of the documentation for this module."""
    text = read_module("bring-your-own-model.md", "mymodels")
    folder = install_package(tmp_path_factory.mktemp("site"), "mymodels", {"mymodels": text})
    yield folder
    remove_package(folder)


def test_every_architecture_is_in_the_suite():
    ours = {name for name, each in MODELS.items() if each.__module__.startswith("nwbspikegen.")}
    assert ours <= set(SMALL)


def _mask(num_bins=300, num_units=6):
    """Return that a unit was not observed for a while, and none for another."""
    observed = np.ones((num_bins, num_units), dtype=bool)
    observed[40:90, 2] = False
    observed[120:140] = False
    return observed


def _skim(model, spikes, observed=None):
    state = model.begin(spikes.shape[1], BIN)
    state.read(spikes, observed, np.zeros(len(spikes), dtype=bool))
    return state


@pytest.mark.parametrize("name", SMALL)
class TestContract:
    def test_probabilities_of_the_right_shape(self, name):
        probability = make_model(name).predict(make_spikes(), 100, BIN)
        assert probability.shape == (200, 6)
        assert probability.dtype == np.float32
        assert ((probability > 0) & (probability < 1)).all()

    @pytest.mark.parametrize("observed", [None, _mask()])
    def test_causal_where_pieces_meet(self, name, observed):
        model = make_model(name)
        edge = 100 + min(model.prediction_step(6), 100)
        rows = audit_causality(model.predict, make_spikes(), 100, BIN, edges=[edge], observed=observed)
        assert all(row.passed for row in rows), rows

    def test_what_was_not_observed_is_not_read(self, name):
        model, spikes, observed = make_model(name), make_spikes(), _mask()
        other = np.where(observed, spikes, 1 - spikes)
        one, two = (model.predict(each, 20, BIN, observed) for each in (spikes, other))
        np.testing.assert_array_equal(one[observed[20:]], two[observed[20:]])
        silence = model.predict(spikes * observed, 20, BIN)
        in_gap = slice(60 - 20, 90 - 20)
        assert not np.allclose(one[in_gap, [0, 1, 3]], silence[in_gap, [0, 1, 3]], rtol=1e-4)

    def test_shuffling_units_when_claimed(self, name):
        model = make_model(name)
        (row,) = audit_permutation(model.predict, make_spikes(), 100, BIN)
        assert row.passed == model.is_permutation_equivariant

    def test_saved_and_read_back(self, name, tmp_path):
        model = make_model(name)
        model.save(tmp_path / "model")
        again = load_model(tmp_path / "model")
        assert again.name == name
        assert (again.sha256, again.parameters, again.loss) == (model.sha256, model.parameters, model.loss)
        np.testing.assert_array_equal(
            again.predict(make_spikes(), 9, BIN), model.predict(make_spikes(), 9, BIN)
        )

    def test_changed_weights_are_refused(self, name, tmp_path):
        make_model(name).save(tmp_path / "model")
        weights = tmp_path / "model" / "weights.safetensors"
        data = bytearray(weights.read_bytes())
        data[-1] ^= 1
        weights.write_bytes(data)
        with pytest.raises(InputError, match="sha256"):
            load_model(tmp_path / "model")

    def test_another_bin_size_is_refused(self, name):
        with pytest.raises(InputError, match="as the model was trained with"):
            make_model(name).predict(make_spikes(), 9, 0.002)

    @pytest.mark.parametrize("observed", [None, _mask()])
    def test_reading_goes_on_from_piece_to_piece(self, name, observed):
        """A bin is predicted from the same bins, in whatever pieces they come."""
        model, spikes = make_model(name), make_spikes()
        state = model.begin(6, BIN)
        wanted = np.arange(300) == 250
        for start, stop in ((0, 1), (1, 77), (77, 170), (170, 300)):
            seen = None if observed is None else observed[start:stop]
            found = state.read(spikes[start:stop], seen, wanted[start:stop])
        whole = model.begin(6, BIN).read(spikes, observed, wanted)
        assert whole.shape == (1, 6)
        np.testing.assert_allclose(found, whole, rtol=1e-5)

    def test_reading_all_is_the_prediction(self, name):
        model, spikes = make_model(name), make_spikes()
        np.testing.assert_array_equal(model.begin(6, BIN).read(spikes), model.predict(spikes, 0, BIN))

    def test_a_fork_is_independent(self, name):
        model, spikes = make_model(name), make_spikes()
        state, same = _skim(model, spikes[:200]), _skim(model, spikes[:200])
        fork = state.fork()
        fork.read(1 - spikes[200:250])
        run = state.fork(num_samples=2)
        run.step(1 - spikes[200:202])
        np.testing.assert_array_equal(state.read(spikes[200:]), same.read(spikes[200:]))
        assert state.model is fork.model

    def test_a_bin_does_not_know_where_the_segment_ends(self, name):
        model, spikes = make_model(name), make_spikes(101)
        whole = model.predict(spikes, 20, BIN)
        for stop in (95, 84, 70, 61):
            # sums of windows of another length may be taken in another order
            np.testing.assert_allclose(
                model.predict(spikes[:stop], 20, BIN), whole[: stop - 20], atol=1e-6, err_msg=str(stop)
            )

    def test_a_step_is_what_would_be_read(self, name):
        """The first bin always; all bins, where a model infers nothing that a step would leave as it is."""
        model, spikes = make_model(name), make_spikes()
        run = _skim(model, spikes[:200]).fork(num_samples=2)
        probability = run.step()
        for step in range(200, 220):
            expected = predict_next(_skim(model, spikes[:step]), spikes[:0])
            if step == 200 or model.module.window_bins:
                np.testing.assert_allclose(probability, [expected] * 2, rtol=1e-4)
            probability = run.step(np.stack([spikes[step]] * 2))
        again = run.fork()
        np.testing.assert_array_equal(again.step(spikes[:2]), run.step(spikes[:2]))
        assert not np.array_equal(*run.step(spikes[2:4])) or (spikes[2] == spikes[3]).all()
        with pytest.raises(InputError, match="has stepped"):
            run.read(spikes)

    def test_a_changed_past_is_what_would_be_read(self, name):
        model, spikes, observed = make_model(name), make_spikes(), _mask()
        changes = [spikes[100:200], 1 - spikes[100:200], np.zeros_like(spikes[100:200])]
        state = _skim(model, spikes[:100], observed[:100])
        found = state.predict_perturbed(spikes[100:200], changes, observed[100:200])
        for row, change in zip(found, changes, strict=True):
            expected = predict_next(state.fork(), change, observed[100:200])
            # running rates, where nobody looked, are those of what was recorded
            np.testing.assert_allclose(row, expected, rtol=1e-4 if change is changes[0] else 0.05)

    def test_it_predicts_without_each_component(self, name):
        model, spikes = make_model(name), make_spikes(2500)
        state = _skim(model, spikes[:2000])
        intact = state.fork().read(spikes[2000:])
        for component in model.module.components:
            without = state.without(component).read(spikes[2000:])
            assert not np.allclose(without, intact, rtol=1e-3)
            run = state.without(component).fork(num_samples=2)
            first = predict_next(state.without(component), spikes[:0])
            np.testing.assert_allclose(run.step(), [first] * 2, rtol=1e-3)
        np.testing.assert_array_equal(state.read(spikes[2000:]), intact)
        with pytest.raises(InputError, match="component 'wings'"):
            model.begin(6, BIN).without("wings")

    def test_several_together_predict_as_each_does(self, name):
        models = [make_model(name, seed=seed).module for seed in (0, 1)]
        bins = Bins(make_spikes(), _mask())
        found = list(find_architecture(name).predict_together(models, bins, 100, BIN))
        for model, probability in zip(models, found, strict=True):
            np.testing.assert_array_equal(probability, model.predict(bins.spikes, 100, BIN, bins.observed))
        assert not np.allclose(*found)

    def test_settings_may_be_texts(self, name):
        texts = {setting: str(value) for setting, value in SMALL[name].items()}
        kind = find_architecture(name)
        assert make_model(name).parameters == {**vars(kind.settings_class()), **SMALL[name]}
        assert build_model(name, 4, **texts).parameters_used == make_model(name).parameters
