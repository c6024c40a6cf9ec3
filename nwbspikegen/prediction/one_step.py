"""One step ahead: from what was observed, the probability of every unit's next bin."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float32

from nwbspikegen.core.context_start import note_context_start
from nwbspikegen.core.large_arrays import cut_rows, empty_array
from nwbspikegen.core.predictor import Predictor, predict_bins
from nwbspikegen.views.observed import observed_before, observed_fraction, read_bins, require_contiguous

_LOG = logging.getLogger("nwbspikegen")
_Result = TypeVar("_Result")


def generate(model: Predictor, segment: xr.Dataset, *, context: xr.Dataset | None = None) -> xr.DataArray:
    """Return the probability of a spike in every bin of `segment`, each from the bins before it.

    The model reads observed spikes only, never its own output, and its weights do not change.

    Parameters
    ----------
    model : Predictor
        A trained model or a baseline.
    segment : Dataset (time, unit)
        The bins to predict.
    context : Dataset (time, unit), optional
        Observed bins of the same recording from which those before the segment may be read; bins of
        the segment or after it are left alone, so the whole window can be passed (`warm`). Without
        it the model knows nothing before the segment (`cold`).

    Returns
    -------
    DataArray (time, unit), float32
        `spike_probability` with the segment's coordinates, NaN where the unit was not observed: there
        is nothing to compare it with. The coordinate `context_start` (s) says since when the model has
        read: it stays with whatever is made of the prediction, so that `score` gives the baselines the
        same past. `attrs` say whether the context was warm or cold, which model it was, and the
        `observed_fraction` of the segment.

    Raises
    ------
    InputError
        If the context has other units or bins, or leaves a gap before the segment.

    Examples
    --------
    >>> import nwbspikegen as nsg
    >>> from nwbspikegen.scoring import BASELINES
    >>> units = nsg.open_units(nsg.simulate("in_vivo", num_units=8, duration=20, seed=1).sorting)
    >>> parts = nsg.split_fractions(units, (0.5, 0.25, 0.25))
    >>> nsg.generate(BASELINES["running_rate"](), parts.test, context=units).sizes["unit"]
    8
    """
    require_contiguous(segment, "segment")
    past = observed_before(segment, context)
    first = 0 if past is None else past.sizes["time"]
    bins = read_bins(past, segment)
    bin_size = float(segment.attrs["bin_size"])
    probability = run_where_it_fits(
        getattr(model, "module", None), lambda: predict_bins(model, bins, first, bin_size)
    )
    seen = bins.since(first).observed
    if seen is not None:
        probability = _leave_out_unseen(probability, seen)
    # cold, a model has read nothing before the segment
    start = segment if past is None else past
    predicted = xr.DataArray(
        probability,
        dims=("time", "unit"),
        coords=segment.coords,
        name="spike_probability",
        attrs={
            **segment.attrs,
            # a file that is shared tells its source's name, not whose folder it lay in
            "source": Path(str(segment.attrs.get("source", ""))).name,
            "start_time": float(segment.time[0]),
            "context": "cold" if past is None else "warm",
            "model": model.name,
            "model_sha256": getattr(model, "sha256", ""),
            "observed_fraction": observed_fraction(seen),
        },
    )
    return note_context_start(predicted, float(start.time[0]))


def _leave_out_unseen(
    probability: Float32[np.ndarray, "time unit"], seen: Bool[np.ndarray, "time unit"]
) -> Float32[np.ndarray, "time unit"]:
    """Return probabilities with NaN where nothing was observed."""
    # a number there would be taken for a prediction of silence or of spikes
    kept = empty_array(probability.shape, probability.dtype)
    for piece in cut_rows(kept, probability, seen):
        kept[piece] = np.where(seen[piece], probability[piece], np.float32(np.nan))
    return kept


def run_where_it_fits(network: Any, run: Callable[[], _Result]) -> _Result:
    """Run where the weights of a network are, or on the CPU when a GPU has too little memory.

    A GPU gets one piece of the recording at a time already: no batch is smaller.

    Parameters
    ----------
    network : torch.nn.Module or None
        None has no weights.
    run : callable
        What is done, and done again.
    """
    try:
        return run()
    except RuntimeError as error:
        # baselines need no torch, so it is not imported for its error
        if type(error).__name__ != "OutOfMemoryError" or network is None:
            raise
    _LOG.warning("the GPU is out of memory: the prediction is made on the CPU")
    device = network.device
    try:
        network.to("cpu")
        return run()
    finally:
        # back where it was, also when the CPU fails
        network.to(device)
