"""Examples in docstrings and pages run in a folder of their own; what repeats at length can be left out."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

_ROOT = Path(__file__).parent
_LEFT_OUT = "repeats at length what shorter tests show: `make test-all` runs it"
# pages of which no test can be marked, since their examples are the tests
_WHOLE_PAGES = {_ROOT / "docs" / "patchseq.md", _ROOT / "docs" / "realism.md"}
# of two workers one compiles kernels at once; the other reads formats meanwhile, and finds them compiled
_FIRST = ("tests/cli/test_cli.py", "tests/formats/")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let tests that are marked `whole` be left out."""
    parser.addoption("--leave-out-whole", action="store_true", help="skip tests that are marked `whole`")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put first what others wait for, and leave out what is marked `whole` where that is asked for."""
    items.sort(key=lambda item: not item.nodeid.startswith(_FIRST))
    for item in items:
        if item.path in _WHOLE_PAGES:
            item.add_marker(pytest.mark.whole)
        if config.getoption("leave_out_whole") and item.get_closest_marker("whole"):
            item.add_marker(pytest.mark.skip(reason=_LEFT_OUT))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many tests were left out."""
    skipped = terminalreporter.stats.get("skipped", [])
    number = sum(_LEFT_OUT in str(report.longrepr) for report in skipped)
    if number:
        terminalreporter.write_sep("-", f"{number} tests left out: `make test-all` runs them")


@pytest.fixture(autouse=True)
def _examples_write_elsewhere(request: pytest.FixtureRequest) -> None:
    if isinstance(request.node, pytest.DoctestItem):
        folder = request.getfixturevalue("tmp_path")
        request.getfixturevalue("monkeypatch").chdir(folder)


@pytest.fixture(autouse=True)
def _scores_are_ours() -> Iterator[None]:
    """Take scores that a test or an example has entered out of the register."""
    yield
    register = sys.modules.get("nwbspikegen.scoring.metrics.register")
    if register is not None:
        register._load_installed.cache_clear()
        for each in list(register.METRICS.values()):
            if each.function is not None:
                del register.METRICS[each.name]
