"""The curve: how well predictors do from how many seconds of a recording's own past."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr
from jaxtyping import Float64

from nwbspikegen.core.errors import InputError
from nwbspikegen.core.predictor import Predictor
from nwbspikegen.models import FittedModel
from nwbspikegen.prediction.context_readings import assemble_curve, measure_curves
from nwbspikegen.prediction.context_starts import Starts, choose_starts
from nwbspikegen.scoring.baselines import Baseline
from nwbspikegen.scoring.context_curves import NULL, ContextCurve
from nwbspikegen.scoring.past import extent
from nwbspikegen.scoring.table import UNTRAINED, fit_baseline
from nwbspikegen.views import Split
from nwbspikegen.views.observed import is_same_recording, observed_before, read_bins, require_contiguous

_LOG = logging.getLogger("nwbspikegen")

CONTEXTS: tuple[str | float, ...] = (0, 1, 5, 10, 30, 60, "warm")
"""Seconds of past, from none to all of the window."""
CURVE_BASELINES = (NULL, "mean_rate", "online_hazard")
"""In every curve; `mean_rate` is fitted on the target, and so knows more than its context."""
STARTS, SCORED = 20, 5.0

_Models = Predictor | Sequence[Predictor] | Mapping[str, Predictor]


def context_curve(
    models: _Models,
    segment: xr.Dataset | Split,
    *,
    window: xr.Dataset | None = None,
    train: xr.Dataset | None = None,
    context: Sequence[str | float] = CONTEXTS,
    starts: int | Sequence[float] = STARTS,
    scored: float = SCORED,
    baselines: Sequence[str] = CURVE_BASELINES,
) -> ContextCurve:
    """Return how well predictors do from how many seconds of a recording's own past.

    From each of some starts, spread over the segment, every predictor reads so many seconds before it, or
    all of the window (``warm``), and predicts the seconds after it. Weights never change. Of a model that
    says something untrained (`SpikeModel.predicts_untrained`) the same before training stands beside it.

    Parameters
    ----------
    models : Predictor, sequence, or mapping from name to Predictor
        Trained models or baselines. Those of one kind read the past together. Without names they are
        called what they are.
    segment : Dataset (time, unit) or Split
        Where starts lie. Of a split it is the test segment; its training segment fits the baselines, and
        all before the test segment is its past.
    window : Dataset (time, unit), optional
        Of a segment: bins of the same recording, of which those before the segment may be read. Without
        it, starts lie far enough in the segment.
    train : Dataset (time, unit), optional
        Of a segment: the target's own training segment, for the baselines that are fitted.
    context : sequence of seconds or "warm"
        Lengths of past. Those for which there is too little before the segment are left out.
    starts : int or sequence of float
        How many, or where they are (s, session clock). Fewer where they would overlap.
    scored : float
        How many seconds after each start are scored: in every context the same ones.
    baselines : sequence of str
        Names in `BASELINES`; `running_rate` is always there. `coupled_glm` fits for minutes.

    Returns
    -------
    ContextCurve
        With the methods `bits`, `difference`, `worth_seconds` and `transfer_share`.

    Raises
    ------
    InputError
        A model cannot read such units or bins, or was trained on what is scored; there is no room for a
        start, or nothing was observed.

    Notes
    -----
    Only observed bins are scored. A context counts seconds of the clock, observed or not; a start is left
    out where less than half of it, or of what is scored, was observed.

    Examples
    --------
    >>> import nwbspikegen as nsg
    >>> units = nsg.open_units(nsg.simulate("in_vivo", num_units=4, duration=24, seed=1).sorting)
    >>> parts = nsg.split_fractions(units, (0.5, 0.25, 0.25))
    >>> model = nsg.train(parts.train, parts.validation, epochs=1, progress=False)
    >>> curve = nsg.context_curve(model, parts, context=(0, 2, "warm"), starts=4, scored=1)
    >>> curve.predictors
    ['in_context', 'untrained', 'running_rate', 'mean_rate', 'online_hazard']
    >>> curve.worth_seconds("in_context").context.tolist()
    ['0', '2', 'warm']
    """
    named = _name_models(models)
    if isinstance(segment, Split):
        train = segment.train if train is None else train
        past = [
            observed_before(segment.validation, segment.train),
            observed_before(segment.test, segment.validation),
        ]
        segment = segment.test
    else:
        past = [observed_before(segment, window)]
    require_contiguous(segment, "segment")
    bins = read_bins(*past, segment)
    first = len(bins.spikes) - segment.sizes["time"]
    bin_size = float(segment.attrs["bin_size"])
    clock = float(segment.time[0]) - first * bin_size
    at = starts if isinstance(starts, int) else [round((each - clock) / bin_size) for each in starts]
    chosen = choose_starts(
        bins.observed, first, len(bins.spikes), bin_size, contexts=context, starts=at, scored=scored
    )
    for name, model in named.items():
        _require_fitting(name, model, segment, chosen, clock)
    for name, reason in chosen.left_out.items():
        _LOG.warning("%s left out: %s", name, reason)
    everyone, before = add_untrained(named)
    everyone |= _fit_baselines(baselines, train, bin_size, taken=everyone)
    found, refused = measure_curves(everyone, bins, chosen, bin_size)
    for error in refused.values():
        raise error
    found, before = merge_untrained(found, before)
    knowing = [name for name, each in everyone.items() if _knows_target(each, segment)]
    return assemble_curve(found, bins, chosen, bin_size, clock, knowing=knowing, untrained=before)


def add_untrained(models: Mapping[str, Predictor]) -> tuple[dict[str, Predictor], dict[str, str]]:
    """Return predictors, with themselves before training where that says something, and its name of each."""
    everyone, before = dict(models), {}
    settings: dict[str, str] = {}
    trained = {
        name: model
        for name, model in models.items()
        if isinstance(model, FittedModel) and model.module.predicts_untrained
    }
    # before training models of one architecture and one set of parameters are one
    kinds = {
        name: json.dumps([model.name, model.parameters], sort_keys=True, default=str)
        for name, model in trained.items()
    }
    for name, model in trained.items():
        if kinds[name] not in settings:
            label = UNTRAINED if len(set(kinds.values())) == 1 else f"{UNTRAINED}_{name}"
            settings[kinds[name]] = label
            everyone.setdefault(label, model.before_training())
        before[name] = settings[kinds[name]]
    return everyone, before


def merge_untrained(
    found: Mapping[str, Float64[np.ndarray, "context start"]], before: Mapping[str, str]
) -> tuple[dict[str, Float64[np.ndarray, "context start"]], dict[str, str]]:
    """Return log-likelihoods with one entry for untrained models that predict the same, and its name of each.

    Most settings, such as how many samples to train on, change nothing of what a model predicts untrained.

    Examples
    --------
    >>> same = np.zeros((1, 1))
    >>> named = {"a": "untrained_a", "b": "untrained_b"}
    >>> merge_untrained({"untrained_a": same, "untrained_b": same}, named)[1]
    {'a': 'untrained', 'b': 'untrained'}
    """
    first: dict[str, str] = {}
    for label in dict.fromkeys(before.values()):
        alike = (other for other in first.values() if np.array_equal(found[label], found[other]))
        first[label] = next(alike, label)
    rename = {label: UNTRAINED if len(set(first.values())) == 1 else kept for label, kept in first.items()}
    merged = {rename.get(name, name): values for name, values in found.items()}
    return merged, {name: rename[label] for name, label in before.items()}


def _name_models(models: _Models) -> dict[str, Predictor]:
    if isinstance(models, Mapping):
        return {str(name): model for name, model in models.items()}
    some = list(models) if isinstance(models, Sequence) else [models]
    named = {model.name: model for model in some}
    if len(named) < len(some):
        raise InputError(
            f"{len(some)} models with {len(named)} names", "a name for each", "pass a mapping: {'a': model}"
        )
    return named


def _require_fitting(name: str, model: Predictor, segment: xr.Dataset, starts: Starts, clock: float) -> None:
    """Raise `InputError` where a model cannot read such bins and units, or has learnt what is scored."""
    if not isinstance(model, FittedModel):
        return
    bin_size = float(segment.attrs["bin_size"])
    model.begin(segment.sizes["unit"], bin_size)
    begin = clock + bin_size * int(starts.bins[0])
    for source in model.training.get("sources", []):
        if is_same_recording(source, segment.attrs, unknown=False):
            split = source.get("split", model.training.get("split", {}))
            if (
                split
                and begin < float(split["train"][1]) - bin_size / 2
                and extent(segment)[1] > split["train"][0]
            ):
                raise InputError(
                    f"starts from {begin:g} s on, for {name}, which was trained on {split['train']} s",
                    "bins that the model has not seen",
                    "measure the curve on the test segment",
                )


def _knows_target(predictor: Predictor, segment: xr.Dataset) -> bool:
    """Return whether a predictor was fitted on some of the recording."""
    if isinstance(predictor, FittedModel):
        sources = predictor.training.get("sources", [])
        return any(is_same_recording(source, segment.attrs, unknown=False) for source in sources)
    return bool(getattr(predictor, "needs_training", False))


def _fit_baselines(
    names: Sequence[str], train: xr.Dataset | None, bin_size: float, *, taken: Mapping[str, Predictor]
) -> dict[str, Baseline]:
    """Return the baselines that can be fitted and whose name nobody has; the null is always among them."""
    trained_on = None if train is None else read_bins(train)
    made = {}
    for name in dict.fromkeys((NULL, *names)):
        baseline = None if name in taken else fit_baseline(name, trained_on, bin_size)
        if isinstance(baseline, str):
            _LOG.warning("%s is left out: %s", name, baseline)
        elif baseline is not None:
            made[name] = baseline
    return made
