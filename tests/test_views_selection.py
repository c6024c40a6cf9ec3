"""Selecting units and splitting time."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from nwbspikegen.errors import InputError
from nwbspikegen.views import select_units, split_fractions, split_time


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


def test_with_too_few_units_it_says_so_and_takes_from_the_start(caplog):
    with caplog.at_level(logging.WARNING, logger="nwbspikegen"):
        assert select_units(make_units()).sizes["unit"] == 5
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


@pytest.mark.parametrize("parts", [(0.05, 0.05, 0.001), (0.05, 0.0, 0.01), (0.1, 0.0004, 0.0), (60, 30, 10),
                                   (-0.01, 0.05, 0.01),
                                   (float("nan"), 0.01, 0.01), (float("inf"), 0.01, 0.01)])  # fmt: skip
def test_parts_that_do_not_fit_are_refused(parts):
    train, validation, test = parts
    with pytest.raises(InputError):
        split_time(make_units(), train=train, validation=validation, test=test)


@pytest.mark.parametrize("fractions", [(0.5, 0.5), (0.5, 0.5, 0.5), (1.0, 0.0, 0.0), (0.5, -0.1, 0.5),
                                       (0.5, float("nan"), 0.1)])  # fmt: skip
def test_fractions_that_do_not_fit_are_refused(fractions):
    with pytest.raises(InputError):
        split_fractions(make_units(), fractions)
