"""How many threads work: one on what is too small for several, several on what is cut into parts."""

from __future__ import annotations

import contextlib
import functools
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import threadpoolctl

THREAD_VARIABLES = (
    *("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"),
    *("VECLIB_MAXIMUM_THREADS", "NUMEXPR_NUM_THREADS"),
)
"""What says to libraries, when they are loaded, how many threads they may use."""

_Part = TypeVar("_Part")
_Result = TypeVar("_Result")


def map_in_threads(function: Callable[[_Part], _Result], parts: Iterable[_Part]) -> list[_Result]:
    """Return what a function makes of each part, in order, by as many threads as kernels take.

    Numpy sorts, searches and computes large arrays side by side; which thread takes which part changes no
    digit.

    Examples
    --------
    >>> map_in_threads(abs, [-1, 2])
    [1, 2]
    """
    import numba

    number = numba.get_num_threads()
    if number == 1:
        return [function(part) for part in parts]
    with ThreadPoolExecutor(number) as pool:
        return list(pool.map(function, parts))


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


@contextlib.contextmanager
def limit_threads(number: int) -> Iterator[None]:
    """Let so many threads work within the block: kernels, linear algebra, networks, and processes it starts.

    No more than libraries that are loaded by now were started with.

    Examples
    --------
    >>> import numba
    >>> with limit_threads(1):
    ...     numba.get_num_threads()
    1
    """
    before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(number)))
    try:
        import numba

        kernels = numba.get_num_threads()
        most: int = numba.config.NUMBA_NUM_THREADS  # type: ignore[attr-defined]
        numba.set_num_threads(min(number, most))
        # not imported for this: it takes seconds, and then reads the variables
        torch = sys.modules.get("torch")
        networks = None if torch is None else torch.get_num_threads()
        try:
            if torch is not None:
                torch.set_num_threads(number)
            with threadpoolctl.threadpool_limits(number):
                yield
        finally:
            numba.set_num_threads(kernels)
            if torch is not None:
                torch.set_num_threads(networks)
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
