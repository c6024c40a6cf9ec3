"""Tables of other people: a map says what their columns are, and in which unit."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from nwbspikegen.cli import cli
from nwbspikegen.core.errors import InputError
from nwbspikegen.patchseq.features.column_map import read_column_map
from nwbspikegen.patchseq.features.shared_features import FORMULAS, UNITS
from nwbspikegen.patchseq.features.table_allen import SHARED_FEATURES
from nwbspikegen.patchseq.run.load import Columns, load_cells

_MAP = """
Rin (GOhm): {name: input_resistance, unit: GOhm}
membrane tau: {name: tau, unit: ms}
rheobase: {name: rheobase_i, unit: something, scale: 2}
sag ratio: sag
"""


def run(*arguments: object, expect: int = 0) -> str:
    """Run a command, and return what it printed."""
    done = CliRunner().invoke(cli, ["patchseq", *map(str, arguments)])
    assert done.exit_code == expect, done.output
    return done.output


def write_theirs(path: Path, *, seed: int) -> pd.DataFrame:
    """Write 24 cells under the names and units of another laboratory."""
    rng = np.random.default_rng(seed)
    classes = np.array(["Sst", "Vip"] * 12)
    table = pd.DataFrame(
        {
            "neuron": [f"n{number}" for number in range(24)],
            "animal": [f"d{number // 4}" for number in range(24)],
            "type": classes,
            "Rin (GOhm)": 0.1 + 0.01 * rng.random(24) + 0.2 * (classes == "Sst"),
            "membrane tau": 10 + rng.random(24),
            "rheobase": 50 + rng.random(24),
            "sag ratio": rng.random(24),
            "age": 60,
        }
    )
    table.to_csv(path, index=False)
    return table


def test_values_are_scaled_to_the_units_here(tmp_path):
    theirs = write_theirs(tmp_path / "t.csv", seed=0)
    (tmp_path / "map.yaml").write_text(_MAP)
    columns = Columns("neuron", "type", "animal", features=read_column_map(tmp_path / "map.yaml"))
    loaded = load_cells([tmp_path / "t.csv"], columns=columns)
    own = loaded.table.features
    assert list(own) == ["input_resistance", "tau", "rheobase_i", "sag"]
    np.testing.assert_allclose(own["input_resistance"], 1000 * theirs["Rin (GOhm)"])
    np.testing.assert_allclose(own["tau"], theirs["membrane tau"] / 1000)
    np.testing.assert_allclose(own["rheobase_i"], 2 * theirs["rheobase"])
    np.testing.assert_allclose(own["sag"], theirs["sag ratio"])
    assert loaded.table.donors.tolist() == theirs["animal"].tolist()
    assert loaded.unused == {"age": "not in the map of columns"}


def test_a_model_of_one_table_predicts_another(tmp_path):
    theirs = write_theirs(tmp_path / "theirs.csv", seed=1)
    (tmp_path / "map.yaml").write_text(_MAP)
    named = ["--cell-column", "neuron", "--class-column", "type", "--donor-column", "animal"]
    quick = ["--folds", 2, "--repeats", 1, "--trees", 20]
    ours = theirs.rename(columns={"neuron": "cell", "type": "cell_class", "animal": "donor"})
    ours = ours.assign(input_resistance=1000 * ours["Rin (GOhm)"], sag=ours["sag ratio"])
    ours[["cell", "cell_class", "donor", "input_resistance", "sag"]].to_csv(
        tmp_path / "ours.csv", index=False
    )
    run("train", tmp_path / "ours.csv", *quick, "--out", tmp_path / "model")
    printed = run(
        "predict", tmp_path / "model", tmp_path / "theirs.csv", *named, "--columns", tmp_path / "map.yaml",
        "--out", tmp_path / "p", "--json",
    )  # fmt: skip
    rows = json.loads(printed[printed.index("{") :])["predictions"]
    assert [row["predicted_class"] for row in rows] == theirs["type"].tolist()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            "Rin: {name: input_resistance, unit: furlong}",
            "unit 'furlong' of input_resistance; expected 'MOhm'",
        ),
        ("Rin: {name: rin_of_ours, unit: MOhm}", "a scale, since its unit is not known here"),
        ("Rin: {unit: MOhm}", "column Rin in .*, whose name is wrong"),
        ("Rin: {name: sag, factor: 2}", "whose factor is wrong"),
        ("Rin: {name: sag, scale: .nan}", "whose scale is wrong"),
        ("Rin: sag\nsag: sag", "two columns called sag"),
        ("- Rin", "without columns"),
        ("other: sag", "no column other in"),
        ("note: sag", "column note of .* that holds no numbers"),
    ],
)
def test_a_wrong_map_is_one_line(tmp_path, text, reason):
    (tmp_path / "t.csv").write_text("cell,donor,cell_class,Rin,note\n1,a,Sst,0.1,x\n2,b,Vip,0.2,y\n")
    (tmp_path / "map.yaml").write_text(text)
    with pytest.raises(InputError, match=reason):
        load_cells([tmp_path / "t.csv"], columns=Columns(features=read_column_map(tmp_path / "map.yaml")))


def test_each_shared_feature_has_a_unit_and_a_formula():
    assert set(UNITS) == set(FORMULAS) == set(SHARED_FEATURES)
    page = (Path(__file__).parents[2] / "docs" / "patchseq.md").read_text()
    for name, unit in UNITS.items():
        assert f"| `{name}` | {unit or '1'} | {FORMULAS[name]} |" in page


def test_a_table_is_read_once(tmp_path, monkeypatch):
    write_theirs(tmp_path / "t.csv", seed=0)
    read, real = [], pd.read_csv
    monkeypatch.setattr(
        pd, "read_csv", lambda *given, **options: read.append(given) or real(*given, **options)
    )
    load_cells([tmp_path / "t.csv"], columns=Columns("neuron", "type", "animal"))
    assert len(read) == 1
