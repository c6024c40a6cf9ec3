"""Audits of a model through the same `generate` that users call."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr
from jaxtyping import Float32, UInt8

from nwbspikegen.generation import generate
from nwbspikegen.models import FittedModel
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
from nwbspikegen.views.observed import observed_before, read_spikes

_CONTEXT_BINS = 1000
_BINS_BEHIND_EDGE = 200


def audit(
    model: FittedModel, parts: Split, *, tested: xr.Dataset | None = None, seed: int = 0
) -> pd.DataFrame:
    """Check that a model predicts honestly on a recording.

    Parameters
    ----------
    model : FittedModel
        The model under test; it is called through `generate`, as users do.
    parts : Split
        The recording's split. Causality is tested on its test segment, at the first and last bin, at
        the edges of the model's windows, and at random bins.
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
    spikes, first = _short_stretch(parts, _CONTEXT_BINS, model.prediction_step(parts.test.sizes["unit"]))
    predict = _through_generate(model, parts.test)
    edge = first + model.prediction_step(spikes.shape[1])
    rows: list[AuditRow] = audit_causality(predict, spikes, first, bin_size, edges=[edge], seed=seed)
    intervals = {name: interval_of(getattr(parts, name)) for name in ("train", "validation", "test")}
    rows += audit_splits(intervals, bin_size)
    rows += audit_independence(
        model.training, parts.test.attrs, interval_of(parts.test if tested is None else tested)
    )
    if model.permutes_units:
        rows += audit_permutation(predict, spikes, first, bin_size, seed=seed)
    return assemble_audits(rows)


def interval_of(segment: xr.Dataset | xr.DataArray) -> tuple[float, float]:
    """Return start and stop of a segment in seconds on the session clock."""
    return float(segment.time[0]), float(segment.time[-1]) + float(segment.attrs["bin_size"])


def _short_stretch(parts: Split, num_context: int, step: int) -> tuple[UInt8[np.ndarray, "time unit"], int]:
    """Return the end of validation and a start of test that holds an edge between two windows."""
    test = read_spikes(parts.test.isel(time=slice(0, step + _BINS_BEHIND_EDGE)))
    past = observed_before(parts.test, parts.validation)
    if past is None:
        return test, 0
    context = read_spikes(past.isel(time=slice(-num_context, None)))
    return np.concatenate([context, test]), len(context)


def _through_generate(model: FittedModel, like: xr.Dataset) -> Predict:
    """Return `generate` as a function of arrays."""
    attrs = {**like.attrs, "identifier": "audit"}

    def predict(
        spikes: UInt8[np.ndarray, "time unit"], first: int, bin_size: float
    ) -> Float32[np.ndarray, "predicted unit"]:
        coords = {"time": np.arange(len(spikes)) * bin_size, "unit": like.unit.values}
        units = xr.Dataset({"spikes": (("time", "unit"), spikes)}, coords, attrs)
        probability: np.ndarray = generate(model, units.isel(time=slice(first, None)), context=units).values
        return probability

    return predict
