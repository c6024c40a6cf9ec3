"""Reading a recording: from spikes to rows of features, piece by piece."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool, Float32, Int64, UInt8

from nwbspikegen.models.in_context.past.clock import next_solution
from nwbspikegen.models.in_context.past.companions import Companions
from nwbspikegen.models.in_context.past.coupling import Coupling
from nwbspikegen.models.in_context.past.layout import (
    AGE_HAZARD,
    AGE_STATE_HAZARD,
    COMPANION_COLUMN,
    DRIVE_COLUMN,
    HAZARD_COLUMN,
    NUM_FEATURES,
    PARTNER_COLUMN,
)
from nwbspikegen.models.in_context.past.partners import Partners
from nwbspikegen.models.in_context.past.population import Population, PopulationPast, evidence_bins
from nwbspikegen.models.in_context.past.rows import Rows
from nwbspikegen.models.in_context.past.stepping import PastStepper
from nwbspikegen.models.in_context.past.units import UnitHistories, log_odds_of
from nwbspikegen.views.history import prior_bins

_LARGEST_PIECE = 10_000


class Past:
    """The past of a recording, as far as `read` has gone.

    Parameters
    ----------
    num_units : int
        Units of the recording.
    bin_size : float
        Seconds per bin.
    """

    def __init__(self, num_units: int, bin_size: float) -> None:
        before_the_first = prior_bins(bin_size)
        self.num_bins = 0
        self._population = Population(num_units, before_the_first)
        self._units = UnitHistories(num_units, before_the_first)
        self._coupling = Coupling(num_units, before_the_first)
        self._partners = Partners(num_units)
        self._companions = Companions(num_units, before_the_first)

    def read(
        self,
        spikes: UInt8[np.ndarray, "time unit"],
        wanted: Bool[np.ndarray, " time"],
        observed: Bool[np.ndarray, "time unit"] | None = None,
    ) -> Iterator[Rows]:
        """Move on by some bins; give rows for all units in `wanted` bins, and all rows of evidence.

        A row tells of bins before its own only. Pieces end where weights are solved again. Where a unit
        was not `observed` it has no row, teaches nothing, and what depends on its past is unknown.
        """
        start = 0
        while start < len(spikes):
            due = next_solution(self.num_bins)
            stop = min(len(spikes), start + _LARGEST_PIECE, start + due - self.num_bins)
            piece = slice(start, stop)
            ends = self.num_bins + stop - start == due
            seen = np.ones(spikes[piece].shape, dtype=bool) if observed is None else observed[piece]
            rows = self._read_piece(np.where(seen, spikes[piece], 0), seen, wanted[piece], start, ends)
            if ends:
                self._coupling.solve()
                self._partners.solve()
                self._companions.solve()
            yield rows
            start = stop

    def step_on(
        self,
        center: Float32[np.ndarray, " feature"],
        scale: Float32[np.ndarray, " feature"],
        limit: float,
        num_samples: int,
    ) -> PastStepper:
        """Return what goes on from here one bin at a time; this past stays as it is."""
        return PastStepper(
            self._population,
            self._units,
            self._coupling,
            self._partners,
            self._companions,
            center=center,
            scale=scale,
            limit=limit,
            num_samples=num_samples,
        )

    def solve_drives(self) -> Float32[np.ndarray, "ridge source tau target"]:
        """Solve for the drives once more, of all that was read, and return their weights."""
        self._coupling.solve()
        weights: Float32[np.ndarray, "ridge source tau target"] = self._coupling.weights()[0]
        return weights

    def _read_piece(
        self,
        spikes: UInt8[np.ndarray, "time unit"],
        observed: Bool[np.ndarray, "time unit"],
        wanted: Bool[np.ndarray, " time"],
        start: int,
        period_ends: bool,
    ) -> Rows:
        population = self._population.read(spikes, observed, self.num_bins)
        is_evidence = evidence_bins(population, spikes, observed)
        is_row = is_evidence | (wanted[:, None] & observed)
        at, unit = np.nonzero(is_row)
        row_of = np.full(is_row.shape, -1, dtype=np.int64)
        row_of[is_row] = np.arange(len(at))
        fired = (spikes[at, unit] > 0).astype(np.float32)
        silent_weight = population.sampled_weight[at].astype(np.float32)
        weight = np.where(fired > 0, np.float32(1), silent_weight)
        features = np.empty((len(at), NUM_FEATURES), dtype=np.float32)
        log_rate = np.empty(len(at), dtype=np.float32)
        self._units.read(spikes, observed, population, row_of, features, log_rate)
        log_odds = log_odds_of(log_rate + features[:, HAZARD_COLUMN + AGE_HAZARD])
        self._add_drives(spikes, observed, population, is_row, at, unit, fired, weight, log_odds, features)
        both = log_rate.astype(np.float64) + features[:, HAZARD_COLUMN + AGE_STATE_HAZARD]
        partners = features[:, PARTNER_COLUMN:COMPANION_COLUMN]
        self._partners.read(spikes, observed, row_of, weight, both, partners)
        self._companions.read(spikes, observed, row_of, features[:, COMPANION_COLUMN:])
        self.num_bins += len(spikes)
        return Rows(features, log_odds, log_rate, at + start, unit, fired, weight, wanted[at], period_ends)

    def _add_drives(
        self,
        spikes: UInt8[np.ndarray, "time unit"],
        observed: Bool[np.ndarray, "time unit"],
        population: PopulationPast,
        is_row: Bool[np.ndarray, "time unit"],
        at: Int64[np.ndarray, " row"],
        unit: Int64[np.ndarray, " row"],
        fired: Float32[np.ndarray, " row"],
        weight: Float32[np.ndarray, " row"],
        log_odds: Float32[np.ndarray, " row"],
        features: Float32[np.ndarray, "row feature"],
    ) -> None:
        needed: Bool[np.ndarray, " time"] = np.logical_or.reduce(is_row, axis=1)
        inputs = self._coupling.follow(spikes, observed, needed, population.log_ratio)
        input_of = (np.cumsum(needed) - 1)[at]
        drives = features[:, DRIVE_COLUMN:PARTNER_COLUMN]
        self._coupling.write(inputs, input_of, unit, drives)
        evidence = weight > 0
        self._coupling.learn(
            inputs,
            input_of[evidence],
            unit[evidence],
            fired[evidence],
            weight[evidence],
            log_odds[evidence],
            drives[evidence],
        )
