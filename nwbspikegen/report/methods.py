"""Paragraphs for the methods of a paper, made from what a file says."""

from __future__ import annotations

from nwbspikegen import __version__
from nwbspikegen.report.recorded import Recorded

_HOLT = "Holt, Softky, Koch, Douglas (1996) J Neurophysiol 75:1806"


def describe_survey(recorded: Recorded) -> str:
    """Return how a recording was described."""
    said, survey = recorded.survey.session, recorded.survey
    low, median, high = survey.rates_hz
    of = ", ".join(filter(None, (said.get("species"), said.get("preparation", "").replace("_", " "))))
    return (
        f"Spikes of {survey.num_units} of {survey.num_units_there} units"
        f"{f' ({of})' if of else ''} were taken from {recorded.start:.6g} to {recorded.stop:.6g} s of the session "
        f"clock, of which {survey.observed_share:.1%} was observed; what was not observed was left out and not "
        f"counted as silence. Firing rates were {low:.3g} to {high:.3g} Hz (median {median:.3g} Hz). Irregularity "
        f"is CV2 ({_HOLT}); correlations are Pearson's, of counts in 50 ms windows. All was computed with "
        f"nwbspikegen {__version__}."
    )
