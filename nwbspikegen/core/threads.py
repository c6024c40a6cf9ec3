"""How many threads work on what is too small for several."""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import Iterator

import threadpoolctl


@contextlib.contextmanager
def one_blas_thread() -> Iterator[None]:
    """Let one thread of BLAS work: several wait for each other at every step of a small decomposition.

    At rest they gain little, and beside others that keep the cores busy they wait for long
    (docs/benchmarks/busy_cores.md).

    Examples
    --------
    >>> import numpy as np, threadpoolctl
    >>> with one_blas_thread():
    ...     blas = threadpoolctl.ThreadpoolController().select(user_api="blas").info()
    >>> {each["num_threads"] for each in blas}
    {1}
    """
    with _find_libraries(len(sys.modules)).limit(limits=1, user_api="blas"):
        yield


@functools.lru_cache(maxsize=1)
def _find_libraries(num_modules: int) -> threadpoolctl.ThreadpoolController:
    # looking for them takes 7 to 20 ms, more than many a decomposition; others come with other modules only
    return threadpoolctl.ThreadpoolController()
