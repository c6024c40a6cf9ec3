"""Which features there are, in which column, and the constants they are made with."""

from __future__ import annotations

import numpy as np

TAUS_BINS = np.array([1.5, 4.0, 10.0, 25.0, 60.0, 200.0, 1000.0, 5000.0, 20_000.0, 60_000.0])
"""Time constants of the exponential traces, of a unit and of the population."""
STATE_TAUS = np.array([2, 4, 5])
"""Which traces of the population define its state: 10, 60 and 200 bins."""
STATE_EDGES = np.array([-2.0, -1.2, -0.7, -0.4, -0.2, 0.0, 0.2, 0.4, 0.7, 1.2, 2.0])
"""Edges between population states: log of the population's trace over its mean rate."""

JOINT_TAU = 3
JOINT_STATE_EDGES = np.array([-1.2, -0.5, -0.2, 0.2, 0.5, 1.0, 1.8])
JOINT_AGE_EDGES = np.array([2, 4, 7, 12, 20, 35, 60, 120, 300, 1000, 4000])
INTERVAL_EDGES = np.array([3, 6, 12, 25, 60, 150, 500])
"""Coarser classes for hazards of two conditions: population at 25 bins, age, latest interval."""

NUM_HAZARDS = 6
AGE_HAZARD, AGE_STATE_HAZARD = 0, 4

COUPLING_TAUS = np.array([1.5, 4.0, 10.0, 60.0])
COUPLING_POPULATION = np.array([0, 2, 4, 5])
RIDGES = (3e3, 3e4, 3e5)
"""Traces of the other units, and of the population, that coupling filters weigh; strengths of the ridge."""
LOWEST_FACTOR, HIGHEST_FACTOR = 0.15, 150.0
TRUST_PER_NAT = 5.0
"""Bounds of the factor on the hazard; how fast it is trusted with the nats per spike that it has gained."""

NUM_PAIRWISE_PREDICTORS = 4
PREDICTOR_AGE_EDGES = np.array([1, 2, 3, 4, 6, 9, 14, 22, 40, 80, 200])

NUM_COINCIDENT_UNITS = 16
COINCIDENT_TAUS = np.array([1.5, 4.0, 10.0, 60.0, 250.0, 1000.0])
COINCIDENCE_TAU = 3
"""Time constants of coincident units' activity, and which of them says who is one."""

_NUM_TAUS = len(TAUS_BINS)
HAZARD_COLUMN = 2 * _NUM_TAUS
EVIDENCE_COLUMN = HAZARD_COLUMN + 2 * NUM_HAZARDS
COUPLING_COLUMN = EVIDENCE_COLUMN + 3
PAIRWISE_COLUMN = COUPLING_COLUMN + 3 * len(RIDGES)
COINCIDENT_COLUMN = PAIRWISE_COLUMN + 2 * NUM_PAIRWISE_PREDICTORS + 1
NUM_FEATURES = COINCIDENT_COLUMN + len(COINCIDENT_TAUS)

CORRECTION_FEATURES = np.array(
    [
        *range(9),
        *(_NUM_TAUS + tau for tau in (0, 2, 4, 5, 6, 7)),
        *range(HAZARD_COLUMN, HAZARD_COLUMN + NUM_HAZARDS),
        *range(COUPLING_COLUMN, PAIRWISE_COLUMN, 3),
        *range(PAIRWISE_COLUMN, COINCIDENT_COLUMN, 2),
    ]
)
"""Columns that the adaptive correction weighs again: traces, hazards, coupling, pairwise predictors."""
