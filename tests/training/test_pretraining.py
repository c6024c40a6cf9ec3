"""Pretraining: pairs are sampled without bias and kept, seeds fix everything, an interrupted run goes on."""

from __future__ import annotations

import numpy as np
import pytest

import nwbspikegen as nsg
from nwbspikegen.core.errors import InputError
from nwbspikegen.models import build_model
from nwbspikegen.models.in_context.pair_sampling import choose_pairs
from nwbspikegen.simulation import FAMILIES
from nwbspikegen.training import populations
from nwbspikegen.training.module import score_validation
from nwbspikegen.training.populations import Drawing, KeptPairs, plan_drawings, plan_held_out

_BIN = 0.001


@pytest.fixture
def short(monkeypatch):
    """Let populations be of few seconds, one for each of two families held out."""
    monkeypatch.setattr(populations, "_SHORTEST", 4.0)
    monkeypatch.setattr(populations, "_LONGEST", 6.0)
    monkeypatch.setattr(populations, "_MOST", 14)
    monkeypatch.setattr(populations, "_FEWEST_SPIKES", 20)
    kept = {name: FAMILIES[name] for name in ("cortex_gamma", "cerebellum")}
    monkeypatch.setattr(populations, "FAMILIES", kept)


def test_sampled_pairs_stand_for_all():
    rng = np.random.default_rng(0)
    is_spike = rng.random(20_000) < 0.02
    weight = rng.uniform(1, 3, 20_000).astype(np.float32)
    num_spikes = is_spike.sum()
    chosen = choose_pairs(is_spike, 2_000, rng)
    kept, sampled = chosen.place, chosen.weigh(weight[chosen.place])
    # all spikes, since they are fewer than half of what is taken
    assert (len(kept), is_spike[kept].sum()) == (2_000, num_spikes)
    assert (np.diff(kept) > 0).all()
    fired = is_spike[kept]
    assert sampled[fired].sum() == pytest.approx(weight[is_spike].sum() / num_spikes, rel=1e-5)
    assert sampled[~fired].sum() == pytest.approx(weight[~is_spike].sum() / num_spikes, rel=0.02)
    few = choose_pairs(is_spike, 200, rng)
    assert (len(few.place), is_spike[few.place].sum()) == (200, 100)
    # everything is taken where it fits
    whole = choose_pairs(is_spike, 50_000, rng)
    np.testing.assert_array_equal(whole.place, np.arange(20_000))
    np.testing.assert_allclose(whole.weigh(weight), weight / num_spikes, rtol=1e-6)


def test_weighted_bits_are_those_of_the_pairs_that_are_stood_for():
    log_odds = np.array([1.0, -2.0, -3.0], np.float32)
    target, null = np.array([1.0, 0.0, 0.0], np.float32), np.full(3, 0.2, np.float32)
    weight = np.array([1.0, 2.0, 3.0], np.float32)
    repeated = [np.repeat(column, [1, 2, 3]) for column in (log_odds, target, null)]
    bits = score_validation(log_odds, target, null, weight)
    assert bits == {"bits_per_spike": pytest.approx(score_validation(*repeated)["bits_per_spike"])}
    equal = score_validation(log_odds, target, null, np.ones(3, np.float32))
    assert equal == score_validation(log_odds, target, null)


def test_populations_differ_and_those_held_out_are_others():
    drawings = plan_drawings(200, seed=5)
    sizes = [each.num_units for each in drawings]
    seconds = [each.duration for each in drawings]
    assert (min(sizes) < 15, max(sizes) > 110, min(seconds) < 40, max(seconds) > 250) == (True,) * 4
    assert all(10 <= size <= 130 for size in sizes)
    assert all(30 <= each <= 300 and each == round(each) for each in seconds)
    held_out = plan_held_out(3, seed=5)
    assert {each.family for each in held_out} == set(FAMILIES)
    assert not {each.seed for each in held_out} & {each.seed for each in drawings}


def test_pairs_are_kept_and_read_again(tmp_path):
    network = build_model("in_context", 1)
    drawings = [Drawing(3, 12, 5.0, "cerebellum"), Drawing(4, 10, 2.0, "hippocampus")]
    kept = KeptPairs(network, drawings, _BIN, 3000, tmp_path)
    # of the other next to no spike is drawn, which would weigh as much as hundreds
    assert [each["family"] for each in kept.told] == ["cerebellum"]
    (part,) = list(kept)
    assert part["features"].dtype == np.float32
    assert {len(column) for column in part.values()} == {3000}
    _, spikes = drawings[0].draw(_BIN)
    read = network.read_pairs(spikes, _BIN, 3000, 3)
    np.testing.assert_allclose(part["features"], read["features"], atol=0.01)
    np.testing.assert_array_equal(part["weight"], read["weight"])

    class Never:
        def read_pairs(self, *arguments):
            raise AssertionError("pairs that are kept were made again")

        def join_pairs(self, parts, *, fits=True):
            raise NotImplementedError

    again = KeptPairs(Never(), drawings, _BIN, 3000, tmp_path)
    assert again.told == kept.told


def test_seeds_fix_it_and_a_run_goes_on(tmp_path, short):
    how = {"held_out": 1, "progress": False, "width": 8}
    one = nsg.pretrain(3, epochs=2, work=tmp_path / "work", **how)
    drawn = one.training["populations"]
    assert (drawn["num_drawn"], drawn["num_used"], drawn["seeds"]) == (3, 3, [0, 2])
    assert (sum(drawn["families"].values()), one.training["sources"]) == (3, [])
    assert [point["epoch"] for point in one.curves] == [1, 2]
    assert {"bits_per_spike", "train_loss", "validation_loss", "epoch"} == set(one.curves[0])
    # the state of the whole run is there: nothing is trained again
    assert nsg.pretrain(3, epochs=2, work=tmp_path / "work", **how).sha256 == one.sha256
    assert nsg.pretrain(3, epochs=2, **how).sha256 == one.sha256
    assert nsg.pretrain(3, epochs=2, seed=1, **how).sha256 != one.sha256
    one.save(tmp_path / "model")
    card = (tmp_path / "model/README.md").read_text()
    assert "3 simulated populations and no recording" in card
    assert nsg.load_model(tmp_path / "model").sha256 == one.sha256


def test_numbers_out_of_range_are_refused():
    with pytest.raises(InputError, match="populations 0"):
        nsg.pretrain(0)
    with pytest.raises(InputError, match="held_out 0"):
        nsg.pretrain(1, held_out=0)
    with pytest.raises(InputError, match="colour"):
        nsg.pretrain(1, colour=3)
