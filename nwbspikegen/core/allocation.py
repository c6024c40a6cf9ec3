"""How the C library keeps memory: given back after every array, the next one is paid for page by page."""

from __future__ import annotations

import ctypes
import sys

# of <malloc.h>
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
# bytes: arrays up to this size are cut from memory that is kept, and so much of it may lie idle. The bins of
# ten minutes of 128 units take 77 MB. Measured on a study of two recordings of 200 s and 64 units
# (docs/benchmarks/transfer_scale.md): 111 s became 87 s, 11.6 million page faults 2.8 million, and the peak
# grew from 1.26 to 1.73 GB
_LARGEST_KEPT = 128 * 2**20
_MOST_IDLE = 256 * 2**20
# glibc before 2.35 refuses more: half of the largest heap that it makes
_LARGEST_BEFORE_2_35 = 32 * 2**20


def keep_freed_memory() -> bool:
    """Let this process keep memory of arrays that are gone for those to come; return whether it does.

    By default glibc maps arrays of more than a few hundred kilobytes afresh, and the kernel clears
    every page again. Scoring and training make many such arrays and drop them soon:
    `benchmarks/transfer_scale.py --parts memory` measures what this saves. Peak memory grows by what
    lies idle. Elsewhere than on Linux with glibc nothing happens. Workers of dask need it most:
    dask lets theirs give back all but 64 KiB.

    Examples
    --------
    >>> import sys
    >>> keep_freed_memory() in ((True, False) if sys.platform == "linux" else (False,))
    True
    """
    if sys.platform != "linux":
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        # another C library, such as musl
        return False
    takes_size = any(mallopt(_MMAP_THRESHOLD, size) for size in (_LARGEST_KEPT, _LARGEST_BEFORE_2_35))
    # either call ends glibc's own adjustment of both values, so both are set
    return takes_size and bool(mallopt(_TRIM_THRESHOLD, _MOST_IDLE))
