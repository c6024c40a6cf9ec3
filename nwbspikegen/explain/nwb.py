"""A derived file of what a model looks at: maps with their axes, correlations, ablations."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import pandas as pd
import xarray as xr

from nwbspikegen.core.errors import InputError
from nwbspikegen.core.files import require_file
from nwbspikegen.explain.nwb_matrices import iterate_matrices, to_matrix
from nwbspikegen.explain.nwb_vectors import read_vector, to_vector
from nwbspikegen.nwb.columns import decode_text, read_dynamic_table
from nwbspikegen.nwb.envelope import derive_file
from nwbspikegen.nwb.groups import find_group
from nwbspikegen.nwb.names import join_attributes, split_attributes
from nwbspikegen.nwb.opening import open_nwb, reading
from nwbspikegen.nwb.provenance import TRAINING_SOURCES
from nwbspikegen.nwb.tables import to_table
from nwbspikegen.nwb.unit_table import UNITS

ATTENTION_MODULE = "attention"
_TABLES = {
    "rate_correlations": "How the profiles of the maps follow firing rates.",
    "ablations": "Scores with and without what the maps show.",
}
_RESERVED = (*_TABLES, "models", "sources", TRAINING_SOURCES)
_Path = str | os.PathLike[str]


def write_attention(
    path: _Path,
    source: Any,
    explanation: xr.Dataset,
    rate_correlations: pd.DataFrame,
    ablations: pd.DataFrame,
    *,
    model: Any = None,
    metadata: Mapping[str, Any] | _Path | None = None,
    unit_table: str = UNITS,
    overwrite: bool = False,
) -> Path:
    """Write a file that holds the source's units and what a model looks at in them.

    Arrays with two dimensions or more become `LabeledMatrix` (ndx-spikegen), chunked and compressed;
    lazy ones are computed block by block. Arrays over the session's time become `TimeSeries`, other
    vectors tables. A dim `unit`, or one that ends in `_unit`, refers to rows of `/units`; `time`,
    `query` and `key` are times of the session (s); all other dims have labels. Of the source, what
    `write_results` keeps is kept. The file appears whole or not at all.

    Parameters
    ----------
    path : path
        NWB file to write.
    source : path or address
        NWB file of the recording.
    explanation : Dataset
        Maps and vectors; `attrs` of each: `description`, `measure`, `units`.
    rate_correlations, ablations : DataFrame
        Tables; empty ones are left out.
    model : FittedModel, optional
        What was explained; its name, hash, parameters and training record are stored.
    metadata : mapping or path of a YAML file, optional
        Fields in NeuroConv's layout that the source lacks or has wrong.
    unit_table : str, default: "units"
        Table of units of the source that becomes `/units`.
    overwrite : bool, default: False
        Replace `path`.

    Returns
    -------
    Path
        `path`.

    Raises
    ------
    InputError
        The source is no NWB file with units, a unit is not one of its own, or a variable has a name
        or a shape that cannot be stored.
    MetadataError
        The archive requires more about subject or session.
    OutputError
        The file cannot be written there.

    Examples
    --------
    >>> write_attention("a.nwb", "a_recording_that_is_not_there.nwb", xr.Dataset(), *[pd.DataFrame()] * 2)
    Traceback (most recent call last):
    nwbspikegen.core.errors.InputError: found nothing at a_recording_that_is_not_there.nwb; ...
    """
    # before any file is opened: pynwb copies what it knows of types when it opens one
    import ndx_spikegen  # noqa: F401

    variables = explanation.reset_coords()
    _require_names(variables)
    with derive_file(
        path,
        source,
        ATTENTION_MODULE,
        join_attributes("What a model of the recorded units looks at.", _remember(explanation)),
        model=model,
        metadata=metadata,
        unit_table=unit_table,
        overwrite=overwrite,
    ) as (nwbfile, module):
        for name, array in variables.data_vars.items():
            make = to_matrix if array.ndim > 1 else to_vector
            module.add(make(str(name), array, nwbfile.units, explanation.attrs))
        for name, frame in zip(_TABLES, (rate_correlations, ablations), strict=True):
            if len(frame):
                module.add(to_table(name, _TABLES[name], frame))
    return Path(path)


def read_attention(path: _Path) -> tuple[xr.Dataset, pd.DataFrame, pd.DataFrame]:
    """Return what `write_attention` wrote: the explanation, the rate correlations, the ablations.

    A dim that had no coordinate has none; a table that was empty is empty. Missing texts of tables
    are read as empty ones.

    Raises
    ------
    InputError
        The file is not one that `write_attention` wrote.

    Examples
    --------
    >>> read_attention("nothing.nwb")
    Traceback (most recent call last):
    nwbspikegen.core.errors.InputError: found nothing at nothing.nwb; ...
    """
    path = require_file(path)
    with open_nwb(path) as file, reading(path):
        module = find_group(file, f"processing/{ATTENTION_MODULE}")
        if module is None:
            raise InputError(
                f"{path} without processing/{ATTENTION_MODULE}",
                "a file that `nwbspikegen explain` wrote",
                "pass the output of `nwbspikegen explain`",
            )
        explanation = _read_explanation(module)
        correlations, ablations = (_read_table(module, name) for name in _TABLES)
    return explanation, correlations, ablations


def _require_names(variables: xr.Dataset) -> None:
    for name in map(str, variables.data_vars):
        if name in _RESERVED or "/" in name or not name:
            raise InputError(
                f"a variable called {name!r}",
                f"a name without /, other than {', '.join(_RESERVED)}",
                "rename it",
            )


def _remember(explanation: xr.Dataset) -> dict[str, Any]:
    """Return what of a dataset its variables do not say, for `_read_explanation`."""
    return {
        "attrs": dict(explanation.attrs),
        "order": list(map(str, explanation.data_vars)),
        "coords": [str(name) for name in explanation.coords if name not in explanation.dims],
        # xarray gives a dim without coordinate none, NWB always has labels: these are taken away again
        "numbered": [str(dim) for dim in explanation.dims if dim not in explanation.coords],
        "coord_attrs": {str(name): dict(each.attrs) for name, each in explanation.coords.items()},
    }


def _read_explanation(module: h5py.Group) -> xr.Dataset:
    stored = split_attributes(decode_text(module.attrs["description"]))
    found = dict(iterate_matrices(module))
    for name, group in module.items():
        if name not in _RESERVED and name not in found and (vector := read_vector(group)) is not None:
            found[name] = vector
    variables = {name: found[name] for name in (*stored["order"], *stored["coords"])}
    dataset = xr.Dataset(variables, attrs=stored["attrs"]).drop_vars(stored["numbered"])
    dataset = dataset.set_coords(stored["coords"])
    for name, attrs in stored["coord_attrs"].items():
        dataset[name].attrs = attrs
    return dataset


def _read_table(module: h5py.Group, name: str) -> pd.DataFrame:
    if name not in module:
        return pd.DataFrame()
    return read_dynamic_table(module[name])
