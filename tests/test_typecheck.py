"""Tests see wrong shapes and types: of parameters, of what is returned, and of the two together."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import typecheck
from jaxtyping import Float32


def _checked(function):
    return typecheck.jaxtyped(function, typechecker=typecheck.check)


@_checked
def _transpose(values: Float32[np.ndarray, "time unit"], how: str) -> Float32[np.ndarray, "unit time"]:
    return values if how == "not" else values.T


@_checked
def _scale(factor: float) -> int:
    return factor


@_checked
@dataclasses.dataclass
class _Held:
    values: Float32[np.ndarray, " time"]


_WIDE = np.zeros((2, 3), np.float32)


def test_what_fits_passes():
    assert _transpose(_WIDE, "well").shape == (3, 2)
    # sizes are of one call
    assert _transpose(_WIDE.T, "well").shape == (2, 3)
    assert _scale(2) == 2
    assert _Held(_WIDE[0]).values.shape == (3,)
    assert _transpose.__name__ == "_transpose"


@pytest.mark.parametrize(
    "call",
    [
        lambda: _transpose(_WIDE.astype(np.float64), "well"),
        lambda: _transpose(_WIDE[0], "well"),
        lambda: _transpose(_WIDE, 1),
        # what is returned has the shape of what was given
        lambda: _transpose(_WIDE, "not"),
        lambda: _scale("2"),
        lambda: _scale(2.5),
        lambda: _Held(_WIDE),
    ],
)
def test_what_does_not_is_an_error(call):
    with pytest.raises(Exception, match=r"violates type hint|Type-check error"):
        call()
