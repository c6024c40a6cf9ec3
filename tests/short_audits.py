"""Audits that meet an edge between two pieces of a prediction soon, in a quarter of their time."""

from __future__ import annotations

import functools
import importlib
from typing import Any

import pytest

# (bin, unit) pairs of a piece: half a second of six units. Audits predict a piece again for every bin that
# they try; a recording as short as those of tests is one piece otherwise, and has no edge to try
_PAIRS = 3000


def shorten_audits() -> None:
    """Let audits, and nothing else, predict in small pieces."""
    # here, and not above: what is imported before the hook of the type checker is not checked
    audits = importlib.import_module("nwbspikegen.prediction.audit")
    base = importlib.import_module("nwbspikegen.models.base")
    audit = audits.audit

    @functools.wraps(audit)
    def audit_small_pieces(*arguments: Any, **options: Any) -> Any:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(base, "_PAIRS_AT_ONCE", min(base._PAIRS_AT_ONCE, _PAIRS))
            return audit(*arguments, **options)

    audits.audit = audit_small_pieces
