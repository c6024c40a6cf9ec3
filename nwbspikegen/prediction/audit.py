"""Audits of a model through the same `generate` that users call."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr
from jaxtyping import Float32, UInt8

from nwbspikegen.core.predictor import Bins
from nwbspikegen.models import FittedModel
from nwbspikegen.prediction.changed_reading import ChangedReading, reads_in_pieces
from nwbspikegen.prediction.one_step import generate, run_where_it_fits
from nwbspikegen.scoring.audits import (
    AuditRow,
    Predict,
    assemble_audits,
    audit_causality,
    audit_permutation,
    audit_splits,
)
from nwbspikegen.scoring.independence import audit_independence
from nwbspikegen.views import Split
from nwbspikegen.views.history import Mask
from nwbspikegen.views.observed import observed_before, read_bins, read_observed

# at 1 ms a second of context: leaks show at once where there are any, and every check predicts the stretch
# again
_CONTEXT_BINS = 1000
# beyond the edge between two windows, where a state that is carried over wrongly would show
_BINS_BEHIND_EDGE = 200


def audit(
    model: FittedModel, parts: Split, *, tested: xr.Dataset | None = None, seed: int = 0
) -> pd.DataFrame:
    """Check that a model predicts honestly on a recording.

    Parameters
    ----------
    model : FittedModel
        The model under test; it is called through `generate`, as users do. Where `generate` reads piece
        after piece, what changed inputs move is read from copies of the state before their piece, and
        compared with what `generate` returned.
    parts : Split
        The recording's split. Causality is tested on its test segment, at the first and last bin, at
        the edges of the model's windows or of the pieces it reads, and at random bins.
    tested : Dataset, optional
        The bins that are scored, for independence; the test segment by default.
    seed : int, default: 0
        Of the random bins and changes.

    Returns
    -------
    DataFrame
        One row per check: ``audit, passed, value, tolerance, detail``. ``causality_*``: no output up
        to bin t moves when inputs from t on change; ``splits``: segments share no bin;
        ``independence``: what training and test recordings share, from their metadata;
        ``permutation``: for models that claim it.

    Examples
    --------
    >>> import nwbspikegen as nsg
    >>> units = nsg.open_units(nsg.simulate("in_vivo", num_units=6, duration=30, seed=1).sorting)
    >>> parts = nsg.split_fractions(units, (0.5, 0.25, 0.25))
    >>> model = nsg.train(parts.train, parts.validation, epochs=1)
    >>> bool(nsg.audit(model, parts).passed.all())
    True
    """
    bin_size = float(parts.test.attrs["bin_size"])
    bins, first = _short_stretch(parts, _CONTEXT_BINS, _count_until_edge(model, parts.test.sizes["unit"]))
    spikes, observed = bins
    predict = _remember(_through_generate(model, parts.test), spikes)
    rows = run_where_it_fits(
        model.module, lambda: _audit_causality(model, predict, bins, first, bin_size, seed)
    )
    intervals = {name: interval_of(getattr(parts, name)) for name in ("train", "validation", "test")}
    rows += audit_splits(intervals, bin_size)
    rows += audit_independence(
        model.training, parts.test.attrs, interval_of(parts.test if tested is None else tested)
    )
    if model.is_permutation_equivariant:
        rows += audit_permutation(predict, spikes, first, bin_size, seed=seed, observed=observed)
    return assemble_audits(rows)


def _audit_causality(
    model: FittedModel, predict: Predict, bins: Bins, first: int, bin_size: float, seed: int
) -> list[AuditRow]:
    """Audit causality, of a model that reads in pieces from copies of what was read before each."""
    # the seam between two pieces: a mask that is right inside a window may be wrong there
    edges, predict_changed = [first + model.prediction_step(bins.spikes.shape[1])], None
    if reads_in_pieces(model):
        reading = ChangedReading(model, bins, first, bin_size)
        edges, predict_changed = reading.edges or edges, reading.predict_changed
    return audit_causality(
        predict,
        bins.spikes,
        first,
        bin_size,
        edges=edges,
        seed=seed,
        observed=bins.observed,
        predict_changed=predict_changed,
    )


def interval_of(segment: xr.Dataset | xr.DataArray) -> tuple[float, float]:
    """Return start and stop of a segment in seconds on the session clock."""
    return float(segment.time[0]), float(segment.time[-1]) + float(segment.attrs["bin_size"])


def _count_until_edge(model: FittedModel, num_units: int) -> int:
    """Return how many bins behind the context the next window begins, or the next piece that is read."""
    step = model.prediction_step(num_units)
    if not reads_in_pieces(model):
        return step
    pieces = model.module.cut_pieces(_CONTEXT_BINS + step + 1, _CONTEXT_BINS, num_units)
    starts = [piece.start - _CONTEXT_BINS for piece in pieces]
    return min((start for start in starts if start > 0), default=step)


def _short_stretch(parts: Split, num_context: int, num_until_edge: int) -> tuple[Bins, int]:
    """Return a stretch of test that holds an edge between two windows, behind bins of context.

    The first of those in which most was observed: the start of test, when all was.
    """
    length = num_until_edge + _BINS_BEHIND_EDGE
    begin = _find_observed(parts.test, length)
    stretch = parts.test.isel(time=slice(begin, begin + length))
    before = parts.test.isel(time=slice(max(begin - num_context, 0), begin)) if begin else None
    past = observed_before(parts.test, parts.validation) if begin < num_context else None
    if past is not None:
        past = past.isel(time=slice(begin - num_context, None))
    num_before = sum(each.sizes["time"] for each in (past, before) if each is not None)
    return read_bins(past, before, stretch), num_before


def _find_observed(segment: xr.Dataset, length: int) -> int:
    """Return the first bin of the stretch, among all of a length, in which most was observed."""
    observed = read_observed(segment)
    if observed is None or len(observed) <= length:
        return 0
    # a difference of running sums is how much was observed in each stretch, all at once
    seen = np.concatenate([[0], np.cumsum(observed.sum(axis=1))])
    return int(np.argmax(seen[length:] - seen[:-length]))


def _through_generate(model: FittedModel, like: xr.Dataset) -> Predict:
    """Return `generate` as a function of arrays."""
    # the bins are made up, and must not be taken for those of the file
    attrs = {**like.attrs, "identifier": "audit"}

    def predict(
        spikes: UInt8[np.ndarray, "time unit"], first: int, bin_size: float, observed: Mask = None
    ) -> Float32[np.ndarray, "predicted unit"]:
        coords = {"time": np.arange(len(spikes)) * bin_size, "unit": like.unit.values}
        variables = {"spikes": (("time", "unit"), spikes)}
        if observed is not None:
            variables["observed"] = (("time", "unit"), observed)
        units = xr.Dataset(variables, coords, attrs)
        probability: np.ndarray = generate(model, units.isel(time=slice(first, None)), context=units).values
        return probability

    return predict


def _remember(predict: Predict, recorded: UInt8[np.ndarray, "time unit"]) -> Predict:
    """Return a function that predicts spikes as they were recorded once, whichever audits ask."""
    kept: list[Float32[np.ndarray, "predicted unit"]] = []

    def remembering(
        spikes: UInt8[np.ndarray, "time unit"], first: int, bin_size: float, observed: Mask = None
    ) -> Float32[np.ndarray, "predicted unit"]:
        if not np.array_equal(spikes, recorded):
            return predict(spikes, first, bin_size, observed)
        if not kept:
            kept.append(predict(spikes, first, bin_size, observed))
        return kept[0].copy()

    return remembering
