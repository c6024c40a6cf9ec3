"""The prior of populations: every stated parameter is seen in the spikes, and the intensity is the truth."""

from __future__ import annotations

import hashlib
import itertools
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import nwbspikegen as nsg
from nwbspikegen.core.errors import InputError
from nwbspikegen.simulation import FAMILIES, Simulation, draw_population, drawn_intensity, metadata_of
from nwbspikegen.simulation.drawn_units import draw_drawn_units
from nwbspikegen.simulation.families import COMMON

each = pytest.mark.parametrize("family", list(FAMILIES))
# one thing at a time: a population without what the test does not ask about
PLAIN = {
    "bursty_share": 0.0, "pause_weight": 0.0, "adaptation_weight": 0.0, "coupling_density": 0.0,
    "oscillation_depth": 0.0, "state_depth": 0.0, "drift_sd": 0.0, "noisy_share": 0.0, "duplicate_share": 0.0,
}  # fmt: skip


def plain(**parameters: float) -> Simulation:
    num_units, duration = int(parameters.pop("num_units", 30)), parameters.pop("duration", 60.0)
    return draw_population(
        4, num_units=num_units, duration=duration, family="cortex_awake", parameters=PLAIN | parameters
    )


def parents(population: Simulation) -> np.ndarray:
    assert population.parent is not None
    return population.parent


def places(population: Simulation) -> np.ndarray:
    assert population.positions_um is not None
    return population.positions_um


def correlogram(spikes: np.ndarray, source: int, target: int, lags: int) -> np.ndarray:
    """Rate of the target after a spike of the source, by lag from 1, over its mean rate."""
    times = np.flatnonzero(spikes[:-lags, source])
    after = np.array([spikes[times + lag, target].mean() for lag in range(1, lags + 1)])
    return np.asarray(after / spikes[:, target].mean())


@each
def test_probability_is_calibrated_and_replayed(family: str) -> None:
    population = draw_population(5, family=family, num_units=40, duration=60.0)
    intensity = population.intensity.astype(float)
    edges = np.quantile(intensity, [0, 0.5, 0.9, 0.99, 0.999, 1])
    # duplicates fire in the bin of their parents: alone they would make the counts look too variable
    own = np.broadcast_to(parents(population) < 0, intensity.shape)
    for low, high in itertools.pairwise(edges):
        inside = (intensity >= low) & (intensity <= high) & own
        expected = intensity[inside]
        deviation = np.sqrt((expected * (1 - expected)).sum())
        assert abs(population.spikes[inside].sum() - expected.sum()) < 4 * deviation
    replayed = drawn_intensity(population.spikes, family, seed=5)
    np.testing.assert_array_equal(replayed, population.intensity)


@each
def test_intervals_rescaled_by_the_intensity_are_exponential(family: str) -> None:
    population = draw_population(6, family=family, num_units=24, duration=120.0)
    # in discrete time, with a part of the last bin at random: Haslinger, Pipa & Brown 2010
    rng = np.random.default_rng(0)
    rescaled = []
    for spikes, probability in zip(population.spikes.T, population.intensity.T.astype(float), strict=True):
        hazard = -np.log1p(-probability)
        passed = np.cumsum(hazard)
        bins = np.flatnonzero(spikes)
        inside = -np.log1p(-rng.random(bins.size) * probability[bins])
        rescaled.append(np.diff(passed[bins]) - hazard[bins[1:]] + inside[1:])
    uniform = np.sort(-np.expm1(-np.concatenate(rescaled)))
    distance = np.abs(uniform - (np.arange(uniform.size) + 0.5) / uniform.size).max()
    # 1.95: one in a thousand by chance, for the Kolmogorov-Smirnov distance
    assert distance < 1.95 / np.sqrt(uniform.size)


@each
def test_the_future_changes_nothing_and_the_past_does(family: str) -> None:
    population = draw_population(7, family=family, num_units=8, duration=2.0)
    spikes = population.spikes.copy()
    spikes[900] = 1 - spikes[900]
    replayed = drawn_intensity(spikes, family, seed=7)
    np.testing.assert_array_equal(replayed[:901], population.intensity[:901])
    assert (replayed[901] != population.intensity[901]).any()


