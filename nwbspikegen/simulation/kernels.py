"""The compiled loop that draws, or replays, a population."""

from __future__ import annotations

import numba
import numpy as np


@numba.njit(cache=True)
def run_population(
    spikes: np.ndarray,
    intensity: np.ndarray,
    rng: np.random.Generator,
    drawn: np.ndarray,
    first: int,
    bin_size: float,
    bias: np.ndarray,
    own: np.ndarray,
    own_decay: np.ndarray,
    first_input: np.ndarray,
    source: np.ndarray,
    weight: np.ndarray,
    output_decay: np.ndarray,
    gain: np.ndarray,
    fatigue: np.ndarray,
    population_decay: np.ndarray,
    reference: float,
) -> None:
    """Fill `intensity`, and `spikes` too of units that are `drawn`, from bin `first` on, bin by bin.

    `own` holds per unit the weights of its refractoriness, after-effect and adaptation. The inputs of
    unit u are `source` and `weight` from `first_input[u]` to `first_input[u + 1]`. One loop serves
    drawing and replaying, so that the replayed intensity is the same number.
    """
    num_bins, num_units = spikes.shape
    refractory = np.zeros(num_units)
    after = np.zeros(num_units)
    tired = np.zeros(num_units)
    output = np.zeros(num_units)
    # both traces start at the mean that they go back to: no burst of the whole population at the start
    fast = reference
    slow = reference
    for t in range(num_bins):
        # a Hill function, from 0 to 1 and 1/2 at the reference rate: drive that saturates cannot run away
        ratio = (fast / reference) ** 2
        shared = ratio / (ratio + 1.0)
        strain = slow / reference
        count = 0
        for u in range(num_units):
            log_rate = bias[u] + gain[u] * shared - fatigue[u] * strain
            log_rate += own[u, 0] * refractory[u] + own[u, 1] * after[u] + own[u, 2] * tired[u]
            for k in range(first_input[u], first_input[u + 1]):
                log_rate += weight[k] * output[source[k]]
            # 1 - exp(-rate x bin): as a difference it would lose four digits at 1 Hz and 0.1 ms
            probability = -np.expm1(-bin_size * np.exp(log_rate))
            intensity[t, u] = probability
            if drawn[u] and t >= first:
                # bins are drawn before any trace moves, so that units of one bin know nothing of each other
                spikes[t, u] = rng.random() < probability
        for u in range(num_units):
            refractory[u] *= own_decay[u, 0]
            after[u] *= own_decay[u, 1]
            tired[u] *= own_decay[u, 2]
            output[u] *= output_decay[u]
            if spikes[t, u] > 0:
                count += 1
                # only adaptation adds up: sums of the others would let units run away in bursts
                refractory[u] = 1.0
                after[u] = 1.0
                output[u] = 1.0
                tired[u] += 1.0
        rate = count / (num_units * bin_size)
        fast = fast * population_decay[0] + (1.0 - population_decay[0]) * rate
        slow = slow * population_decay[1] + (1.0 - population_decay[1]) * rate
