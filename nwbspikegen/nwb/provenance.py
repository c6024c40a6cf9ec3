"""Where results come from, as NWB tables: the recording and the model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from nwbspikegen.core.addresses import hash_recording, name_of
from nwbspikegen.nwb.columns import read_dynamic_table
from nwbspikegen.nwb.groups import find_group
from nwbspikegen.nwb.names import RESULT_MODULES
from nwbspikegen.nwb.nested_columns import flatten_records, restore_records
from nwbspikegen.nwb.opening import open_nwb, reading
from nwbspikegen.nwb.session import read_recording_identifier
from nwbspikegen.nwb.tables import to_table

TRAINING_SOURCES = "training_sources"


class NamedSource(NamedTuple):
    """What a file of results says of a file that they were made from.

    Attributes
    ----------
    module : str
        The processing module that says it.
    file_name : str
        What the source was called then.
    identifier, sha256 : str
        Of the source; the hash is empty where none was taken.
    """

    module: str
    file_name: str
    identifier: str
    sha256: str


class NamedModel(NamedTuple):
    """A model that results were made with: the module that names it, its name, and its hash if known."""

    module: str
    name: str
    sha256: str


def sources_table(source: Path | str, identifier: str) -> Any:
    """Return the table of what a derived file was made from: name, identifier and sha256.

    Where the source is derived itself, the recording at the beginning is named as well.
    """
    with open_nwb(source) as root, reading(source):
        recording = read_recording_identifier(root)
    frame = pd.DataFrame(
        {
            "file_name": [name_of(source)],
            "identifier": [identifier],
            "sha256": [hash_recording(source)],
            "recording_identifier": [recording],
        }
    )
    return to_table("sources", "Recording that this file was derived from.", frame)


def model_tables(model: Any) -> list[Any]:
    """Return what says which model made what a file holds: ``models``, and ``training_sources`` if any.

    Parameters and the record of the training are columns, ``parameters.width`` and ``training.seed``
    such; what was trained on has a table of its own, with one row for each recording.
    """
    training = dict(getattr(model, "training", {}))
    sources = training.pop("sources", None)
    record = {"parameters": dict(getattr(model, "parameters", {})), "training": training}
    row = {
        # a column `name` would hide the table's own, and pynwb warns of it at every reading
        "model_name": str(model.name),
        "sha256": str(getattr(model, "sha256", "")),
        "loss": str(getattr(model, "loss", "")),
    }
    nested = flatten_records([{name: part for name, part in record.items() if part}])
    frame = pd.concat([pd.DataFrame([row]), nested], axis=1)
    frame.attrs.update(nested.attrs)
    tables = [to_table("models", "Models that made the predictions in this file.", frame)]
    if sources:
        description = "Recordings that the model was trained on."
        tables.append(to_table(TRAINING_SOURCES, description, flatten_records(sources)))
    return tables


def read_models_of(module: Any) -> pd.DataFrame:
    """Return the table of models of an open module; `parameters` and `training` are dicts."""
    frame = read_dynamic_table(_require_group(module, "models")).rename(columns={"model_name": "name"})
    if "parameters" in frame and "training" in frame:
        # files written before their columns had names of their own hold both as JSON
        for name in ("parameters", "training"):
            frame[name] = pd.Series([json.loads(text) for text in frame[name]], dtype=object)
        return frame
    plain = frame[["name", "sha256", "loss"]].copy()
    nested = frame.drop(columns=plain.columns)
    nested.attrs.update(frame.attrs)
    records = restore_records(nested)
    for name in ("parameters", "training"):
        plain[name] = pd.Series([record.get(name, {}) for record in records], dtype=object)
    sources = find_group(module, TRAINING_SOURCES)
    if sources is not None and len(plain):
        plain["training"].iloc[0]["sources"] = restore_records(read_dynamic_table(sources))
    return plain


def list_modules(root: Any) -> list[str]:
    """Return which modules of results an open file has."""
    return [name for name in RESULT_MODULES if find_group(root, f"processing/{name}") is not None]


def list_sources(root: Any) -> list[NamedSource]:
    """Return what the modules of an open file were made from; a study over recordings names them all."""
    found = []
    for module in list_modules(root):
        for table, hashed in (("sources", "sha256"), ("sessions", "source_sha256")):
            rows = list(_iterate_rows(root, module, table))
            found += [
                NamedSource(module, str(row["file_name"]), str(row["identifier"]), str(row[hashed]))
                for row in rows
            ]
            # of a file that is derived from one recording, the sessions are its partners in the study
            if rows:
                break
    return list(dict.fromkeys(found))


def list_models(root: Any) -> list[NamedModel]:
    """Return the models that an open file names, of every module."""
    found = []
    for module in list_modules(root):
        found += [
            NamedModel(module, str(row["model_name"]), str(row["sha256"]))
            for row in _iterate_rows(root, module, "models")
        ]
        # classes of cells, and scores between recordings, name their models without hashes
        found += [
            NamedModel(module, str(row["model_name"]), "")
            for row in _iterate_rows(root, module, "predictions")
        ]
        scores = find_group(root, f"processing/{module}/transfer_scores")
        if scores is not None:
            names = read_dynamic_table(scores).attrs.get("models", ())
            found += [NamedModel(module, str(name), "") for name in names]
    return list(dict.fromkeys(found))


def _iterate_rows(root: Any, module: str, name: str) -> Iterator[dict[str, Any]]:
    table = find_group(root, f"processing/{module}/{name}")
    if table is not None:
        for row in read_dynamic_table(table).to_dict("records"):
            yield {str(key): value for key, value in row.items()}


def _require_group(module: Any, name: str) -> Any:
    group = find_group(module, name)
    if group is None:
        raise KeyError(f"no {name} in {module.name}")
    return group
