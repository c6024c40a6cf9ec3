"""Names that would command a terminal or a spreadsheet do nothing."""

from __future__ import annotations

import logging
import os
import subprocess
import sys

import pandas as pd
import pytest
from click.testing import CliRunner
from nwb_sources import write_source

from nwbspikegen.cli import cli
from nwbspikegen.core.errors import InputError
from nwbspikegen.core.logs import log_to_stderr
from nwbspikegen.core.output import print_result
from nwbspikegen.core.plain_text import guard_formulas, restore_formulas, show_plainly
from nwbspikegen.core.table_files import read_table

# clears the screen, sets the window's title, turns letters round, begins a line anew
_EVIL = "a\x1b[2J\x1b]0;mine\x07\u202eb\u2028c\rd\x9b31m"
_FORMULAS = ["=cmd|' /C calc'!A0", "+1+1|a", "-1+1|a", "@SUM(A1)", "\t=1", "'=1", "plain", "-5", "1e-3"]


def _is_harmless(text: str) -> bool:
    return all(letter.isprintable() or letter == "\n" for letter in text)


def test_texts_are_written_out():
    assert show_plainly(_EVIL) == r"a\x1b[2J\x1b]0;mine\x07\u202eb\u2028c\rd\x9b31m"
    assert show_plainly("größe ✓ 神経") == "größe ✓ 神経"


def test_errors_are_one_line():
    error = InputError(f"{_EVIL}\nnwbspikegen: error: none", "a", "b")
    assert len(str(error).splitlines()) == 1
    assert _is_harmless(str(error))


def test_logs_and_results_are_plain(capsys):
    log_to_stderr(is_quiet=False)
    try:
        logging.getLogger("nwbspikegen").warning("unit %s", _EVIL)
        print_result({}, as_json=False, text=f"unit\t{_EVIL}\nanother")
        print_result({"unit": _EVIL}, as_json=True, text="")
    finally:
        for handler in list(logging.getLogger("nwbspikegen").handlers):
            logging.getLogger("nwbspikegen").removeHandler(handler)
        logging.getLogger("nwbspikegen").propagate = True
    captured = capsys.readouterr()
    assert _is_harmless(captured.err)
    assert _is_harmless(captured.out.replace("\t", ""))
    assert len(captured.out.splitlines()) == 2 + 3


def test_info_of_a_recording_with_evil_names_is_plain(tmp_path):
    import h5py

    path = write_source(tmp_path / "a.nwb")
    with h5py.File(path, "a") as file:
        for name in (
            "session_description",
            "general/lab",
            "general/session_id",
            "general/subject/subject_id",
        ):
            del file[name]
            file[name] = _EVIL
    result = CliRunner().invoke(cli, ["info", str(path)])
    assert result.exit_code == 0, result.output
    assert _is_harmless(result.output)


@pytest.mark.parametrize("dtype", [object, "string", "category"])
def test_formulas_are_texts_and_come_back(tmp_path, dtype):
    table = pd.DataFrame({"cell": pd.Series(_FORMULAS, dtype=dtype), "=x": range(len(_FORMULAS))})
    guarded = guard_formulas(table)
    guarded.to_csv(tmp_path / "a.csv", index=False)
    assert list(guarded.columns) == ["cell", "'=x"]
    assert guarded["cell"].tolist() == [
        *(f"'{text}" for text in _FORMULAS[:6]),
        "plain",
        "-5",
        "1e-3",
    ]
    assert restore_formulas(guarded)["cell"].tolist() == _FORMULAS
    read = read_table(tmp_path / "a.csv", "ibl", dtype={"cell": str})
    assert read["cell"].tolist() == _FORMULAS
    assert list(read.columns) == ["cell", "=x"]
    indexed = guard_formulas(table.set_index("cell"))
    assert indexed.index.tolist() == guarded["cell"].tolist()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is always full")
def test_a_full_disk_under_the_log_is_one_line(tmp_path):
    path = write_source(tmp_path / "a.nwb")
    ran = subprocess.run(
        [sys.executable, "-m", "nwbspikegen", "info", str(path), "--log-file", "/dev/full", "--quiet"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr == "nwbspikegen: the log file ends here (No space left on device)\n"
    assert ran.stdout
