"""Realism, judge and surrogates, against numbers that are known otherwise."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import xarray as xr
from scipy.stats import multivariate_normal, norm

import nwbspikegen as nsg
from nwbspikegen.core.errors import InputError
from nwbspikegen.likeness import (
    SURROGATES,
    compare_verdicts,
    judge_likeness,
    judge_resemblance,
    make_surrogate,
)
from nwbspikegen.likeness.raster_kernels import pool_convolutions
from nwbspikegen.likeness.statistics import STATISTICS, Counts, find_events
from nwbspikegen.likeness.surrogates import _find_latent
from nwbspikegen.likeness.trains import read_runs

_BIN = 0.001


def _view(spikes: np.ndarray) -> xr.Dataset:
    coords = {"time": np.arange(len(spikes)) * _BIN, "unit": np.arange(spikes.shape[1])}
    return xr.Dataset(
        {"spikes": (("time", "unit"), spikes.astype(np.uint8))}, coords, attrs={"bin_size": _BIN}
    )


def _poisson(rates: np.ndarray, seconds: int, seed: int) -> xr.Dataset:
    rng = np.random.default_rng(seed)
    return _view(rng.random((round(seconds / _BIN), len(rates))) < rates * _BIN)


@pytest.fixture(scope="module")
def culture() -> tuple[xr.Dataset, xr.Dataset]:
    units = nsg.open_units(nsg.simulate("in_vitro", num_units=16, duration=240, seed=1).sorting)
    return units.isel(time=slice(0, 120_000)), units.isel(time=slice(120_000, None))


def test_the_distance_of_rates_is_the_one_by_hand() -> None:
    # clocks: as many spikes in each stretch of 10 s as is written here
    counts, made = [100, 200, 50, 100], 400
    recorded = np.zeros((40_000, 1))
    for place, count in enumerate(counts):
        recorded[place * 10_000 : (place + 1) * 10_000 : 10_000 // count] = 1
    generated = np.zeros((10_000, 1))
    generated[:: 10_000 // made] = 1
    table = nsg.realism(_view(generated), _view(recorded)).set_index("statistic")
    logs = np.log2(np.array(counts) + 0.5)
    own = [abs(a - b) for a, b in itertools.combinations(logs, 2)]
    away = abs(np.log2(made + 0.5) - logs)
    assert table.distance["rate"] == pytest.approx(away.mean() / np.mean(own))
    assert table.own_high["rate"] == pytest.approx(max(own) / np.mean(own))
    assert table.own_low["rate"] == 0
    # a clock's neighbouring intervals are alike, whatever its rate
    assert table.recorded["cv2"] == table.generated["cv2"] == 0
    assert table.distance["cv2"] == 1


def test_a_recording_is_as_far_from_itself_as_from_itself(culture) -> None:
    table = nsg.realism(*culture)
    assert table.attrs["stretch"] == 30
    assert (table.attrs["num_recorded"], table.attrs["num_generated"]) == (4, 4)
    for level in ("unit", "pair", "population"):
        assert 0.5 < table.attrs["median"][level] < 1.5, level


def test_what_surrogates_lack_is_what_is_far(culture) -> None:
    before, recorded = culture
    far = {}
    for kind in SURROGATES:
        made = _view(make_surrogate(kind, before.spikes.values, _BIN, seed=3))
        far[kind] = nsg.realism(made, recorded).set_index("statistic").distance
    for kind in ("poisson", "renewal"):
        assert far[kind]["correlation_500ms"] > 1.8
        assert far[kind]["spectrum"] > 4
    # intervals are kept by renewal surrogates, and slow correlations by jittered ones
    assert far["renewal"]["isi"] < 0.9 * far["poisson"]["isi"]
    assert far["jittered"]["correlation_500ms"] < 1.2
    assert far["dichotomised_gaussian"]["correlation_5ms"] < 1.2
    assert far["dichotomised_gaussian"]["correlation_50ms"] < far["poisson"]["correlation_50ms"]


def test_violations_that_no_stretch_has_are_endlessly_far() -> None:
    recorded = np.zeros((40_000, 1))
    recorded[::100] = 1
    generated = recorded[:10_000].copy()
    generated[1::1000] = 1
    table = nsg.realism(_view(generated), _view(recorded)).set_index("statistic")
    assert table.distance["refractory"] == np.inf
    assert table.generated["refractory"] > 0 == table.recorded["refractory"]


def test_statistics_are_what_they_say() -> None:
    rng = np.random.default_rng(0)
    spikes = (rng.random((60_000, 3)) < 0.02).astype(np.uint8)
    spikes[:, 2] = np.roll(spikes[:, 0], 6)
    counts = Counts(spikes, _BIN, {"burst": 5.0, "wave": 80.0})
    told = {each.name: each.describe(counts) for each in STATISTICS}
    windows = spikes.reshape(-1, 50, 3).sum(axis=1).astype(float)
    above = np.triu_indices(3, 1)
    np.testing.assert_allclose(told["correlation_50ms"], np.corrcoef(windows.T)[above], atol=1e-12)
    fano = windows.reshape(-1, 2, 3).sum(axis=1)
    np.testing.assert_allclose(
        told["fano_0.1s"], np.log10(fano.var(axis=0, ddof=1) / fano.mean(axis=0)), atol=1e-12
    )
    # units 0 and 2 are one train, 6 ms apart: two windows of 4 ms
    assert np.argmax(told["correlogram_peak"]) == 1
    assert told["correlogram_peak"][1] > 0.4 > 10 * abs(told["correlation_5ms"][1])
    intervals = np.diff(np.flatnonzero(spikes[:, 1])) * _BIN
    np.testing.assert_allclose(told["isi"][1], np.log10(intervals))
    assert told["refractory"][1] == pytest.approx((intervals < 0.0015).mean())
    covariance = np.cov(windows.T)
    values = np.linalg.eigvalsh(covariance)
    assert told["dimensionality"][0] == pytest.approx(np.log2(values.sum() ** 2 / (values**2).sum()))
    begin, end = find_events(counts.windows(0.02).sum(axis=1), 5.0)
    assert told["burst_size"].shape == begin.shape == end.shape


def test_surrogates_keep_what_they_promise() -> None:
    rng = np.random.default_rng(1)
    common = rng.random(200_000) < 0.01
    spikes = np.stack([common, np.roll(common, 2) & (rng.random(200_000) < 0.8), rng.random(200_000) < 0.03])
    spikes = np.ascontiguousarray(spikes.T).astype(np.uint8)
    made = {kind: make_surrogate(kind, spikes, _BIN, seed=2) for kind in SURROGATES}
    total = spikes.sum(axis=0)
    for kind, each in made.items():
        assert each.dtype == np.uint8
        np.testing.assert_allclose(each.sum(axis=0), total, rtol=0.08, err_msg=kind)
        assert (make_surrogate(kind, spikes, _BIN, seed=2) == each).all()
        assert (make_surrogate(kind, spikes, _BIN, seed=3) != each).any()

    def intervals(train: np.ndarray) -> list[int]:
        at = np.flatnonzero(train)
        return sorted([*np.diff(at), at[0] + len(train) - at[-1]])

    assert intervals(made["renewal"][:, 0]) == intervals(spikes[:, 0])
    near = np.flatnonzero(made["jittered"][:, 2])[1:-1]
    ends = np.flatnonzero(spikes[:, 2])
    after = np.clip(np.searchsorted(ends, near), 1, len(ends) - 1)
    assert np.minimum(abs(ends[after] - near), abs(near - ends[after - 1])).max() <= 25

    def together(train: np.ndarray) -> np.ndarray:
        return np.corrcoef((train.reshape(-1, 10, 3).sum(axis=1) > 0).T)

    np.testing.assert_allclose(together(made["dichotomised_gaussian"]), together(spikes), atol=0.03)
    assert together(spikes)[0, 1] > 0.5 > 0.05 > abs(together(made["poisson"])[0, 1])


def test_latent_correlations_are_those_that_were_put_in() -> None:
    share, latent = np.array([0.1, 0.3, 0.02]), {(0, 1): 0.6, (0, 2): -0.3, (1, 2): 0.0}
    threshold = norm.ppf(1 - share)
    both = np.outer(share, share)
    for (one, other), correlation in latent.items():
        gauss = multivariate_normal([0, 0], [[1, correlation], [correlation, 1]])
        both[one, other] = both[other, one] = gauss.cdf(-threshold[[one, other]])
    found = _find_latent(threshold, share, both)
    for pair, correlation in latent.items():
        assert found[pair] == pytest.approx(correlation, abs=2e-3)


def test_the_judge_is_fair_and_sees_no_rates() -> None:
    rates = np.random.default_rng(3).lognormal(np.log(4), 0.8, 20)
    recorded = _poisson(rates, 200, seed=1)
    same = judge_likeness(_poisson(rates, 200, seed=2), recorded, num_shuffles=0)
    assert same.ci_low < 0.5 < same.ci_high
    assert same.ci_high - same.ci_low < 0.2
    # other rates of single units, as many spikes in all
    areas = []
    for seed in (5, 6, 7):
        drifted = rates * np.random.default_rng(seed).lognormal(0, 0.3, 20)
        other = _poisson(drifted * rates.sum() / drifted.sum(), 200, seed=seed + 4)
        areas.append(judge_likeness(other, recorded, num_shuffles=0).roc_auc)
    assert abs(np.mean(areas) - 0.5) < 0.06
    assert judge_likeness(other, recorded, version="whole", num_shuffles=0).roc_auc > 0.8


def test_silence_between_waves_does_not_tell_rates() -> None:
    """Waves of 2 s every 8 s; in one of both every unit has half as many spikes again."""
    rates = np.random.default_rng(8).lognormal(np.log(2), 0.5, 20)
    views = []
    for seed, factor in ((1, 1.0), (2, 1.5)):
        waves = _poisson(4 * factor * rates, 240, seed=seed).spikes.values
        waves[(np.arange(len(waves)) // 2_000) % 4 > 0] = 0
        views.append(_view(waves))
    assert abs(judge_likeness(*views, num_shuffles=0).roc_auc - 0.5) < 0.1
    assert judge_likeness(*views, version="whole", num_shuffles=0).roc_auc > 0.55


def test_the_judge_tells_surrogates_and_says_by_what(culture) -> None:
    before, recorded = culture
    made = _view(make_surrogate("poisson", before.spikes.values, _BIN))
    verdict = judge_likeness(made, recorded)
    assert verdict.roc_auc > 0.95 > 0.65 > judge_likeness(before, recorded, num_shuffles=0).roc_auc
    assert verdict.importances.index[0].startswith(("together", "population"))
    assert (verdict.num_generated, verdict.num_recorded) == (120, 120)


def test_the_convolutional_judge_is_fair_and_sees_no_rates() -> None:
    rates = np.random.default_rng(3).lognormal(np.log(4), 0.8, 12)
    recorded = _poisson(rates, 150, seed=1)
    areas = []
    for seed, factor in ((5, 1.0), (6, 1.5), (7, rates[::-1] / rates)):
        other = _poisson(rates * factor, 150, seed=seed)
        areas.append(judge_likeness(other, recorded, judge="convolutional", num_shuffles=0).roc_auc)
    # the SD of one is .03
    assert abs(np.mean(areas) - 0.5) < 0.05
    whole = judge_likeness(other, recorded, judge="convolutional", version="whole", num_shuffles=1)
    assert whole.roc_auc > 0.9
    assert whole.importances.index[0] == "counts_of_units"


def test_the_convolutional_judge_tells_surrogates(culture) -> None:
    before, recorded = culture
    made = _view(make_surrogate("poisson", before.spikes.values, _BIN))
    verdict = judge_likeness(made, recorded, judge="convolutional", num_shuffles=1)
    same = judge_likeness(before, recorded, judge="convolutional", num_shuffles=0)
    assert verdict.roc_auc > 0.7
    assert same.ci_low < 0.5 < same.ci_high
    assert verdict.judge == "convolutional"
    # bursts are of many units
    assert verdict.importances.index[0].startswith("units_over_")


def test_what_kernels_see_is_the_sum_by_hand() -> None:
    raster = np.zeros((40, 2))
    raster[[3, 20, 21], [0, 1, 0]] = 1
    at, unit = np.nonzero(raster)
    weights, taps = np.array([[2.0, -1.0]]), np.array([[1.0, 3.0, -2.0]])
    found = pool_convolutions(unit, at, 40, weights, taps, np.array([4]), np.array([1.5]))
    # correlation: taps are not turned round
    spread = np.zeros(9)
    spread[::4] = taps[0]
    by_hand = np.correlate(raster @ weights[0], spread, mode="same")
    np.testing.assert_allclose(found, [[(by_hand > 1.5).mean(), by_hand.max()]])


def test_which_of_two_recordings_a_run_resembles(culture) -> None:
    """Runs are stretches of recordings here: of the one, and of the other."""
    own = culture[0].isel(time=slice(0, 40_000))
    cortex = nsg.open_units(nsg.simulate("in_vivo", num_units=8, duration=80, seed=1).sorting)
    made, other = cortex.isel(time=slice(0, 40_000)), cortex.isel(time=slice(40_000, None))
    like_other = judge_resemblance(made, own, other)
    assert like_other.recordings.ci_low > 0.6
    assert abs(like_other.share) < 0.4
    # the run has the units of the recording that it goes on from
    culture_run = culture[1].isel(time=slice(0, 40_000), unit=slice(0, 8)).spikes.values
    assert judge_resemblance(_view(culture_run), own, other).share > 0.6
    assert np.isnan(judge_resemblance(made, made, made).share)


def test_verdicts_are_compared_in_pairs(culture) -> None:
    before, recorded = culture
    jittered = _view(make_surrogate("jittered", before.spikes.values, _BIN))
    one, other = (judge_likeness(each, recorded, num_shuffles=0) for each in (jittered, before))
    gain = compare_verdicts(one, other)
    assert gain.value == pytest.approx(one.roc_auc - other.roc_auc)
    drawn = np.percentile((one.draws - other.draws)[1:], [2.5, 97.5])
    assert (gain.ci_low, gain.ci_high) == pytest.approx(tuple(drawn))
    # the two see nearly the same spikes: apart, their intervals would be much wider than their difference
    assert gain.ci_high - gain.ci_low < one.ci_high - one.ci_low + other.ci_high - other.ci_low
    assert not len(one.importances)
    shorter = judge_likeness(before.isel(time=slice(60_000)), recorded, num_shuffles=0)
    with pytest.raises(InputError, match=r"120 generated and 120 recorded.*60 generated"):
        compare_verdicts(one, shorter)


@pytest.mark.parametrize(
    ("made", "real", "says"),
    [
        ((5_000, 2), (60_000, 2), "stretches of 10 s or more"),
        ((20_000, 2), (15_000, 2), "one generated and two recorded"),
        ((20_000, 3), (60_000, 2), "the same units and bins"),
    ],
)
def test_what_cannot_be_compared(made: tuple[int, int], real: tuple[int, int], says: str) -> None:
    with pytest.raises(InputError, match=says):
        nsg.realism(_view(np.ones(made)), _view(np.ones(real)))


def test_unobserved_time_is_no_silence() -> None:
    view = _poisson(np.full(3, 5.0), 60, seed=0)
    seen = np.ones(view.spikes.shape, dtype=bool)
    seen[:6_000] = False
    gapped = view.assign(observed=(("time", "unit"), seen))
    with pytest.raises(InputError, match=r"10\.00% was not observed"):
        nsg.realism(view, gapped)
    # a recording that begins and ends within a bin
    seen = np.ones(view.spikes.shape, dtype=bool)
    seen[0] = seen[-1, 1] = False
    ends = read_runs(view.assign(observed=(("time", "unit"), seen)), "recording")
    np.testing.assert_array_equal(ends.runs[0], view.spikes.values[1:-1])
    with pytest.raises(InputError, match="dynamics, whole"):
        judge_likeness(view, view, version="soul")
    with pytest.raises(InputError, match="trees, convolutional"):
        judge_likeness(view, view, judge="solomon")
    with pytest.raises(InputError, match="10 or more in each"):
        judge_likeness(view, view, window=10.0)
    with pytest.raises(InputError, match="poisson, renewal"):
        make_surrogate("copy", view.spikes.values, _BIN)
