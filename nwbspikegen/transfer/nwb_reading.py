"""Reading back what `write_study` and `write_transfer` wrote."""

from __future__ import annotations

import os

import pandas as pd
import xarray as xr

from nwbspikegen.core.errors import InputError
from nwbspikegen.core.files import require_file
from nwbspikegen.nwb.columns import read_dynamic_table
from nwbspikegen.nwb.groups import find_group
from nwbspikegen.nwb.opening import open_nwb, reading
from nwbspikegen.transfer.gains import GAIN_COLUMNS
from nwbspikegen.transfer.nwb_tables import join_tables
from nwbspikegen.transfer.nwb_writing import SESSION_START, STORED_START, TRANSFER_MODULE

_Path = str | os.PathLike[str]


def read_transfer_scores(path: _Path) -> xr.Dataset:
    """Return the scores of a transfer study as they were written.

    Of a file derived from one recording, its row and its column are there, and other cells are
    missing: NaN, False or an empty text.

    Returns
    -------
    Dataset (train_session, test_session, predictor, metric, null)
        `value` with `ci_low` and `ci_high`, `training_value`, what was scored, and coordinates that say
        what rows and columns share; its attrs are the study's.

    Raises
    ------
    InputError
        The file holds no transfer study; so do the other readers.

    Examples
    --------
    >>> read_transfer_scores("a_study_that_is_not_there.nwb")
    Traceback (most recent call last):
    nwbspikegen.core.errors.InputError: found nothing at a_study_that_is_not_there.nwb; ...
    """
    pairs, rows = _read(path, "independence"), _read(path, "transfer_scores")
    with reading(path):
        return join_tables(pairs, rows)


def read_sessions(path: _Path) -> pd.DataFrame:
    """Return the recordings of the study, one row each, columns of text."""
    # files written before have the column under the name that it has here
    return _read(path, "sessions").rename(columns={STORED_START: SESSION_START})


def read_layout(path: _Path) -> pd.DataFrame:
    """Return the positions of the recordings, indexed by session; attrs say of which score."""
    frame = _read(path, "layout")
    with reading(path):
        # an index of numbers would look like one of names, and find no session
        if not all(isinstance(name, str) for name in frame["session"]):
            raise ValueError("sessions in the layout without a name")
        positions = frame.set_index("session")
    positions.attrs.update(frame.attrs)
    return positions


def read_context_gains(path: _Path) -> pd.DataFrame:
    """Return the gains by context of the study, as `TransferStudy.context_gains`: no row without curves."""
    return _read(path, "context_gains", without=pd.DataFrame(columns=[*GAIN_COLUMNS]))


def _read(path: _Path, name: str, without: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return a table of a study; of a study that has none, what is given for that."""
    path = require_file(path)
    with open_nwb(path) as file, reading(path):
        module = find_group(file, f"processing/{TRANSFER_MODULE}")
        if module is not None and name not in module and without is not None:
            return without
        if module is None or name not in module:
            raise InputError(
                f"{path} without processing/{TRANSFER_MODULE}/{name}",
                "a file of a transfer study that holds it",
                "pass what write_study or write_transfer wrote",
            )
        return read_dynamic_table(module[name])
