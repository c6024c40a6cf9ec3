"""What `in_context_v0` knows at a bin: features of the past, and the state that carries them on."""

from __future__ import annotations

import numpy as np
from in_context_v0_kernels import population_kernel, unit_kernel
from jaxtyping import Bool, Float32, UInt8

from nwbspikegen.views.history import AGE_EDGES, age_classes, prior_bins

TAUS_BINS = (1.5, 4.0, 10.0, 25.0, 60.0, 200.0, 1000.0, 5000.0)
"""Time constants of the exponential traces."""
STATE_TAUS = (2, 4, 5)
"""Which traces of the population define its state: 10, 60 and 200 bins."""
STATE_EDGES = (-2.0, -1.2, -0.7, -0.4, -0.2, 0.0, 0.2, 0.4, 0.7, 1.2, 2.0)
"""Edges between population states: log of the population's trace over its mean rate."""

NUM_CONDITIONS = 1 + len(STATE_TAUS)
NUM_FEATURES = 2 * len(TAUS_BINS) + 2 * NUM_CONDITIONS + 1

_UNIT_FLOOR = 1e-4
_POPULATION_FLOOR = 1e-5
_PRIOR_BINS = 20.0


class Past:
    """The past of a recording, as far as `read` has gone.

    For each unit: the log of eight exponential traces of its own spikes over its running rate, the
    same for the population mean, the log of four hazards over the running rate (given the age since
    the last spike, and given the population's activity at 10, 60 and 200 bins), these four weighted
    by how much evidence there is, and that evidence, log(1 + expected spikes so far).

    Parameters
    ----------
    num_units : int
        Units of the recording.
    bin_size : float
        Seconds per bin.
    """

    def __init__(self, num_units: int, bin_size: float) -> None:
        num_taus = len(TAUS_BINS)
        num_classes = max(len(AGE_EDGES), len(STATE_EDGES)) + 1
        self._prior_bins = prior_bins(bin_size)
        self._decay = np.exp(-1.0 / np.asarray(TAUS_BINS))
        self._age_class = age_classes()
        self._num_bins = 0
        self._population_trace = np.zeros(num_taus)
        self._population_counted = np.zeros(2)
        self._trace = np.zeros((num_units, num_taus))
        self._age = np.full(num_units, self._age_class.size - 1)
        self._counted = np.zeros(num_units)
        self._fired = np.zeros((num_units, NUM_CONDITIONS, num_classes))
        self._seen = np.zeros((num_units, NUM_CONDITIONS, num_classes))

    def read(
        self, spikes: UInt8[np.ndarray, "time unit"], wanted: Bool[np.ndarray, "time unit"]
    ) -> tuple[Float32[np.ndarray, "row feature"], Float32[np.ndarray, " row"]]:
        """Move on by some bins; return features and log running rate where `wanted`.

        Rows are ordered by unit, then time. A row tells of bins before its own only.
        """
        by_unit, wanted_by_unit = np.ascontiguousarray(spikes.T), np.ascontiguousarray(wanted.T)
        num_bins = len(spikes)
        log_ratio = np.empty((num_bins, len(TAUS_BINS)))
        state = np.empty((num_bins, len(STATE_TAUS)), dtype=np.int64)
        population_kernel(
            by_unit,
            self._prior_bins,
            self._decay,
            _POPULATION_FLOOR,
            np.asarray(STATE_TAUS),
            np.asarray(STATE_EDGES),
            self._population_trace,
            self._population_counted,
            log_ratio,
            state,
        )
        rows_per_unit = wanted_by_unit.sum(axis=1)
        row_of = np.cumsum(rows_per_unit) - rows_per_unit
        features = np.empty((int(rows_per_unit.sum()), NUM_FEATURES), dtype=np.float32)
        log_rate = np.empty(len(features), dtype=np.float32)
        unit_kernel(
            by_unit,
            wanted_by_unit,
            row_of,
            log_ratio,
            state,
            self._num_bins,
            self._prior_bins,
            self._decay,
            _UNIT_FLOOR,
            self._age_class,
            _PRIOR_BINS,
            self._trace,
            self._age,
            self._counted,
            self._fired,
            self._seen,
            features,
            log_rate,
        )
        self._num_bins += num_bins
        return features, log_rate
