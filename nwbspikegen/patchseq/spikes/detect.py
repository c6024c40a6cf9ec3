"""The spikes of one sweep: where each begins, peaks and ends, and how steep and wide it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float64, Int64

from nwbspikegen.patchseq.reading.sweeps import LONG_SQUARE, Sweep
from nwbspikegen.patchseq.spikes.detection import SpikeSamples, SpikeSettings, locate_spikes

if TYPE_CHECKING:
    import pandas as pd

# the names and the order of IPFX's tables, which people have scripts for
_POINTS = ("threshold", "peak", "upstroke", "downstroke", "trough", "fast_trough", "slow_trough")


@dataclass(frozen=True)
class SpikingSweep:
    """A sweep with its spikes and the samples between which its stimulus lies.

    Parameters
    ----------
    sweep : Sweep
    first, last : int
        Samples at which the stimulus starts and stops.
    voltage_mv : array of shape (samples,)
        The sweep's voltage, unrecorded samples bridged.
    spikes : SpikeSamples
    """

    sweep: Sweep
    first: int
    last: int
    voltage_mv: Float64[np.ndarray, " sample"]
    spikes: SpikeSamples

    @property
    def rate_hz(self) -> float:
        """Samples per second."""
        return self.sweep.info.sampling_rate_hz

    @property
    def count(self) -> int:
        """Number of spikes."""
        return int(self.spikes.threshold.size)

    def read_voltage(self, samples: Int64[np.ndarray, " spike"]) -> Float64[np.ndarray, " spike"]:
        """Voltage at the given samples (mV), NaN where there is none (-1)."""
        return np.where(samples < 0, np.nan, self.voltage_mv[samples])

    def read_time(self, samples: Int64[np.ndarray, " spike"]) -> Float64[np.ndarray, " spike"]:
        """Times of the given samples from the start of the sweep (s), NaN where there is none (-1)."""
        return np.where(samples < 0, np.nan, samples / self.rate_hz)

    def read_current(self, samples: Int64[np.ndarray, " spike"]) -> Float64[np.ndarray, " spike"]:
        """Current at the given samples above the holding current just before the stimulus (pA)."""
        current = self.sweep.current_pa
        holding = current[max(self.first - 1, 0)]
        return np.where(samples < 0, np.nan, current[samples] - holding)

    @property
    def ratio(self) -> Float64[np.ndarray, " spike"]:
        """Upstroke over downstroke, positive."""
        return np.asarray(self.spikes.upstroke_slope / -self.spikes.downstroke_slope)


def spike_sweep(sweep: Sweep, settings: SpikeSettings | None = None) -> SpikingSweep | None:
    """Locate the spikes of a sweep, or return None when it has no stimulus.

    In a long square, spikes are sought while the step lasts; in every other protocol from the start of the
    stimulus to the end of the sweep.
    """
    info = sweep.info
    voltage = bridge_gaps(sweep.voltage_mv)
    if not (np.isfinite(info.stimulus_start) and np.isfinite(info.stimulus_stop)) or voltage.size < 2:
        return None
    end = voltage.size - 1
    first = min(round(info.stimulus_start * info.sampling_rate_hz), end)
    last = min(round(info.stimulus_stop * info.sampling_rate_hz), end)
    # a spike that 3 ms of current or a ramp have set off peaks after they end; after a long step, spikes
    # are a rebound
    until = last if info.protocol == LONG_SQUARE else end
    spikes = locate_spikes(voltage, info.sampling_rate_hz, first, until, settings)
    return SpikingSweep(sweep, first, last, voltage, spikes)


def bridge_gaps(voltage_mv: Float64[np.ndarray, " sample"]) -> Float64[np.ndarray, " recorded"]:
    """Join recorded samples by straight lines over NaN, and cut NaN off the end.

    Examples
    --------
    >>> bridge_gaps(np.array([1.0, np.nan, 3.0, np.nan]))
    array([1., 2., 3.])
    """
    recorded = np.isfinite(voltage_mv)
    # nearly always: the array itself, not a copy
    if recorded.all():
        return voltage_mv
    places = np.flatnonzero(recorded)
    if places.size == 0:
        return np.zeros(0)
    return np.asarray(np.interp(np.arange(places[-1] + 1), places, voltage_mv[places]))


def detect_spikes(sweep: Sweep, settings: SpikeSettings | None = None) -> pd.DataFrame:
    """Detect the spikes of a sweep and measure each, with the names of the Allen Institute's tables.

    Parameters
    ----------
    sweep : Sweep
    settings : SpikeSettings, optional
        What counts as a spike; Gouwens et al. 2020 unless told otherwise.

    Returns
    -------
    pandas.DataFrame
        One row per spike. For each of threshold, peak, upstroke, downstroke, trough (the lowest sample
        before the next spike), fast_trough (the end of the fall) and slow_trough (see `SpikeSettings`):
        `_index`, `_t` (s from the start of the sweep), `_v` (mV) and `_i` (pA above holding). `upstroke`,
        `downstroke` (mV/ms), `upstroke_downstroke_ratio`, `width` (s, at half height) and `clipped` (the
        stimulus ended before the spike did: points that come after it are NaN).

    References
    ----------
    Gouwens et al. 2019, Nature Neuroscience 22:1182; Gouwens et al. 2020, Cell 183:935.

    Examples
    --------
    >>> from nwbspikegen.patchseq.reading.sweeps import SweepInfo
    >>> time_ms = np.arange(0, 40, 0.02)
    >>> voltage_mv = -70 + 100 * np.exp(-(((time_ms - 20) / 0.3) ** 2))
    >>> info = SweepInfo(0, "", "long_square", 50e3, 0.0, 0.01, 0.03, 50.0, "", "")
    >>> spikes = detect_spikes(Sweep(info, voltage_mv, np.zeros_like(time_ms)))
    >>> spikes[["peak_t", "peak_v"]].round(3).to_dict("records")
    [{'peak_t': 0.02, 'peak_v': 30.0}]
    """
    return tabulate_spikes(spike_sweep(sweep, settings))


def tabulate_spikes(spiking: SpikingSweep | None) -> pd.DataFrame:
    """Return the table of `detect_spikes` for spikes that were located already."""
    import pandas as pd

    if spiking is None:
        return pd.DataFrame(columns=list(_tabulate_none()))
    return pd.DataFrame(_tabulate(spiking))


def _tabulate(spiking: SpikingSweep) -> dict[str, np.ndarray]:
    columns: dict[str, np.ndarray] = {}
    for point in _POINTS:
        samples = getattr(spiking.spikes, point)
        columns[f"{point}_index"] = np.where(samples < 0, np.nan, samples)
        columns[f"{point}_t"] = spiking.read_time(samples)
        columns[f"{point}_v"] = spiking.read_voltage(samples)
        columns[f"{point}_i"] = spiking.read_current(samples)
    columns["upstroke"] = spiking.spikes.upstroke_slope
    columns["downstroke"] = spiking.spikes.downstroke_slope
    columns["upstroke_downstroke_ratio"] = spiking.ratio
    columns["width"] = spiking.spikes.width
    columns["clipped"] = spiking.spikes.clipped
    return columns


def _tabulate_none() -> list[str]:
    points = [f"{point}_{suffix}" for point in _POINTS for suffix in ("index", "t", "v", "i")]
    return [*points, "upstroke", "downstroke", "upstroke_downstroke_ratio", "width", "clipped"]
