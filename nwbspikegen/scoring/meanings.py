"""What the names in a table of scores mean, one sentence each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from nwbspikegen.scoring.baselines import BASELINES
from nwbspikegen.scoring.blocks import BLOCK_DURATION, FEWEST_RELIABLE_BLOCKS
from nwbspikegen.scoring.metrics import METRICS

_PREDICTORS = {
    "mean_rate": "each unit's mean rate in the training segment; knows no time",
    "running_rate": "each unit's mean rate so far",
    "online_hazard": "what a unit's own past tells: how often it fired so far at this time since its last "
    "spike",
    "history_glm": "a generalised linear model of each unit's own past and of the population's, fitted to "
    "the training segment",
    "coupled_glm": "a generalised linear model of the pasts of all units, fitted to the training segment",
    "untrained": "the model itself before training: what its structure knows without weights",
    "true_intensity": "the intensity that the spikes were drawn from: the best that is possible",
}
AUDITS = {
    "causality_future": "Every second input after a bin was flipped, and no output up to that bin may move: "
    "the model does not see what it predicts.",
    "causality_same_bin": "The inputs of one bin were flipped, and its own output may not move: a spike does "
    "not predict itself.",
    "causality_statistics": "All inputs from a bin on became spikes: the model does not normalise by what "
    "comes later.",
    "splits": "Training, validation and test share no bin.",
    "independence": "What training and test share, by the files' metadata. A score on the same session or "
    "subject says nothing of others.",
    "permutation": "The units were shuffled, and the outputs were shuffled alike: their order tells the "
    "model nothing.",
}
"""What each audit did, and what it means that it passed."""

_STATISTICS = {
    "train": "Which spikes: each sample, and what was observed before, each against the recorded ones.",
    "mean_rate_hz": "Mean rate of its units.",
    "recorded_rate_hz": "Mean rate of the recorded ones.",
    "pair_correlation": "How well the correlations of pairs agree with the recorded ones.",
}
TRAINS = {
    "mean, SD": "Over units.",
    "rate_hz": "Spikes per second of observation.",
    "isi_mean": "Mean interval between spikes (s).",
    "isi_cv": "Standard deviation of the intervals over their mean; 1 for a Poisson process.",
    "cv2": "As isi_cv, of neighbouring intervals: slow changes of the rate do not enter.",
    "fano_100ms": "Variance over mean of the number of spikes in 100 ms; 1 for a Poisson process.",
    "fano_1s": "As fano_100ms, in windows of 1 s.",
    "pair_correlation": "Correlation of the spike counts of two units in bins of 50 ms, mean over partners.",
    "share_stationary": "Share of units whose rate does not drift, by an augmented Dickey-Fuller test.",
}
"""What the statistics of spike trains below a table of scores are."""

INTERVAL = (
    f"95 % of draws with replacement of blocks of {BLOCK_DURATION:g} s, the same blocks for all predictors; "
    f"with fewer than {FEWEST_RELIABLE_BLOCKS} blocks it is unreliable, and narrower than it should be"
)
"""How intervals are made."""


def tell_predictors(names: Iterable[str], model: str) -> dict[str, str]:
    """Return what each predictor of a table is.

    Examples
    --------
    >>> tell_predictors(["gru", "mean_rate"], model="gru")["mean_rate"]
    "each unit's mean rate in the training segment; knows no time"
    """
    return {name: _tell(name, model) for name in map(str, names)}


def _tell(name: str, model: str) -> str:
    if name == model:
        return "the model: its probability of a spike in each next bin, from recorded bins before it"
    if name in _PREDICTORS:
        return _PREDICTORS[name]
    # baselines that others register say what they are in their docstring
    said = (getattr(BASELINES.get(name), "__doc__", None) or "").strip().splitlines()
    return said[0].rstrip(".") if said else "a prediction that was given beside the model's"


def tell_statistics(names: Iterable[str]) -> dict[str, str]:
    """Return what the statistics of a free run mean, of those that are known.

    Examples
    --------
    >>> tell_statistics(["mean_rate_hz"])
    {'mean_rate_hz': 'Mean rate of its units.'}
    """
    known = {**{name: each.meaning for name, each in METRICS.items()}, **_STATISTICS}
    return {name: known[name] for name in map(str, names) if name in known}


def tell_scores(names: Mapping[str, str]) -> dict[str, str]:
    """Return the meaning of scores, by heading: `names` maps headings to the names of scores.

    Examples
    --------
    >>> tell_scores({"ROC per unit": "roc_auc_per_unit", "mine": "of_another_package"})["mine"]
    'a score of a package that is not installed here'
    """
    unknown = "a score of a package that is not installed here"
    return {heading: METRICS[name].meaning if name in METRICS else unknown for heading, name in names.items()}
