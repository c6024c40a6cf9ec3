"""Attention maps and importance: PyTorch's own weights, finite differences, known special cases."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from nwbspikegen.core.errors import InputError
from nwbspikegen.explain.capture import LayerHeads, capture_heads, stream_weights
from nwbspikegen.explain.correlations import compare_rate_correlations, correlate_rates
from nwbspikegen.explain.importance import gradient_importance
from nwbspikegen.explain.maps import map_attention
from nwbspikegen.explain.profiles import Profiles
from nwbspikegen.explain.windows import Observed, choose_windows
from nwbspikegen.models import FittedModel, build_model, find_loss
from nwbspikegen.models.attending import attend_to_nothing, attend_uniformly, attention_as
from nwbspikegen.models.shimono2026 import Shimono2026

_BIN = 0.001


def _network(num_units: int = 6, noise: float = 0.5, **settings: object) -> Shimono2026:
    torch.manual_seed(0)
    chosen = {"num_heads": 2, "feedforward": 8, "num_bins": 40, "dropout": 0.0, **settings}
    network = build_model("shimono2026", num_units, **chosen).eval()
    with torch.no_grad():
        for weight in network.parameters():
            weight.add_(noise * torch.randn_like(weight))
    return network


def _units(num_bins: int = 130, num_units: int = 6) -> xr.Dataset:
    spikes = (np.random.default_rng(1).random((num_bins, num_units)) < 0.2).astype(np.uint8)
    coords = {"time": 5.0 + _BIN * np.arange(num_bins), "unit": np.arange(num_units)}
    return xr.Dataset({"spikes": (("time", "unit"), spikes)}, coords, {"bin_size": _BIN})


def _window(num_bins: int = 20, num_units: int = 6) -> torch.Tensor:
    return torch.from_numpy(_units(num_bins, num_units)["spikes"].values).float()


def _whole(heads: LayerHeads, block: int = 7) -> torch.Tensor:
    """Return all weights of a layer, put together from its blocks."""
    num_heads, num_bins, _ = heads.query.shape
    weights = torch.zeros(num_heads, num_bins, num_bins)
    for part in stream_weights(heads, block):
        weights[:, part.first : part.first + part.weights.shape[1], : part.weights.shape[2]] = part.weights
    return weights


def test_weights_are_those_of_multi_head_attention():
    network, window = _network(), _window()
    layer = network.layers[0]
    own = torch.nn.MultiheadAttention(6, 2, batch_first=True).eval()
    with torch.no_grad():
        own.in_proj_weight.copy_(layer.query_key_value.weight)
        own.in_proj_bias.copy_(layer.query_key_value.bias)
        later = torch.triu(torch.ones(20, 20, dtype=torch.bool), 1)
        _, expected = own(
            window[None], window[None], window[None], attn_mask=later, average_attn_weights=False
        )
    torch.testing.assert_close(_whole(capture_heads(network, window)[0]), expected[0], atol=1e-6, rtol=0)


def test_every_layer_is_captured_and_predictions_stay():
    network, window = _network(depth=3), _window()
    before = network(window[None])
    assert len(capture_heads(network, window)) == 3
    torch.testing.assert_close(network(window[None]), before, atol=0, rtol=0)


@given(block=st.integers(1, 30))
def test_blocks_do_not_show(block):
    heads = capture_heads(_network(), _window())[0]
    torch.testing.assert_close(_whole(heads, block), _whole(heads, 20), atol=1e-6, rtol=0)


def test_equal_logits_give_equal_shares_and_flat_profiles():
    heads = LayerHeads(torch.zeros(2, 30, 3), torch.randn(2, 30, 3))
    share = torch.tril(torch.ones(30, 30)) / torch.arange(1, 31)[:, None]
    torch.testing.assert_close(_whole(heads), share.expand(2, -1, -1), atol=1e-6, rtol=0)
    profiles = Profiles(2, 30)
    for block in stream_weights(heads, 8):
        profiles.add(block)
    for curve in (profiles.offset, profiles.key, profiles.query[:, 1:]):
        np.testing.assert_allclose(curve, 1.0, atol=1e-5)
    assert np.isnan(profiles.query[:, 0]).all()


def test_profiles_are_their_definitions():
    heads = capture_heads(_network(noise=2.0), _window())[0]
    importance = torch.rand(20)
    profiles = Profiles(2, 20, importance)
    for block in stream_weights(heads, 6):
        profiles.add(block)
    weights = _whole(heads).double().numpy()
    scaled = weights * np.arange(1, 21)[:, None]
    for offset in (0, 3, 19):
        expected = [np.diagonal(head, -offset).mean() for head in scaled]
        np.testing.assert_allclose(profiles.offset[:, offset], expected, rtol=1e-5)
    for key in (0, 7, 19):
        np.testing.assert_allclose(profiles.key[:, key], scaled[:, key:, key].mean(axis=1), rtol=1e-5)
    row = weights[1, 9, :10]
    assert profiles.query[1, 9] == pytest.approx(-(row * np.log(row)).sum() / math.log(10), abs=1e-5)
    weighted = weights.mean(axis=0) * importance.numpy()
    np.testing.assert_allclose(profiles.weighted_query, weighted.sum(axis=1), rtol=1e-5)
    times_length = weighted * np.arange(1, 21)[:, None]
    np.testing.assert_allclose(profiles.weighted_key[4], times_length[4:, 4].mean(), rtol=1e-5)
    assert profiles.weighted_offset[2] == pytest.approx(np.diagonal(times_length, -2).mean(), rel=1e-5)


@pytest.mark.parametrize("loss", ["dice", "bernoulli"])
def test_importance_is_the_finite_difference(loss):
    network, window = _network().double(), _window(15).double()
    target = torch.roll(window, -1, 0)
    found = gradient_importance(network, window, target, loss)

    def value(spikes: torch.Tensor) -> float:
        with torch.no_grad():
            log_odds = network(spikes[None])
        return find_loss(loss)(log_odds, target[None], torch.ones_like(target[None])).item()

    step = 1e-5
    for at in [(0, 0), (3, 5), (14, 2)]:
        change = torch.zeros_like(window)
        change[at] = step
        slope = abs(value(window + change) - value(window - change)) / (2 * step)
        assert found[at].item() == pytest.approx(slope, rel=1e-3, abs=1e-9)


class _Deaf(Shimono2026):
    """Predicts the same whatever it reads."""

    def from_encoder_input(self, hidden: torch.Tensor) -> torch.Tensor:
        return 0.0 * hidden[..., : self.num_units] + self.layers[0].mix_heads.bias[: self.num_units]


class _Constant(Shimono2026):
    """Does not even look."""

    def from_encoder_input(self, hidden: torch.Tensor) -> torch.Tensor:
        return torch.zeros(hidden.shape[0], hidden.shape[1], self.num_units)


@pytest.mark.parametrize("kind", [_Deaf, _Constant])
def test_a_model_that_ignores_its_input_has_no_importance(kind):
    network = kind(_network().settings, 6)
    assert not gradient_importance(network, _window(), _window(), "dice").any()


def test_maps_are_means_over_windows_with_axes_and_units():
    model = FittedModel(_network(), "dice", _BIN)
    found = map_attention(model, _units(), most_windows=2, cell_bins=1)
    maps = found.maps
    expected = [
        _whole(capture_heads(model.module, torch.from_numpy(window).float())[0]).numpy()
        for window in found.inputs
    ]
    np.testing.assert_allclose(maps["attention"], np.mean(expected, axis=0), atol=1e-6)
    np.testing.assert_allclose(maps["attention_mean"], maps["attention"].mean("head"), atol=1e-6)
    weighted = [
        each.mean(axis=0) * importance
        for each, importance in zip(expected, found.series["importance_bin"], strict=True)
    ]
    np.testing.assert_allclose(maps["attention_weighted_importance"], np.mean(weighted, axis=0), atol=1e-7)
    np.testing.assert_allclose(maps["importance"].sum("unit"), maps["importance_bin"], rtol=1e-4)
    for name, array in maps.data_vars.items():
        assert {"units", "measure", "description"} <= array.attrs.keys(), name
        assert set(array.dims) <= set(maps.coords), name
    # session time of windows: 129 bins with a target hold three of 40, the first and the last are taken
    np.testing.assert_allclose(maps["time"][[0, 40]], [5.0, 5.08])


def test_cells_are_means_over_pairs_up_to_the_diagonal():
    model = FittedModel(_network(), "dice", _BIN)
    whole = map_attention(model, _units(), most_windows=1, cell_bins=1).maps["attention"].values
    cells = map_attention(model, _units(), most_windows=1, cell_bins=12).maps["attention"].values
    assert cells.shape == (2, 4, 4)
    np.testing.assert_allclose(cells[:, 2, 1], whole[:, 24:36, 12:24].mean(axis=(1, 2)), rtol=1e-4)
    diagonal = whole[:, 36:40, 36:40].sum(axis=(1, 2)) / 10
    np.testing.assert_allclose(cells[:, 3, 3], diagonal, rtol=1e-4)
    assert not cells[:, 0, 1:].any()


def test_windows_stay_in_the_segment():
    observed = Observed(np.zeros((1000, 2), np.uint8), 401, 0.0, _BIN)
    starts, length = choose_windows(observed, 100, 3)
    assert starts.tolist() == [400, 600, 800]
    assert length == 100
    assert choose_windows(observed, 5000, 3)[1] == 599
    with pytest.raises(InputError, match="at least 2 bins"):
        choose_windows(Observed(np.zeros((2, 2), np.uint8), 1, 0.0, _BIN), 100, 3)


def test_a_model_without_attention_is_refused():
    model = FittedModel(build_model("in_context", 6), "bernoulli", _BIN)
    with pytest.raises(InputError, match="declares no attention"):
        map_attention(model, _units())


def test_next_bin_is_the_last_row():
    network = _network(depth=2)
    windows = torch.stack([_window(), _window().flip(0)])
    torch.testing.assert_close(network.next_bin(windows), network(windows)[:, -1], atol=1e-6, rtol=0)


@pytest.mark.parametrize("attention", [attend_uniformly, attend_to_nothing])
def test_disabled_attention_is_causal_and_ends_with_its_block(attention):
    network, window = _network(), _window()
    intact = network(window[None])
    changed = window.clone()
    changed[12:] = 1 - changed[12:]
    with attention_as(attention):
        one, other = network(window[None]), network(changed[None])
        torch.testing.assert_close(network.next_bin(window[None]), one[:, -1], atol=1e-6, rtol=0)
    torch.testing.assert_close(one[:, :12], other[:, :12], atol=0, rtol=0)
    assert not torch.allclose(one, intact)
    torch.testing.assert_close(network(window[None]), intact, atol=0, rtol=0)


def test_uniform_attention_is_what_equal_logits_give():
    network, window = _network(), _window()
    with attention_as(attend_uniformly):
        uniform = network(window[None])
    with torch.no_grad():
        network.layers[0].query_key_value.weight[:12] = 0
        network.layers[0].query_key_value.bias[:12] = 0
    torch.testing.assert_close(network(window[None]), uniform, atol=1e-5, rtol=0)


def test_correlations_find_a_profile_that_is_the_rate():
    model = FittedModel(_network(), "dice", _BIN)
    found = map_attention(model, _units(), most_windows=2)
    rate = found.inputs.mean(axis=2)
    found.series["key_profile"][:] = -2.0 * rate
    table = correlate_rates(found).set_index(["profile", "rate"]).correlation
    assert table["key_profile", "input"] == pytest.approx(-1.0)
    assert table.between(-1, 1).all()
    assert {"offset_curve", "awi_key_profile", "importance_bin"} <= set(table.index.get_level_values(0))


def test_recordings_are_compared_with_a_corrected_test():
    rng = np.random.default_rng(0)
    model = FittedModel(_network(), "dice", _BIN)
    one = correlate_rates(map_attention(model, _units(), most_windows=2))
    tables = {
        str(place): one.assign(correlation=np.where(one.profile == "key_profile", 0.6, 0.0)).assign(
            correlation=lambda t: t.correlation + 0.05 * rng.standard_normal(len(t))
        )
        for place in range(6)
    }
    compared = compare_rate_correlations(tables)
    assert compared[compared.profile == "key_profile"].significant.all()
    assert not compared[compared.profile != "key_profile"].significant.any()
    assert (compared.p_holm >= compared.p).all()
    assert compared["mean"].iloc[0] == pytest.approx(0.6, abs=0.1)
    with pytest.raises(InputError, match="at least two"):
        compare_rate_correlations({"a": one})
