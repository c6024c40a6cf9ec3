"""A sorting of one segment, whatever it had."""

from __future__ import annotations

from typing import Any

from nwbspikegen.core.errors import InputError


def join_segments(sorting: Any) -> Any:
    """Return a sorting of one segment: itself, or `JoinedSorting` of several.

    Raises
    ------
    InputError
        A sorting without a segment, or as `JoinedSorting` raises it.
    """
    number = sorting.get_num_segments()
    if number == 1:
        return sorting
    if number == 0:
        raise InputError("a sorting without a segment", "at least one", "check what was loaded")
    # SpikeInterface is slow to import
    from nwbspikegen.core.joined_segments import JoinedSorting

    return JoinedSorting(sorting)