@each
def test_drawn_parameters_lie_in_their_ranges_and_vary(family: str) -> None:
    ranges = FAMILIES[family].ranges
    assert list(ranges) == list(COMMON)
    assert all(span.low <= span.high and span.reason for span in ranges.values())
    drawn = [draw_population(seed, family=family, duration=1.0, num_units=2).parameters for seed in range(40)]
    for name, span in ranges.items():
        values = [parameters[name] for parameters in drawn]
        if name != "num_units":
            assert span.low - 1e-9 <= min(values)
            assert max(values) <= span.high + 1e-9
            assert len(set(values)) == (40 if span.low < span.high else 1)


@each
def test_rates_have_the_stated_mean_and_spread(family: str) -> None:
    # over seeds, as a recording has few bursts or waves and one drift
    differences, deviations = [], []
    median = FAMILIES[family].ranges["median_rate_hz"].high / 2
    duration = 200.0 if family == "retina_waves" else 60.0
    for seed in range(4):
        population = draw_population(seed, family=family, num_units=100, duration=duration, parameters={
            "drift_sd": 0.0, "median_rate_hz": median, "log_rate_sd": 0.6,
        })  # fmt: skip
        own = parents(population) < 0
        log_rate = np.log(population.spikes[:, own].mean(axis=0) * 1000 + 0.005)
        differences.append(log_rate.mean() - np.log(median))
        deviations.append(log_rate.std())
    # one recording has few waves or bursts: seen, a SD of .15 at 400 s and .08 at 1600 s of waves
    assert abs(np.mean(differences)) < 0.2
    assert np.mean(deviations) == pytest.approx(0.6, abs=0.1)


def test_no_unit_fires_while_refractory_but_noise_does() -> None:
    clean = plain(refractory_ms=3.0, median_rate_hz=20.0)
    noisy = plain(refractory_ms=3.0, median_rate_hz=20.0, noisy_share=1.0, contamination=0.2)
    shares = []
    for population in (clean, noisy):
        intervals = np.concatenate([np.diff(np.flatnonzero(train)) for train in population.spikes.T])
        shares.append((intervals <= 3).mean())
    assert shares[0] < 1e-4
    # noise of 0.2 of the rate, some 4-10 Hz for 3 ms
    assert 0.005 < shares[1] < 0.1


def test_cells_that_burst_have_short_intervals() -> None:
    def share(**parameters: float) -> float:
        population = plain(median_rate_hz=2.0, burst_weight=3.0, burst_time_ms=8.0, **parameters)
        intervals = np.concatenate([np.diff(np.flatnonzero(train)) for train in population.spikes.T])
        return float((intervals < 15).mean())

    assert share(bursty_share=1.0) > 3 * share(bursty_share=0.0)


@pytest.mark.parametrize("frequency", [7.0, 40.0])
def test_an_oscillation_peaks_at_its_frequency(frequency: float) -> None:
    population = plain(
        num_units=100, oscillation_hz=frequency, oscillation_depth=1.0, oscillation_cycles=20.0
    )
    counts = population.spikes.sum(axis=1).astype(float)
    power = (np.abs(np.fft.rfft(counts.reshape(-1, 2000), axis=1)) ** 2).mean(axis=0)
    hertz = np.fft.rfftfreq(2000, 0.001)
    inside = (hertz >= 2) & (hertz <= 100)
    assert hertz[inside][power[inside].argmax()] == pytest.approx(frequency, rel=0.1)
    assert power[inside].max() > 10 * np.median(power[inside])


def test_up_and_down_states_last_as_stated_and_make_two_peaks() -> None:
    population = plain(
        num_units=80, duration=120.0, median_rate_hz=8.0, state_depth=3.5, up_s=0.8, down_s=0.5,
        speed_um_per_s=1e6, state_cv=0.5,
    )  # fmt: skip
    counts = population.spikes.reshape(-1, 50, 80).sum(axis=(1, 2))
    histogram, edges = np.histogram(counts, bins=10)
    # few counts lie between the peaks
    valley = 1 + histogram[1:4].argmin()
    assert histogram[valley] < 0.25 * min(histogram[:valley].max(), histogram[valley:].max())
    up = counts >= edges[valley]
    assert up.mean() == pytest.approx(0.8 / 1.3, abs=0.07)
    # one up state for every 1.3 s
    assert np.diff(up.astype(int)).clip(0).sum() == pytest.approx(120 / 1.3, rel=0.2)


