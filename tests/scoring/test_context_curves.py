"""What is made of log-likelihoods by context: worth in seconds, shares, paired intervals."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from nwbspikegen.core.errors import InputError
from nwbspikegen.scoring.context_curves import ContextCurve, join_curves
from nwbspikegen.scoring.worth import find_worth, say_seconds

_SECONDS = np.array([0.0, 5.0, 35.0, 300.0])
_LABELS = ["0", "5", "35", "warm"]


def _make(curves: dict[str, np.ndarray], num_starts: int = 12, noise: float = 0.0) -> ContextCurve:
    """Bits per spike by context, the same at every start but for what makes some starts harder for all."""
    rng = np.random.default_rng(0)
    spikes = rng.integers(80, 120, num_starts)
    hard = rng.normal(0, 0.3, num_starts)
    bits = np.array([values[:, None] + hard + rng.normal(0, noise, num_starts) for values in curves.values()])
    coords = {"predictor": list(curves), "context": _LABELS, "start": 60.0 + 5 * np.arange(num_starts)}
    data = xr.Dataset(
        {
            "log_likelihood": (("predictor", "context", "start"), bits * spikes),
            "seconds_read": (("context", "start"), np.tile(_SECONDS[:, None], num_starts)),
            "num_spikes": ("start", spikes),
            "observed_fraction": ("start", np.ones(num_starts)),
        },
        coords,
        {"untrained": {name: "untrained" for name in curves if name.startswith("model")}, "scored": 5.0},
    )
    return ContextCurve(data.assign_coords(knows_target=("predictor", np.zeros(len(curves), bool))))


_UNTRAINED = np.array([-8.0, -6.0, -5.0, -4.5])


def test_an_untrained_model_is_worth_its_own_context() -> None:
    # also where noise made more context do worse
    for values in (_UNTRAINED, np.array([-8.0, -5.0, -6.0, -4.5]), np.array([-4.0, -5.0, -6.0, -7.0])):
        curve = _make({"untrained": values, "model": values})
        worth = curve.worth_seconds()
        assert worth.worth_seconds.tolist() == _SECONDS.tolist()
        assert worth.ci_low.tolist() == worth.ci_high.tolist() == _SECONDS.tolist()
        assert worth.gained_seconds.tolist() == [0.0] * 4
        assert set(worth.bound) == {""}


def test_what_thirty_more_seconds_give_is_worth_thirty() -> None:
    # at 5 s the model knows what the untrained one knows at 35 s
    curve = _make({"untrained": _UNTRAINED, "model": np.array([-6.0, -5.0, -4.5, -4.5])}, noise=0.0)
    worth = curve.worth_seconds("model").set_index("context")
    assert worth.worth_seconds["0"] == pytest.approx(5.0)
    assert worth.worth_seconds["5"] == pytest.approx(35.0)
    assert worth.gained_seconds["5"] == pytest.approx(30.0)
    # paired: what makes a start hard is not in the interval
    assert worth.ci_low["5"] == pytest.approx(35.0, abs=1e-6)
    assert worth.worth_seconds["35"] == pytest.approx(300.0)


def test_between_contexts_seconds_are_interpolated_by_their_logarithm() -> None:
    curve = _make({"untrained": _UNTRAINED, "model": np.array([-7.0, -6.0, -5.0, -4.5])})
    worth = curve.worth_seconds("model", context=0)
    assert worth.worth_seconds.item() == pytest.approx(np.expm1(np.log(6) / 2))


def test_beyond_what_was_measured_is_said() -> None:
    better = _make({"untrained": _UNTRAINED, "model": _UNTRAINED + 9})
    worth = better.worth_seconds("model", context="5").iloc[0]
    assert np.isposinf([worth.worth_seconds, worth.ci_low, worth.ci_high, worth.gained_seconds]).all()
    assert (worth.bound, worth.measured_up_to) == (">", 300.0)
    assert say_seconds(worth.worth_seconds, worth.bound, worth.measured_up_to) == "> 300 s"
    worse = _make({"untrained": _UNTRAINED, "model": _UNTRAINED - 9})
    worth = worse.worth_seconds("model", context=5).iloc[0]
    assert (worth.worth_seconds, worth.bound, worth.gained_seconds) == (0.0, "<", -5.0)
    # within the range, what training cost
    some = _make({"untrained": _UNTRAINED, "model": _UNTRAINED - 1})
    assert some.worth_seconds("model", context=5).gained_seconds.item() == pytest.approx(
        np.expm1(np.log(6) / 2) - 5
    )


def test_intervals_reach_beyond_where_some_draws_do() -> None:
    rng = np.random.default_rng(1)
    reference = np.tile(_UNTRAINED[:, None], 101)
    gain = np.tile(rng.normal(1.5, 0.2, 101), (4, 1))
    found = find_worth(reference, gain, _SECONDS)
    assert np.isposinf(found[1]).sum() > 10
    assert np.isfinite(found[1]).sum() > 10
    assert not np.isnan(found).any()


def test_the_bootstrap_is_seeded_and_paired() -> None:
    curve = _make({"untrained": _UNTRAINED, "model": _UNTRAINED + 0.5, "model_b": _UNTRAINED}, noise=0.2)
    first = curve.difference("model", "untrained", seed=3)
    assert first.equals(curve.difference("model", "untrained", seed=3))
    assert not first.ci_low.equals(curve.difference("model", "untrained", seed=4).ci_low)
    assert first.value.tolist() == pytest.approx([first.value[0]] * 4)
    # what all starts share is out; what is left is the noise of .2 over the root of 12 starts, twice
    assert 0.1 < first.ci_high[0] - first.ci_low[0] < 0.6
    assert curve.worth_seconds("model", seed=3).equals(curve.worth_seconds("model", seed=3))


def test_a_share_is_undefined_where_nothing_is_gained() -> None:
    gains = {"model_own": np.array([1.0, 1.0, 1.0, 0.0]), "model_other": np.array([0.5, 1.0, 2.0, 0.1])}
    curve = _make({"untrained": _UNTRAINED, **{name: _UNTRAINED + gain for name, gain in gains.items()}})
    share = curve.transfer_share("model_other", "model_own")
    assert share.transfer_share[:3].tolist() == pytest.approx([0.5, 1.0, 2.0])
    assert share.ci_low[:3].tolist() == pytest.approx([0.5, 1.0, 2.0])
    assert np.isnan(share.loc[3, ["transfer_share", "ci_low", "ci_high"]].astype(float)).all()
    assert share.own_gain.tolist() == pytest.approx([1.0, 1.0, 1.0, 0.0], abs=1e-9)


def test_what_is_not_there_is_refused() -> None:
    curve = _make({"untrained": _UNTRAINED, "model": _UNTRAINED})
    with pytest.raises(InputError, match="no context '7'"):
        curve.worth_seconds(context=7)
    with pytest.raises(InputError, match="no predictor 'gru'"):
        curve.difference("gru", "untrained")
    with pytest.raises(InputError, match="without a trained model"):
        _make({"untrained": _UNTRAINED}).worth_seconds()
    with pytest.raises(InputError, match="other values of start"):
        join_curves([curve, _make({"model_b": _UNTRAINED}, num_starts=5)])
