"""--report of commands that write a result: what they ask for, which the command line then makes.

The page is made above all rooms, and commands of rooms cannot reach up: they note what to show.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast

import click

from nwbspikegen.core.files import require_absent, require_suffix
from nwbspikegen.core.options import PATH

_Command = TypeVar("_Command", bound=Callable[..., Any])
_KEY = "nwbspikegen.report"


class WantedReport(NamedTuple):
    """A page that was asked for: of what, where to, and whether it replaces another."""

    thing: Path
    page: Path
    overwrite: bool


def report_option(command: _Command) -> _Command:
    """Add --report, for a command whose --out is what the page shows; it wants to stand above the others."""

    @functools.wraps(command)
    def run(*arguments: Any, report: Path | None, **options: Any) -> Any:
        overwrite = bool(options.get("overwrite", False))
        if report is not None:
            # before hours of work, not after them
            require_suffix(report, ".html")
            require_absent(report, overwrite=overwrite)
        returned = command(*arguments, **options)
        if report is not None:
            click.get_current_context().meta[_KEY] = WantedReport(options["out"], report, overwrite)
        return returned

    option = click.option(
        "--report", type=PATH, metavar="FILE.html", help="Write a page that shows the result, too."
    )
    return cast(_Command, option(run))


def find_wanted(context: click.Context) -> WantedReport | None:
    """Return the page that a command of this context has asked for, if it has."""
    wanted: WantedReport | None = context.meta.get(_KEY)
    return wanted
