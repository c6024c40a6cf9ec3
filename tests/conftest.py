"""What every test shares: checked shapes, and the real recordings when they are at hand."""

from __future__ import annotations

import gc
import signal
from pathlib import Path

import hypothesis
import jaxtyping
import pytest
import typecheck
from known_schemas import remember_schemas
from short_audits import shorten_audits

# a shell that starts tests in the background lets them ignore SIGINT, and what they start would inherit that
signal.signal(signal.SIGINT, signal.default_int_handler)

# whole and damaged inputs; one is Python that a reader must not run, and doctest would import it
collect_ignore = ["corpus"]

_ROOT = Path(__file__).resolve().parents[1]
_SHARED = _ROOT.parent / "shared" / "data"

# the first call of a kernel compiles it, which no deadline should count
hypothesis.settings.register_profile("nwbspikegen", deadline=None)
hypothesis.settings.load_profile("nwbspikegen")

jaxtyping.jaxtyped = typecheck.jaxtyped
# numba reads its kernels' source, so modules called `...kernels` stay as they are; naming a package
# would take its kernels along, hence module by module
jaxtyping.install_import_hook(
    [
        ".".join(path.relative_to(_ROOT).with_suffix("").parts)
        for path in (_ROOT / "nwbspikegen").rglob("*.py")
        if path.stem != "__init__" and not path.stem.endswith("kernels")
    ],
    "typecheck.check",
)
remember_schemas()
shorten_audits()


def pytest_collection_finish() -> None:
    """Leave what was imported so far out of every garbage collection: it stays as long as the tests run."""
    gc.freeze()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of real recordings, or skip with the reason."""
    if not _SHARED.is_dir():
        pytest.skip(f"real recordings are not at {_SHARED}")
    return _SHARED
