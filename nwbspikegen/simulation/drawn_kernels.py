"""The compiled loop that draws, or replays, a population of the prior."""

from __future__ import annotations

import numba
import numpy as np

# log rate while refractory: exp(-8) of the rate, so that any observed spike has a finite log probability
REFRACTORY_LOG_GAIN = -8.0


@numba.njit(cache=True)
def run_drawn_population(
    spikes: np.ndarray,
    intensity: np.ndarray,
    rng: np.random.Generator,
    draw: bool,
    bin_size: float,
    own: np.ndarray,
    own_decay: np.ndarray,
    refractory_bins: np.ndarray,
    first_input: np.ndarray,
    source: np.ndarray,
    weight: np.ndarray,
    output_decay: np.ndarray,
    noise_hz: np.ndarray,
    parent: np.ndarray,
    overlap: np.ndarray,
    state_gain: np.ndarray,
    begin: np.ndarray,
    end: np.ndarray,
    phase: np.ndarray,
    cosine: np.ndarray,
    sine: np.ndarray,
    drift: np.ndarray,
    bins_per_knot: int,
) -> None:
    """Fill `intensity`, and `spikes` too when `draw`, bin by bin.

    `own` holds per unit the bias, the weight after a spike, and that of adaptation. `begin` and
    `end` (event, unit) are in bins, sorted for each unit. A unit with a
    `parent` copies its spikes with probability `overlap`.
    """
    num_bins, num_units = spikes.shape
    num_events = len(begin)
    after = np.zeros(num_units)
    tired = np.zeros(num_units)
    output = np.zeros(num_units)
    last = np.full(num_units, -(10**9))
    begun = np.zeros(num_units, dtype=np.int64)
    ended = np.zeros(num_units, dtype=np.int64)
    for t in range(num_bins):
        cos_phase = np.cos(phase[t])
        sin_phase = np.sin(phase[t])
        knot = t // bins_per_knot
        part = (t % bins_per_knot) / bins_per_knot
        for u in range(num_units):
            if parent[u] >= 0:
                continue
            log_rate = own[u, 0] + own[u, 1] * after[u] + own[u, 2] * tired[u]
            log_rate += cosine[u] * cos_phase + sine[u] * sin_phase
            log_rate += drift[knot, u] + part * (drift[knot + 1, u] - drift[knot, u])
            while begun[u] < num_events and t >= begin[begun[u], u]:
                begun[u] += 1
            while ended[u] < num_events and t >= end[ended[u], u]:
                ended[u] += 1
            if begun[u] > ended[u]:
                log_rate += state_gain[u]
            if t - last[u] <= refractory_bins[u]:
                log_rate += REFRACTORY_LOG_GAIN
            for k in range(first_input[u], first_input[u + 1]):
                log_rate += weight[k] * output[source[k]]
            probability = -np.expm1(-bin_size * (np.exp(log_rate) + noise_hz[u]))
            intensity[t, u] = probability
            if draw:
                spikes[t, u] = rng.random() < probability
        for u in range(num_units):
            if parent[u] < 0:
                continue
            # the parent's spike of this bin is not the past: its probability is known, no more
            background = -np.expm1(-bin_size * noise_hz[u])
            copied = overlap[u] * intensity[t, parent[u]]
            intensity[t, u] = copied + (1.0 - copied) * background
            if draw:
                copy = rng.random() < overlap[u] and spikes[t, parent[u]] > 0
                spikes[t, u] = copy or rng.random() < background
        for u in range(num_units):
            after[u] *= own_decay[u, 0]
            tired[u] *= own_decay[u, 1]
            output[u] *= output_decay[u]
            if spikes[t, u] > 0:
                # only adaptation adds up: sums of the others would let units run away in bursts
                after[u] = 1.0
                output[u] = 1.0
                tired[u] += 1.0
                last[u] = t
