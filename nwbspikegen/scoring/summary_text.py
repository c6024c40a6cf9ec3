"""A summary of scores as text that fits a terminal."""

from __future__ import annotations

import math
import textwrap
from typing import TYPE_CHECKING

import pandas as pd

from nwbspikegen.core.output import WIDTH, list_meanings
from nwbspikegen.scoring.blocks import BLOCK_DURATION, FEWEST_RELIABLE_BLOCKS

if TYPE_CHECKING:
    from nwbspikegen.scoring.summary import ScoreSummary

# the widths of a value with four digits and a sign, and of two of them with "to" between
_VALUE, _INTERVAL = 10, 22
# of a column of the other scores; six of them beside names of up to 20 letters
_COLUMN = 13
# a model of another package has the name of its class and module
_LONGEST_NAME = 34


def format_summary(summary: ScoreSummary, *, is_explained: bool = False) -> str:
    """Return scores in lines of at most `WIDTH` columns; with `is_explained`, what they mean below."""
    names = {str(name): cut_middle(str(name), _LONGEST_NAME) for name in summary.table.index}
    width = max(16, *(len(name) + 2 for name in names.values()))
    lines = [*_list_bits(summary, names, width), *_list_notes(summary)]
    lines += ["", *_list_others(summary.others, names, width)] if len(summary.others.columns) else []
    if is_explained:
        lines += ["", *list_meanings(summary.meanings)]
    return "\n".join(line.rstrip() for line in lines)


def cut_middle(name: str, longest: int) -> str:
    """Return a name with its middle left out where it is too long: both ends tell names apart.

    Examples
    --------
    >>> cut_middle("laboratory.models:GRU", 12)
    'labor…ls:GRU'
    """
    if len(name) <= longest:
        return name
    start = (longest - 1) // 2
    return f"{name[:start]}…{name[start + 1 - longest :]}"


def _list_bits(summary: ScoreSummary, names: dict[str, str], width: int) -> list[str]:
    # said at the head of every interval, for it changes how they are read
    interval = "95 % interval" if summary.is_reliable else "95 %, unreliable"
    above = f"{cut_middle(names[summary.model], _VALUE + _INTERVAL - 10)} above it"
    lines = [
        f"{'':<{width}}{'bits/spike, above mean rate':>{_VALUE + _INTERVAL}}{above:>{_VALUE + _INTERVAL}}",
        f"{'predictor':<{width}}" + f"{'value':>{_VALUE}}{interval:>{_INTERVAL}}" * 2,
    ]
    for name, row in summary.table.iterrows():
        own = _write(row.bits_per_spike, row.ci_low, row.ci_high, "")
        value, low, high = row.iloc[3:6].tolist()
        gain = f"{'':>{_VALUE}}" if name == summary.model else _write(value, low, high, "+")
        lines.append(f"{names[str(name)]:<{width}}{own}{gain}")
    return lines


def _write(value: float, low: float, high: float, sign: str) -> str:
    ends = f"{low:{sign}.3f} to {high:{sign}.3f}" if math.isfinite(low) and math.isfinite(high) else "-"
    shown = f"{value:{sign}.3f}" if math.isfinite(value) else "-"
    return f"{shown:>{_VALUE}}{ends:>{_INTERVAL}}"


def _list_others(others: pd.DataFrame, names: dict[str, str], width: int) -> list[str]:
    """Return the other scores, as many side by side as fit."""
    headings = {str(heading): cut_middle(str(heading), WIDTH - width - 2) for heading in others.columns}
    lines: list[str] = []
    block: list[str] = []
    for heading in [*headings, None]:
        wide = [max(_COLUMN, len(headings[each]) + 2) for each in [*block, *([heading] if heading else [])]]
        if heading is None or (block and width + sum(wide) > WIDTH):
            lines += [*([""] if lines else []), *_list_block(others, names, headings, block, width)]
            block = []
        if heading is not None:
            block.append(heading)
    return lines


def _list_block(
    others: pd.DataFrame, names: dict[str, str], headings: dict[str, str], block: list[str], width: int
) -> list[str]:
    wide = [max(_COLUMN, len(headings[heading]) + 2) for heading in block]
    lines = [
        f"{'predictor':<{width}}"
        + "".join(f"{headings[heading]:>{size}}" for heading, size in zip(block, wide, strict=True))
    ]
    for name, row in others.iterrows():
        cells = [
            f"{row[heading]:>{size}.4g}" if math.isfinite(row[heading]) else f"{'-':>{size}}"
            for heading, size in zip(block, wide, strict=True)
        ]
        lines.append(f"{names[str(name)]:<{width}}{''.join(cells)}")
    return lines


def _list_notes(summary: ScoreSummary) -> list[str]:
    share = summary.observed_fraction
    seen = "all bins observed" if share >= 1 else f"{share:.3%} of all bins observed, the rest is not scored"
    notes = [
        f"{summary.num_units} units, {summary.num_silent_units} of them silent; "
        f"{summary.num_spikes:,} spikes; {seen}"
    ]
    if summary.reason:
        notes.append(f"no scores: {summary.reason}")
    elif not summary.is_reliable:
        notes.append(
            f"few blocks ({summary.num_blocks} of {BLOCK_DURATION:g} s, fewer than "
            f"{FEWEST_RELIABLE_BLOCKS}): intervals are unreliable, and narrower than they should be"
        )
    return [line for note in notes for line in textwrap.wrap(note, WIDTH)]
