"""Selecting units and splitting time."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from spikeinterface.core import NumpySorting

from nwbspikegen.core.errors import InputError
from nwbspikegen.views import (
    find_duplicates,
    open_units,
    select_units,
    split_fractions,
    split_time,
)


def make_units(num_bins: int = 100, num_units: int = 5, bin_size: float = 0.001, start: float = 0.0):
    return xr.Dataset(
        {"spikes": (("time", "unit"), np.zeros((num_bins, num_units), np.uint8))},
        coords={"time": start + bin_size * np.arange(num_bins), "unit": np.arange(num_units)},
        attrs={"bin_size": bin_size, "start_time": start, "lab": "L"},
    )


def test_units_are_skipped_and_taken():
    chosen = select_units(make_units(), skip=2, take=3)
    assert chosen.unit.values.tolist() == [2, 3, 4]
    assert chosen.attrs["lab"] == "L"


def test_all_units_are_the_default():
    assert select_units(make_units(num_units=300)).sizes["unit"] == 300
    assert select_units(make_units(), skip=2).unit.values.tolist() == [2, 3, 4]
    assert select_units(make_units(), random_seed=3).sizes["unit"] == 5
    with pytest.raises(InputError, match="skip 4 and take the rest of 5 units"):
        select_units(make_units(), skip=4)


def test_with_too_few_units_it_says_so_and_takes_from_the_start(caplog):
    with caplog.at_level(logging.WARNING, logger="nwbspikegen"):
        assert select_units(make_units(), skip=3, take=4).unit.values.tolist() == [0, 1, 2, 3]
    assert "fewer than" in caplog.text


@pytest.mark.parametrize(("num_units", "skip", "take"), [(1, 0, 2), (5, 0, 1), (5, -1, 2), (5, 0, 0)])
def test_fewer_than_two_units_are_refused(num_units, skip, take):
    with pytest.raises(InputError):
        select_units(make_units(num_units=num_units), skip=skip, take=take)


@given(st.lists(st.integers(1, 33), min_size=3, max_size=3), st.sampled_from([0.0001, 0.001, 0.1, 1 / 3]))
def test_parts_are_disjoint_and_contiguous(bins, bin_size):
    units = make_units(bin_size=bin_size, start=3600.0)
    split = split_time(
        units, **{name: n * bin_size for name, n in zip(("train", "validation", "test"), bins, strict=True)}
    )
    parts = (split.train, split.validation, split.test)
    assert [part.sizes["time"] for part in parts] == bins
    joined = np.concatenate([part.time.values for part in parts])
    assert np.array_equal(joined, units.time.values[: sum(bins)])
    assert all(part.attrs["start_time"] == part.time.values[0] for part in parts)


@given(st.lists(st.floats(0.01, 1.0), min_size=3, max_size=3), st.integers(100, 1000))
def test_fractions_cover_from_the_start(weights, num_bins):
    fractions = tuple(weight / sum(weights) for weight in weights)
    units = make_units(num_bins=num_bins)
    if min(fractions) * num_bins < 2:
        return
    split = split_fractions(units, fractions)
    joined = np.concatenate([part.time.values for part in (split.train, split.validation, split.test)])
    assert np.array_equal(joined, units.time.values)


@pytest.mark.parametrize(
    "parts",
    [
        (0.05, 0.05, 0.001),
        (0.05, 0.0, 0.01),
        (0.1, 0.0004, 0.0),
        (60, 30, 10),
        (-0.01, 0.05, 0.01),
        (float("nan"), 0.01, 0.01),
        (float("inf"), 0.01, 0.01),
    ],
)
def test_parts_that_do_not_fit_are_refused(parts):
    train, validation, test = parts
    with pytest.raises(InputError):
        split_time(make_units(), train=train, validation=validation, test=test)


@pytest.mark.parametrize(
    "fractions", [(0.5, 0.5), (0.5, 0.5, 0.5), (1.0, 0.0, 0.0), (0.5, -0.1, 0.5), (0.5, float("nan"), 0.1)]
)
def test_fractions_that_do_not_fit_are_refused(fractions):
    with pytest.raises(InputError):
        split_fractions(make_units(), fractions)


@pytest.fixture
def probe():
    """Six units on a probe, the last two the same neuron."""
    rng = np.random.default_rng(4)
    trains = {unit: np.sort(rng.choice(200_000, 40 * (unit + 1), replace=False)) for unit in range(5)}
    trains[5] = trains[4] + 3
    sorting = NumpySorting.from_unit_dict([trains], sampling_frequency=10_000.0)
    sorting.set_property("depth", np.array([0.0, 20, 40, 60, 80, 80]))
    sorting.set_property("location", np.array(["VISp5", "VISp2/3", "VISpm1", "CA1", "VISp", "root"]))
    sorting.set_property("quality", np.array(["good", "mua", "good", "good", "noise", "noise"]))
    sorting.annotate(observation_interval=(0.0, 20.0))
    return open_units(sorting)


@pytest.mark.parametrize(
    ("criteria", "expected"),
    [
        ({"depth": (20, 60)}, [1, 2, 3]),
        ({"region": "VISp"}, [0, 1, 4]),
        ({"region": ["VISp", "CA1"]}, [0, 1, 3, 4]),
        ({"quality": "good"}, [0, 2, 3]),
        ({"quality": ["good", "mua"], "depth": (0, 20)}, [0, 1]),
        ({"min_rate_hz": 5.0}, [2, 3, 4, 5]),
        ({"drop_duplicates": True}, [0, 1, 2, 3, 4]),
        ({"drop_duplicates": True, "min_rate_hz": 7.0}, [3, 4]),
    ],
)
def test_criteria(probe, criteria, expected):
    assert select_units(probe, skip=0, **criteria).unit.values.tolist() == expected


def test_units_at_random_are_the_same_again(probe):
    chosen = [select_units(probe, take=3, random_seed=seed).unit.values.tolist() for seed in (1, 1, 2)]
    assert chosen[0] == chosen[1] == sorted(set(chosen[0]))
    assert {tuple(select_units(probe, take=3, random_seed=seed).unit.values) for seed in range(20)} > {
        tuple(chosen[0])
    }


def test_what_is_scored_has_no_say(probe):
    silent = probe.isel(time=slice(0, 20))
    with pytest.raises(InputError, match="take the rest of 0 units"):
        select_units(probe, skip=0, min_rate_hz=200.0, judged_by=silent)
    assert len(find_duplicates(silent)) == 0
    assert select_units(probe, skip=0, drop_duplicates=True, judged_by=silent).sizes["unit"] == 6


def test_criteria_need_their_column(probe):
    with pytest.raises(InputError, match=r"no unit of region MOp, MOs; expected VISp\d*"):
        select_units(probe, skip=0, region=["MOp", "MOs"])
    with pytest.raises(InputError, match=r"quality fine; expected good \(3\), noise \(2\), mua \(1\)"):
        select_units(probe, skip=0, quality="fine")
    bare = probe.drop_vars(["depth", "location", "quality"])
    for criteria in ({"depth": (0, 1)}, {"region": "CA1"}, {"quality": "good"}):
        with pytest.raises(InputError, match="columns none"):
            select_units(bare, skip=0, **criteria)
    with pytest.raises(InputError, match="the lower first"):
        select_units(probe, skip=0, depth=(60, 20))


def test_duplicates_say_how_much_they_share(probe):
    pairs = find_duplicates(probe)
    assert pairs[["unit", "other", "num_shared", "share"]].values.tolist() == [[4, 5, 200, 1.0]]
    assert len(find_duplicates(probe, tolerance_ms=0.2)) == 0
    with pytest.raises(InputError, match="does not know its source"):
        find_duplicates(probe + 1)


def test_real_duplicates(shared_data):
    """A duplicate unit, and electrodes that see the same cells."""
    sun = open_units(shared_data / "nwb" / "retina_sun_duplicate_unit.nwb")
    pairs = find_duplicates(sun)
    assert pairs.iloc[0][["num_shared"]].item() > 400
    assert pairs.share.min() > 0.99
    assert select_units(sun, skip=0, take=200, drop_duplicates=True).sizes["unit"] == 108 - len(pairs)
    neighbours = find_duplicates(open_units(shared_data / "nwb" / "retina_maccione_hdmea.nwb"))
    assert len(neighbours) > 100
    assert neighbours.share.iloc[0] > 0.95
