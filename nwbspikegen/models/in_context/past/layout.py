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
AGE_HAZARD, STATE_HAZARD, AGE_STATE_HAZARD = 0, 2, 4

COUPLING_TAUS = np.array([1.5, 4.0, 10.0, 60.0])
COUPLING_POPULATION = np.array([0, 2, 4, 5])
RIDGES = (3e3, 3e4, 3e5)
"""Traces of the other units, and of the population, that drive a unit; strengths of the ridge."""

NUM_PARTNERS = 4
PARTNER_AGE_EDGES = np.array([1, 2, 3, 4, 6, 9, 14, 22, 40, 80, 200])

NUM_COMPANIONS = 16
COMPANION_TAUS = np.array([1.5, 4.0, 10.0, 60.0, 250.0, 1000.0])
MEETING_TAU = 3
"""Time constants of companions' activity, and which of them says who is one."""

_NUM_TAUS = len(TAUS_BINS)
HAZARD_COLUMN = 2 * _NUM_TAUS
EVIDENCE_COLUMN = HAZARD_COLUMN + 2 * NUM_HAZARDS
DRIVE_COLUMN = EVIDENCE_COLUMN + 3
PARTNER_COLUMN = DRIVE_COLUMN + 3 * len(RIDGES)
COMPANION_COLUMN = PARTNER_COLUMN + 2 * NUM_PARTNERS + 1
NUM_FEATURES = COMPANION_COLUMN + len(COMPANION_TAUS)

READOUT_FEATURES = np.array(
    [
        *range(9),
        *(_NUM_TAUS + tau for tau in (0, 2, 4, 5, 6, 7)),
        *range(HAZARD_COLUMN, HAZARD_COLUMN + NUM_HAZARDS),
        *range(DRIVE_COLUMN, PARTNER_COLUMN, 3),
        *range(PARTNER_COLUMN, COMPANION_COLUMN, 2),
    ]
)
"""Columns that each unit's own readout weighs again: traces, hazards, drives, partners."""
