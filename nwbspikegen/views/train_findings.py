"""What is odd about the spike trains of a window, and the option that deals with it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from jaxtyping import Float64

from nwbspikegen.views.findings import Finding
from nwbspikegen.views.measuring import Measures, Stretch

# Hz: over a day, 86 spikes; who sorts asks for more
_LOW_RATE_HZ = 0.001
# Hz: the fastest neurons fire at some hundred for seconds, no neuron at more over minutes
_HIGH_RATE_HZ = 500.0
# seconds of the shortest intervals, Hz of the median: neurons burst, within 0.1 s at any rate, so trains
# without such intervals at a rate a thousandth of a plausible one were hardly timed in seconds
_NEVER_BURSTS = 0.1
_SLOW_HZ = 0.1
_PLAUSIBLE_HZ = (0.1, 200.0)
_FEWEST_INTERVALS = 100
# seconds, and of the window: nothing silences a whole population for so long
_LONG_SILENCE = 3600.0
_MOST_SILENT = 0.5
# spikes that the silence would have had at the mean rate: fewer are missing by chance, or by a burst
_FEWEST_MISSED = 20
# of a unit's intervals below 1 ms: sorters' own criteria accept 0.5 to 2 % (IBL, Allen)
_VIOLATIONS = 0.02
_FEWEST_FOR_VIOLATIONS = 50
# of all spikes: bits per spike is of what is kept
_MOST_MERGED = 0.05
# spikes of a segment: below the first its scores mean little, below the second they are none
_FEW_SPIKES = 100
_TOO_FEW_SPIKES = 20
# seconds
_SHORT_TRAINING = 10.0
_PAIRS_NAMED = 3
# of units in pairs: more are electrodes beside each other than neurons sorted twice
_MANY_SHARE = 0.25


def judge_trains(
    stretch: Stretch, measures: Measures, rates: Float64[np.ndarray, " read_unit"], *, is_whole: bool
) -> Iterator[Finding]:
    """Yield what is odd about rates, intervals and silences; `is_whole`: times that are whole numbers."""
    total = int(measures.num_spikes.sum())
    yield from _judge_rates(measures, rates, is_whole=is_whole)
    begin, end = measures.silence
    # as it is told, so that --exclude is given what was judged
    begin, end = round(begin, 2), round(end, 2)
    silent = end - begin
    missed = total * silent / stretch.seconds
    is_long = silent > _LONG_SILENCE or silent > _MOST_SILENT * stretch.seconds
    if is_long and total >= _FEW_SPIKES and missed > _FEWEST_MISSED:
        yield Finding(
            "silence",
            f"no spike of any unit from {begin:.10g} to {end:.10g} s, {silent / stretch.seconds:.1%} of it",
            f"a jump of the clock, or a pause? --exclude {begin:.10g}-{end:.10g} takes it as not observed",
        )
    unseen = int(measures.num_unseen.sum())
    if unseen:
        yield Finding(
            "unobserved_spikes",
            f"{unseen:,} of {total:,} spikes lie where their unit was not observed",
            "they are not used; if they are right, correct obs_intervals or invalid_times",
            "note",
        )
    merged = int(measures.num_merged.sum())
    if merged > _MOST_MERGED * total:
        yield Finding(
            "merged",
            f"{merged / total:.1%} of spikes ({merged:,}) share a bin with another of their unit",
            f"they are merged into one: --bin-size {stretch.grid.bin_size / 2:g} or less keeps more of them",
        )
    yield from _judge_intervals(stretch, measures)
    silent_units = stretch.source.table.ids[stretch.units[measures.read]][measures.num_spikes == 0]
    if len(silent_units):
        named = ", ".join(map(str, silent_units[:_PAIRS_NAMED])) + ", ..." * (
            len(silent_units) > _PAIRS_NAMED
        )
        yield Finding(
            "silent",
            f"{_of_units(len(silent_units), measures)} without a spike ({named})",
            "--min-rate 0.01 leaves silent units out",
            "note",
        )


def _judge_rates(
    measures: Measures, rates: Float64[np.ndarray, " read_unit"], *, is_whole: bool
) -> Iterator[Finding]:
    spiking = rates[rates > 0]
    rate = float(np.median(spiking)) if len(spiking) else np.nan
    num_intervals = int(np.maximum(measures.num_spikes - 1, 0).sum())
    low, high = _PLAUSIBLE_HZ
    is_slow = rate < _SLOW_HZ and measures.long_intervals > _NEVER_BURSTS and low < 1000 * rate < high
    if rate < _LOW_RATE_HZ and not is_whole:
        yield Finding(
            "low_rates",
            f"the median unit fires at {rate:.2g} Hz",
            "are times in samples or milliseconds? spike_times are seconds",
        )
    elif is_slow and num_intervals >= _FEWEST_INTERVALS and not is_whole:
        yield Finding(
            "milliseconds",
            f"few intervals are below {measures.long_intervals:.2g} s, and the median rate is {rate:.2g} Hz",
            f"are times in milliseconds ({1000 * rate:.2g} Hz)? spike_times are seconds: divide them by 1000",
        )
    elif rate < _SLOW_HZ and num_intervals < _FEWEST_INTERVALS and not is_whole:
        # a window of a file in milliseconds holds next to nothing, and no interval tells
        yield Finding(
            "milliseconds",
            f"{num_intervals} intervals in all, and the median rate is {rate:.2g} Hz",
            "are times in milliseconds? `nwbspikegen info` of the whole file tells more",
        )
    fast = int(np.count_nonzero(rates > _HIGH_RATE_HZ))
    if fast:
        yield Finding(
            "high_rates",
            f"{_of_units(fast, measures)} above {_HIGH_RATE_HZ:g} Hz, up to {np.nanmax(rates):,.0f} Hz",
            "are times in minutes, or relative to trials? spike_times are seconds of one clock",
        )


def _judge_intervals(stretch: Stretch, measures: Measures) -> Iterator[Finding]:
    intervals = np.maximum(measures.num_spikes - 1, 0)
    shares = measures.num_short / np.maximum(intervals, 1)
    accepted = _VIOLATIONS * intervals
    # three standard deviations more, so that none is called wrong by chance
    wrong = (measures.num_short > accepted + 3 * np.sqrt(accepted)) & (intervals >= _FEWEST_FOR_VIOLATIONS)
    if wrong.any():
        worst = int(np.argmax(np.where(wrong, shares, 0)))
        unit = stretch.source.table.ids[stretch.units[measures.read]][worst]
        yield Finding(
            "refractory",
            f"{_of_units(int(wrong.sum()), measures)} with more than {_VIOLATIONS:.0%} of their intervals "
            f"below 1 ms (unit {unit} {shares[worst]:.0%}): several neurons in one, or spikes found twice",
            "--quality good, where the sorter says it, or sort again",
            "note",
        )


def _of_units(number: int, measures: Measures) -> str:
    total = len(measures.read)
    read = int(measures.read.sum())
    sample = "" if read == total else f" that were read, of {total:,}"
    return f"{number:,} of {read:,} units{sample}"


def judge_pairs(pairs: pd.DataFrame, num_units: int, where: str) -> Iterator[Finding]:
    """Yield what `find_duplicates` found in a part of a recording, `where`."""
    if not len(pairs):
        return
    first = pairs.head(_PAIRS_NAMED).itertuples(index=False)
    named = ", ".join(f"{pair.unit} and {pair.other} {pair.share:.0%}" for pair in first)
    more = ", ..." * (len(pairs) > _PAIRS_NAMED)
    number = f"{len(pairs):,} pairs of units share" if len(pairs) > 1 else "1 pair of units shares"
    in_pairs = len({*pairs.unit, *pairs.other})
    text = f"{number} half of their spikes or more within 0.5 ms{where} ({named}{more})"
    if in_pairs > _MANY_SHARE * num_units:
        text += f", {in_pairs:,} of {num_units:,} units: neighbouring electrodes rather than sorted neurons?"
    yield Finding("duplicates", text, "--drop-duplicates keeps one of each")


def judge_segments(seconds: float, spikes: dict[str, int]) -> Iterator[Finding]:
    """Yield what is too little of a split: seconds of training, observed spikes of the other segments."""
    if seconds < _SHORT_TRAINING:
        yield Finding(
            "short_training",
            f"a training segment of {seconds:g} s is short",
            "expect little of what is learnt from it; take a longer --duration",
        )
    for name, found in spikes.items():
        if found < _FEW_SPIKES:
            meaning = "mean little" if found >= _TOO_FEW_SPIKES else "mean nothing"
            yield Finding(
                "few_spikes",
                f"only {found} spikes in the {name} segment: its scores {meaning}",
                "take a longer window (--duration) or more units (--take-units)",
            )
