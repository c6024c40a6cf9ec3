"""What the columns of somebody else's table are: their names here, their units, a factor."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Annotated

import pandas as pd
from pydantic import Field, ValidationError

from nwbspikegen.core.errors import InputError
from nwbspikegen.core.files import require_file
from nwbspikegen.core.records import Record
from nwbspikegen.core.yaml_files import read_yaml
from nwbspikegen.patchseq.features.shared_features import UNITS

# what one of a unit is, by the quantity's own: factors between units of one quantity
_FACTORS = {
    "mV": {"mV": 1.0, "V": 1e3, "uV": 1e-3},
    "pA": {"pA": 1.0, "nA": 1e3, "A": 1e12},
    "s": {"s": 1.0, "ms": 1e-3, "us": 1e-6},
    "MOhm": {"MOhm": 1.0, "GOhm": 1e3, "Ohm": 1e-6, "kOhm": 1e-3},
    "Hz/pA": {"Hz/pA": 1.0, "Hz/nA": 1e-3},
    "": {"": 1.0, "%": 1e-2},
}


class ColumnOf(Record):
    """What one column of a table is.

    Attributes
    ----------
    name : str
        Of the feature here, as the model has it.
    unit : str, optional
        Of the column. Without `scale` the factor follows from it, of the 19 shared features.
    scale : float, optional
        What the column's values are multiplied by.
    """

    name: Annotated[str, Field(min_length=1)]
    unit: str | None = None
    scale: Annotated[float, Field(allow_inf_nan=False)] | None = None

    @property
    def factor(self) -> float:
        """What the values are multiplied by; raises `InputError` for a unit of which nothing is known."""
        if self.scale is not None:
            return self.scale
        if self.unit is None:
            return 1.0
        known = _FACTORS[UNITS[self.name]] if self.name in UNITS else {}
        if self.unit not in known:
            raise InputError(
                f"unit {self.unit!r} of {self.name}",
                ", ".join(repr(one) for one in known)
                if known
                else "a scale, since its unit is not known here",
                "name the factor: scale: NUMBER",
            )
        return known[self.unit]


def read_column_map(path: str | os.PathLike[str]) -> dict[str, ColumnOf]:
    """Read from a YAML file what the columns of a table are, by column.

    Raises
    ------
    InputError
        No such file, no mapping of columns, or two columns of one name.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "map.yaml").write_text("Rin:\\n  name: input_resistance\\n  unit: GOhm\\n")
    ...     read_column_map(Path(folder, "map.yaml"))["Rin"].factor
    1000.0
    """
    path = require_file(path)
    read = read_yaml(path)
    form = "COLUMN: {name: FEATURE, unit: UNIT, scale: NUMBER} for each column, the last two optional"
    if not isinstance(read, dict) or not read:
        raise InputError(f"{path} without columns", form, "write it so")
    columns = {}
    for column, given in read.items():
        try:
            # a bare name is a column whose values need no factor; YAML reads 2 as a whole number
            entry = {"name": given} if isinstance(given, str) else given
            columns[str(column)] = ColumnOf.model_validate(entry)
        except ValidationError as error:
            wrong = error.errors()[0]
            where = ".".join(map(str, wrong["loc"])) or "entry"
            raise InputError(
                f"column {column} in {path}, whose {where} is wrong ({wrong['msg']})", form, "correct it"
            ) from None
        # for its error: before any table is read
        _ = columns[str(column)].factor
    names = [one.name for one in columns.values()]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(
            f"two columns called {twice[0]} in {path}", "one column for each feature", "leave one out"
        )
    return columns


def map_columns(
    frame: pd.DataFrame, columns: Mapping[str, ColumnOf], kept: set[str], path: str | os.PathLike[str]
) -> pd.DataFrame:
    """Return a table with the mapped columns under their names here, scaled, and those to keep as they are.

    Raises
    ------
    InputError
        The table lacks a mapped column, or it holds no numbers.

    Examples
    --------
    >>> frame = pd.DataFrame({"cell": ["a"], "Rin": [0.2], "note": ["good"]})
    >>> map_columns(frame, {"Rin": ColumnOf(name="input_resistance", unit="GOhm")}, {"cell"}, "t.csv")
      cell  input_resistance
    0    a             200.0
    """
    absent = [name for name in columns if name not in frame]
    if absent:
        raise InputError(
            f"no column {', '.join(absent)} in {path}",
            f"one of {', '.join(map(str, frame))}",
            "correct the map",
        )
    parts = {str(name): frame[name] for name in frame if name in kept}
    for column, one in columns.items():
        if not pd.api.types.is_numeric_dtype(frame[column]):
            raise InputError(
                f"column {column} of {path} that holds no numbers", "numbers", "correct the table"
            )
        parts[one.name] = frame[column] * one.factor
    return pd.DataFrame(parts)
