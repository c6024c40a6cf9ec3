"""Classifiers of cells travel as models of spikes do: a card, versions, addresses."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import fsspec
import numpy as np
import pandas as pd
import pytest
import yaml
from click.testing import CliRunner
from fsspec.implementations.memory import MemoryFileSystem

import nwbspikegen as nsg
from nwbspikegen.cli import cli
from nwbspikegen.core.errors import InputError
from nwbspikegen.patchseq.classify.models_io import CellModel

_STORED = Path(__file__).parents[1] / "models" / "stored"
_SCHEMAS = sorted(path.name for path in _STORED.iterdir())


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Return a folder with a table of cells and a forest that learned from it."""
    folder = tmp_path_factory.mktemp("cells")
    rng = np.random.default_rng(0)
    classes = np.repeat(["Pvalb", "Sst"], 12)
    table = pd.DataFrame(
        {
            "cell": [f"c{number}" for number in range(24)],
            "sag": rng.normal(size=24) + 3 * (classes == "Sst"),
            "tau": rng.normal(size=24),
            "cell_class": classes,
            "donor": [f"d{number % 6}" for number in range(24)],
        }
    )
    table.to_csv(folder / "cells.csv", index=False)
    words = ["patchseq", "train", folder / "cells.csv", "--out", folder / "forest"]
    words += ["--trees", 4, "--folds", 2, "--repeats", 1, "--license", "CC0-1.0"]
    done = CliRunner().invoke(cli, [str(word) for word in words])
    assert done.exit_code == 0, done.output
    return folder


def test_the_card_says_what_is_known(trained):
    _, front, body = (trained / "forest" / "README.md").read_text().split("---\n", 2)
    assert yaml.safe_load(front)["license"] == "cc0-1.0"
    model = CellModel.load(trained / "forest")
    assert model.license == "CC0-1.0"
    assert "| Pvalb | 12 |" in body
    assert "| cells.csv |" in body
    assert str(trained) not in body + (trained / "forest" / "model.json").read_text()
    scores = model.training["scores"]
    assert f"| majority | accuracy | {scores['majority/accuracy']:.4g} |" in body
    assert f"| forest | accuracy | {scores['forest/accuracy']:.4g} |" in body
    assert model.data_fingerprint in body
    assert "Of the model: CC0-1.0." in body
    assert "nwbspikegen patchseq predict forest CELLS --out predictions" in body


def test_the_fingerprint_is_of_the_cells(trained, tmp_path):
    table = pd.read_csv(trained / "cells.csv")
    table.loc[3, "sag"] += 1
    table.to_csv(tmp_path / "cells.csv", index=False)
    words = ["patchseq", "train", str(tmp_path / "cells.csv"), "--out", str(tmp_path / "forest")]
    words += ["--trees", "4", "--folds", "2", "--repeats", "1"]
    assert CliRunner().invoke(cli, words).exit_code == 0
    one, two = (CellModel.load(folder / "forest") for folder in (trained, tmp_path))
    assert one.training["cells_sha256"] != two.training["cells_sha256"]
    assert one.data_fingerprint != two.data_fingerprint
    assert replace(one, training={}).data_fingerprint == ""
    path = tmp_path / "forest" / "model.json"
    stored = json.loads(path.read_text())
    stored["training"]["num_donors"] = 7
    path.write_text(json.dumps(stored))
    with pytest.raises(InputError, match="differs from its fingerprint"):
        CellModel.load(tmp_path / "forest")


@pytest.mark.parametrize("schema", _SCHEMAS)
def test_models_of_earlier_versions_are_read(schema, tmp_path):
    model = CellModel.load(_STORED / schema / "cells")
    assert model.features == ("sag", "tau")
    assert model.training["scores"] == {"forest/accuracy": 0.75}
    assert model.classifier.predict_proba(np.zeros((3, 2))).shape == (3, 2)
    model.save(tmp_path / "again")
    stored = json.loads((tmp_path / "again" / "model.json").read_text())
    assert (stored["schema_version"], stored["package_version"]) == (3, nsg.__version__)
    assert CellModel.load(tmp_path / "again").training == model.training


def test_a_later_version_is_named(tmp_path):
    folder = Path(shutil.copytree(_STORED / "schema-1" / "cells", tmp_path / "cells"))
    stored = json.loads((folder / "model.json").read_text())
    later = {**stored, "schema_version": 4, "package_version": "1.4", "kind": "oracle"}
    (folder / "model.json").write_text(json.dumps(later))
    with pytest.raises(InputError, match=r"of schema 4, written by nwbspikegen 1\.4; .*nwbspikegen>=1\.4"):
        CellModel.load(folder)
    (folder / "model.json").write_text(json.dumps({**stored, "format": "nwbspikegen-model-1"}))
    with pytest.raises(InputError, match="of format 'nwbspikegen-model-1'"):
        CellModel.load(folder)


def test_predict_takes_an_address(trained, tmp_path):
    system = fsspec.filesystem("memory")
    system.put(f"{trained}/forest/", "/far/forest/", recursive=True)
    before = sorted(MemoryFileSystem.store)
    try:
        for model, out in (("memory://far/forest", "far"), (str(trained / "forest"), "near")):
            words = ["patchseq", "predict", model, str(trained / "cells.csv"), "--out", str(tmp_path / out)]
            done = CliRunner().invoke(cli, words)
            assert done.exit_code == 0, done.output
        assert sorted(MemoryFileSystem.store) == before
    finally:
        MemoryFileSystem.store.clear()
        MemoryFileSystem.pseudo_dirs[:] = [""]
    far, near = ((tmp_path / name / "predictions.csv").read_text() for name in ("far", "near"))
    assert far == near
