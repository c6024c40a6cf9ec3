"""Generate, score, audit and write: the whole of `nwbspikegen generate`."""

from __future__ import annotations

import dataclasses
import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from nwbspikegen.commands.beside import generate_with_beside, leave_untrained, require_beside
from nwbspikegen.core.addresses import hash_recording
from nwbspikegen.core.errors import InputError, require_seed
from nwbspikegen.core.files import require_absent, require_suffix
from nwbspikegen.core.large_arrays import large_arrays_in
from nwbspikegen.core.progress import show_progress
from nwbspikegen.models import FittedModel
from nwbspikegen.models.cost import PROBE_BINS, estimate_reading_seconds, is_worth_telling, tell_cost
from nwbspikegen.nwb.unit_table import UNITS
from nwbspikegen.prediction.audit import audit, interval_of
from nwbspikegen.prediction.nwb_writing import require_complete, write_results
from nwbspikegen.prediction.recording import open_for
from nwbspikegen.scoring import score
from nwbspikegen.scoring.metrics import list_metrics
from nwbspikegen.views import Split, WindowOptions
from nwbspikegen.views.holding import hold_window
from nwbspikegen.views.observed import find_first_unseen, observed_before, read_bins

_LOG = logging.getLogger("nwbspikegen")
# spikes in memory, those that a predictor reads, and those that scoring reads beside them
_BYTES_PER_READ_PAIR = 3
# predictions in single precision: of the model, of itself untrained, of one baseline at a time, and that
# sorted for its scores; the rest is what predicting works on. 64 units, of which 300 of 1,200 s were
# predicted, took 1.3 GiB
_BYTES_PER_PREDICTED_PAIR = 30
SEGMENTS = ("test", "validation", "train", "all")


@dataclasses.dataclass(frozen=True)
class GenerationReport:
    """What `generate_and_score` made: the file, the prediction, its scores and audits."""

    path: Path
    spike_probability: xr.DataArray
    recorded: xr.Dataset
    scores: pd.DataFrame | None
    audits: pd.DataFrame


def generate_and_score(
    model: FittedModel,
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    options: WindowOptions | None = None,
    segment: str = "test",
    context: str = "warm",
    baselines: Sequence[str] | None = None,
    seed: int = 0,
    metadata: Mapping[str, Any] | str | os.PathLike[str] | None = None,
    extra_predictions: Mapping[str, xr.DataArray] | None = None,
    overwrite: bool = False,
) -> GenerationReport:
    """Predict a segment of a recording, score it beside the baselines, audit, and write NWB.

    Parameters
    ----------
    model : FittedModel
        The model to use.
    source : path
        NWB file with the recording.
    out : path
        NWB file to write.
    options : WindowOptions, optional
        The window. A file that the model was trained on is opened as it was for training.
    segment : {"test", "validation", "train", "all"}
        What to predict. Bins of the model's training segment, or of the one that baselines are
        fitted on, are predicted when asked for and never scored.
    context : {"warm", "cold"}
        Whether the model, and every baseline, may read the observed bins of the window before.
    baselines : sequence of str, optional
        Which stand beside the model, as for `score`; `untrained` is the model before training, one of them
        by default where it says something (`SpikeModel.predicts_untrained`).
    seed : int
        Of drawn spikes and of the bootstrap.
    metadata : mapping or path, optional
        Subject and session fields that the source lacks.
    extra_predictions : mapping, optional
        Further predictions of the segment for the score table.
    overwrite : bool
        Replace `out`.
    """
    require_generation(segment, context, seed, baselines)
    require_suffix(out, ".nwb")
    require_absent(out, overwrite=overwrite, sources=[source])
    units, parts = open_for(model, source, options)
    unit_table = units.attrs.get("unit_table", UNITS)
    # metadata that archives require are asked for before minutes of work, not after
    require_complete(source, metadata, unit_table)
    # a remote file has no hash until it is read to its end
    fingerprint = units.attrs["source_sha256"] or hash_recording(source)
    # the model, the baselines and the audits read the same bins: they are binned once
    with large_arrays_in(Path(out).parent):
        units, parts = hold_window(units, parts)
    observed = units if context == "warm" else None
    recorded = units if segment == "all" else getattr(parts, segment)
    _LOG.info("predicting %d bins of %d units", recorded.sizes["time"], recorded.sizes["unit"])
    _tell_generation(model, units, recorded, observed)
    with (
        large_arrays_in(Path(out).parent),
        show_progress("predicting the segment", 4, at_once=True, stages=True) as work,
    ):
        predicted, others = generate_with_beside(
            model, recorded, context=observed, names=baselines, extra=extra_predictions
        )
        # `write_results` refuses to write beside a recording what was predicted from other bytes
        predicted.attrs["source_sha256"] = fingerprint
        first = find_first_unseen(recorded, fitted_until=interval_of(parts.train)[1], training=model.training)
        # only bins after all that the weights or the baselines were fitted on
        scored = recorded.isel(time=slice(first, None))
        scores = None
        work.reach(1, "scoring beside the baselines")
        if scored.sizes["time"]:
            # from its second bin on, a cold prediction has read its own segment
            read = units if first else observed
            scores = _score_from(
                first, predicted, recorded, parts, read, others, leave_untrained(baselines), seed
            )
        _LOG.info("auditing")
        work.reach(2, "auditing")
        audits = audit(model, parts, tested=scored if scored.sizes["time"] else recorded, seed=seed)
        work.reach(3, "writing NWB")
        path = write_results(
            out,
            source=source,
            model=model,
            spike_probability=predicted,
            scores=scores,
            audits=audits,
            seed=seed,
            metadata=metadata,
            unit_table=unit_table,
            overwrite=overwrite,
        )
    return GenerationReport(path, predicted, recorded, scores, audits)


