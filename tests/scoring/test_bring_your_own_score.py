"""The page "Bring your own score", from a package that is installed for the test."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result

import nwbspikegen as nsg
from nwbspikegen.cli import cli
from nwbspikegen.commands.score import read_or_recompute_scores
from nwbspikegen.scoring import BASELINES
from nwbspikegen.simulation import metadata_of

_PAGE = Path(__file__).resolve().parents[2] / "docs" / "bring-your-own-score.md"
_WINDOW = ["--skip-units", "0", "--duration", "20", "--bin-size", "0.01", "--epochs", "1", "--workers", "1"]


def _read_block(language: str) -> str:
    return re.findall(rf"```{language}\n(.*?)```", _PAGE.read_text(), re.DOTALL)[0]


def _install(folder: Path, name: str, module: str, entry_points: dict[str, str]) -> None:
    """Write a module and its entry points as pip would leave them."""
    (folder / f"{name}.py").write_text(module)
    metadata = folder / f"{name}-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = [f"{key} = {value}\n" for key, value in entry_points.items()]
    (metadata / "entry_points.txt").write_text("[nwbspikegen.metrics]\n" + "".join(lines))


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Install the score of the page."""
    folder = tmp_path / "site"
    folder.mkdir()
    entry_points = tomllib.loads(_read_block("toml"))["project"]["entry-points"]["nwbspikegen.metrics"]
    _install(folder, "myscores", _read_block("python"), entry_points)
    monkeypatch.syspath_prepend(folder)
    yield folder
    # the next test that installs it must run its decorator again
    sys.modules.pop("myscores", None)


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("score")
    made = [nsg.simulate("in_vivo", num_units=4, duration=20, seed=seed) for seed in (3, 4)]
    return [
        nsg.convert_sorting(each.sorting, folder / f"{name}.nwb", metadata=metadata_of(each))
        for name, each in zip("ab", made, strict=True)
    ]


@pytest.fixture(scope="module")
def derived(recordings: list[Path]) -> Path:
    """Return results that were written before the score was there."""
    units = nsg.open_units(recordings[0], bin_size=0.01)
    parts = nsg.split_fractions(units, (0.5, 0.25, 0.25))
    predicted = nsg.generate(BASELINES["online_hazard"](), parts.test, context=units)
    scores = nsg.score(predicted, parts.test, train=parts.train, context=units, resamples=20)
    audits = pd.DataFrame({"audit": ["splits"], "passed": [True], "value": [0.0], "detail": [""]})
    return nsg.write_results(
        recordings[0].with_name("derived.nwb"),
        source=recordings[0],
        spike_probability=predicted,
        scores=scores,
        audits=audits,
    )


def _run(*arguments: object) -> Result:
    result = CliRunner().invoke(cli, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result


def test_a_whole_score_is_ten_lines():
    assert len(_read_block("python").splitlines()) <= 10


def test_it_is_in_the_table_the_json_the_file_and_the_figure(installed: Path, derived: Path, tmp_path: Path):
    assert "Brier" not in _run("score", derived).stdout
    assert "Brier score" in _run("score", derived, "--recompute").stdout
    rows = json.loads(_run("score", derived, "--recompute", "--json").stdout)["scores"]
    brier = {row["predictor"]: row["value"] for row in rows if row["metric"] == "brier"}
    predicted = nsg.read_spike_probability(derived)
    units = nsg.open_units(derived, bin_size=0.01).sel(unit=predicted.unit)
    first, last = predicted.time.values[[0, -1]]
    recorded = units.spikes.sel(time=slice(first - 0.005, last + 0.005)).values
    expected = ((predicted.values.astype(float) - recorded) ** 2).mean()
    assert brier["online_hazard"] == pytest.approx(expected, rel=1e-9)
    again = tmp_path / "again.nwb"
    nsg.write_results(
        again,
        source=derived.with_name("a.nwb"),
        spike_probability=predicted,
        audits=nsg.read_audits(derived),
        scores=read_or_recompute_scores(derived, recompute=True),
    )
    stored = nsg.read_scores(again)
    assert stored[stored.metric == "brier"].value.tolist() == pytest.approx(list(brier.values()))
    assert "Brier score" in _run("score", again).stdout
    drawn = json.loads(_run("plot", again, "--out", tmp_path / "figures", "--json").stdout)["figures"]
    assert "scores.png" in [Path(path).name for path in drawn]


def test_transfer_and_sweep_have_it(installed: Path, recordings: list[Path], tmp_path: Path):
    study = tmp_path / "study"
    shown = _run("transfer", *recordings, "--out", study, *_WINDOW).stdout
    assert "Brier score, lower is better, of in_context" in shown
    table = pd.read_csv(study / "tables" / "scores.csv")
    assert table[(table.metric == "brier") & (table.predictor == "in_context")].value.between(0, 1).sum() == 4
    names = {path.name for path in (study / "figures").iterdir()}
    assert {"in_context-brier-matrix.png", "brier-groups.png"} <= names
    assert "in_context-brier-layout.png" not in names
    assert "brier" in nsg.TransferStudy(study).draws.metric.values
    swept = tmp_path / "sweep"
    shown = _run("sweep", recordings[0], "--out", swept, "--vary", "input_length=20", *_WINDOW).stdout
    assert "Brier score" in shown.splitlines()[0]
    trials = pd.read_csv(swept / "trials.csv")
    assert np.isfinite(trials[["validation_brier", "test_brier"]].to_numpy()).all()


def test_another_process_finds_it_only_where_it_scores(installed: Path, derived: Path):
    here = os.pathsep.join([str(installed), *filter(None, sys.path)])
    program = (
        "import sys, nwbspikegen.scoring as scoring; assert 'myscores' not in sys.modules; "
        "print([each.name for each in scoring.metrics.list_added(['brier'])])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": here},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "['brier']"


@pytest.mark.parametrize(
    ("name", "entry", "message"),
    [
        ("brier", "brier", "two scores called 'brier', of myscores.brier and of rivals.brier"),
        ("rival", "other", "an entry point 'other' for the score 'rival'"),
        (
            "bits_per_spike",
            "bits_per_spike",
            "two scores called 'bits_per_spike', of nwbspikegen and of rivals",
        ),
    ],
)
def test_a_clash_is_one_clear_error(installed: Path, derived: Path, name: str, entry: str, message: str):
    module = _read_block("python").replace('"brier"', f'"{name}"')
    _install(installed, "rivals", module, {entry: "rivals:brier"})
    result = CliRunner().invoke(cli, ["score", str(derived), "--recompute"])
    sys.modules.pop("rivals", None)
    assert result.exit_code == 2
    (line,) = [line for line in result.stderr.splitlines() if "error:" in line]
    assert message in line


def test_a_package_that_cannot_be_imported_is_left_out(installed: Path, derived: Path):
    _install(installed, "broken", "import a_module_that_is_not_there\n", {"lost": "broken:lost"})
    done = _run("score", derived, "--recompute")
    assert "Brier score" in done.stdout
    assert "score lost of broken:lost is left out: No module named" in done.stderr
