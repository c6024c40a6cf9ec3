"""What a classifier reads: the feature that parts the classes is worth recall, the others are not."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from nwbspikegen.cli import cli
from nwbspikegen.core.errors import InputError
from nwbspikegen.patchseq.figures.explanation import plot_importance, plot_separation


def run(*arguments: object, expect: int = 0) -> str:
    """Run a command, and return what it printed."""
    done = CliRunner().invoke(cli, ["patchseq", *map(str, arguments)])
    assert done.exit_code == expect, done.output
    return done.stdout if not expect else done.output


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    """Return a folder with 60 cells of two classes that only `sag` parts, and a forest of them."""
    folder, rng = tmp_path_factory.mktemp("explain"), np.random.default_rng(0)
    classes = np.array(["Sst", "Vip"] * 30)
    table = pd.DataFrame({"cell": [f"c{number}" for number in range(60)], "cell_class": classes})
    table = table.assign(donor=[f"d{number // 6}" for number in range(60)], species="mouse")
    table["sag"] = rng.normal(size=60) + 10 * (classes == "Vip")
    table["tau"] = rng.normal(size=60)
    table.to_csv(folder / "cells.csv", index=False)
    run("train", folder / "cells.csv", "--out", folder / "model", "--folds", 2, "--repeats", 1, "--trees", 50)
    return folder


def test_importance_separation_and_figures(trained, tmp_path):
    printed = run("explain", trained / "model", trained / "cells.csv", "--out", tmp_path / "out", "--json")
    table = pd.DataFrame(json.loads(printed)["importance"]).set_index(["feature", "cell_class"])
    # dealt anew, sag says nothing: half of the cells are right, where all were
    assert table.loc[("sag", "balanced_accuracy"), "recall"] == 1
    assert table.loc[("sag", "balanced_accuracy"), "drop"] == pytest.approx(0.5, abs=0.15)
    assert table.loc[("tau", "balanced_accuracy"), "drop"] == pytest.approx(0, abs=0.02)
    classes = table.loc["sag"].drop("balanced_accuracy")["drop"]
    assert classes.mean() == pytest.approx(table.loc[("sag", "balanced_accuracy"), "drop"])
    stored = pd.read_csv(tmp_path / "out" / "importance.csv")
    assert len(stored) == 6
    assert {one.name for one in (tmp_path / "out" / "figures").iterdir()} == {
        "importance.png",
        "separation.png",
    }
    assert set(pd.read_csv(tmp_path / "out" / "separation.csv")["cell_class"]) == {"Sst", "Vip"}
    printed = run("explain", trained / "model", trained / "cells.csv", "--out", tmp_path / "o", "--deals", 1)
    assert printed.index("sag") < printed.index("tau")


def test_unknown_classes_are_left_out_or_refused(trained, tmp_path):
    table = pd.read_csv(trained / "cells.csv")
    table.loc[:3, "cell_class"] = "Pvalb"
    table.to_csv(tmp_path / "new.csv", index=False)
    printed = run("explain", trained / "model", tmp_path / "new.csv", "--out", tmp_path / "out", "--json")
    assert json.loads(printed)["left_out"] == {"a class that the model does not know": 4}
    table["cell_class"] = np.where(table["cell_class"] == "Sst", "A", "B")
    table.to_csv(tmp_path / "other.csv", index=False)
    told = run("explain", trained / "model", tmp_path / "other.csv", "--out", tmp_path / "no", expect=2)
    assert "cells of Sst, Vip, which the model knows" in told
    assert not (tmp_path / "no").exists()


def test_separate_draws(trained, tmp_path):
    run("separate", trained / "cells.csv", "--figure", tmp_path / "apart.png")
    assert (tmp_path / "apart.png").read_bytes().startswith(b"\x89PNG")
    told = run("separate", trained / "cells.csv", "--figure", tmp_path / "apart.png", expect=2)
    assert "apart.png" in told
    run("separate", trained / "cells.csv", "--figure", tmp_path / "apart.bmp", expect=2)


def test_empty_tables_are_refused():
    with pytest.raises(InputError, match="no importance"):
        plot_importance(pd.DataFrame({"feature": [], "cell_class": [], "drop": []}))
    with pytest.raises(InputError, match="no separation"):
        plot_separation(pd.DataFrame({"family": [], "cell_class": [], "silhouette": []}))