def test_waves_travel_at_the_stated_speed() -> None:
    population = draw_population(
        2, family="retina_waves", num_units=60, duration=600.0,
        parameters=PLAIN | {"state_depth": 5.0, "up_s": 2.0, "down_s": 60.0, "speed_um_per_s": 200.0,
                            "array_width_um": 50.0, "array_height_um": 2000.0, "median_rate_hz": 1.0},
    )  # fmt: skip
    binned = population.spikes.reshape(-1, 100, 60).sum(axis=1).astype(float)
    binned -= binned.mean(axis=0)
    height = places(population)[:, 1]
    spectrum = np.fft.rfft(binned, n=2 * len(binned), axis=0)
    distances, delays = [], []
    for one, two in itertools.combinations(range(0, 60, 4), 2):
        correlation = np.fft.irfft(spectrum[:, one].conj() * spectrum[:, two])
        lag = int(np.argmax(correlation))
        lag = min(lag, len(correlation) - lag)
        # the other's wave is found where it arrives within 15 s
        if lag < 150:
            distances.append(abs(height[one] - height[two]))
            delays.append(lag / 10)
    # waves begin anywhere: one that begins between two units reaches both sooner, so the median of the far
    near = np.array(distances) < 300
    assert np.median(np.array(delays)[near]) < 2.0
    assert np.corrcoef(distances, delays)[0, 1] > 0.5


def test_coupling_has_its_sign_density_and_reach_in_the_cross_correlogram() -> None:
    population = plain(
        num_units=60, median_rate_hz=8.0, log_rate_sd=0.3, coupling_density=0.05, coupling_reach_um=300.0,
        inhibitory_share=0.5, excitatory_weight=1.2, inhibitory_weight=1.5, duration=120.0,
    )  # fmt: skip
    coupling = population.coupling
    assert (coupling != 0).mean() == pytest.approx(0.05, abs=0.015)
    assert not ((coupling > 0).any(axis=0) & (coupling < 0).any(axis=0)).any()
    distance = np.abs(np.subtract.outer(places(population)[:, 1], places(population)[:, 1]))
    assert distance[coupling != 0].mean() < 0.6 * distance[coupling == 0].mean()

    def ratio(chosen: np.ndarray) -> float:
        pairs = np.argwhere(chosen)[:40]
        return float(
            np.mean([correlogram(population.spikes, source, target, 5).mean() for target, source in pairs])
        )

    assert ratio(coupling > 0) > 1.5
    assert ratio(coupling < 0) < 0.6
    assert ratio((coupling == 0) & ~np.eye(60, dtype=bool)) == pytest.approx(1.0, abs=0.1)


def test_rates_drift_as_stated() -> None:
    fixed = {"drift_sd": 0.6, "drift_time_s": 20.0, "median_rate_hz": 20.0, "log_rate_sd": 0.2}
    for shared in (0.0, 0.9):
        population = plain(num_units=20, duration=300.0, drift_shared=shared, **fixed)
        counts = np.log(population.spikes.reshape(-1, 10_000, 20).sum(axis=1) + 0.5)
        if shared == 0.0:
            # a mean over 10 s of a finite recording varies less; with one shared drift it is one draw
            assert counts.std(axis=0).mean() == pytest.approx(0.5, abs=0.1)
        correlation = np.corrcoef(counts.T)[np.triu_indices(20, 1)].mean()
        assert correlation == pytest.approx(shared, abs=0.15)


def test_a_duplicate_shares_the_stated_part_of_its_parents_spikes() -> None:
    population = plain(num_units=40, duplicate_share=0.25, duplicate_overlap=0.7, median_rate_hz=8.0)
    copies = np.flatnonzero(parents(population) >= 0)
    assert copies.size == 10
    spikes = population.spikes
    for copy in copies:
        parent = parents(population)[copy]
        assert parents(population)[parent] == -1
        assert spikes[spikes[:, parent] > 0, copy].mean() == pytest.approx(0.7, abs=0.1)
        assert spikes[:, copy].mean() == pytest.approx(spikes[:, parent].mean(), rel=0.25)
        assert np.abs(places(population)[copy] - places(population)[parent]).max() <= 20.0


