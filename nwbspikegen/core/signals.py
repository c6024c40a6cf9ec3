"""Ctrl-C and SIGTERM end a command in the same way, and neither is lost in code that drops exceptions."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any

# seconds until an interruption is raised again where nothing came of it: first after code was seen to drop
# it, which it may still do for a moment, then wherever it was turned into another error or none
_SOON = 0.05
_AGAIN = 1.0
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class _Interruption:
    """Which signal came first, 0 for none; how many blocks hold it back, and whether one has."""

    signal = 0
    holders = 0
    is_held = False


_INTERRUPTION = _Interruption()


def find_exit_status() -> int:
    """Return what a command exits with that was interrupted: 128 and the signal's number, as shells expect.

    Examples
    --------
    >>> find_exit_status()
    130
    """
    return 128 + (_INTERRUPTION.signal or signal.SIGINT)


def is_interrupted() -> bool:
    """Return whether a signal has asked this command to end."""
    return _INTERRUPTION.signal != 0


@contextlib.contextmanager
def ending_on_signals() -> Iterator[None]:
    """Raise `KeyboardInterrupt` on SIGINT and SIGTERM while the block runs, until it is unwound.

    What came is known until the block ends: whatever runs next in this process is another's.
    Callbacks from C, such as numba's, print what is raised in them and go on; HDF5 makes another error of
    it. So it is raised again, unless it is on its way already: what cleans up is left to do so.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {each: signal.getsignal(each) for each in _SIGNALS}
    hook = sys.unraisablehook

    def note_dropped(dropped: Any) -> None:
        if isinstance(dropped.exc_value, KeyboardInterrupt):
            _raise_again(_SOON)
        else:
            hook(dropped)

    try:
        for each in _SIGNALS:
            # what was started to ignore Ctrl-C, as with nohup or behind &, goes on ignoring it
            if before[each] not in (signal.SIG_IGN, None):
                signal.signal(each, _interrupt)
        if hasattr(signal, "SIGALRM"):
            before[signal.SIGALRM] = signal.signal(signal.SIGALRM, _interrupt_again)
        sys.unraisablehook = note_dropped
        yield
    finally:
        stop_raising()
        sys.unraisablehook = hook
        for each, handler in before.items():
            if handler is not None:
                signal.signal(each, handler)
        _INTERRUPTION.signal = 0
        _INTERRUPTION.is_held = False


@contextlib.contextmanager
def holding_interruptions() -> Iterator[None]:
    """Raise an interruption that comes while the block runs at its end: what it does is done whole.

    For moments, such as making a folder that somebody has to remove, or removing it.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _INTERRUPTION.holders += 1
    try:
        yield
    finally:
        _INTERRUPTION.holders -= 1
    if _INTERRUPTION.is_held and not _INTERRUPTION.holders:
        _INTERRUPTION.is_held = False
        raise KeyboardInterrupt


def stop_raising() -> None:
    """Raise an interruption no more: the command knows of it."""
    _raise_again(0.0)


def _raise_again(seconds: float) -> None:
    # Windows has no timer: there an interruption is raised once
    if hasattr(signal, "setitimer") and signal.getsignal(signal.SIGALRM) is _interrupt_again:
        signal.setitimer(signal.ITIMER_REAL, seconds, _AGAIN if seconds else 0.0)


def _interrupt(number: int, frame: FrameType | None) -> None:
    _INTERRUPTION.signal = _INTERRUPTION.signal or number
    _raise_again(_AGAIN)
    if _INTERRUPTION.holders:
        _INTERRUPTION.is_held = True
        return
    raise KeyboardInterrupt


def _interrupt_again(number: int, frame: FrameType | None) -> None:
    if is_interrupted() and not _INTERRUPTION.holders and not _is_unwinding(sys.exc_info()[1]):
        raise KeyboardInterrupt


def _is_unwinding(error: BaseException | None) -> bool:
    """Return whether an interruption is among what led to an error that is being handled."""
    seen = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, KeyboardInterrupt):
            return True
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return False
