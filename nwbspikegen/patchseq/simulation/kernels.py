"""The compiled loop that integrates one cell in current clamp."""

from __future__ import annotations

import numba
import numpy as np

# gates: sodium inactivation, potassium, delay (activation, inactivation), adaptation, sag, rebound
# (inactivation, activation); eight, so that they are stepped side by side
H, N, D, B, W, R, U, T = 0, 1, 2, 3, 4, 5, 6, 7
NUM_GATES = 8
# columns of the tables by voltage: where each gate tends, what is left of the distance after a step,
# and sodium activation, which follows at once
LEFT, M_INF, NUM_COLUMNS = NUM_GATES, 2 * NUM_GATES, 2 * NUM_GATES + 1
# where conductances (nS) and reversal potentials (mV) lie in `cell`
CAPACITANCE, LEAK, SODIUM, POTASSIUM, DELAY, ADAPTATION, SAG, REBOUND = 0, 1, 2, 3, 4, 5, 6, 7
E_LEAK, E_SODIUM, E_POTASSIUM, E_SAG, E_CALCIUM = 8, 9, 10, 11, 12
NUM_FIELDS = 13


@numba.njit(cache=True)
def integrate(
    current_pa: np.ndarray,
    noise: np.ndarray,
    noise_pa: float,
    noise_left: float,
    cell: np.ndarray,
    table: np.ndarray,
    first_mv: float,
    step_mv: float,
    substeps: int,
    dt_ms: float,
    most_spikes: int,
    rested_mv: float,
    voltage_mv: np.ndarray,
) -> int:
    """Fill `voltage_mv` and return how many of its samples were made.

    Each sample is `substeps` steps of `dt_ms` (exponential Euler for gates, which are looked up by
    voltage; forward Euler for the voltage). The cell starts as it would be after a long time at
    `rested_mv`. `noise` holds a standard normal number per sample, which drives an Ornstein-Uhlenbeck
    current of standard deviation `noise_pa`. The run ends after `most_spikes` upward crossings of 0 mV
    when that is positive.
    """
    v = rested_mv
    last = len(table) - 2
    gates = np.empty(NUM_GATES)
    for gate in range(NUM_GATES):
        gates[gate] = table[int((v - first_mv) / step_mv), gate]
    background = 0.0
    spikes = 0
    # an autoregressive step of an Ornstein-Uhlenbeck process: sigma sqrt(1 - left^2) keeps the variance at
    # sigma^2 whatever the time between samples
    fresh = noise_pa * np.sqrt(1.0 - noise_left * noise_left)
    for sample in range(len(current_pa)):
        voltage_mv[sample] = v
        background = noise_left * background + fresh * noise[sample]
        drive = current_pa[sample] + background
        before = v
        for _ in range(substeps):
            place = (v - first_mv) / step_mv
            # a voltage outside the table is continued from its end
            at = min(max(int(place), 0), last)
            part = place - at
            for gate in range(NUM_GATES):
                rest = table[at, gate] + part * (table[at + 1, gate] - table[at, gate])
                left = table[at, LEFT + gate] + part * (table[at + 1, LEFT + gate] - table[at, LEFT + gate])
                # x = x_inf + (x - x_inf) exp(-dt / tau), exact while the voltage stands still (Rush and
                # Larsen 1978)
                gates[gate] = rest + (gates[gate] - rest) * left
            # sodium activation follows at once, as in Wang and Buzsaki: one gate less, and the fastest
            m = table[at, M_INF] + part * (table[at + 1, M_INF] - table[at, M_INF])
            n = gates[N] * gates[N]
            potassium = (
                cell[POTASSIUM] * n * n + cell[DELAY] * gates[D] * gates[B] + cell[ADAPTATION] * gates[W]
            )
            inward = (
                drive
                - cell[LEAK] * (v - cell[E_LEAK])
                - cell[SODIUM] * m * m * m * gates[H] * (v - cell[E_SODIUM])
                - potassium * (v - cell[E_POTASSIUM])
                - cell[SAG] * gates[R] * (v - cell[E_SAG])
                - cell[REBOUND] * gates[T] * gates[T] * gates[U] * (v - cell[E_CALCIUM])
            )
            v += dt_ms * inward / cell[CAPACITANCE]
        # counted by samples, so that a wobble within one is no spike
        if before < 0.0 <= v:
            spikes += 1
            if 0 < most_spikes <= spikes:
                return sample + 1
    return len(current_pa)
