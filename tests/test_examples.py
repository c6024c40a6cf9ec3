"""Every example runs."""

from __future__ import annotations

import runpy
import sys
import warnings
from pathlib import Path

import pytest

_EXAMPLES = sorted(Path(__file__).resolve().parents[1].glob("examples/*.py"))
# one that trains and predicts, and one that opens files, run every time; each step of the others is a step of
# a test of its room
_EVERY_TIME = {"predict", "lab_files_to_views"}


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(path, id=path.stem, marks=[pytest.mark.whole] * (path.stem not in _EVERY_TIME))
        for path in _EXAMPLES
    ],
)
def test_it_runs(script, tmp_path, monkeypatch, capsys):
    """As Python runs a script, in this process: one of its own imports for longer than most of them work."""
    monkeypatch.setattr(sys, "argv", [str(script), str(tmp_path)])
    monkeypatch.syspath_prepend(script.parent)
    with warnings.catch_warnings():
        # a user of a script sees warnings, and it goes on
        warnings.simplefilter("default")
        runpy.run_path(str(script), run_name="__main__")
    assert capsys.readouterr().out
