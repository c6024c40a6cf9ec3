"""Many models on one recording: what they all read of its past is read once."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from jaxtyping import Float32

from nwbspikegen.core.errors import InputError
from nwbspikegen.core.predictor import Bins, predict_bins
from nwbspikegen.models.base import SpikeModel
from nwbspikegen.models.in_context import InContext
from nwbspikegen.models.past import Past
from nwbspikegen.models.readout import Readout

Prediction = Float32[np.ndarray, "predicted unit"]

_MOST_BYTES = 7 * 2**28


def count_together(num_predicted: int, num_units: int) -> int:
    """Return how many predictions of a segment are held at once: as many as fit into 1.75 GiB.

    Examples
    --------
    >>> count_together(600_000, 128)
    6
    """
    return max(1, _MOST_BYTES // (4 * num_predicted * num_units))


def predict_with_each(
    models: Sequence[SpikeModel], bins: Bins, first: int, bin_size: float
) -> Iterator[tuple[int, Prediction | InputError]]:
    """Give what each model predicts of bins `first` to the end, with its place in the sequence.

    The same, bit for bit, as each model's own `predict`. What `in_context` makes of a recording's past
    does not depend on its weights, and takes most of the time: models of that kind share it. An
    `InputError` is given instead of a prediction where a model cannot read so many units.
    """
    together = [place for place, model in enumerate(models) if isinstance(model, InContext)]
    if together:
        sharing = [model for model in models if isinstance(model, InContext)]
        yield from zip(together, _predict_sharing(sharing, bins, first, bin_size), strict=True)
    for place, model in enumerate(models):
        if place not in together:
            try:
                yield place, predict_bins(model, bins, first, bin_size)
            except InputError as error:
                yield place, error


@torch.no_grad()
def _predict_sharing(
    models: Sequence[InContext], bins: Bins, first: int, bin_size: float
) -> list[Prediction]:
    num_bins, num_units = bins.spikes.shape
    past = Past(num_units, bin_size)
    readouts = [Readout(num_units) for _ in models]
    predictions = [np.full((num_bins - first, num_units), np.nan, dtype=np.float32) for _ in models]
    # pieces as in `InContext.predict`, so that sums are taken in the same order
    step = models[0].prediction_step(num_units)
    for start in range(0, num_bins, step):
        chunk = bins.spikes[start : start + step]
        seen = None if bins.observed is None else bins.observed[start : start + step]
        wanted = np.arange(start, start + len(chunk)) >= first
        for rows in past.read(chunk, wanted, seen):
            asked = rows.wanted
            at = rows.bin[asked] + start - first, rows.unit[asked]
            for model, readout, prediction in zip(models, readouts, predictions, strict=True):
                # a model standardises features in place
                own = dataclasses.replace(rows, features=rows.features.copy())
                adapted = readout.read(own, *model.log_odds(own))
                prediction[at] = 1 / (1 + np.exp(-adapted[asked]))
    return predictions
