"""The spike detector on traces whose spikes are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nwbspikegen.patchseq.reading.sweeps import LONG_SQUARE, RAMP, SHORT_SQUARE, Sweep, SweepInfo
from nwbspikegen.patchseq.spikes.detect import bridge_gaps, detect_spikes
from nwbspikegen.patchseq.spikes.detection import SpikeSettings, locate_spikes
from nwbspikegen.patchseq.spikes.short_squares import adapt_to_passive_rise

RATE = 50_000.0
START, STOP = 0.1, 0.5


def draw_voltage(
    peaks: list[float],
    duration: float = 0.6,
    height_mv: float = 90.0,
    width_ms: float = 0.3,
    rate: float = RATE,
) -> np.ndarray:
    """Rest at -70 mV, a bump at each time (s), each followed by an afterhyperpolarization."""
    time_ms = np.arange(round(duration * rate)) / rate * 1000
    voltage = np.full(time_ms.size, -70.0)
    for peak in peaks:
        since = time_ms - 1000 * peak
        voltage += height_mv * np.exp(-((since / width_ms) ** 2))
        after = np.clip(since, 0, None)
        voltage -= 8 * (after / 3) * np.exp(1 - after / 3)
    return voltage


def make_sweep(
    voltage: np.ndarray, protocol: str = LONG_SQUARE, rate: float = RATE, shift: float = 0.0
) -> Sweep:
    time = np.arange(voltage.size) / rate
    start, stop = START + shift, STOP + shift
    current = np.where((time >= start) & (time < stop), 100.0, 0.0) - 20.0
    return Sweep(SweepInfo(1, "", protocol, rate, 0.0, start, stop, 100.0, "", ""), voltage, current)


def test_points_lie_where_the_trace_has_them() -> None:
    spikes = detect_spikes(make_sweep(draw_voltage([0.2, 0.3, 0.4])))
    np.testing.assert_allclose(spikes.peak_t, [0.2, 0.3, 0.4], atol=1.1 / RATE)
    np.testing.assert_allclose(spikes.peak_v, 20.0, atol=0.1)
    # half height of a Gaussian bump from a fast trough close to -70 mV: 2 sqrt(ln 2) widths
    np.testing.assert_allclose(spikes.width, 2 * np.sqrt(np.log(2)) * 0.3e-3, atol=3 / RATE)
    np.testing.assert_allclose(spikes.threshold_v, -70.0, atol=2.0)
    np.testing.assert_allclose(spikes.trough_t, np.array([0.203, 0.303, 0.403]), atol=5e-4)
    np.testing.assert_allclose(spikes.upstroke, 90 * np.sqrt(2 / np.e) / 0.3, rtol=0.03)
    np.testing.assert_allclose(spikes.threshold_i, 100.0)
    assert not spikes.clipped.any()


def test_points_come_in_order() -> None:
    spikes = detect_spikes(make_sweep(draw_voltage([0.15, 0.22, 0.23, 0.41])))
    order = ["threshold_index", "upstroke_index", "peak_index", "downstroke_index", "fast_trough_index"]
    assert len(spikes) == 4
    assert (np.diff(spikes[order].to_numpy(), axis=1) > 0).all()
    assert (spikes.fast_trough_index <= spikes.trough_index).all()
    assert np.isnan(spikes.slow_trough_v.iloc[-1])
    slow = spikes.dropna(subset="slow_trough_v")
    assert (slow.slow_trough_v < slow.fast_trough_v - 0.5).all()
    assert (spikes.threshold_index[1:].to_numpy() > spikes.trough_index[:-1].to_numpy()).all()


@pytest.mark.parametrize(("height_mv", "width_ms", "count"), [(90.0, 0.3, 1), (35.0, 0.3, 0), (90.0, 6.0, 0)])
def test_low_and_slow_bumps_are_no_spikes(height_mv: float, width_ms: float, count: int) -> None:
    voltage = draw_voltage([0.3], height_mv=height_mv, width_ms=width_ms)
    assert len(detect_spikes(make_sweep(voltage))) == count


def test_spikes_outside_a_long_square_do_not_count_but_after_a_ramp_do() -> None:
    voltage = draw_voltage([0.05, 0.3, 0.55])
    assert len(detect_spikes(make_sweep(voltage))) == 1
    assert len(detect_spikes(make_sweep(voltage, RAMP))) == 2


def test_a_spike_cut_by_the_end_of_the_step_is_clipped() -> None:
    spikes = detect_spikes(make_sweep(draw_voltage([0.3, STOP - 0.0002])))
    assert spikes.clipped.tolist() == [False, True]
    assert np.isnan(spikes[["trough_v", "width", "downstroke"]].iloc[1].to_numpy(float)).all()
    assert np.isfinite(spikes[["threshold_v", "peak_v"]].iloc[1].to_numpy(float)).all()


def test_two_bumps_without_a_fall_between_them_are_one_spike() -> None:
    time_ms = np.arange(0, 40, 0.02)
    slope = np.zeros(time_ms.size)
    slope[(time_ms > 20) & (time_ms < 21)] = 40.0
    slope[(time_ms > 21) & (time_ms < 22)] = 1.0
    slope[(time_ms > 22) & (time_ms < 23)] = 40.0
    slope[(time_ms > 23) & (time_ms < 24)] = -80.0
    joined = locate_spikes(-50 + np.cumsum(slope) * 0.02, RATE, 500, 1900)
    slope[(time_ms > 21) & (time_ms < 22)] = -1.0
    parted = locate_spikes(-50 + np.cumsum(slope) * 0.02, RATE, 500, 1900)
    assert joined.peak.size == 1
    assert parted.peak.size == 2


@pytest.mark.parametrize("rate", [10_000.0, 20_000.0, 50_000.0, 200_000.0])
def test_every_sampling_rate_finds_the_same_spikes(rate: float) -> None:
    spikes = detect_spikes(make_sweep(draw_voltage([0.2, 0.3], rate=rate), rate=rate))
    np.testing.assert_allclose(spikes.peak_t, [0.2, 0.3], atol=1.1 / rate)
    np.testing.assert_allclose(spikes.width, 0.0005, atol=max(5e-5, 2.1 / rate))


@settings(max_examples=15, deadline=None)
@given(
    peaks=st.lists(st.integers(0, 16), min_size=1, max_size=6, unique=True),
    shift=st.integers(0, 3000),
    silence=st.integers(0, 3000),
    seed=st.integers(0, 100),
)
def test_shifts_and_silence_change_no_feature(peaks: list[int], shift: int, silence: int, seed: int) -> None:
    voltage = draw_voltage([0.11 + 0.02 * peak for peak in sorted(peaks)])
    voltage += np.random.default_rng(seed).normal(0, 0.05, voltage.size)
    moved = np.concatenate([np.full(shift, voltage[0]), voltage, np.full(silence, voltage[-1])])
    first = detect_spikes(make_sweep(voltage))
    second = detect_spikes(make_sweep(moved, shift=shift / RATE))
    assert len(first) == len(peaks)
    for name in first.columns.drop("clipped"):
        offset = {"index": shift, "t": shift / RATE}.get(name.rsplit("_", 1)[-1], 0)
        np.testing.assert_allclose(second[name] - offset, first[name], atol=1e-7, err_msg=name)


def test_nan_at_the_end_and_gaps_are_bridged() -> None:
    voltage = draw_voltage([0.2, 0.3])
    holed = np.concatenate([voltage, np.full(500, np.nan)])
    holed[12_000:12_005] = np.nan
    whole, bridged = detect_spikes(make_sweep(voltage)), detect_spikes(make_sweep(holed))
    np.testing.assert_allclose(bridged.peak_v, whole.peak_v)
    assert bridge_gaps(np.full(4, np.nan)).size == 0
    assert len(detect_spikes(make_sweep(np.full(100, np.nan)))) == 0


def test_settings_decide() -> None:
    voltage = draw_voltage([0.3], height_mv=35.0)
    assert len(detect_spikes(make_sweep(voltage), SpikeSettings(minimum_peak_mv=-40.0))) == 1
    assert len(detect_spikes(make_sweep(draw_voltage([0.3])), SpikeSettings(onset_slope=500.0))) == 0


def test_a_steep_passive_rise_is_no_threshold() -> None:
    first, spike = round(START * RATE), START + 0.0025
    voltage = draw_voltage([spike], width_ms=0.25)
    rise = np.zeros(voltage.size)
    rise[first:] = 20 * (1 - np.exp(-np.arange(voltage.size - first) / RATE / 0.0006))
    sweep = make_sweep(voltage + rise, SHORT_SQUARE)
    adapted = adapt_to_passive_rise([sweep])
    plain, careful = detect_spikes(sweep), detect_spikes(sweep, adapted)
    assert adapted.onset_slope == pytest.approx(1.1 * 20 / 0.6, rel=0.1)
    assert adapted.threshold_fraction >= 0.1
    assert plain.threshold_index[0] < careful.threshold_index[0] < careful.peak_index[0]
    assert careful.peak_t[0] == pytest.approx(spike, abs=2 / RATE)
    assert careful.threshold_t[0] > START + 0.001


def test_a_window_outside_the_trace_is_refused() -> None:
    with pytest.raises(IndexError, match="trace of 100"):
        locate_spikes(np.zeros(100), RATE, 10, 100)


def test_a_sweep_without_stimulus_has_no_spikes_but_all_columns() -> None:
    sweep = make_sweep(draw_voltage([0.3]))
    info = SweepInfo(1, "", "other", RATE, 0.0, np.nan, np.nan, np.nan, "", "")
    none = detect_spikes(Sweep(info, sweep.voltage_mv, sweep.current_pa))
    assert none.empty
    assert list(none) == list(detect_spikes(sweep))
