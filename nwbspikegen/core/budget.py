"""What a stranger's file may cost: one set of limits for every reader, lifted for files that are trusted."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import os
import sys
from collections.abc import Iterator

from nwbspikegen.core.errors import InputError

TRUST = "NWBSPIKEGEN_TRUST"
"""The variable of the environment that lifts all limits when it is 1, in workers too."""


@dataclasses.dataclass(frozen=True)
class Budget:
    """Limits, all generous for recordings: 10,000 units and an hour open with them.

    Attributes
    ----------
    decoded_bytes : int
        What an array or table may take in memory, however small it is stored.
    decoded_ratio : int
        And how many times as much as it is stored with. Spike times are packed to a half or a fifth,
        tables to a tenth; deflate packs zeros to a thousandth, zstd to less.
    chunk_bytes : int
        One chunk of an array, which is unpacked whole for a single number of it.
    depth : int
        Groups within groups, folders within folders.
    objects : int
        Groups and arrays in a file.
    attributes : int
        Attributes of a group or array.
    metadata_bytes : int
        A description of an array or group that is a JSON file.
    web_seconds, web_piece_bytes : float, int
        An answer of the web of which fewer bytes than that have come in so many seconds has no progress.
    web_answer_bytes : int
        An answer that is kept in memory.
    """

    decoded_bytes: int = 2**28
    decoded_ratio: int = 100
    # a recording that MATLAB wrote may be one chunk
    chunk_bytes: int = 2**28
    # NWB has some ten; HDF5 itself overflows the stack at some 20,000
    depth: int = 100
    # icephys files of thousands of sweeps have 100,000
    objects: int = 2_000_000
    # NWB has some ten; HDF5 looks each up in all of them
    attributes: int = 4096
    metadata_bytes: int = 2**26
    web_seconds: float = 60.0
    web_piece_bytes: int = 2**16
    # 100 times the ranges that are asked for
    web_answer_bytes: int = 2**25

    def decoded(self, stored_bytes: int) -> int:
        """Return how many bytes may come from so many stored ones."""
        return max(self.decoded_bytes, self.decoded_ratio * stored_bytes)


_UNLIMITED = Budget(
    decoded_bytes=sys.maxsize,
    decoded_ratio=sys.maxsize,
    chunk_bytes=sys.maxsize,
    depth=sys.maxsize,
    objects=sys.maxsize,
    attributes=sys.maxsize,
    metadata_bytes=sys.maxsize,
    web_seconds=math.inf,
    web_piece_bytes=0,
    web_answer_bytes=sys.maxsize,
)
_LIMITED = Budget()


def get_budget() -> Budget:
    """Return the limits that hold now.

    Examples
    --------
    >>> get_budget().decoded(10**9)
    100000000000
    """
    return _UNLIMITED if is_trusting() else _LIMITED


def is_trusting() -> bool:
    """Return whether limits are lifted: by --trust, or NWBSPIKEGEN_TRUST=1."""
    return os.environ.get(TRUST) == "1"


@contextlib.contextmanager
def trusting(trusts: bool = True) -> Iterator[None]:
    """Lift the limits for a block, in this process and those that it starts; nothing without `trusts`.

    Examples
    --------
    >>> with trusting():
    ...     is_trusting()
    True
    """
    before = os.environ.get(TRUST)
    if trusts:
        os.environ[TRUST] = "1"
    try:
        yield
    finally:
        if trusts and before is None:
            os.environ.pop(TRUST, None)
        elif trusts:
            os.environ[TRUST] = str(before)


def require_affordable(what: str, num_bytes: int, stored_bytes: int) -> None:
    """Raise `InputError` when something takes more memory than its stored bytes may.

    Examples
    --------
    >>> require_affordable("/units/spike_times of a.nwb", 2**30, 2**20)
    Traceback (most recent call last):
    nwbspikegen.core.errors.InputError: found 1073741824 bytes in /units/spike_times of a.nwb, ...
    """
    most = get_budget().decoded(stored_bytes)
    if num_bytes > most:
        raise too_much(f"{num_bytes} bytes in {what}, stored in {stored_bytes}", f"at most {most}")


def too_much(found: str, expected: str) -> InputError:
    """Return the error of a limit, which says how to lift it."""
    return InputError(found, expected, f"check the file; if you trust who made it, pass --trust ({TRUST}=1)")
