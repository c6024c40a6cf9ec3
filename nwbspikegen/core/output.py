"""What commands print on stdout."""

from __future__ import annotations

import json
import math
import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from nwbspikegen.core.plain_text import show_plainly
from nwbspikegen.core.web_secrets import cut_secrets

if TYPE_CHECKING:
    import pandas as pd

WIDTH = 100
"""Columns of a terminal, which every table of a command fits into."""


def print_result(result: dict[str, Any], *, as_json: bool, text: str) -> None:
    """Print `result` as JSON, or else `text`."""
    # json.dumps writes out all that is not ASCII
    shown = json.dumps(_plain(result), indent=1) if as_json else show_plainly(text, keep="\n\t")
    click.echo(cut_secrets(shown))


def records_of(table: pd.DataFrame | None) -> list[dict[str, Any]]:
    """Return a table as a list of rows for JSON."""
    return [] if table is None else [{str(k): v for k, v in row.items()} for row in table.to_dict("records")]


def _plain(value: Any) -> Any:
    """Return a value as JSON can hold it: numbers that are not finite become null."""
    if isinstance(value, dict):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value]
    # pandas' own missing value, which columns of whole numbers have; pandas is not imported to print
    if type(value).__name__ == "NAType":
        return None
    # numbers of numpy, which json refuses
    if hasattr(value, "item"):
        return _plain(value.item())
    # Python would write NaN, which is no JSON: browsers and strict readers refuse the whole text
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)


def list_meanings(meanings: Mapping[str, str]) -> list[str]:
    """Return what names mean as lines, each name with its sentence.

    Examples
    --------
    >>> list_meanings({"splits": "Training, validation and test share no bin."})
    ['splits: Training, validation and test share no bin.']
    """
    return [
        line
        for name, told in meanings.items()
        for line in textwrap.wrap(
            f"{name}: {told.rstrip('.')}.", WIDTH, subsequent_indent="    ", break_on_hyphens=False
        )
    ]
