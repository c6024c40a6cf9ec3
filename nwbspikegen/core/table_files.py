"""Tables in CSV and Parquet files; of Parquet everything is checked that is stored twice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nwbspikegen.core.budget import require_affordable
from nwbspikegen.core.errors import InputError, MissingExtraError
from nwbspikegen.core.parquet_pages import require_sound_pages
from nwbspikegen.core.plain_text import restore_formulas

if TYPE_CHECKING:
    import pandas as pd

_TEXTS = ("BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY")
_SEPARATORS = {".csv": ",", ".tsv": "\t"}


def read_table(path: Path, extra: str, **options: Any) -> pd.DataFrame:
    """Return a .csv, .tsv, .pqt or .parquet file as a table.

    Parameters
    ----------
    path : Path
        The file.
    extra : str
        Extra of this package that brings pyarrow, which reads Parquet.
    **options
        Of `pandas.read_csv`.

    Raises
    ------
    InputError
        The file is damaged or empty.
    MissingExtraError
        pyarrow is not installed.
    """
    import pandas as pd

    try:
        if path.suffix not in _SEPARATORS:
            return _read_parquet(path)
        # of tables that this package wrote
        return restore_formulas(pd.read_csv(path, sep=_SEPARATORS[path.suffix], **options))
    except InputError:
        raise
    except ImportError as error:
        raise MissingExtraError(
            f"{path} and no pyarrow to read it", "pyarrow", f"pip install 'nwbspikegen[{extra}]'"
        ) from error
    # a damaged header makes pyarrow and pandas raise almost anything
    except Exception as error:
        reason = (str(error).splitlines() or [""])[0][:120]
        raise InputError(
            f"{path}, which cannot be read ({type(error).__name__}: {reason})",
            "an undamaged table in CSV or Parquet",
            "copy it again",
        ) from error


def _read_parquet(path: Path) -> pd.DataFrame:
    # pyarrow has no types
    import pyarrow.parquet as pq

    num_bytes = path.stat().st_size
    with pq.ParquetFile(path) as file:
        _require_levels(file.metadata)
        _require_size(file.metadata, path, num_bytes)
        require_sound_pages(path, file.metadata)
        stored_as = file.schema_arrow
        texts = [
            file.metadata.schema.column(at).path
            for at in range(file.metadata.num_columns)
            if file.metadata.schema.column(at).physical_type in _TEXTS
        ]
    # texts come as their places in a dictionary: a file may name one long text a million times
    with pq.ParquetFile(path, page_checksum_verification=True, read_dictionary=texts) as file:
        table = file.read()
        _require_names(file.metadata, table.schema)
        table.validate(full=True)
        table = _unfold_texts(table, stored_as, path, num_bytes)
        # pyarrow reads offsets and codes of damaged files as they are, and pandas follows them out of its
        # memory
        table.validate(full=True)
        _require_statistics(file.metadata, table)
        frame: pd.DataFrame = table.to_pandas()
    return frame


def _require_levels(about: Any) -> None:
    """Raise `ValueError` for columns that pandas does not write: pyarrow ends the process over some.

    Whoever writes says so, pyarrow adds its schema, and pandas' columns may miss values and are no lists.
    """
    told = about.metadata or {}
    if not about.created_by:
        raise ValueError("nothing of who wrote it")
    if str(about.created_by).startswith("parquet-cpp-arrow") and b"ARROW:schema" not in told:
        raise ValueError("no schema of Arrow's")
    columns = [about.schema.column(number) for number in range(about.num_columns)]
    if b"pandas" in told and any(
        column.max_definition_level < 1 or (column.max_repetition_level > 0 and "." not in column.path)
        for column in columns
    ):
        raise ValueError("columns of another kind than pandas writes")


def _require_size(about: Any, path: Path, stored: int) -> None:
    """Raise `ValueError` for row groups that do not add up, or for more than fits into memory."""
    groups = [about.row_group(number) for number in range(about.num_row_groups)]
    if sum(group.num_rows for group in groups) != about.num_rows:
        raise ValueError("row groups that do not add up")
    num_bytes = 0
    for group in groups:
        columns = [group.column(number) for number in range(group.num_columns)]
        num_bytes += sum(column.total_uncompressed_size for column in columns)
        if len(columns) != about.num_columns or any(column.num_values < 0 for column in columns):
            raise ValueError("row groups without all columns")
    # pages with a dictionary do not say how large they are unpacked, so every value counts as eight bytes as
    # well
    require_affordable(str(path), max(num_bytes, 8 * about.num_rows * about.num_columns), stored)


def _unfold_texts(table: Any, schema: Any, path: Path, stored: int) -> Any:
    """Return a table with texts as its schema has them, after counting how many letters they have in all."""
    import pyarrow as pa
    import pyarrow.compute as pc

    num_letters = 0
    columns = [at for at, field in enumerate(table.schema) if pa.types.is_dictionary(field.type)]
    for chunk in (chunk for at in columns for chunk in table.column(at).chunks):
        lengths = pc.binary_length(chunk.dictionary)
        num_letters += pc.sum(pc.take(lengths, chunk.indices)).as_py() or 0
    require_affordable(f"the texts of {path}", num_letters, stored)
    for at in columns:
        field = schema.field(table.schema.names[at])
        # pandas' categories are stored as places in a dictionary, and stay so
        if not pa.types.is_dictionary(field.type):
            table = table.set_column(at, field, table.column(at).cast(field.type))
    return table


def _require_names(about: Any, schema: Any) -> None:
    """Raise `ValueError` unless schema, chunks and pandas' own lists name the same columns."""
    names = [about.schema.column(number).path for number in range(about.num_columns)]
    for number in range(about.num_row_groups):
        group = about.row_group(number)
        if [group.column(at).path_in_schema for at in range(group.num_columns)] != names:
            raise ValueError("columns of other names than the schema has")
    for told in (about.metadata or {}, schema.metadata or {}):
        entries = json.loads(told.get(b"pandas", b"{}")).get("columns", [])
        listed = {entry["field_name"] for entry in entries if entry["name"] in (None, entry["field_name"])}
        # a table of which columns were taken away may list them still
        if entries and not (len(listed) == len(entries) and set(schema.names) <= listed):
            raise ValueError("columns of other names than pandas wrote")


def _require_statistics(about: Any, table: Any) -> None:
    """Raise `ValueError` when a column's least, largest or missing values are not those on record."""
    # pyarrow writes a million rows or more to a group, and a table of clusters has some thousand
    for at in range(about.num_columns if about.num_row_groups == 1 else 0):
        chunk = about.row_group(0).column(at)
        recorded = chunk.statistics
        if recorded is None or chunk.path_in_schema not in table.column_names:
            continue
        column = table.column(chunk.path_in_schema)
        if recorded.has_null_count and recorded.null_count != column.null_count:
            raise ValueError(f"{column.null_count} missing values in {chunk.path_in_schema}")
        if recorded.has_min_max and chunk.physical_type in ("DOUBLE", "FLOAT", "INT32", "INT64"):
            values = column.drop_null().to_numpy()
            if values.dtype.kind not in "iuf":
                continue
            values = values[~np.isnan(values)] if values.dtype.kind == "f" else values
            if len(values) and (values.min() != recorded.min or values.max() != recorded.max):
                raise ValueError(f"values of {chunk.path_in_schema} beyond those on record")
