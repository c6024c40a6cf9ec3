"""The scores of a transfer study as two flat tables, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from nwbspikegen.core.errors import InputError

DIMS = ("train_session", "test_session", "predictor", "metric", "null")
_PAIR = DIMS[:2]
_TRAINING = "training_"
# by kind of dtype, what stands where nothing is stored
_FILL: dict[str, Any] = {"f": np.nan, "b": False, "i": 0, "u": 0, "U": ""}


def list_pairs(scores: xr.Dataset) -> pd.DataFrame:
    """Return one row per pair of training row and tested session, with what is known of the pair.

    `join_tables` reads it back. Its attrs say which dimensions each column is of.

    Examples
    --------
    >>> names = {"train_session": ["a"], "test_session": ["a", "b"]}
    >>> coords = names | {"predictor": ["m"], "metric": ["roc_auc_pooled"], "null": [""]}
    >>> scores = xr.Dataset({"value": (DIMS, np.zeros((1, 2, 1, 1, 1)))}, coords)
    >>> list_pairs(scores)["test_session"].tolist()
    ['a', 'b']
    """
    _require_dims(scores)
    shape = tuple(scores.sizes[dim] for dim in _PAIR)
    index = np.indices(shape).reshape(2, -1)
    table: dict[str, Any] = {
        "train_index": index[0],
        "test_index": index[1],
        "train_session": _texts(scores, "train_session")[index[0]],
        "test_session": _texts(scores, "test_session")[index[1]],
    }
    dims = {}
    for name, coord in scores.coords.items():
        if name not in DIMS:
            dims[str(name)] = [dim for dim in _PAIR if dim in coord.dims]
            table[str(name)] = np.broadcast_to(_spread(coord, _PAIR), shape).ravel()
    frame = pd.DataFrame(table)
    frame.attrs["dims"] = dims
    return frame


def list_scores(scores: xr.Dataset) -> pd.DataFrame:
    """Return one row per score that is there, those of the training segments too.

    Columns: the five names, ``segment`` ("test", or "training": the score of a row on its own
    training segment), every variable, and ``independent`` and ``shared`` when the study has them.
    """
    _require_dims(scores)
    tests = {str(name): variable for name, variable in scores.items() if set(variable.dims) == set(DIMS)}
    own = {str(name): variable for name, variable in scores.items() if str(name) not in tests}
    for name, variable in own.items():
        if set(variable.dims) != set(DIMS) - {"test_session"} or not name.startswith(_TRAINING):
            raise InputError(
                f"a variable {name} with dims {', '.join(map(str, variable.dims))}",
                f"dims {', '.join(DIMS)}, or without test_session a name that starts with {_TRAINING}",
                "leave it out",
            )
    training = {name.removeprefix(_TRAINING): variable for name, variable in own.items()}
    parts = [
        _list_cells(scores, tests, DIMS, "test"),
        _list_cells(scores, training, tuple(dim for dim in DIMS if dim != "test_session"), "training"),
    ]
    frame = _fill_gaps(
        pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True), tests
    )
    frame.attrs.update(scores.attrs)
    # names without a single score, and dtypes, are in no row: with these the Dataset comes back as it was
    frame.attrs["matrix"] = {
        "names": {dim: _texts(scores, dim).tolist() for dim in DIMS[2:]},
        "variables": {name: variable.dtype.str for name, variable in tests.items()},
        "training": {name: variable.dtype.str for name, variable in own.items()},
    }
    return frame


def join_tables(pairs: pd.DataFrame, rows: pd.DataFrame) -> xr.Dataset:
    """Return the Dataset that `list_pairs` and `list_scores` were made of.

    Pairs and scores that are not listed are missing: NaN, False or an empty text.
    """
    attrs = dict(rows.attrs)
    matrix = attrs.pop("matrix")
    names = {dim: _order_names(pairs, dim) for dim in _PAIR}
    names |= {dim: np.array(there, dtype=str) for dim, there in matrix["names"].items()}
    for dim, there in names.items():
        # places are looked up by name: twice the same would put two rows into one place
        if len(set(there.tolist())) != len(there):
            raise ValueError(f"names of {dim} twice")
    scores = xr.Dataset(coords=names, attrs=attrs)
    where = {dim: pd.Index(names[dim]).get_indexer(pairs[dim]) for dim in _PAIR}
    for name, dims in pairs.attrs["dims"].items():
        values = pairs[name].to_numpy()
        values = values.astype(str) if values.dtype.kind not in _FILL else values
        scores = scores.assign_coords({name: (dims, _place(values, dims, names, where, values.dtype))})
    is_test = (rows["segment"] == "test").to_numpy()
    for kept, dims, variables, start in (
        (is_test, DIMS, matrix["variables"], ""),
        (~is_test, tuple(dim for dim in DIMS if dim != "test_session"), matrix["training"], _TRAINING),
    ):
        part = rows[kept]
        where = {dim: pd.Index(names[dim]).get_indexer(part[dim]) for dim in dims}
        for name, dtype in variables.items():
            values = part[name.removeprefix(start)].to_numpy()
            scores[name] = (dims, _place(values, dims, names, where, np.dtype(dtype)))
    return scores


def keep_session(pairs: pd.DataFrame, rows: pd.DataFrame, session: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return of both tables what one session was trained for and tested with: its row and its column."""
    kept = []
    for table in (pairs, rows):
        part = table[(table["train_session"] == session) | (table["test_session"] == session)]
        kept.append(part.reset_index(drop=True))
        kept[-1].attrs.update(table.attrs)
    if not len(kept[0]):
        there = ", ".join(dict.fromkeys(pairs["test_session"]))
        raise InputError(f"session {session!r}", f"one of {there}", "choose one of the study")
    return kept[0], kept[1]


