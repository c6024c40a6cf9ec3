"""Holm's correction is that of statsmodels."""

from __future__ import annotations

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from nwbspikegen.scoring import correct_by_holm


@pytest.mark.parametrize("num_tests", [1, 2, 7, 500])
@pytest.mark.parametrize("decimals", [1, 3, 16])
def test_p_values_are_those_of_statsmodels(num_tests: int, decimals: int) -> None:
    """Few decimals make ties, small values what survives the correction."""
    found = np.round(np.random.default_rng(num_tests).random(num_tests) ** 3, decimals)
    np.testing.assert_allclose(correct_by_holm(found), multipletests(found, method="holm")[1], rtol=1e-12)


def test_what_was_not_tested_neither_counts_nor_is_corrected() -> None:
    missing = np.array([np.nan, 0.02, np.nan, 0.01])
    np.testing.assert_array_equal(correct_by_holm(missing), [np.nan, 0.02, np.nan, 0.02])
    assert np.isnan(correct_by_holm([np.nan, np.nan])).all()
    assert correct_by_holm([]).size == 0
