"""A model and the same model before training, predicting together."""

from __future__ import annotations

import numpy as np
import torch
import xarray as xr
from jaxtyping import Float32, UInt8

from nwbspikegen.core.large_arrays import cut_rows
from nwbspikegen.core.predictor import Bins
from nwbspikegen.models import FittedModel
from nwbspikegen.prediction.one_step import generate
from nwbspikegen.scoring.table import UNTRAINED
from nwbspikegen.views.history import Mask


def generate_beside_untrained(
    model: FittedModel, segment: xr.Dataset, *, context: xr.Dataset | None = None
) -> tuple[xr.DataArray, xr.DataArray | None]:
    """Return what a model predicts of a segment, and what it would have predicted before training.

    The second is None for a model of which that says nothing (`SpikeModel.predicts_untrained`). Parameters,
    values and errors are those of `generate`; what both make of the past is made once.

    Examples
    --------
    >>> import nwbspikegen as nsg
    >>> from nwbspikegen.models import build_model
    >>> units = nsg.open_units(nsg.simulate("in_vivo", num_units=4, duration=8, seed=1).sorting)
    >>> parts = nsg.split_fractions(units, (0.5, 0.25, 0.25))
    >>> model = FittedModel(build_model("in_context", num_units=4), "bernoulli", 0.001)
    >>> trained, untrained = generate_beside_untrained(model, parts.test, context=units)
    >>> untrained.attrs["model"], bool((trained == untrained).all())
    ('untrained', True)
    """
    if not model.module.predicts_untrained:
        return generate(model, segment, context=context), None
    both = _Both(model)
    predicted = generate(both, segment, context=context)
    # where a unit was not observed both are NaN
    for piece in cut_rows(predicted.values, both.untrained):
        np.copyto(both.untrained[piece], np.float32(np.nan), where=np.isnan(predicted.values[piece]))
    untrained = predicted.copy(data=both.untrained)
    untrained.attrs.update(model=UNTRAINED, model_sha256=both.before.sha256)
    return predicted, untrained


class _Both:
    """A predictor that is a model, and keeps what the model before training predicted."""

    def __init__(self, model: FittedModel) -> None:
        self.model, self.before = model, model.before_training()
        self.name, self.sha256 = model.name, model.sha256
        self.module = _Modules([model.module, self.before.module])
        self.untrained: Float32[np.ndarray, "predicted unit"] = np.empty((0, 0), np.float32)

    def predict(
        self,
        spikes: UInt8[np.ndarray, "time unit"],
        first: int,
        bin_size: float,
        observed: Mask = None,
    ) -> Float32[np.ndarray, "predicted unit"]:
        """Return what the model predicts."""
        predicted, self.untrained = self.model.predict_beside(
            self.before, Bins(spikes, observed), first, bin_size
        )
        return predicted

    def save(self, folder: object) -> None:
        """Raise: a pair is made for one prediction."""
        raise NotImplementedError

    @classmethod
    def load(cls, folder: object) -> _Both:
        """Raise: a pair is made for one prediction."""
        raise NotImplementedError


class _Modules(torch.nn.ModuleList):
    """Both networks: they go to the CPU together where a GPU has too little memory."""

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.parameters()).device
