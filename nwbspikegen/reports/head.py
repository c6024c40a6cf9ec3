"""The part of a page that says what it is of."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from nwbspikegen.reports.parts import VERSION, Facts, Part, Prose, Section
from nwbspikegen.reports.recorded import Recorded

# of a file with hundreds of regions the first are told
_MOST_REGIONS = 8


def describe_recording(recorded: Recorded) -> dict[str, str]:
    """Return what is known of a recording and its window, by the words of a person."""
    said, survey = recorded.survey.session, recorded.survey
    start, stop = recorded.start, recorded.stop
    return {
        "Session": said.get("session_id", ""),
        "Subject": said.get("subject_id", ""),
        "Species": said.get("species", ""),
        "Preparation": said.get("preparation", "").replace("_", " "),
        "Region": _tell_regions(recorded.column("location")),
        "Lab": ", ".join(filter(None, (said.get("lab", ""), said.get("institution", "")))),
        "Recorded": said.get("session_start_time", ""),
        "Identifier": said.get("identifier", ""),
        "Window": f"{start:,.6g} to {stop:,.6g} s of the session clock, {stop - start:,.6g} s, "
        f"in bins of {survey.bin_size:g} s",
        "Observed": f"{survey.observed_share:.1%} of it"
        + ("" if survey.is_observation_known else " (from spike to spike: the file does not say)"),
        "Units": f"{survey.num_units:,} of {survey.num_units_there:,}, with {recorded.num_spikes:,} spikes",
    }


def _tell_regions(labels: np.ndarray | None) -> str:
    if labels is None:
        return ""
    kinds = sorted({str(each) for each in labels} - {"", "unknown"})
    more = f" and {len(kinds) - _MOST_REGIONS} more" if len(kinds) > _MOST_REGIONS else ""
    return ", ".join(kinds[:_MOST_REGIONS]) + more


def write_command(
    thing: object, options: Mapping[str, Any] | None = None, out: object = "report.html"
) -> str:
    """Return the command line that makes a report again; options that are at their defaults are left out.

    Examples
    --------
    >>> write_command("my file.nwb", {"duration": 60.0, "exclude": [(1.0, 2.0)]})
    "nwbspikegen report 'my file.nwb' --duration 60 --exclude 1-2 --out report.html"
    """
    words = ["nwbspikegen", "report", str(thing)]
    for name, value in (options or {}).items():
        for each in value if name == "exclude" else [value]:
            words += [f"--{name.replace('_', '-')}", _write_value(name, each)]
    return shlex.join([*words, "--out", str(out)])


def _write_value(name: str, value: Any) -> str:
    if name == "exclude":
        return "-".join(f"{end:.10g}" for end in value)
    if isinstance(value, (list, tuple)):
        return ",".join(f"{each:g}" for each in value)
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def show_head(
    name: str, facts: Mapping[str, str], command: str, *, verdict: str = "", more: Sequence[Part] = ()
) -> Section:
    """Return the first section: the verdict in words, what the thing is, and the command that repeats it."""
    made = {"Reported": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC by nwbspikegen {VERSION}"}
    parts: list[Part] = [Prose(verdict, is_verdict=True)] if verdict else []
    return Section(
        "head",
        "What this is",
        [*parts, Facts({"File": name, **facts, **made}), *more, Prose(command, is_code=True)],
    )
