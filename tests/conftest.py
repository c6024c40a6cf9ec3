"""What every test shares: checked shapes, and the real recordings when they are at hand."""

from __future__ import annotations

from pathlib import Path

import jaxtyping
import pytest

# numba reads its kernels' source, so those (in modules called `kernels`) stay as they are
_CHECKED = ("convert", "files", "generation", "models", "predictor", "results", "scoring", "simulate", "views")
jaxtyping.install_import_hook([f"nwbspikegen.{room}" for room in _CHECKED], "beartype.beartype")

_SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of real recordings, or skip with the reason."""
    if not _SHARED.is_dir():
        pytest.skip(f"real recordings are not at {_SHARED}")
    return _SHARED