def require_generation(segment: str, context: str, seed: int, baselines: Sequence[str] | None) -> None:
    """Raise `InputError` for what `generate_and_score` cannot do with any recording."""
    if segment not in SEGMENTS or context not in ("warm", "cold"):
        raise InputError(
            f"segment {segment!r}, context {context!r}",
            f"a segment of {', '.join(SEGMENTS)}, a context of warm, cold",
            "choose from these",
        )
    require_seed(seed)
    require_beside(baselines)
    # scores of installed packages that cannot be used are told before the work, not after it
    list_metrics()


def _tell_generation(
    model: FittedModel, units: xr.Dataset, recorded: xr.Dataset, context: xr.Dataset | None
) -> None:
    """Say what a long prediction will cost, from how fast its first second is read."""
    past = observed_before(recorded, context)
    num_predicted, num_units = recorded.sizes["time"], recorded.sizes["unit"]
    num_bins = num_predicted + (0 if past is None else past.sizes["time"])
    if not is_worth_telling(num_bins * num_units) or num_bins < PROBE_BINS:
        return
    probe = read_bins(units.isel(time=slice(0, PROBE_BINS)))
    seconds = estimate_reading_seconds(
        model.module, probe, model.bin_size, num_bins=num_bins, num_predicted=num_predicted
    )
    num_bytes = _BYTES_PER_READ_PAIR * num_bins * num_units
    num_bytes += _BYTES_PER_PREDICTED_PAIR * num_predicted * num_units
    tell_cost("predicting", seconds, num_bytes)


def _score_from(
    first: int,
    predicted: xr.DataArray,
    recorded: xr.Dataset,
    parts: Split,
    observed: xr.Dataset | None,
    extra_predictions: Mapping[str, xr.DataArray],
    baselines: Sequence[str] | None,
    seed: int,
) -> pd.DataFrame:
    """Score the bins of a segment from `first` on; baselines read what the model has read."""
    _LOG.info("scoring beside the baselines")
    others = {name: other.isel(time=slice(first, None)) for name, other in extra_predictions.items()}
    return score(
        predicted.isel(time=slice(first, None)),
        recorded.isel(time=slice(first, None)),
        train=parts.train,
        context=observed,
        baselines=baselines,
        extra_predictions=others,
        seed=seed,
    )
