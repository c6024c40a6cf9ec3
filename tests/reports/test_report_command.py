"""`nwbspikegen report` and --report of other commands."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from nwbspikegen.cli.main import cli

_CORPUS = Path(__file__).parents[1] / "corpus"


def _run(*words: object) -> object:
    return CliRunner().invoke(cli, [str(word) for word in words])


def test_a_page_is_written_and_named(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    ran = _run("report", _CORPUS / "patchseq_file" / "features.nwb", "--out", page, "--json")
    assert ran.exit_code == 0, ran.output
    assert json.loads(ran.stdout) == {"path": str(page), "bytes": page.stat().st_size}
    again = _run("report", _CORPUS / "patchseq_file" / "features.nwb", "--out", page)
    assert again.exit_code == 2


@pytest.mark.parametrize(
    "words", [("nothing.nwb",), ("--split", "a,b", _CORPUS / "nwb" / "whole.nwb"), (_CORPUS / "config",)]
)
def test_bad_input_is_one_line(tmp_path: Path, words: tuple[object, ...]) -> None:
    ran = _run("report", *words, "--out", tmp_path / "page.html")
    assert ran.exit_code == 2
    assert ran.stderr.strip().count("\n") == 0
    assert list(tmp_path.iterdir()) == []


def test_other_commands_show_what_they_made(tmp_path: Path) -> None:
    page, subject = tmp_path / "page.html", tmp_path / "subject.yaml"
    subject.write_text("Subject: {age: P60D, sex: M}")
    words = ("patchseq", "features", _CORPUS / "icephys" / "cell.nwb", "--out", tmp_path / "features")
    ran = _run(*words, "--metadata", subject, "--report", page, "--json")
    assert ran.exit_code == 0, ran.output
    assert json.loads(ran.stdout)
    assert "a page that shows it" in ran.stderr
    assert "patch-clamp features" in page.read_text(encoding="utf-8").lower()


def test_a_page_that_is_there_is_told_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("mine")
    words = ("patchseq", "features", _CORPUS / "icephys" / "cell.nwb", "--out", tmp_path / "features")
    ran = _run(*words, "--report", tmp_path / "page.html")
    assert ran.exit_code == 2
    assert not (tmp_path / "features").exists()
