"""When garbage may be collected: not while HDF5 waits for bytes that another thread fetches."""

from __future__ import annotations

import contextlib
import gc
import threading
from collections.abc import Iterator

_LOCK = threading.Lock()
# how many threads have stopped collection, and whether the first of them found it on
_STOPPED = {"num": 0, "was_on": False}


@contextlib.contextmanager
def without_collection() -> Iterator[None]:
    """Stop Python's cyclic garbage collection, in all threads, until the last one that asked is done.

    h5py holds one lock while HDF5 reads from a Python stream, and takes the same lock to free an object.
    Collection runs in whichever thread allocates: in the one that fetches for the stream, it would wait for
    the lock of a thread that waits for it, for ever ("Python file-like objects" in h5py's documentation).

    Examples
    --------
    >>> import gc
    >>> with without_collection():
    ...     print(gc.isenabled())
    False
    >>> gc.isenabled()
    True
    """
    with _LOCK:
        if not _STOPPED["num"]:
            _STOPPED["was_on"] = gc.isenabled()
            gc.disable()
        _STOPPED["num"] += 1
    try:
        yield
    finally:
        with _LOCK:
            _STOPPED["num"] -= 1
            if not _STOPPED["num"] and _STOPPED["was_on"]:
                gc.enable()
