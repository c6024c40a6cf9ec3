"""Reading contexts of several lengths, and what each predictor says after them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import xarray as xr
from jaxtyping import Float64

from nwbspikegen.core.errors import InputError
from nwbspikegen.core.predictor import Bins, Predictor, predict_bins
from nwbspikegen.core.progress import show_progress
from nwbspikegen.models import FittedModel
from nwbspikegen.prediction.context_starts import Starts
from nwbspikegen.prediction.together import Prediction, count_together, predict_with_each
from nwbspikegen.scoring.context_curves import ContextCurve
from nwbspikegen.scoring.likelihood import sum_log2_likelihood

_Found = dict[str, Float64[np.ndarray, "context start"]]


def measure_curves(
    predictors: Mapping[str, Predictor], bins: Bins, starts: Starts, bin_size: float
) -> tuple[_Found, dict[str, InputError]]:
    """Return the log2-likelihood of every predictor from each context after each start.

    Predictors that cannot read the recording are in the second mapping instead, with the reason.
    """
    shape = (len(starts.contexts), len(starts.bins))
    found: _Found = {name: np.full(shape, np.nan) for name in predictors}
    refused: dict[str, InputError] = {}
    with show_progress("contexts", len(starts.contexts)) as work:
        for row, label in enumerate(starts.contexts):
            for columns, part, first, wanted in _cut_readings(bins, starts, label):
                for name, predicted in _predict_each(predictors, part, first, bin_size, wanted):
                    if isinstance(predicted, InputError):
                        refused[name] = predicted
                        continue
                    spikes, observed = part.since(first)
                    seen = None if observed is None else observed[wanted]
                    edges = np.arange(len(columns) + 1, dtype=np.int64) * starts.scored
                    found[name][row, columns] = sum_log2_likelihood(predicted, spikes[wanted], edges, seen)
            work.advance()
    return {name: values for name, values in found.items() if name not in refused}, refused


def _cut_readings(
    bins: Bins, starts: Starts, label: str
) -> Iterator[tuple[list[int], Bins, int, np.ndarray]]:
    """Give for every reading the starts that it serves, its bins, the first to predict, and which of those.

    All starts share what lies before them when all of it is read; of a shorter context each has its own.
    """
    groups = [[column] for column in range(len(starts.bins))]
    if starts.contexts[label] < 0:
        groups = [list(range(len(starts.bins)))]
    for columns in groups:
        at = starts.bins[columns]
        begin, stop = starts.begin(label, int(at[0])), int(at[-1]) + starts.scored
        wanted = np.zeros(stop - int(at[0]), dtype=bool)
        for start in at - at[0]:
            wanted[start : start + starts.scored] = True
        yield columns, bins.until(stop).since(begin), int(at[0]) - begin, wanted


def _predict_each(
    predictors: Mapping[str, Predictor], bins: Bins, first: int, bin_size: float, wanted: np.ndarray
) -> Iterator[tuple[str, Prediction | InputError]]:
    """Give what each predictor says of the bins that are wanted; models of one kind read together."""
    networks = {name: each for name, each in predictors.items() if isinstance(each, FittedModel)}
    names = list(networks)
    most = count_together(int(wanted.sum()), bins.spikes.shape[1])
    for begin in range(0, len(names), most):
        few = names[begin : begin + most]
        modules = [networks[name].module for name in few]
        for place, predicted in predict_with_each(modules, bins, first, bin_size, wanted):
            yield few[place], predicted
    for name, each in predictors.items():
        if name not in networks:
            yield name, predict_bins(each, bins, first, bin_size)[wanted]


def assemble_curve(
    found: Mapping[str, Float64[np.ndarray, "context start"]],
    bins: Bins,
    starts: Starts,
    bin_size: float,
    clock: float,
    *,
    knowing: Sequence[str],
    untrained: Mapping[str, str],
) -> ContextCurve:
    """Return log-likelihoods as a curve.

    `clock` is when the first bin starts (s), `knowing` are those fitted on the target, and `untrained` has
    the name of each trained predictor before training.
    """
    spikes = [int((bins.spikes[start : start + starts.scored] > 0).sum()) for start in starts.bins]
    read = [
        [bin_size * (start - starts.begin(label, int(start))) for start in starts.bins]
        for label in starts.contexts
    ]
    data = xr.Dataset(
        {
            "log_likelihood": (("predictor", "context", "start"), np.array(list(found.values()))),
            "seconds_read": (("context", "start"), np.array(read)),
            "num_spikes": ("start", np.array(spikes)),
            "observed_fraction": ("start", starts.observed_fraction),
        },
        {
            "predictor": list(found),
            "context": list(starts.contexts),
            "start": clock + bin_size * starts.bins,
        },
        {
            "scored": starts.scored * bin_size,
            "left_out": dict(starts.left_out),
            "untrained": {name: before for name, before in untrained.items() if name in found},
        },
    )
    knows = np.array([name in knowing for name in found], dtype=bool)
    return ContextCurve(data.assign_coords(knows_target=("predictor", knows)))
