"""Generate, score, audit and write: the whole of `nwbspikegen generate`."""

from __future__ import annotations

import dataclasses
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from nwbspikegen.errors import InputError
from nwbspikegen.files import require_absent
from nwbspikegen.generation import generate
from nwbspikegen.models import FittedModel
from nwbspikegen.results import require_complete, write_results
from nwbspikegen.scoring import score
from nwbspikegen.views import Split
from nwbspikegen.workflows.auditing import audit, interval_of
from nwbspikegen.workflows.window import WindowOptions, open_window

_LOG = logging.getLogger("nwbspikegen")
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
    seed : int
        Of drawn spikes and of the bootstrap.
    metadata : mapping or path, optional
        Subject and session fields that the source lacks.
    extra_predictions : mapping, optional
        Further predictions of the segment for the score table.
    overwrite : bool
        Replace `out`.
    """
    if segment not in SEGMENTS or context not in ("warm", "cold"):
        raise InputError(
            f"segment {segment!r}, context {context!r}",
            f"a segment of {', '.join(SEGMENTS)}, a context of warm, cold", "choose from these",
        )  # fmt: skip
    require_absent(out, overwrite=overwrite)
    require_complete(source, metadata)
    units, parts = open_window(source, _options_for(model, source, options))
    observed = units if context == "warm" else None
    recorded = units if segment == "all" else getattr(parts, segment)
    _LOG.info("predicting %d bins of %d units", recorded.sizes["time"], recorded.sizes["unit"])
    predicted = generate(model, recorded, context=observed)
    scores = _score_unseen(model, predicted, recorded, parts, observed, extra_predictions, seed)
    _LOG.info("auditing")
    audits = audit(model, parts, seed=seed)
    path = write_results(
        out, source=source, model=model, spike_probability=predicted, scores=scores, audits=audits,
        seed=seed, metadata=metadata, overwrite=overwrite,
    )  # fmt: skip
    return GenerationReport(path, predicted, recorded, scores, audits)


def _options_for(
    model: FittedModel, source: str | os.PathLike[str], options: WindowOptions | None
) -> WindowOptions:
    """Return the window that the model was trained in when this is the file it was trained on."""
    from nwbspikegen.files import hash_file, require_file

    trained = {entry.get("source_sha256") for entry in model.training.get("sources", [])}
    if "options" in model.training and hash_file(require_file(source)) in trained:
        _LOG.info("%s is the file of training: its window, units and split are used again", source)
        return WindowOptions.from_dict(model.training["options"])
    return options or WindowOptions(bin_size=model.bin_size)


def _score_unseen(
    model: FittedModel,
    predicted: xr.DataArray,
    recorded: xr.Dataset,
    parts: Split,
    observed: xr.Dataset | None,
    extra_predictions: Mapping[str, xr.DataArray] | None,
    seed: int,
) -> pd.DataFrame | None:
    """Score the bins behind everything that a weight was fitted on."""
    seen_until = interval_of(parts.train)[1]
    sources = {entry.get("identifier") for entry in model.training.get("sources", [])}
    if recorded.attrs.get("identifier") in sources:
        seen_until = max(seen_until, float(model.training["split"]["train"][1]))
    unseen = recorded.time.values > seen_until - float(recorded.attrs["bin_size"]) / 2
    if not unseen.any():
        _LOG.warning("nothing is scored: every bin of the segment was used for training")
        return None
    first = int(np.argmax(unseen))
    if first:
        _LOG.warning("the first %d bins are predicted and not scored: they were used for training", first)
    part = predicted.isel(time=slice(first, None))
    part.encoding.update(predicted.encoding)
    _LOG.info("scoring beside the baselines")
    if first and observed is None:
        # a cold prediction has read its own segment from the start
        part.attrs["context"] = "warm"
        observed = recorded
    return score(
        part, recorded.isel(time=slice(first, None)), train=parts.train, context=observed,
        extra_predictions=extra_predictions, seed=seed,
    )  # fmt: skip
