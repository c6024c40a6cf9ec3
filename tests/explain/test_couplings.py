"""Couplings of `in_context`: planted connections are found, better than by cross-correlation."""

from __future__ import annotations

import numpy as np
import pytest
from populations import small_population

import nwbspikegen as nsg
from nwbspikegen.core.errors import InputError
from nwbspikegen.explain.connections import (
    cross_correlate,
    map_corrected_correlation,
    map_coupling_glm,
    map_cross_correlation,
    recover_connections,
)
from nwbspikegen.explain.couplings import map_couplings
from nwbspikegen.models import FittedModel, build_model
from nwbspikegen.models.in_context.couplings import read_couplings

_MODEL = FittedModel(build_model("in_context", 8), "bernoulli", 0.001)


def test_planted_connections_are_recovered_better_than_by_cross_correlation():
    simulation = nsg.simulate("in_vivo", num_units=24, duration=120.0, seed=11)
    found = read_couplings(simulation.spikes, 0.001).influence
    area = recover_connections(found, simulation.coupling)
    assert area > 0.85
    assert area > recover_connections(map_cross_correlation(simulation.spikes), simulation.coupling) + 0.05
    assert area > recover_connections(map_corrected_correlation(simulation.spikes), simulation.coupling)


def test_influence_without_connections_is_chance():
    rng = np.random.default_rng(0)
    spikes = (rng.random((60_000, 12)) < 0.01).astype(np.uint8)
    found = read_couplings(spikes, 0.001).influence
    assert 0.35 < recover_connections(found, (rng.random((12, 12)) < 0.2).astype(float)) < 0.65
    # a unit that drives another by half of the hazard for ten bins would have about 0.15
    assert np.median(found) < 0.03


def test_the_sign_of_a_coupling_and_its_direction_are_read():
    rng = np.random.default_rng(1)
    spikes = (rng.random((60_000, 6)) < 0.01).astype(np.uint8)
    follower = np.zeros(60_000, dtype=bool)
    for lag in (1, 2, 3):
        follower[lag:] |= (spikes[:-lag, 0] > 0) & (rng.random(60_000 - lag) < 0.3)
    spikes[:, 1] |= follower
    found = read_couplings(spikes, 0.001)
    kernels, influence = found.kernels, found.influence
    assert influence[1, 0] == influence.max()
    assert kernels[1, 0, 0] > 0.5
    assert abs(kernels[0, 1, 0]) < 0.2 * kernels[1, 0, 0]
    np.testing.assert_allclose(kernels[range(6), range(6)], 0.0, atol=1e-12)


def test_the_map_has_axes_and_units_and_belongs_to_in_context():
    units = small_population()
    maps = map_couplings(_MODEL, units.isel(time=slice(20_000, 30_000)), context=units)
    assert maps.attrs["observed_bins"] == 30_000
    assert maps["influence"].dims == ("target_unit", "source_unit")
    np.testing.assert_array_equal(maps["source_unit"], units.unit)
    for array in maps.data_vars.values():
        assert {"units", "measure", "description"} <= array.attrs.keys()
    assert maps["lag"][0] == 0.001
    with pytest.raises(InputError, match="map_attention"):
        map_couplings(FittedModel(build_model("shimono2026", 8), "dice", 0.001), units)


def test_couplings_shuffle_with_the_units():
    spikes = small_population()["spikes"].values[:20_000].astype(np.uint8)
    order = np.random.default_rng(0).permutation(8)
    kernels = read_couplings(spikes, 0.001).kernels
    shuffled = read_couplings(np.ascontiguousarray(spikes[:, order]), 0.001).kernels
    np.testing.assert_allclose(shuffled, kernels[np.ix_(order, order)], rtol=1e-3, atol=1e-5)


def test_plainer_maps_find_a_plain_connection():
    rng = np.random.default_rng(2)
    spikes = (rng.random((40_000, 5)) < 0.01).astype(np.uint8)
    spikes[4:, 3] |= spikes[:-4, 2]
    truth = np.zeros((5, 5))
    truth[3, 2] = 1.0
    for find in (map_cross_correlation, map_corrected_correlation, map_coupling_glm):
        assert recover_connections(find(spikes), truth) == 1.0, find.__name__
    assert cross_correlate(spikes, 10)[3, 2].argmax() == 3