def test_the_seed_decides_everything_in_every_process() -> None:
    def digest(seed: int) -> str:
        population = nsg.draw_population(seed, duration=3.0)
        return hashlib.sha256(population.spikes.tobytes() + population.intensity.tobytes()).hexdigest()

    code = (
        "import hashlib, nwbspikegen as nsg; p = nsg.draw_population(11, duration=3.0);"
        "print(hashlib.sha256(p.spikes.tobytes() + p.intensity.tobytes()).hexdigest())"
    )
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert other.stdout.strip() == digest(11)
    assert len({digest(seed) for seed in range(6)}) == 6


def test_what_is_given_changes_nothing_else() -> None:
    drawn = draw_population(12, duration=2.0)
    num_units = drawn.spikes.shape[1]
    given = draw_population(
        12,
        duration=2.0,
        family=drawn.preparation,
        num_units=num_units,
        parameters={"drift_sd": drawn.parameters["drift_sd"]},
    )
    np.testing.assert_array_equal(given.spikes, drawn.spikes)
    assert given.parameters == drawn.parameters
    longer = draw_population(12, duration=4.0)
    np.testing.assert_array_equal(longer.spikes[: len(drawn.spikes)], drawn.spikes)


def test_seeds_reach_every_family_and_many_sizes() -> None:
    populations = [draw_population(seed, duration=1.0) for seed in range(60)]
    assert {population.preparation for population in populations} == set(FAMILIES)
    sizes = {population.spikes.shape[1] for population in populations}
    assert min(sizes) < 32 < 128 < max(sizes)


@each
def test_a_drawn_population_is_a_sorting_with_places_and_metadata(family: str) -> None:
    population = draw_population(1, family=family, duration=2.0, num_units=5)
    sorting = population.sorting
    np.testing.assert_array_equal(sorting.get_property("rel_y"), places(population)[:, 1])
    metadata = metadata_of(population)["NWBFile"]
    assert f"preparation:{FAMILIES[family].preparation}" in metadata["keywords"]
    assert f"family:{family}" in metadata["keywords"]
    assert f"state_depth={population.parameters['state_depth']:.6g}" in metadata["experiment_description"]
    assert FAMILIES[family].description in metadata["session_description"]


@pytest.mark.parametrize("bin_size", [0.0005, 0.005])
def test_rates_do_not_depend_on_the_bin(bin_size: float) -> None:
    fine, coarse = (
        draw_population(3, family="cortex_awake", num_units=50, duration=60.0, bin_size=width)
        for width in (0.001, bin_size)
    )
    rates = [population.spikes.mean() / population.bin_size for population in (fine, coarse)]
    # two spikes in a bin count as one: a burst loses some at 5 ms
    assert rates[1] == pytest.approx(rates[0], rel=0.15)


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"family": "cortex"}, "hippocampus"),
        ({"num_units": 1}, "units"),
        ({"duration": float("nan")}, "duration"),
        ({"bin_size": 0.1}, "bin_size"),
        ({"seed": -1}, "seed"),
        ({"parameters": {"speed": 1.0}}, "speed_um_per_s"),
        ({"parameters": {"state_cv": 0.0}}, "state_cv=0.0"),
        ({"parameters": {"noisy_share": 1.5}}, "0 to 1"),
        ({"parameters": {"drift_sd": float("inf")}}, "drift_sd=inf"),
        ({"parameters": {"drift_sd": float("nan")}}, "drift_sd=nan"),
    ],
)
def test_what_cannot_be_drawn_is_refused_in_one_line(wrong: dict[str, Any], word: str) -> None:
    arguments: dict[str, Any] = {"seed": 0, "duration": 1.0} | wrong
    with pytest.raises(InputError, match=word) as error:
        draw_population(arguments.pop("seed"), **arguments)
    assert "\n" not in str(error.value)


def test_units_of_the_same_parameters_differ() -> None:
    parameters = dict(draw_population(1, duration=1.0).parameters)
    one, two = (draw_drawn_units(parameters, 0.001, seed) for seed in (1, 2))
    assert (one.bias != two.bias).all()
