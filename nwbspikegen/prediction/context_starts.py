"""From where a recording is predicted, so that contexts of several lengths can be compared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float64, Int64

from nwbspikegen.core.errors import InputError
from nwbspikegen.scoring.context_curves import WARM, walk_contexts
from nwbspikegen.views.history import Mask

# half: a context that was mostly not observed is not one of so many seconds
_LEAST_OBSERVED = 0.5


class Starts(NamedTuple):
    """Where predicting starts and how much before it is read, in bins.

    Attributes
    ----------
    bins : int array (start,)
        First bins that are scored, in order.
    contexts : dict of label to int
        How many bins are read; -1 is all of them.
    scored : int
        How many bins are scored from each start on.
    observed_fraction : array (start,)
        Of what is scored.
    left_out : dict
        What was asked for and is not there, with the reason.
    """

    bins: Int64[np.ndarray, " start"]
    contexts: dict[str, int]
    scored: int
    observed_fraction: Float64[np.ndarray, " start"]
    left_out: dict[str, str]

    def begin(self, label: str, start: int) -> int:
        """Return the first bin that is read before a start."""
        context = self.contexts[label]
        return 0 if context < 0 else start - context


def choose_starts(
    observed: Mask,
    first: int,
    num_bins: int,
    bin_size: float,
    *,
    contexts: Sequence[str | float],
    starts: int | Sequence[int],
    scored: float,
) -> Starts:
    """Return starts spread over the bins from `first` on, each with room for every context before it.

    Starts come later, up to the middle of the segment, where there is too little before it; a context for
    which even that would not do is left out. Starts are no nearer than what is scored, so that no bin is
    scored twice. Seconds are those of the clock: a start is left out where less than half of what is
    scored, or of some context, was observed.

    Parameters
    ----------
    observed : bool array (time, unit) or None
        Of the past and the segment.
    first : int
        First bin of the segment.
    num_bins : int
        Bins of past and segment.
    bin_size : float
        Seconds per bin.
    contexts, scored
        In seconds.
    starts : int or sequence of int
        How many, or the bins themselves.

    Raises
    ------
    InputError
        The segment is shorter than what is scored, starts overlap, or none is left.

    Examples
    --------
    >>> found = choose_starts(None, 60, 100, 1.0, contexts=(0, 10, 90), starts=3, scored=10)
    >>> found.bins.tolist(), found.contexts, list(found.left_out)
    ([60, 75, 90], {'0': 0, '10': 10}, ['90'])
    """
    length = round(scored / bin_size)
    last = num_bins - length
    if length < 1 or last < first:
        raise InputError(
            f"{scored:g} s to score after each start, in a segment of {(num_bins - first) * bin_size:g} s",
            "at least a bin, and no more than the segment",
            "score fewer seconds: scored=",
        )
    asked = dict(walk_contexts(contexts))
    # up to the middle: the later half of a segment still has room for many starts
    kept, left_out = _keep_contexts(asked, (first + last) / 2, bin_size)
    longest = max(kept.values())
    bins = _place(starts, max(first, longest), last, length)
    too_little = _find_unobserved(observed, bins, length, kept)
    if too_little.any():
        left_out[f"{int(too_little.sum())} of {len(bins)} starts"] = (
            "less than half of what is scored or read was observed"
        )
    bins = bins[~too_little]
    if not len(bins):
        raise InputError(
            "no start of which half was observed", "a segment that was observed", "choose another segment"
        )
    fraction = np.ones(len(bins))
    if observed is not None:
        fraction = np.array([float(observed[start : start + length].mean()) for start in bins])
    return Starts(bins, kept, length, fraction, left_out)


def _keep_contexts(
    asked: dict[str, float], most: float, bin_size: float
) -> tuple[dict[str, int], dict[str, str]]:
    """Return the contexts that fit into so many bins, in bins, and why the others are left out."""
    if not asked:
        raise InputError("no context", f"seconds, or {WARM}", "name one or more: context=(0, 10)")
    kept, left_out = {}, {}
    for label, seconds in asked.items():
        if label == WARM:
            kept[label] = -1
        elif round(seconds / bin_size) <= most:
            kept[label] = round(seconds / bin_size)
        else:
            left_out[label] = f"a context of {label} s, and {most * bin_size:.3g} s before the middle start"
    if not kept:
        raise InputError(
            f"contexts of {', '.join(asked)} s, and {most * bin_size:.3g} s before the middle of the segment",
            "at least one that fits",
            "ask for shorter contexts, or pass what was recorded before the segment",
        )
    return kept, left_out


def _place(starts: int | Sequence[int], first: int, last: int, length: int) -> Int64[np.ndarray, " start"]:
    """Return bins of starts: those that are given, or as many as asked for and as fit."""
    if not isinstance(starts, int):
        bins = np.unique(np.asarray(starts, dtype=np.int64))
        if not len(bins) or bins[0] < first or bins[-1] > last or (np.diff(bins) < length).any():
            raise InputError(
                f"starts at bins {', '.join(map(str, bins[:3].tolist()))}...",
                f"from {first} to {last}, {length} apart or more",
                "choose starts with room for each context before them and for what is scored after them",
            )
        return bins
    if starts < 1:
        raise InputError(f"{starts} starts", "at least 1", "20 are the default")
    most = (last - first) // length + 1
    return np.linspace(first, last, min(starts, most)).astype(np.int64)


def _find_unobserved(
    observed: Mask, bins: Int64[np.ndarray, " start"], length: int, contexts: dict[str, int]
) -> Bool[np.ndarray, " start"]:
    """Return of which starts too little was observed."""
    if observed is None:
        return np.zeros(len(bins), dtype=bool)
    # running sums: contexts overlap, and each is as long as a minute
    seen = np.concatenate([[0.0], np.cumsum(observed.mean(axis=1))])

    def is_short(begin: np.ndarray, stop: np.ndarray) -> np.ndarray:
        short: np.ndarray = seen[stop] - seen[begin] < _LEAST_OBSERVED * (stop - begin)
        return short

    found = is_short(bins, bins + length)
    for context in contexts.values():
        # of all that there is, no part is asked for
        if context > 0:
            found |= is_short(bins - context, bins)
    return found
