"""Figures of maps and controls: what is drawn is what was given, and nothing to draw is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from nwbspikegen.core.errors import InputError
from nwbspikegen.explain.figure_bars import plot_ablations, plot_rate_correlations
from nwbspikegen.explain.figure_curves import plot_attention_curves
from nwbspikegen.explain.figure_maps import plot_attention_maps, plot_couplings


def _attention_maps() -> xr.Dataset:
    share = np.tril(np.ones((20, 20))) / np.arange(1, 21)[:, None]
    place = 0.001 * np.arange(20)
    flat = (("head", "time_in_window"), np.ones((2, 20)))
    return xr.Dataset(
        {
            "attention_mean": (("query_in_window", "key_in_window"), share),
            "attention_weighted_importance": (("query_in_window", "key_in_window"), 3.0 * share),
            "head_offset_curve": (("head", "offset"), np.ones((2, 20))),
            "head_key_profile": flat,
            "head_query_profile": flat,
        },
        dict.fromkeys(("query_in_window", "key_in_window", "time_in_window", "offset"), place),
        {"num_windows": 3, "cell_bins": 1, "loss": "dice"},
    )


def test_equal_shares_are_drawn_as_one():
    left, right, *_ = plot_attention_maps(_attention_maps()).axes
    values = left.collections[0].get_array().compressed()
    np.testing.assert_allclose(values, 1.0)
    assert len(values) == 210
    np.testing.assert_allclose(right.collections[0].get_array().compressed(), 3.0)


def test_curves_have_a_line_per_head_and_one_for_their_mean():
    for axes in plot_attention_curves(_attention_maps()).axes:
        # and the dashed line of an equal share
        assert len(axes.lines) == 4


def test_couplings_are_signed_and_lags_drawn():
    influence = np.array([[0.0, 0.4], [0.2, 0.0]])
    pair = ("target_unit", "source_unit")
    maps = xr.Dataset(
        {
            "influence": (pair, influence),
            "coupling": (pair, np.array([[0.0, -9.0], [1.0, 0.0]])),
            "coupling_curve": (("lag",), [0.3, 0.1]),
            "lag_cost": (("lag_range",), [0.5, -0.1]),
        },
        {"lag": [0.001, 0.002], "lag_range": ["1_3", "4_10"]},
    )
    image, _, bars, *_ = plot_couplings(maps).axes
    np.testing.assert_allclose(image.images[0].get_array(), [[0.0, -0.4], [0.2, 0.0]])
    assert [bar.get_height() for bar in bars.patches] == [0.5, -0.1]


def _ablations() -> pd.DataFrame:
    row = {"status": "measured", "cost_ci_low": -0.1, "cost_ci_high": 0.3, "scored": "whole segment"}
    rows = [
        {**row, "control": control, "metric": metric, "cost": cost}
        for control, cost in (("intact", 0.0), ("attention_uniform", 0.2))
        for metric in ("bits_per_spike", "roc_auc_pooled", "roc_auc_per_unit")
    ]
    return pd.DataFrame([*rows, {"control": "couplings_removed", "status": "not applicable: none"}])


def test_ablations_draw_costs_of_what_was_measured():
    figure = plot_ablations(_ablations())
    axes = figure.axes[0]
    labels = [panel.get_xlabel() for panel in figure.axes]
    assert labels == ["Cost, bits per spike", "Cost, pooled ROC-AUC", "Cost, ROC-AUC per unit"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["attention_uniform"]
    assert [bar.get_width() for bar in axes.patches] == [0.2]


def test_correlations_of_one_recording_and_over_recordings():
    one = pd.DataFrame({"profile": ["a", "a"], "rate": ["input", "generated"], "correlation": [0.5, -0.2]})
    assert [bar.get_height() for bar in plot_rate_correlations(one).axes[0].patches] == [0.5, -0.2]
    several = one.rename(columns={"correlation": "mean"}).assign(sd=0.1, significant=[True, False])
    axes = plot_rate_correlations(several).axes[0]
    assert [text.get_text() for text in axes.texts] == ["*"]


def test_nothing_to_draw_is_refused():
    for draw, empty in (
        (plot_attention_maps, xr.Dataset()),
        (plot_attention_curves, xr.Dataset()),
        (plot_couplings, xr.Dataset()),
        (plot_ablations, _ablations().iloc[-1:]),
        (plot_rate_correlations, pd.DataFrame()),
    ):
        with pytest.raises(InputError):
            draw(empty)


def test_a_table_of_others_is_refused_by_the_columns_that_it_lacks():
    other = pd.DataFrame({"profile": ["key_profile"], "r": [0.5], "significant": [True]})
    with pytest.raises(InputError, match="a table of correlations without rate, correlation"):
        plot_rate_correlations(other)
    with pytest.raises(InputError, match="a table of controls without cost_ci_low"):
        plot_ablations(_ablations().drop(columns="cost_ci_low"))
