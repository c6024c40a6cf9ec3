"""The model `glm`, fitted as the baseline `coupled_glm` is: by ridge regression, in no epochs."""

from __future__ import annotations

from typing import Any

import xarray as xr

from nwbspikegen.core.errors import InputError
from nwbspikegen.core.predictor import predict_bins
from nwbspikegen.models import FittedModel, build_model
from nwbspikegen.models.glm import GLM
from nwbspikegen.scoring.baselines.coupled_glm import CoupledGLM
from nwbspikegen.training.data import SpikeData
from nwbspikegen.training.loaders import read_with_past
from nwbspikegen.training.record import training_record
from nwbspikegen.training.validating import score_on_validation
from nwbspikegen.views.history import mean_rate_per_bin
from nwbspikegen.views.observed import read_bins
from nwbspikegen.views.raised_cosines import raised_cosines


def fit_glm(train: xr.Dataset, validation: xr.Dataset, *, seed: int = 0, **settings: Any) -> FittedModel:
    """Return the model `glm` of the training segment; the validation segment scores it.

    Raises
    ------
    InputError
        For a window that is not that of the fit: twice its longest lag.
    """
    data = SpikeData(train, validation, seed=seed)
    num_lags = len(raised_cosines(data.bin_size))
    network = build_model("glm", train.sizes["unit"], **{"num_bins": 2 * num_lags, **settings})
    assert isinstance(network, GLM)
    if network.num_bins != 2 * num_lags:
        raise InputError(
            f"num_bins {network.num_bins} for glm", f"{2 * num_lags} of {data.bin_size:g} s", "leave it out"
        )
    bins = read_bins(train)
    baseline = CoupledGLM(seed).fit(bins.spikes, data.bin_size, bins.observed)
    network.take_weights(baseline.weights)
    network.eval()
    read, first, fitted = read_with_past(train, validation)
    probability = predict_bins(network, read, first, data.bin_size)
    mean_rate = mean_rate_per_bin(fitted.spikes, fitted.observed)
    point = score_on_validation(probability, read.since(first), mean_rate)
    record = {**training_record(data.train, data.validation, None, seed), "kept_epoch": 1}
    return FittedModel(network, network.default_loss, data.bin_size, record, [{"epoch": 1.0, **point}])
