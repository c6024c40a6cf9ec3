"""How far apart classes lie: planted distances, gaps, and the command."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from click.testing import CliRunner

from nwbspikegen.cli import cli
from nwbspikegen.core.errors import InputError
from nwbspikegen.patchseq.features.tables import CellTable
from nwbspikegen.patchseq.run.load import LoadedCells
from nwbspikegen.patchseq.run.separate import separate_cells

_NUM = 60
CLASSES = np.repeat(["Pvalb", "Sst", "Vip"], _NUM // 3)


def make_cells() -> LoadedCells:
    """Return cells of three classes: apart in isi_shape, alike in psth, and inst_freq in ten cells only."""
    rng = np.random.default_rng(0)
    names = [f"c{number}" for number in range(_NUM)]
    apart = 5 * np.eye(3)[np.repeat(np.arange(3), _NUM // 3)] @ rng.normal(size=(3, 8))
    families = {
        "isi_shape": apart + 0.1 * rng.normal(size=(_NUM, 8)),
        "psth": rng.normal(size=(_NUM, 8)),
        "inst_freq": rng.normal(size=(_NUM, 8)),
    }
    families["inst_freq"][10:] = np.nan
    reason = np.full((_NUM, 3), "", dtype=object)
    reason[10:, 2] = "no sweep"
    dataset = xr.Dataset(
        {name: (("cell", f"{name}_sample"), values) for name, values in families.items()}
        | {"reason": (("cell", "family"), reason)},
        coords={"cell": names, "family": list(families)},
    )
    scalars = pd.DataFrame({"sag": apart[:, 0], "tau": rng.normal(size=_NUM)}, index=names)
    scalars.iloc[3, 1] = np.nan
    cells = pd.DataFrame({"cell_class": CLASSES, "donor": "d", "condition": ""}, index=names)
    return LoadedCells(CellTable(scalars, cells, "mouse", "by hand"), dataset)


def test_families_in_which_classes_stand_apart(caplog):
    table, left_out = separate_cells(make_cells(), num_neighbours=12)
    assert list(table) == ["family", "cell_class", "num_cells", "silhouette", "same_class", "chance"]
    # ten cells are fewer than the neighbours to look at: said, and not in the table
    assert "inst_freq left out" in caplog.text
    assert not left_out
    rows = table.set_index(["family", "cell_class"])
    assert list(rows.index) == [(f, c) for f in ("isi_shape", "psth") for c in ("Pvalb", "Sst", "Vip")]
    assert (rows["num_cells"] == 20).all()
    np.testing.assert_allclose(rows["chance"], 1 / 3)
    assert (rows.loc["isi_shape", "same_class"] == 1).all()
    assert (rows.loc["isi_shape", "silhouette"] > 0.9).all()
    assert (rows.loc["psth", "silhouette"] < 0.1).all()
    assert abs(rows.loc["psth", "same_class"].mean() - 1 / 3) < 0.1


def test_no_family_that_enough_cells_have():
    with pytest.raises(InputError, match="more than the 60 neighbours"):
        separate_cells(make_cells(), num_neighbours=60)


def test_scalars_are_ranked_and_gaps_filled():
    """Monotonous changes of a scalar change nothing, and a cell with a gap counts."""
    cells = make_cells()
    table, _ = separate_cells(cells, use_scalars=True)
    assert (table["family"] == "scalars").all()
    assert (table["num_cells"] == 20).all()
    bent = cells.table.features.assign(sag=np.exp(cells.table.features["sag"]))
    other = LoadedCells(CellTable(bent, cells.table.cells, "mouse", ""))
    pd.testing.assert_frame_equal(separate_cells(other)[0], table)


def write_table(path, classes=CLASSES) -> None:
    cells = make_cells().table
    frame = cells.features.assign(cell=cells.features.index, donor="d", cell_class=classes)
    frame.to_csv(path, index=False)


def test_command(tmp_path):
    write_table(tmp_path / "t.csv")
    arguments = ["patchseq", "separate", str(tmp_path / "t.csv"), "--out", str(tmp_path / "apart.csv")]
    done = CliRunner().invoke(cli, [*arguments, "--json"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    rows = pd.DataFrame(json.loads(done.stdout)["rows"])
    expected, _ = separate_cells(LoadedCells(make_cells().table))
    pd.testing.assert_frame_equal(rows, expected, check_dtype=False, atol=1e-9)
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "apart.csv"), rows, check_dtype=False)
    assert CliRunner().invoke(cli, arguments).exit_code == 2
    done = CliRunner().invoke(cli, [*arguments, "--overwrite", "--neighbours", "5"])
    assert done.exit_code == 0
    assert [line.split()[:3] for line in done.stdout.splitlines()[1:4]] == [
        ["scalars", name, "20"] for name in ("Pvalb", "Sst", "Vip")
    ]


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        (["--out", "apart.txt"], ".csv"),
        (["--neighbours", "60"], "more than the 60 neighbours"),
        (["--class-column", "absent"], "no labelled cell"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(tmp_path, monkeypatch, more, reason):
    monkeypatch.chdir(tmp_path)
    write_table("t.csv")
    done = CliRunner().invoke(cli, ["patchseq", "separate", "t.csv", "--out", "apart.csv", *more, "--quiet"])
    assert done.exit_code == 2
    assert reason in done.stderr.strip().splitlines()[-1]
    assert [path.name for path in tmp_path.iterdir()] == ["t.csv"]
