"""Rates, hazards and traces look back only, and are what their formulas say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nwbspikegen.core.errors import InputError
from nwbspikegen.views import history
from nwbspikegen.views.history import (
    AGE_EDGES,
    exponential_traces,
    online_hazard,
    running_rate,
    trace_pieces,
)

_SPIKES = arrays(np.uint8, st.tuples(st.integers(2, 60), st.integers(1, 4)), elements=st.integers(0, 1))
_CAUSAL = {
    "running_rate": lambda spikes, first: running_rate(spikes, first, 0.001),
    "online_hazard": lambda spikes, first: online_hazard(spikes, first, 0.001),
    "traces": lambda spikes, first: exponential_traces(spikes, first, [1.5, 40.0]),
}


@pytest.mark.parametrize("name", _CAUSAL)
@given(spikes=_SPIKES, data=st.data())
def test_the_future_changes_nothing(name, spikes, data):
    changed_from = data.draw(st.integers(0, len(spikes) - 1))
    changed = spikes.copy()
    changed[changed_from:] = 1 - changed[changed_from:]
    before, after = _CAUSAL[name](spikes, 0), _CAUSAL[name](changed, 0)
    np.testing.assert_array_equal(before[: changed_from + 1], after[: changed_from + 1])


@pytest.mark.parametrize("name", _CAUSAL)
@given(spikes=_SPIKES, data=st.data())
def test_context_is_read_and_not_predicted(name, spikes, data):
    first = data.draw(st.integers(0, len(spikes)))
    np.testing.assert_array_equal(_CAUSAL[name](spikes, 0)[first:], _CAUSAL[name](spikes, first))


@given(spikes=_SPIKES, data=st.data())
def test_pieces_in_which_bins_are_read_change_nothing(spikes, data):
    first, at_once = data.draw(st.integers(0, len(spikes))), data.draw(st.integers(1, 40))
    seen = data.draw(arrays(bool, spikes.shape))
    whole = [predict(spikes, first, 0.001, seen) for predict in (running_rate, online_hazard)]
    traces = exponential_traces(spikes, first, [1.5, 40.0], seen)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(history, "_VALUES_AT_ONCE", at_once)
        for predict, expected in zip((running_rate, online_hazard), whole, strict=True):
            np.testing.assert_array_equal(predict(spikes, first, 0.001, seen), expected)
        pieces = list(trace_pieces(spikes, first, [1.5, 40.0], seen))
    rows = [place for piece, _ in pieces for place in range(piece.start, piece.stop)]
    assert rows == list(range(len(spikes) - first))
    for piece, values in pieces:
        np.testing.assert_array_equal(values, traces[piece].transpose(1, 0, 2))


def _hazard_by_definition(train: np.ndarray) -> list[float]:
    fired, seen, last, out = [0.0] * 26, [0.0] * 26, None, []
    for t, spike in enumerate(train):
        # no train here is longer than the oldest class asks for, so that an age stays unknown until a spike
        cls = 25 if last is None else sum(t - last > edge for edge in AGE_EDGES)
        rate = (train[:t].sum() + 0.5) / (t + 500)
        weight = 1 / max(rate, (fired[cls] - 1) / seen[cls] if seen[cls] else 0)
        hazard = (fired[cls] + weight * rate) / (seen[cls] + weight)
        out.append(rate if last is None else hazard)
        seen[cls] += 1
        fired[cls] += spike
        last = t if spike else last
    return out


@given(spikes=_SPIKES)
def test_online_hazard_is_its_definition(spikes):
    expected = np.stack([_hazard_by_definition(train) for train in spikes.T], axis=1)
    np.testing.assert_allclose(online_hazard(spikes, 0, 0.001), expected, rtol=1e-6)


@pytest.mark.parametrize("silent_s", [0.5, 2, 10, 60])
def test_a_silent_unit_is_given_its_rate(silent_s):
    spikes = np.zeros((int(1000 * silent_s), 1), np.uint8)
    rate = running_rate(spikes, len(spikes) - 1, 0.001)
    assert online_hazard(spikes, len(spikes) - 1, 0.001) == rate
    spikes[0] = 1
    rate = running_rate(spikes, len(spikes) - 1, 0.001)
    assert online_hazard(spikes, len(spikes) - 1, 0.001) > 0.4 * rate


def test_a_late_first_spike_costs_no_more_than_at_the_running_rate():
    spikes = np.zeros((61_000, 1), np.uint8)
    spikes[60_000::100] = 1
    at, found = spikes[:, 0] > 0, []
    for predict in (online_hazard, running_rate):
        probability = predict(spikes, 0, 0.001)[:, 0]
        found.append(np.log2(np.where(at, probability, 1 - probability)).sum() / at.sum())
    assert found[0] > found[1]


def test_nothing_is_left_of_a_trace_after_a_long_silence():
    """Numbers too small for a processor to be fast with would stay for ever: a trace ends at 0."""
    spikes = np.zeros((3000, 1), np.uint8)
    spikes[0] = 1
    traces = exponential_traces(spikes, 1, [4.0])[:, 0, 0]
    assert traces[0] > 0
    assert traces[-1] == 0
    assert not ((traces > 0) & (traces < 1e-31)).any()


def test_traces_are_weighted_means_of_the_past():
    spikes = np.random.default_rng(0).integers(0, 2, (50, 3)).astype(np.uint8)
    decay = np.exp(-1 / 7.0)
    weights = (1 - decay) * decay ** np.arange(49, -1, -1)
    np.testing.assert_allclose(
        exponential_traces(np.vstack([spikes, spikes[:1]]), 50, [7.0])[0, :, 0], weights @ spikes, rtol=1e-5
    )


def test_a_first_bin_outside_is_refused():
    with pytest.raises(InputError, match="first bin 9"):
        running_rate(np.zeros((5, 2), np.uint8), 9, 0.001)
