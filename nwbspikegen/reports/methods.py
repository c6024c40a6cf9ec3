"""Paragraphs for the methods of a paper, made from what a file says."""

from __future__ import annotations

from nwbspikegen.reports.parts import VERSION
from nwbspikegen.reports.predicted import Predicted
from nwbspikegen.reports.recorded import Recorded

_HOLT = "Holt, Softky, Koch, Douglas (1996) J Neurophysiol 75:1806"


def describe_survey(recorded: Recorded) -> str:
    """Return how a recording was described."""
    said, survey = recorded.survey.session, recorded.survey
    low, median, high = survey.rates_hz
    of = ", ".join(filter(None, (said.get("species"), said.get("preparation", "").replace("_", " "))))
    return (
        f"Spikes of {survey.num_units} of {survey.num_units_there} units"
        f"{f' ({of})' if of else ''} were taken from {recorded.start:.6g} to {recorded.stop:.6g} s of the "
        "session "
        f"clock, of which {survey.observed_share:.1%} was observed; what was not observed was left out "
        "and not "
        f"counted as silence. Firing rates were {low:.3g} to {high:.3g} Hz (median {median:.3g} Hz). "
        "Irregularity "
        f"is CV2 ({_HOLT}); correlations are Pearson's, of counts in 50 ms windows. All was computed with "
        f"nwbspikegen {VERSION}."
    )


def describe_scores(predicted: Predicted) -> str:
    """Return how a prediction was made and scored."""
    attrs = predicted.scores.attrs
    trained = ""
    if attrs.get("train_start") is not None:
        trained = f" Baselines were fitted on {attrs['train_start']:.6g} to {attrs['train_stop']:.6g} s."
    blocks = int(predicted.scores.num_blocks.iloc[0]) if len(predicted.scores) else 0
    few = "" if len(predicted.scores) and bool(predicted.scores.ci_reliable.iloc[0]) else ", which are few"
    return (
        f"The probability of a spike in every bin of {predicted.bin_size * 1000:g} ms of "
        f"{predicted.probability.shape[1]} units was predicted one step ahead by {predicted.model} from "
        f"{predicted.start:.6g} to {predicted.stop:.6g} s of the session clock (context: "
        f"{predicted.attrs.get('context', 'unknown')}).{trained} The gain is the log-likelihood above "
        "each unit's "
        "mean rate in the training segment, in bits per spike; probabilities were clipped to 1e-6. "
        "Intervals (95 %) "
        f"are percentiles of {attrs.get('resamples', 200)} draws, with replacement, of {blocks} blocks of "
        "10 s"
        f"{few}, the same for all predictors, so that differences are paired. Bins that were not observed "
        "entered "
        f"no score. {describe_survey(predicted.recorded)}"
    )
