"""Where a study keeps its models and scores; one file per cell, each there whole or not at all."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float
from pydantic import JsonValue

from nwbspikegen.core.errors import InputError
from nwbspikegen.core.files import write_whole
from nwbspikegen.core.npz_files import read_npz
from nwbspikegen.core.records import Record
from nwbspikegen.transfer.plan import MatrixCell, StudyPlan
from nwbspikegen.transfer.sessions import shorten

_WHAT_TO_DO = "delete the file and run the study again"
# stored as numbers too: pandas writes at most fifteen digits, and a float64 needs seventeen
_EXACT = ("value", "ci_low", "ci_high")


class _ScoresRecord(Record, extra="ignore"):
    about: dict[str, Any]
    rows: list[dict[str, JsonValue]]


def model_folder(
    study: str | os.PathLike[str], plan: StudyPlan, model: str, trained_on: tuple[str, ...]
) -> Path:
    """Return where the model of a row is."""
    return Path(study) / "models" / plan.model_slug(model) / plan.row_slug(trained_on)


def state_folder(model: Path) -> Path:
    """Return where the training of a model is kept until the model is there, by the model's folder.

    Beside it and hidden: a model is there whole or not at all, and a training that was killed goes on.
    """
    return model.with_name(f".{model.name}.unfinished")


def training_file(
    study: str | os.PathLike[str], plan: StudyPlan, model: str, trained_on: tuple[str, ...]
) -> Path:
    """Return where the scores of a row's model on its own training segment are."""
    return Path(study) / "training" / plan.model_slug(model) / f"{plan.row_slug(trained_on)}.npz"


def cell_file(study: str | os.PathLike[str], plan: StudyPlan, cell: MatrixCell) -> Path:
    """Return where the scores of a cell are."""
    # names of folders hold digests of what they were made from: other options or seeds never find old scores
    column = Path(study) / "cells" / plan.find(cell.tested).slug
    return column / plan.model_slug(cell.model) / f"{plan.row_slug(cell.trained_on)}.npz"


def column_file(study: str | os.PathLike[str], plan: StudyPlan, tested: str) -> Path:
    """Return where the scores of a column's baselines and untrained models are."""
    return Path(study) / "columns" / f"{plan.find(tested).slug}.npz"


def curve_file(study: str | os.PathLike[str], plan: StudyPlan, cell: MatrixCell | str) -> Path:
    """Return where a cell's curve is, or, by a column's name, that of its baselines and untrained models."""
    tested = cell if isinstance(cell, str) else cell.tested
    # of other contexts or starts there are other curves, which never mix with these
    measured = shorten([list(plan.contexts), plan.num_starts, plan.scored], 8)
    column = Path(study) / "curves" / measured / plan.find(tested).slug
    if isinstance(cell, str):
        return column / "controls.npz"
    return column / plan.model_slug(cell.model) / f"{plan.row_slug(cell.trained_on)}.npz"


def write_scores(
    path: Path, table: pd.DataFrame, draws: Float[np.ndarray, "row draw"], about: dict[str, Any]
) -> None:
    """Write a table of scores, the draws of each row, and anything that JSON holds."""
    rows = json.loads(table.to_json(orient="records", double_precision=15))
    record = _ScoresRecord(about=about, rows=rows).model_dump_json()
    # JSON's fifteen digits would not give back every float
    numbers = {name: table[name].to_numpy(np.float64) for name in _EXACT if name in table}
    # two workers may make it at once: it may be there by now
    path.parent.mkdir(parents=True, exist_ok=True)
    with write_whole(path, overwrite=True) as temporary:
        np.savez_compressed(
            temporary,
            record=np.frombuffer(record.encode(), np.uint8),
            # half the space: draws give percentiles, whose own error is far above float32's
            draws=np.asarray(draws, dtype=np.float32),
            **numbers,  # type: ignore[arg-type, unused-ignore]
        )


def read_scores_file(path: Path) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return the table that `write_scores` wrote, and what was written about it."""
    stored = _read(path)
    with _understanding(path):
        record = _ScoresRecord.model_validate_json(stored["record"].tobytes())
        table = pd.DataFrame(record.rows)
        numbers = {name: stored[name] for name in _EXACT if name in table}
        return table.assign(**numbers), record.about


def read_draws_file(path: Path) -> Float[np.ndarray, "row draw"]:
    """Return the draws that `write_scores` wrote, in the order of the table."""
    stored = _read(path)
    with _understanding(path):
        return np.asarray(stored["draws"], dtype=np.float32)


def _read(path: Path) -> dict[str, np.ndarray]:
    return read_npz(path, _WHAT_TO_DO)


@contextlib.contextmanager
def _understanding(path: Path) -> Iterator[None]:
    try:
        yield
    # whatever a damaged file makes of names, shapes and types: the cell is named, and can be scored again
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(
            f"{path}, which cannot be read", "scores as the study wrote them", _WHAT_TO_DO
        ) from error
