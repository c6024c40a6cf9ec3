"""Examples in docstrings and pages run in a folder of their own: what they write is not kept."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest


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
