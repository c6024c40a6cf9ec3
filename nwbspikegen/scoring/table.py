"""Score a prediction beside the predictors that anyone could have made."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from jaxtyping import Float, Float64

from nwbspikegen.core.draws import find_first_bin
from nwbspikegen.core.errors import InputError
from nwbspikegen.core.predictor import Bins
from nwbspikegen.scoring import past
from nwbspikegen.scoring.baselines import Baseline, make_baseline
from nwbspikegen.scoring.blocks import BLOCK_DURATION
from nwbspikegen.scoring.evaluation import FEWEST_SPIKES, Predicted, estimate_difference, score_on_segment
from nwbspikegen.scoring.segment import (
    ScoredPrediction,
    ScoredSegment,
    prepare_segment,
    require_probability,
)
from nwbspikegen.views.observed import is_same_recording, read_bins

if TYPE_CHECKING:
    import xarray as xr

_LOG = logging.getLogger(__name__)

DEFAULT_BASELINES = ("mean_rate", "running_rate", "online_hazard", "history_glm", "coupled_glm")
"""Those of every table; one whose fit would take longer than `LONGEST_FIT_S` only where it is asked for."""

# about 100 units: a table is made in many places, and none of them should wait minutes for one row of it
LONGEST_FIT_S = 20.0
_NULLS = ("mean_rate", "running_rate")
UNTRAINED = "untrained"
"""What tables call a model before training."""
# predictions of these names are nulls too: what a model is above them then has an interval of paired draws
_COMPARED = ("online_hazard", "history_glm", "coupled_glm", UNTRAINED)


def score(
    spike_probability: xr.DataArray,
    recorded: xr.Dataset,
    *,
    train: xr.Dataset | None = None,
    context: xr.Dataset | None = None,
    baselines: Sequence[str] | None = None,
    extra_predictions: Mapping[str, xr.DataArray] | None = None,
    seed: int = 0,
    resamples: int = 200,
) -> pd.DataFrame:
    """Score predicted spike probabilities, and those of the baselines, on the recorded spikes.

    The model is called by `spike_probability.attrs["model"]`. Baselines read the same past as it
    did: nothing before the segment when the prediction is cold, the same bins when it is warm.
    Bits per spike are counted from two nulls: `mean_rate`, the rate of `train` and never that of
    the segment, left out without `train`; and `running_rate`, the rate so far. Where the table has
    `online_hazard`, `history_glm`, `coupled_glm` or `untrained`, the model before training, they are counted
    from that too: paired differences to it.

    Parameters
    ----------
    spike_probability : DataArray (time, unit)
        What `generate` returned for `recorded`.
    recorded : Dataset
        The segment that was predicted, with variable `spikes`.
    train : Dataset, optional
        The target's own training segment, for the baselines that are fitted; they are left out, and
        that is logged, without it.
    context : Dataset, optional
        Holds the bins before the segment that the prediction has read, from its coordinate
        `context_start` on; may go on beyond them. By default they are read again from the recording
        that `recorded` was cut from, where it is a view of `open_units`.
    baselines : sequence of str, optional
        Names in `BASELINES`. By default `DEFAULT_BASELINES`, without those whose fit would take more than
        20 s, `coupled_glm` for more than about 100 units; that is logged.
    extra_predictions : mapping from name to DataArray, optional
        Other predictions of the same segment for the same table, such as a true intensity. Those that
        say since when they have read must have read since the same time.
    seed : int
        Draws the blocks of the bootstrap and the generated trains: with the same seed `write_results`
        stores those trains.
    resamples : int
        How many times blocks are drawn.

    Returns
    -------
    DataFrame
        The table of `score_predictions`; its attrs say the context, segment and what was left out.

    Raises
    ------
    InputError
        Bins or units of prediction and recording differ, values are not probabilities, the context
        is missing or does not fit, `train` overlaps the segment or is another recording.

    Examples
    --------
    >>> import xarray as xr
    >>> spikes = (np.random.default_rng(0).random((2000, 2)) < 0.1).astype(np.uint8)
    >>> coords = {"time": np.arange(2000) * 0.001, "unit": [7, 9]}
    >>> recorded = xr.Dataset({"spikes": (("time", "unit"), spikes)}, coords, {"bin_size": 0.001})
    >>> predicted = xr.full_like(recorded.spikes, 0.1, np.float32).assign_attrs(model="flat")
    >>> table = score(predicted, recorded, baselines=("running_rate",))
    >>> table.predictor.unique().tolist()
    ['flat', 'running_rate']
    """
    given = _read_predictions(spike_probability, recorded, extra_predictions or {})
    predictions: dict[str, Predicted] = {**given}
    read = past.find_context(spike_probability, recorded, context)
    bins = read_bins(read, recorded)
    first = 0 if read is None else read.sizes["time"]
    scored = bins.since(first)
    trained_on = None if train is None else _read_train(train, recorded)
    bin_size = _bin_size(recorded)
    segment = prepare_segment(
        scored.spikes,
        bin_size=bin_size,
        nulls={},
        seed=seed,
        resamples=resamples,
        unit_ids=recorded["unit"].values,
        first_bin=find_first_bin(spike_probability, bin_size),
        observed=scored.observed,
    )
    known = _tell_first(segment, given, bins, first) if _LOG.isEnabledFor(logging.INFO) else {}
    # nulls are predicted even where nobody asked for their rows: bits per spike are counted from them
    chosen = DEFAULT_BASELINES if baselines is None else baselines
    fitted, left_out = fit_baselines(
        dict.fromkeys([*_NULLS, *chosen]), trained_on, bin_size, asked_for=baselines is not None
    )
    # predicted when they are scored, one at a time: each takes as much memory as the model's prediction
    made: dict[str, Predicted] = {
        name: partial(baseline.predict, bins.spikes, first, bin_size, bins.observed)
        for name, baseline in fitted.items()
    }
    for name in chosen:
        if name in given:
            # a baseline that is itself the model of the table would stand in it twice
            left_out[name] = "a prediction of that name is scored"
        elif name in made:
            predictions[name] = made[name]
    for name, reason in left_out.items():
        _LOG.warning("%s is left out: %s", name, reason)
    nulls = {name: made[name] for name in _NULLS if name in made}
    nulls |= {name: predictions[name] for name in _COMPARED if name in predictions}
    table = score_on_segment(segment, predictions, nulls, known)
    if len(table) and table.reason.iloc[0]:
        _LOG.warning("there are no scores: %s in the segment", table.reason.iloc[0])
    table.attrs.update(_describe(recorded, read, train))
    table.attrs.update(left_out=left_out, seed=seed, resamples=resamples)
    return table


def _tell_first(
    segment: ScoredSegment,
    predictions: Mapping[str, Float[np.ndarray, "time unit"]],
    bins: Bins,
    first: int,
) -> dict[str, Float64[np.ndarray, " block"]]:
    """Log what predictions have over the running rate: that takes seconds, the table may take minutes.

    Returns the log2-likelihood of each block under each.
    """
    if segment.num_spikes < FEWEST_SPIKES:
        return {}
    (rate,) = predict_baselines({"running_rate": None}, bins, first, None, segment.bin_size)[0].values()
    null = ScoredPrediction(segment, rate).log2_likelihood
    known = {}
    for name, prediction in predictions.items():
        require_probability(name, prediction, segment.spikes.shape, segment.observed)
        known[name] = ScoredPrediction(segment, prediction).log2_likelihood
        found = estimate_difference(segment, known[name], null)
        interval = f"{found.ci_low:.3f} to {found.ci_high:.3f}"
        _LOG.info("%s: %.3f bits per spike above running_rate (%s)", name, found.value, interval)
    return known


def _read_predictions(
    spike_probability: xr.DataArray, recorded: xr.Dataset, extra: Mapping[str, xr.DataArray]
) -> dict[str, Float[np.ndarray, "time unit"]]:
    """Return every given prediction by name, after checking that it is one of this segment."""
    name = str(spike_probability.attrs.get("model") or "model")
    if name in extra:
        raise InputError(f"two predictions called {name}", "one of each name", "rename the extra one")
    read = {}
    for key, prediction in {name: spike_probability, **extra}.items():
        _require_same_coords(key, prediction, recorded)
        past.require_same_start(key, prediction, spike_probability)
        values = np.asarray(prediction.transpose("time", "unit").values)
        read[key] = values if values.dtype.kind == "f" else values.astype(np.float64)
    return read


def _require_same_coords(name: str, prediction: xr.DataArray, recorded: xr.Dataset) -> None:
    # times went through files and sums: the same bin is what is nearer than half a bin
    half = _bin_size(recorded) / 2
    for dim in ("time", "unit"):
        if prediction.sizes.get(dim) != recorded.sizes[dim] or dim not in prediction.coords:
            raise InputError(
                f"{name} with {prediction.sizes.get(dim, 'no')} values along {dim}",
                f"{recorded.sizes[dim]}, as recorded",
                "predict the segment that is scored",
            )
    same_bins = np.abs(prediction["time"].values - recorded["time"].values).max(initial=0.0) < half
    if not (same_bins and np.array_equal(prediction["unit"].values, recorded["unit"].values)):
        raise InputError(
            f"{name} of other bins or units than those recorded",
            "the same time and unit coordinates in the same order",
            "predict the segment that is scored",
        )


def _read_train(train: xr.Dataset, recorded: xr.Dataset) -> Bins:
    past.require_bin_size(train, recorded, "training segment")
    if not is_same_recording(train.attrs, recorded.attrs, unknown=True):
        raise InputError(
            f"a training segment of {train.attrs.get('identifier') or train.attrs.get('source')}",
            "one of the recording that is scored: baselines are fitted on the target",
            "pass the target's own training segment, or none",
        )
    if past.overlap_in_time(train, recorded):
        raise InputError(
            "a scored segment that overlaps the training segment",
            "segments that share no bin",
            "score the validation or the test segment",
        )
    return read_bins(past.match_units(train, recorded, "training segment"))


def predict_baselines(
    names: Mapping[str, None],
    bins: Bins,
    first: int,
    trained_on: Bins | None,
    bin_size: float,
    *,
    asked_for: bool = True,
) -> tuple[dict[str, Float[np.ndarray, "_scored unit"]], dict[str, str]]:
    """Return what each baseline predicts of the last bins recorded, and why those left out are.

    Parameters
    ----------
    names : mapping with names of baselines as keys
    bins : Bins (time, unit)
        The past that may be read, and behind it the bins that are predicted.
    first : int
        First of the bins that are predicted.
    trained_on : Bins (time, unit) or None
        The target's training segment; without it, baselines that are fitted are left out.
    bin_size : float
        Seconds per bin.
    asked_for : bool
        Whether these names were asked for; otherwise those whose fit takes long are left out.
    """
    fitted, left_out = fit_baselines(names, trained_on, bin_size, asked_for=asked_for)
    made = {
        name: baseline.predict(bins.spikes, first, bin_size, bins.observed)
        for name, baseline in fitted.items()
    }
    return made, left_out


def fit_baselines(
    names: Mapping[str, None], trained_on: Bins | None, bin_size: float, *, asked_for: bool = True
) -> tuple[dict[str, Baseline], dict[str, str]]:
    """Return baselines that were fitted, and why those left out are; parameters of `predict_baselines`."""
    fitted: dict[str, Baseline] = {}
    left_out: dict[str, str] = {}
    for name in names:
        baseline = fit_baseline(name, trained_on, bin_size, asked_for=asked_for)
        if isinstance(baseline, str):
            left_out[name] = baseline
        else:
            fitted[name] = baseline
    return fitted, left_out


def fit_baseline(
    name: str, trained_on: Bins | None, bin_size: float, *, asked_for: bool = True
) -> Baseline | str:
    """Return a baseline that was fitted, or why it is left out; parameters of `predict_baselines`."""
    baseline = make_baseline(name)
    if trained_on is None:
        if baseline.needs_training:
            return "it is fitted on the target's training segment, and none was given"
        return baseline
    if not asked_for and (reason := _say_if_long(baseline, trained_on, bin_size)):
        return reason
    return baseline.fit(trained_on.spikes, bin_size, trained_on.observed)


def _say_if_long(baseline: Baseline, trained_on: Bins, bin_size: float) -> str:
    """Return why a baseline is not fitted unless asked for, "" where its fit is short."""
    estimate = getattr(baseline, "estimate_fit_seconds", None)
    seconds = 0.0 if estimate is None else estimate(trained_on.spikes, bin_size)
    if seconds <= LONGEST_FIT_S:
        return ""
    return (
        f"its fit on {trained_on.spikes.shape[1]} units would take about {math.ceil(seconds / 60)} min; "
        f"ask for it by name: --baselines {baseline.name}, baselines=[{baseline.name!r}]"
    )


def _describe(
    recorded: xr.Dataset, read: xr.Dataset | None, train: xr.Dataset | None
) -> dict[str, str | float]:
    start = float(recorded["time"].values[0])
    trained = (
        {} if train is None else dict(zip(("train_start", "train_stop"), past.extent(train), strict=True))
    )
    return {
        **trained,
        "context": "cold" if read is None else "warm",
        "context_start": start if read is None else float(read["time"].values[0]),
        "segment_start": start,
        "segment_duration": recorded.sizes["time"] * _bin_size(recorded),
        "bin_size": _bin_size(recorded),
        "block_duration": BLOCK_DURATION,
        **({"excluded": recorded.attrs["excluded"]} if recorded.attrs.get("excluded") else {}),
    }


def _bin_size(recorded: xr.Dataset) -> float:
    return float(recorded.attrs["bin_size"])
