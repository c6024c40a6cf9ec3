"""What is odd about a recording's clock and observation, and the option that deals with it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import numpy as np
from jaxtyping import Bool, Float64

from nwbspikegen.views.measuring import Stretch, count_in
from nwbspikegen.views.observation import join_intervals
from nwbspikegen.views.spike_source import Clocks

# fewer times may all be whole by chance, or in an example
_FEWEST_WHOLE = 20
# Hz: one spike in ten seconds, what a neuron at 100 Hz shows when its times are counted in milliseconds;
# in samples it is less. Recordings that have whole seconds and more spikes are odd, not impossible.
_ABSURD_WHOLE_HZ = 0.1
# seconds: sorters that hand over spikes out of order are off by milliseconds, takes last longer than this
_RESTART = 1.0
# spikes between steps back, on average: shuffled times ascend for two
_ASCENDING_RUN = 5
# of units: one sorted twice and written end to end looks the same, but not a tenth of all
_RESTARTED_SHARE = 0.1
# seconds: the longest acute and freely moving recordings are cut into files of hours or days
_WEEK = 7 * 86400.0
# seconds: sessions begin within a minute of their clock; later is another clock, or a part of a session
_LATE_START = 60.0
# of the time of all units: less is more guess than observation
_FEW_OBSERVED = 0.5
# of all spikes; 0.15 are on channels that are not routed in a genuine file of MaxOne
_MANY_LEFT_OUT = 0.5


@dataclasses.dataclass(frozen=True)
class Finding:
    """Something odd about a recording.

    Attributes
    ----------
    name : str
        What it is, in one word, such as `duplicates`; the page survey.md has all of them.
    text : str
        What was found.
    option : str
        What to do about it: an option of commands, or what to correct.
    severity : {"note", "warning", "fatal"}
        Whether it may well be right, may spoil scores, or leaves no number with a meaning.

    Examples
    --------
    >>> finding = Finding("silent", "1 of 8 units has no spike", "--min-rate 0.01 leaves it out", "note")
    >>> print(finding)
    1 of 8 units has no spike: --min-rate 0.01 leaves it out
    """

    name: str
    text: str
    option: str
    severity: Literal["note", "warning", "fatal"] = "warning"

    @property
    def is_fatal(self) -> bool:
        """Whether no number from this recording has a meaning before it is dealt with."""
        return self.severity == "fatal"

    def as_dict(self) -> dict[str, Any]:
        """Return the finding as JSON holds it."""
        return {**dataclasses.asdict(self), "is_fatal": self.is_fatal}

    def __str__(self) -> str:
        return f"{self.text}: {self.option}"


def judge_clocks(stretch: Stretch, clocks: Clocks) -> Iterator[Finding]:
    """Yield what is odd about how the times of units run, in the recording as a whole."""
    rates = implied_rates(clocks)
    yield from _judge_whole_times(clocks, rates)
    yield from _judge_order(stretch, clocks)
    if not np.isfinite(clocks.last).any():
        return
    first, last = float(clocks.first.min()), float(clocks.last.max())
    if last - first > _WEEK:
        yield Finding(
            "duration",
            f"the spikes span {(last - first) / 86400:,.0f} days",
            "are times in samples or milliseconds? spike_times are seconds; if so, divide them",
        )
    spacing = stretch.grid.time_spacing
    if spacing > stretch.grid.bin_size / 2:
        yield Finding(
            "coarse",
            f"spike times are stored as {stretch.source.time_type}, {spacing:.2g} s apart at {last:g} s: "
            f"too coarse for bins of {stretch.grid.bin_size:g} s",
            f"--bin-size {_round_up(2 * spacing):g}, or store times as float64",
        )
    yield from _judge_ends(stretch, first, last)


def implied_rates(clocks: Clocks) -> Float64[np.ndarray, " spiking"]:
    """Return the rates (Hz) of units with two spikes or more, from their first to their last."""
    enough = (clocks.counts > 1) & (clocks.last > clocks.first)
    rates: np.ndarray = (clocks.counts[enough] - 1) / (clocks.last[enough] - clocks.first[enough])
    return rates


def find_restarted(clocks: Clocks) -> Bool[np.ndarray, " unit"]:
    """Return whose times ascend, step back by a second or more, and ascend again."""
    runs = clocks.num_steps_back + 1
    return (clocks.largest_step_back >= _RESTART) & (clocks.counts >= _ASCENDING_RUN * runs)


def _judge_whole_times(clocks: Clocks, rates: Float64[np.ndarray, " spiking"]) -> Iterator[Finding]:
    num_spikes = int(clocks.counts.sum())
    if not clocks.is_whole or num_spikes < _FEWEST_WHOLE or not len(rates):
        return
    rate = float(np.median(rates))
    yield Finding(
        "whole_times",
        f"{num_spikes:,} spike times that are all whole numbers, {rate:.2g} Hz per unit (median)",
        "samples or milliseconds? spike_times are seconds: divide them by the sampling rate (Hz), or by 1000",
        "fatal" if rate < _ABSURD_WHOLE_HZ else "warning",
    )


def _judge_order(stretch: Stretch, clocks: Clocks) -> Iterator[Finding]:
    ids = stretch.source.table.ids[stretch.units]
    restarted = find_restarted(clocks)
    spiking = int(np.count_nonzero(clocks.counts))
    if restarted.any():
        worst = int(np.argmax(np.where(restarted, clocks.largest_step_back, 0)))
        is_common = np.count_nonzero(restarted) >= _RESTARTED_SHARE * spiking
        yield Finding(
            "restarted_clock",
            f"a clock that starts again in the trains of {np.count_nonzero(restarted)} of {spiking} units "
            f"(unit {ids[worst]} steps back by {clocks.largest_step_back[worst]:,.3g} s), "
            "which lays takes over each other",
            "write each take as a file of its own, or add the end of the one before to its times",
            "fatal" if is_common else "warning",
        )
    unsorted = (clocks.num_steps_back > 0) & ~restarted
    if unsorted.any():
        yield Finding(
            "not_ascending",
            f"the times of {np.count_nonzero(unsorted)} units do not ascend (unit "
            f"{ids[int(np.argmax(unsorted))]} first)",
            "they are sorted, and no spike is lost",
            "note",
        )


def _judge_ends(stretch: Stretch, first: float, last: float) -> Iterator[Finding]:
    """Yield what is odd about where spikes begin and end, beside the observation."""
    source, origin = stretch.source, stretch.grid.origin
    begin, end = source.observation.extent()
    margin = stretch.grid.tolerance * stretch.grid.bin_size
    outside = 0
    if first < begin - margin:
        outside += count_in(source, stretch.units.tolist(), -np.inf, begin - 2 * margin)
    if last > end + margin:
        outside += count_in(source, stretch.units.tolist(), end + 2 * margin, np.inf)
    if outside:
        yield Finding(
            "outside",
            f"spikes from {first:g} to {last:g} s, observed from {begin:g} to {end:g} s: "
            f"{outside:,} spikes are left out",
            "correct obs_intervals, or the unit of the times",
        )
    if first < 0:
        yield Finding(
            "negative_times",
            f"the first spike is at {first:g} s, before the session's time 0",
            "--start counts from the start of observation, whatever the clock says",
            "note",
        )
    elif origin > _LATE_START:
        yield Finding(
            "late_clock",
            f"the clock starts at {origin:,g} s, not at 0",
            "--start counts from there; --exclude takes times of the clock",
            "note",
        )


def judge_observation(stretch: Stretch) -> Iterator[Finding]:
    """Yield what was not observed of a stretch."""
    observation = stretch.observe()
    bin_size = stretch.grid.bin_size
    longest = [float(np.diff(each, axis=1).max(initial=0.0)) for each in observation.patterns]
    if max(longest, default=0.0) < bin_size * (1 - stretch.grid.tolerance):
        yield Finding(
            "nothing_observed",
            f"no unit observed from {stretch.start:g} to {stretch.stop:g} s",
            "take another --start, --duration or --interval, exclude less, or correct obs_intervals and "
            "invalid_times",
            "fatal",
        )
        return
    gaps = [_find_gaps(each, stretch) for each in observation.patterns]
    missing = join_intervals(np.concatenate(gaps)) if gaps else np.zeros((0, 2))
    if not len(missing):
        return
    seconds = sum_observed(stretch)
    share = float(seconds.mean()) / stretch.seconds
    first = f"the first from {missing[0, 0]:g} to {missing[0, 1]:g} s"
    if len(observation.patterns) == 1:
        num, total = len(missing), float(np.diff(missing, axis=1).sum())
        text = f"{num:,} gap{'s' * (num > 1)} of {total:,.4g} s in all ({1 - share:.1%}), {first}"
    else:
        least = f"{seconds.min() / stretch.seconds:.0%} to {seconds.max() / stretch.seconds:.0%}"
        text = (
            f"units were observed at different times, {least} of the window each; "
            f"gaps of any unit: {len(missing):,}, {first}"
        )
    yield Finding(
        "gaps",
        text,
        "--interval, or --start and --duration, choose time without gaps; --exclude adds some",
        "warning" if share < _FEW_OBSERVED else "note",
    )


def judge_left_out(left_out: Mapping[str, int], num_spikes: int) -> Iterator[Finding]:
    """Yield which spikes of what a recording was made from it has not.

    Examples
    --------
    >>> next(judge_left_out({"on channels that are not routed": 53, "early": 0}, 307)).text
    '53 of 360 spikes were left out when this was made, 53 on channels that are not routed'
    """
    found = {reason: number for reason, number in left_out.items() if number > 0}
    number = sum(found.values())
    if number:
        reasons = ", ".join(f"{each:,} {reason}" for reason, each in found.items())
        yield Finding(
            "left_out",
            f"{number:,} of {number + num_spikes:,} spikes were left out when this was made, {reasons}",
            "see the page of its format; many of them speak for another recording or mapping",
            "warning" if number > _MANY_LEFT_OUT * (number + num_spikes) else "note",
        )


def sum_observed(stretch: Stretch) -> Float64[np.ndarray, " unit"]:
    """Return how many seconds of a stretch each of its units was observed."""
    observation = stretch.observe()
    lengths = np.array([float(np.diff(each, axis=1).sum()) for each in observation.patterns])
    seconds: np.ndarray = lengths[observation.pattern_of]
    return seconds


def _find_gaps(pattern: np.ndarray, stretch: Stretch) -> np.ndarray:
    """Return the intervals of a stretch that a pattern lacks, those within a bin left out."""
    # stops and starts of what was observed, taken in pairs, are starts and stops of what was not
    edges = np.concatenate([[stretch.start], pattern.ravel(), [stretch.stop]]).reshape(-1, 2)
    gaps: np.ndarray = edges[np.diff(edges, axis=1)[:, 0] > stretch.grid.bin_size]
    return gaps


def _round_up(seconds: float) -> float:
    """Return the next larger 1, 2 or 5 of a power of ten."""
    # round-off of the power must not lift 0.001 to 0.002: hence a billionth of slack below
    power = 10.0 ** np.floor(np.log10(seconds))
    return float(next(step * power for step in (1, 2, 5, 10) if step * power >= seconds * (1 - 1e-9)))
