"""The register of scores: what is said of each, and scores that others add."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from nwbspikegen.core.errors import InputError
from nwbspikegen.plot import plot_scores
from nwbspikegen.scoring import METRICS, find_metric, list_metrics, metric, score_predictions
from nwbspikegen.scoring.blocks import estimate, resample_blocks
from nwbspikegen.scoring.metrics import list_added, name_score
from nwbspikegen.scoring.metrics.register import require_described
from nwbspikegen.transfer.figure_colours import choose_colours
from nwbspikegen.transfer.recommendation_cells import require_higher

_NUM_BINS = 60_000


def _draw() -> tuple[np.ndarray, np.ndarray]:
    """Return probabilities and spikes of 60 s of three units."""
    rng = np.random.default_rng(0)
    probability = rng.random((_NUM_BINS, 3)) * 0.1
    return probability, (rng.random(probability.shape) < probability).astype(np.uint8)


def _score(probability: np.ndarray, spikes: np.ndarray, observed: np.ndarray | None = None) -> pd.DataFrame:
    nulls = {"mean_rate": np.full(spikes.shape, 0.05)}
    return score_predictions({"m": probability}, spikes, bin_size=0.001, nulls=nulls, observed=observed)


def _enter_brier() -> None:
    @metric("brier", title="Brier score", better="lower", unit="1")
    def brier(y: Any, p: Any) -> Any:
        return (p - y) ** 2


def test_a_table_has_the_scores_of_the_register_in_its_order():
    table = _score(*_draw())
    assert table.metric.tolist() == list(METRICS)
    for each in list_metrics():
        row = table[table.metric == each.name].iloc[0]
        assert (row["null"] == "mean_rate") == each.needs_null
        assert np.isfinite(row.ci_low) == each.has_interval
        assert each.meaning.endswith(".")
        assert find_metric(each.name) is each


def test_a_score_of_another_is_a_mean_with_the_interval_of_the_same_blocks():
    _enter_brier()
    probability, spikes = _draw()
    row = _score(probability, spikes).set_index("metric").loc["brier"]
    squared = (probability - spikes) ** 2
    assert row.value == pytest.approx(squared.mean(), rel=1e-12)
    blocks = squared.reshape(6, -1).mean(axis=1)
    expected = estimate(resample_blocks(6, 200, seed=0) @ blocks / 6)
    assert (row.ci_low, row.ci_high) == pytest.approx((expected.ci_low, expected.ci_high), rel=1e-12)
    assert (row["null"], row.num_units) == ("", 3)


def test_what_was_not_observed_enters_no_score():
    _enter_brier()
    probability, spikes = _draw()
    observed = np.arange(_NUM_BINS)[:, None] >= np.array([0, 20_000, 0])
    probability = np.where(observed, probability, np.nan)
    row = _score(probability, spikes, observed).set_index("metric").loc["brier"]
    assert row.value == pytest.approx(((probability - spikes) ** 2)[observed].mean(), rel=1e-12)


def test_few_spikes_are_no_score_of_anyone():
    _enter_brier()
    table = _score(np.full((100, 2), 0.1), np.zeros((100, 2), np.uint8))
    assert table.metric.tolist() == [*(name for name in METRICS)]
    assert table.value.isna().all()


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda y, p: (p - y).mean(axis=0), r"shape \(3,\) from the score 'odd', for \(10000, 3\)"),
        (lambda y, p: p.astype(str), "from the score 'odd'"),
        (lambda y, p: np.log(p * 0), "-inf from the score 'odd' in 30000 of 30000 observed bins"),
        (lambda y, p: np.where(y > 0, np.nan, p), "nan from the score 'odd'"),
    ],
)
def test_what_is_no_score_is_refused_by_name(function: Callable[[Any, Any], Any], message: str):
    metric("odd", title="Odd", better="higher", unit="1")(function)
    with pytest.raises(InputError, match=message):
        _score(*_draw())


def test_a_name_is_taken_once():
    _enter_brier()
    _enter_brier()  # as when a cell of a notebook runs again
    assert [each.name for each in list_added(METRICS)] == ["brier"]
    for name, holder in (("brier", "_enter_brier"), ("isi_distance", "nwbspikegen")):
        with pytest.raises(InputError, match=f"two scores called '{name}', of .*{holder}"):
            metric(name, title="T", better="lower", unit="1")(lambda y, p: p)


def test_what_is_said_of_a_score_is_checked():
    with pytest.raises(InputError, match="a score called 'two words'"):
        metric("two words", title="T", better="lower", unit="1")
    with pytest.raises(InputError, match="better='smaller' of the score 'fine'"):
        require_described("fine", "smaller")


def test_names_lead_to_scores():
    with pytest.raises(InputError, match="score 'brier'; expected one of average_precision_pooled"):
        find_metric("brier")
    with pytest.raises(InputError, match="'fractions:Fraction', which is not a score"):
        find_metric("fractions:Fraction")


def test_figures_and_rankings_read_the_direction():
    _enter_brier()
    assert name_score("brier") == "Brier score, lower is better"
    with pytest.raises(InputError, match="score brier, of which more is not better"):
        require_higher("brier")
    values = np.array([[0.1, 0.2]])
    names = [
        choose_colours(values, metric)[1].name for metric in ("roc_auc_pooled", "brier", "bits_per_spike")
    ]
    assert names == ["Blues", "Blues_r", "RdBu"]
    table = pd.concat([_score(*_draw()), _score(*_draw()).assign(predictor="other")])
    unknown = table[table.metric == "brier"].assign(metric="of_another_package")
    labels = [axes.get_xlabel() for axes in plot_scores(pd.concat([table, unknown])).axes]
    assert labels == [
        "Bits per spike above mean_rate",
        "ROC-AUC per unit",
        "Pooled ROC-AUC",
        "Pooled average precision",
        "Pooled PR-AUC",
        "Calibration error, lower is better",
        "Brier score, lower is better",
        "Of another package",
    ]
