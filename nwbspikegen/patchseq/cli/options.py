"""Options that several commands of the group share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from nwbspikegen.core.errors import InputError
from nwbspikegen.core.given import refuse_given
from nwbspikegen.core.options import PATH

if TYPE_CHECKING:
    from pathlib import Path

    from nwbspikegen.patchseq.run.load import Columns

_Command = TypeVar("_Command", bound=Callable[..., Any])


def column_options(command: _Command) -> _Command:
    """Add the names of columns in tables."""
    command = click.option(
        "--columns",
        "column_map",
        type=PATH,
        help="YAML file that says what the other columns of tables are: name, unit, scale.",
    )(command)
    # backwards, since click lists the option that was added last first
    for name, what in (("condition", "condition"), ("donor", "donor"), ("class", "class"), ("cell", "name")):
        command = click.option(
            f"--{name}-column",
            default="cell_class" if name == "class" else name,
            show_default=True,
            help=f"Column of tables with the cell's {what}.",
        )(command)
    return command


def read_column_names(
    cell_column: str, class_column: str, donor_column: str, condition_column: str, column_map: Path | None
) -> Columns:
    """Return the values of `column_options` as one object."""
    from nwbspikegen.patchseq.features.column_map import read_column_map
    from nwbspikegen.patchseq.run.load import Columns

    features = {} if column_map is None else read_column_map(column_map)
    return Columns(cell_column, class_column, donor_column, condition_column, features)


def refuse_columns(sources: Sequence[Path | str]) -> None:
    """Raise `InputError` for names of columns where no source is a table."""
    if not any(str(source).endswith((".csv", ".parquet")) for source in sources):
        names = ["cell_column", "class_column", "donor_column", "condition_column", "column_map"]
        refuse_given(names, "without a table", "a CSV or Parquet table")


def tell_columns(features: Sequence[str], unused: Mapping[str, str]) -> list[str]:
    """Return which scalars were read and which columns were not, a line for each reason.

    Examples
    --------
    >>> tell_columns(["sag"], {"note": "holds no numbers"})
    ['1 features read: sag', '1 columns not used, holds no numbers: note']
    """
    lines = [f"{len(features)} features read: {', '.join(features)}"] if features else []
    for reason in dict.fromkeys(unused.values()):
        names = [name for name, why in unused.items() if why == reason]
        lines.append(f"{len(names)} columns not used, {reason}: {', '.join(names)}")
    return lines


def split_numbers(text: str) -> list[int]:
    """Return whole numbers separated by commas.

    Examples
    --------
    >>> split_numbers("24,48")
    [24, 48]
    """
    try:
        return [int(number) for number in str(text).strip("[]").split(",") if number.strip()]
    except ValueError:
        raise InputError(f"--labelled {text}", "numbers such as 24,48,96", "correct them") from None
