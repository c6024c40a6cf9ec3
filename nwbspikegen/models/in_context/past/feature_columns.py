"""Which features there are, in which column, and the constants they are made with."""

from __future__ import annotations

import numpy as np

# up to 5 s as in the first `in_context`; 20 s and 60 s came with the hazards of two conditions, and together
# they brought .008 (slice), .024 (npx) and .06 (wt) bits per spike on validation
TAUS_BINS = np.array([1.5, 4.0, 10.0, 25.0, 60.0, 200.0, 1000.0, 5000.0, 20_000.0, 60_000.0])
"""Time constants of the exponential traces, of a unit and of the population."""
STATE_TAUS = np.array([2, 4, 5])
"""Which traces of the population define its state: 10, 60 and 200 bins."""
# denser around 0, where most bins lie: every class needs bins to count in
STATE_EDGES = np.array([-2.0, -1.2, -0.7, -0.4, -0.2, 0.0, 0.2, 0.4, 0.7, 1.2, 2.0])
"""Edges between population states: log of the population's trace over its mean rate."""

# 13 classes of age and 8 of the other condition share the spikes that 26 classes of age alone have: coarser
# edges, or most cells would stay at what they are drawn towards
JOINT_TAU = 3
JOINT_STATE_EDGES = np.array([-1.2, -0.5, -0.2, 0.2, 0.5, 1.0, 1.8])
JOINT_AGE_EDGES = np.array([2, 4, 7, 12, 20, 35, 60, 120, 300, 1000, 4000])
INTERVAL_EDGES = np.array([3, 6, 12, 25, 60, 150, 500])
"""Coarser classes for hazards of two conditions: population at 25 bins, age, latest interval."""

# four of one condition, then two of two
NUM_HAZARDS = 6
AGE_HAZARD, AGE_STATE_HAZARD = 0, 4

# each costs a column per unit, and the solution grows with the cube of the columns: 1.4 s at 384 units, 26 s
# at 1,000
COUPLING_TAUS = np.array([1.5, 4.0, 10.0, 60.0])
COUPLING_POPULATION = np.array([0, 2, 4, 5])
# no one strength is right everywhere: a single ridge over-fitted on wt. They lie factors of ten apart, and
# the gain of each, a feature beside it, tells the network which to believe
RIDGES = (3e3, 3e4, 3e5)
"""Traces of the other units, and of the population, that coupling filters weigh; strengths of the ridge."""
# with 64 of 127 sources a solution loses .0008 (npx, validation) before training and .0004 after it, with 32
# .0023 and .0010; up to 128 units all are cheap
MOST_COUPLED = 128
NUM_SOURCES = 64
"""Up to how many units each is coupled with all others; of more, with how many."""
# 1 + w . x falls below 0 where many units inhibit, and no hazard can: its log is taken within bounds
LOWEST_FACTOR, HIGHEST_FACTOR = 0.15, 150.0
# a solution that gained .2 nats per spike or more counts whole; one that lost as much, with the opposite
# sign. Without this track record, slice from the other recordings fell from .22 to .19
TRUST_PER_NAT = 5.0
"""Bounds of the factor on the hazard; how fast it is trusted with the nats per spike that it has gained."""

# the best ones tell much the same: their summed logs were worse than the best alone (npx .364 to .261 for
# four), so each has columns of its own, which the network weighs
NUM_PAIRWISE_PREDICTORS = 4
PREDICTOR_AGE_EDGES = np.array([1, 2, 3, 4, 6, 9, 14, 22, 40, 80, 200])

# four instead of 16 lost .009 on wt, all units .018, by trees on the network's output; 40 gained nothing (npx
# +.0003, wt -.001)
NUM_COINCIDENT_UNITS = 16
COINCIDENT_TAUS = np.array([1.5, 4.0, 10.0, 60.0, 250.0, 1000.0])
# coincidence within 60 bins; within 25 it lost .008 on wt
COINCIDENCE_TAU = 3
"""Time constants of coincident units' activity, and which of them says who is one."""

_NUM_TAUS = len(TAUS_BINS)
HAZARD_COLUMN = 2 * _NUM_TAUS
EVIDENCE_COLUMN = HAZARD_COLUMN + 2 * NUM_HAZARDS
COUPLING_COLUMN = EVIDENCE_COLUMN + 3
PAIRWISE_COLUMN = COUPLING_COLUMN + 3 * len(RIDGES)
COINCIDENT_COLUMN = PAIRWISE_COLUMN + 2 * NUM_PAIRWISE_PREDICTORS + 1
NUM_FEATURES = COINCIDENT_COLUMN + len(COINCIDENT_TAUS)

# fewer than the network has, since each unit learns its weights from its own spikes alone. Columns of
# coincident units gained .004 on ko and lost .001 on the slice; hidden units of the network gained .002 on
# npx and nothing elsewhere
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