def _require_dims(scores: xr.Dataset) -> None:
    missing = [dim for dim in DIMS if dim not in scores.coords]
    odd = [
        str(name)
        for name, coord in scores.coords.items()
        if name not in DIMS and set(coord.dims) - set(_PAIR)
    ]
    if missing or odd:
        raise InputError(
            f"scores with {'no ' + missing[0] if missing else 'a coordinate ' + odd[0]}",
            f"coordinates {', '.join(DIMS)} and others of train_session and test_session",
            "pass the scores of a transfer study",
        )


def _texts(scores: xr.Dataset, dim: str) -> np.ndarray:
    return scores[dim].values.astype(str)


def _spread(variable: xr.DataArray, dims: tuple[str, ...]) -> np.ndarray:
    """Return values with one axis for each of `dims`, of length one where it is not theirs."""
    mine = [dim for dim in dims if dim in variable.dims]
    values = variable.transpose(*mine).values
    values = values.astype(str) if values.dtype.kind not in _FILL else values
    return np.asarray(values[tuple(slice(None) if dim in mine else None for dim in dims)])


def _list_cells(
    scores: xr.Dataset, variables: dict[str, xr.DataArray], dims: tuple[str, ...], segment: str
) -> pd.DataFrame:
    """Return the cells in which any of the variables says something."""
    shape = tuple(scores.sizes[dim] for dim in dims)
    values = {name: _spread(variable, dims) for name, variable in variables.items()}
    there = np.zeros(shape, dtype=bool)
    for each in values.values():
        # a matrix is mostly gaps (each predictor has few nulls): rows are kept where something was scored
        there |= ~np.isnan(each) if each.dtype.kind == "f" else each != _FILL[each.dtype.kind]
    index = dict(zip(dims, np.nonzero(there), strict=True))
    # a training segment is tested by the row itself
    named = {dim: _texts(scores, dim)[index[dim]] for dim in dims}
    table: dict[str, Any] = {dim: named.get(dim, named["train_session"]) for dim in DIMS}
    table["segment"] = np.full(int(there.sum()), segment)
    table |= {name: each[there] for name, each in values.items()}
    for name, own in (("independent", False), ("shared", "training segment")):
        if name in scores.coords and segment == "test":
            table[name] = np.broadcast_to(
                _spread(scores[name], _PAIR), tuple(scores.sizes[dim] for dim in _PAIR)
            )[index["train_session"], index["test_session"]]
        elif name in scores.coords:
            table[name] = own
    return pd.DataFrame(table)


def _fill_gaps(frame: pd.DataFrame, variables: dict[str, xr.DataArray]) -> pd.DataFrame:
    """Give the columns that training rows lack their types back."""
    for name, variable in variables.items():
        if name in frame:
            kind = variable.dtype.kind
            column = frame[name] if kind == "f" else frame[name].where(frame[name].notna(), _FILL[kind])
            frame[name] = column.astype(variable.dtype if kind != "U" else object)
    return frame


def _order_names(pairs: pd.DataFrame, dim: str) -> np.ndarray:
    """Return the names of a dimension in the order of the matrix."""
    numbers = pairs[dim.replace("session", "index")].to_numpy()
    # pairs of one recording's file are a row and a column only: the order is by their place in the matrix
    _, first = np.unique(numbers, return_index=True)
    return pairs[dim].to_numpy().astype(str)[first]


def _place(
    values: np.ndarray, dims: Any, names: dict[Any, np.ndarray], where: dict[Any, Any], dtype: np.dtype[Any]
) -> np.ndarray:
    """Return an array over `dims` with values at the places of their rows, and fill elsewhere."""
    array = np.full(tuple(len(names[dim]) for dim in dims), _FILL[dtype.kind], dtype=dtype)
    array[tuple(where[dim] for dim in dims)] = values
    return array
