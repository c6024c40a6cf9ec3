"""Nested records come back from flat columns as JSON would give them back."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import h5py
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nwb_sources import write_source

import nwbspikegen as nsg
from nwbspikegen.nwb.nested_columns import flatten_records, restore_records

_LEAVES = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text()
_VALUES = st.recursive(
    _LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)
_NAMES = st.from_regex(r"[a-z_]{1,8}", fullmatch=True)


@given(st.lists(st.dictionaries(_NAMES, _VALUES, max_size=4), max_size=3))
def test_any_records_come_back(records: list[dict[str, object]]) -> None:
    restored = restore_records(flatten_records(records))
    assert json.dumps(restored, sort_keys=True) == json.dumps(records, sort_keys=True)


_TRAINING = {
    "sources": [
        {"file_name": "a.nwb", "unit_ids": [1, 2], "split": {"train": [0.0, 2.5]}, "unit_table": "units"},
        {"file_name": "b.nwb", "unit_ids": ["x"], "split": {"train": [0.1, 0.30000000000000004]}},
    ],
    "schedule": {"rate": 0.001, "epochs": 3, "choose": None},
    "seed": 3,
    "notes": "",
}
_PARAMETERS = {"width": 8, "dropout": 0.1, "start_at_rates": True, "kind": "gru"}


def _model(**given: object) -> SimpleNamespace:
    return SimpleNamespace(name="m", sha256="ab" * 32, loss="dice", **given)


def test_a_model_is_read_as_it_was_written(tmp_path: Path) -> None:
    source = write_source(tmp_path / "source.nwb")
    model = _model(parameters=_PARAMETERS, training=_TRAINING)
    out = nsg.write_results(tmp_path / "out.nwb", source=source, model=model)
    (row,) = nsg.read_models(out).to_dict("records")
    assert row == {
        "name": "m",
        "sha256": "ab" * 32,
        "loss": "dice",
        "parameters": _PARAMETERS,
        "training": _TRAINING,
    }
    assert [type(value) for value in row["parameters"].values()] == [int, float, bool, str]
    with h5py.File(out) as file:
        models = file["processing/spike_generation/models"]
        assert models["parameters.width"][:].tolist() == [8]
        assert "{" not in "".join(models["training.schedule.choose"].asstr()[:])


@pytest.mark.parametrize(("parameters", "training"), [({}, {}), ({"width": 8}, {}), ({}, {"seed": 1})])
def test_what_a_model_does_not_say_is_empty(tmp_path: Path, parameters: dict, training: dict) -> None:
    source = write_source(tmp_path / "source.nwb")
    model = _model(parameters=parameters, training=training)
    (row,) = nsg.read_models(nsg.write_results(tmp_path / "out.nwb", source=source, model=model)).itertuples()
    assert (row.parameters, row.training) == (parameters, training)


def test_models_that_were_stored_as_json_are_read(tmp_path: Path) -> None:
    source = write_source(tmp_path / "source.nwb")
    out = nsg.write_results(tmp_path / "out.nwb", source=source, model=_model(parameters={}, training={}))
    with h5py.File(out, "r+") as file:
        table = file["processing/spike_generation/models"]
        for name, content in (("parameters", _PARAMETERS), ("training", _TRAINING)):
            table.create_dataset(name, data=[json.dumps(content)], dtype=h5py.string_dtype())
        table.attrs["colnames"] = [*table.attrs["colnames"], "parameters", "training"]
    (row,) = nsg.read_models(out).itertuples()
    assert (row.parameters, row.training) == (_PARAMETERS, _TRAINING)
