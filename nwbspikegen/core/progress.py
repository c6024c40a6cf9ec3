"""How far long work is: a bar with the time left on a terminal, else a line of the log now and then."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import sys
import time
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

_LOG = logging.getLogger("nwbspikegen")
_Item = TypeVar("_Item")
# seconds: shorter work shows no bar, which would only flicker, and says nothing; a log of hours stays
# readable with two lines a minute
_DELAY = 0.5
_BETWEEN_LINES = 30.0
# of the steps: before that the time left is a guess, and first steps compile kernels
_LEAST_SHARE = 0.05


# one for the process: rich takes one live display at a time
class _Display:
    """The bars of this process, one below the other: work within work has a bar of its own."""

    def __init__(self) -> None:
        self.is_quiet = False
        self.progress: Any = None
        self.users = 0


_DISPLAY = _Display()


class Work:
    """One piece of long work; `show_progress` makes it.

    Parameters
    ----------
    what : str
        What is done, as the bar calls it.
    total : int
        How many steps it takes.
    at_once : bool, default: False
        Show the bar from the start, as long steps need it; by default short work shows none.
    stages : bool, default: False
        The steps are unlike each other: how long one took tells nothing of the next, and no time is guessed.
    """

    def __init__(self, what: str, total: int, *, at_once: bool = False, stages: bool = False) -> None:
        self.what = what
        self.total = total
        self._stages = stages
        self.done = 0
        self._began = self._told = time.monotonic()
        # from when and what on steps are timed: the first line, which told of steps that are not like others
        self._since: tuple[float, int] | None = None
        self._delay = 0.0 if at_once else _DELAY
        self._task: Any = None
        if at_once:
            self.reach(0)

    def advance(self, steps: int = 1) -> None:
        """Move the bar by some steps."""
        self.reach(self.done + steps)

    def reach(self, done: int, what: str = "") -> None:
        """Move the bar to a number of steps, and call the work something else."""
        self.done, self.what = done, what or self.what
        now = time.monotonic()
        if _is_terminal():
            self._draw(now)
        if now - self._told >= _BETWEEN_LINES:
            self._told = now
            # a terminal has the bar: there, the line is for a log file only
            _LOG.log(logging.DEBUG if self._task is not None else logging.INFO, "%s", self._describe(now))

    def stop(self) -> None:
        """Take the bar away."""
        if self._task is None:
            return
        _DISPLAY.progress.remove_task(self._task)
        self._task = None
        _DISPLAY.users -= 1
        if not _DISPLAY.users:
            _DISPLAY.progress.stop()
            _DISPLAY.progress = None

    def _draw(self, now: float) -> None:
        if self._task is None:
            if now - self._began < self._delay or self.done >= self.total:
                return
            if _DISPLAY.progress is None:
                _DISPLAY.progress = _make_bars()
                _DISPLAY.progress.start()
            _DISPLAY.users += 1
            # a task that was not started has no time left, and its bar moves all the same
            self._task = _DISPLAY.progress.add_task(self.what, total=self.total, start=not self._stages)
        _DISPLAY.progress.update(self._task, completed=self.done, description=self.what)

    def _describe(self, now: float) -> str:
        began, before = self._since or (self._began, 0)
        self._since = self._since or (now, self.done)
        steps = self.done - before
        told = f"{self.what}: {self.done} of {self.total}"
        if self._stages or steps <= 0 or not _LEAST_SHARE * self.total <= self.done < self.total:
            return told
        left = (now - began) / steps * (self.total - self.done)
        return f"{told}, about {say_duration(left)} left"


@contextlib.contextmanager
def show_progress(what: str, total: int, *, at_once: bool = False, stages: bool = False) -> Iterator[Work]:
    """Give a `Work` to advance; its bar goes when the block ends, also after an error.

    The bar is on stderr, and only when that is a terminal. Elsewhere a line is logged every half
    minute, so that short work says nothing.

    Examples
    --------
    >>> with show_progress("adding", 3) as work:
    ...     for _ in range(3):
    ...         work.advance()
    >>> work.done
    3
    """
    work = Work(what, total, at_once=at_once, stages=stages)
    try:
        yield work
    finally:
        work.stop()


def track(items: Iterable[_Item], what: str, total: int) -> Iterator[_Item]:
    """Give items, and count one as done when the next is asked for.

    Examples
    --------
    >>> sum(track([1, 2, 3], "adding", 3))
    6
    """
    with show_progress(what, total) as work:
        for item in items:
            yield item
            work.advance()


def set_quiet(is_quiet: bool) -> None:
    """Show no bars from now on, or show them again."""
    _DISPLAY.is_quiet = is_quiet


def _is_terminal() -> bool:
    # workers share the terminal of the process that started them, which has a bar for all of them
    is_worker = multiprocessing.parent_process() is not None
    return not (_DISPLAY.is_quiet or is_worker) and sys.stderr is not None and sys.stderr.isatty()


def _make_bars() -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    # stdout is left as it is: results may be read from it while the bar is shown
    return Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=False)


def say_duration(seconds: float) -> str:
    """Return a time as hours and minutes, or minutes and seconds.

    Examples
    --------
    >>> say_duration(7262.4), say_duration(62.4)
    ('2 h 1 min', '1 min 2 s')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"
