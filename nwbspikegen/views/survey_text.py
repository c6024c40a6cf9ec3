"""A survey as a person reads it."""

from __future__ import annotations

import logging
import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nwbspikegen.views.surveying import Survey

_LOG = logging.getLogger("nwbspikegen")
_LEVELS = {"note": logging.INFO, "warning": logging.WARNING, "fatal": logging.WARNING}
_TOLD = ("session_id", "subject_id", "species", "preparation", "lab", "session_start_time")
_MARKS = {"fatal": "FATAL", "warning": "odd", "note": "note"}
_WIDTH = 110


def log_survey(survey: Survey) -> None:
    """Log a survey in few lines: what was taken, its rates, then what is odd, each with what to do."""
    taken, window, rates = _summarise(survey)
    _LOG.info("%s: %s; %s", survey.name, taken, window)
    _LOG.info("  %s", rates)
    for finding in survey.findings:
        _LOG.log(_LEVELS[finding.severity], "%s, %s: %s", survey.name, _MARKS[finding.severity], finding)


def format_survey(survey: Survey) -> str:
    """Return a survey as lines: what there is, then what is odd, each with what to do."""
    taken, window, rates = _summarise(survey)
    told = [f"{key} {survey.session[key]}" for key in _TOLD if survey.session.get(key)]
    rows = [
        ("session", ", ".join(told) or "nothing is said of it"),
        ("units", taken),
        ("time", window),
        ("spikes", rates),
        ("columns", ", ".join(survey.columns) or "none"),
    ]
    lines = [survey.name, *(_wrap(f"  {title:<10}", text) for title, text in rows)]
    if not survey.findings:
        return "\n".join([*lines, "  nothing odd was found"])
    for finding in survey.findings:
        lines.append(_wrap(f"  {_MARKS[finding.severity]:<10}", f"{finding.text}"))
        lines.append(_wrap(f"  {'':<8}> ", finding.option))
    return "\n".join(lines)


def _summarise(survey: Survey) -> tuple[str, str, str]:
    """Return which units, which time, and what their trains are like, each as a part of a sentence."""
    read = "" if survey.num_units_read == survey.num_units else f" of the {survey.num_units_read:,} read"
    taken = f"{survey.num_units:,} of {survey.num_units_there:,} units, {survey.num_spikes:,} spikes{read}"
    length = survey.stop - survey.start
    known = "" if survey.is_observation_known else " (from spike to spike: no obs_intervals)"
    window = (
        f"{survey.start:,.10g} to {survey.stop:,.10g} s, {survey.observed_seconds:,.6g} of {length:,.6g} s "
        f"observed ({survey.observed_share:.0%}){known}"
    )
    low, median, high = survey.rates_hz
    found = survey.shortest_interval_ms
    shortest = "unknown" if found != found else f"{found:.3g} ms (median over units)"
    rates = (
        f"rates {low:.3g} to {high:.3g} Hz, median {median:.3g} Hz; "
        f"shortest interval {shortest}; "
        f"{survey.merged_share:.2%} of spikes merged in bins of {survey.bin_size:g} s"
    )
    return taken, window, rates


def _wrap(start: str, text: str) -> str:
    return textwrap.fill(
        text,
        _WIDTH,
        initial_indent=start,
        subsequent_indent=" " * len(start),
        break_long_words=False,
        break_on_hyphens=False,
    )
