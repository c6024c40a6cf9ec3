"""Reading a window of a long spike train without reading the train."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float64

# spikes: 64 KiB, about what one disk read costs anyway
PAGE = 8192
# spikes read at once, a multiple of PAGE: 4 MiB
BLOCK = 64 * PAGE

Span = tuple[int, int]


@dataclasses.dataclass(frozen=True)
class TrainSurvey:
    """What one pass over a unit's spikes says about where they lie.

    Parameters
    ----------
    edges : ndarray of shape (page,)
        The first spike time of each page of 8,192 spikes (s).
    first, last : float
        Earliest and latest spike (s), NaN without spikes.
    is_sorted : bool
        Times never decrease. NWB does not promise it, and a page that looks right does not tell of a
        late spike hidden in another page: only a whole pass does.
    has_numbers_only : bool
        No time is NaN or infinite.
    """

    edges: Float64[np.ndarray, " page"]
    first: float
    last: float
    is_sorted: bool
    has_numbers_only: bool

    def find_span(self, begin: int, end: int, start: float, stop: float) -> Span:
        """Return the rows of a train at rows [begin, end) whose pages may hold times in [start, stop]."""
        if not self.is_sorted:
            return begin, end
        first_page = max(int(np.searchsorted(self.edges, start, side="left")) - 1, 0)
        stop_page = int(np.searchsorted(self.edges, stop, side="right"))
        return min(begin + first_page * PAGE, end), min(begin + stop_page * PAGE, end)


def read_spans(dataset: Any, spans: Sequence[Span]) -> Iterator[Float64[np.ndarray, " spike"]]:
    """Yield the rows of each span, neighbours fetched together while they fit into one block."""
    group: list[Span] = []
    for span in spans:
        if group and (span[0] != group[-1][1] or span[1] - group[0][0] > BLOCK):
            yield from _read_group(dataset, group)
            group = []
        group.append(span)
    if group:
        yield from _read_group(dataset, group)


def _read_group(dataset: Any, group: Sequence[Span]) -> Iterator[Float64[np.ndarray, " spike"]]:
    origin = group[0][0]
    rows = dataset[origin : group[-1][1]].astype(np.float64, copy=False)
    for begin, end in group:
        yield rows[begin - origin : end - origin]


def survey_trains(dataset: Any, trains: Sequence[Span]) -> Iterator[TrainSurvey]:
    """Read each train once, block by block, and yield its survey."""
    pieces = [_cut_into_blocks(train) for train in trains]
    blocks = read_spans(dataset, [piece for cut in pieces for piece in cut])
    for cut in pieces:
        yield _survey_blocks([next(blocks) for _ in cut] if len(cut) == 1 else (next(blocks) for _ in cut))


def _cut_into_blocks(train: Span) -> list[Span]:
    begin, end = train
    return [(at, min(at + BLOCK, end)) for at in range(begin, end, BLOCK)] or [train]


def _survey_blocks(blocks: Any) -> TrainSurvey:
    edges: list[np.ndarray] = []
    first, last, previous = np.inf, -np.inf, -np.inf
    is_sorted = has_numbers_only = True
    for times in blocks:
        if not len(times):
            continue
        ascends = bool((times[1:] >= times[:-1]).all()) and times[0] >= previous
        # an ascending train can hide infinities at its ends only, and no NaN unless it stands alone
        checked = times[[0, -1]] if ascends else times
        has_numbers_only = has_numbers_only and bool(np.isfinite(checked).all())
        is_sorted = is_sorted and bool(ascends)
        first = min(first, float(checked.min()))
        last = max(last, float(checked.max()))
        previous = times[-1]
        edges.append(times[::PAGE].copy())
    if not edges:
        return TrainSurvey(np.empty(0), np.nan, np.nan, True, True)
    return TrainSurvey(np.concatenate(edges), first, last, is_sorted, has_numbers_only)
