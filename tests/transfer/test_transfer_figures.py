"""Figures of a transfer study: each value is where it belongs, and what is not independent is marked."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from planted_study import SESSIONS, planted_sessions, planted_study

from nwbspikegen.core.errors import InputError
from nwbspikegen.scoring.context_curves import ContextCurve
from nwbspikegen.transfer.figure_groups import GROUPS
from nwbspikegen.transfer.figures import plot_curve, plot_groups, plot_layout, plot_matrix

_MODEL = {"predictor": "in_context"}
_PREPARATIONS = dict(zip(SESSIONS, planted_sessions()["preparation"], strict=True))


def _groups() -> pd.DataFrame:
    rows = [
        {
            "group": group,
            "predictor": predictor,
            "metric": "bits_per_spike",
            "null": "mean_rate",
            "mean": mean * (1 + place),
            "sd": 0.1,
            "num_cells": 6,
            "num_dependent": place,
        }
        for place, group in enumerate(GROUPS)
        for predictor, mean in (("mean_rate", 0.0), ("running_rate", 0.05), ("in_context", 0.2))
    ]
    return pd.DataFrame(rows)


def test_matrix_shows_each_value_in_its_cell() -> None:
    scores = planted_study()
    # the study's order is not that of the figure, which goes by preparation
    turned = scores.isel(train_session=[6, 3, 0, 4, 1, 5, 2], test_session=[5, 0, 4, 1, 3, 2])
    axes = plot_matrix(turned, **_MODEL).axes[0]
    rows = [label.get_text() for label in axes.get_yticklabels()]
    columns = [label.get_text() for label in axes.get_xticklabels()]
    assert [name.split("-")[0] for name in columns] == ["slice"] * 3 + ["mouse"] * 3
    assert rows[6:] == ["slice-1 +\nmouse-1", "running_rate", "online_hazard", "untrained"]
    shown = {
        (round(text.get_position()[0]), round(text.get_position()[1], 1)): text.get_text()
        for text in axes.texts
    }
    assert len(shown) == len(rows) * len(columns)
    chosen = {"metric": "bits_per_spike", "null": "mean_rate"}
    for row, name in enumerate(rows[:7]):
        for column, target in enumerate(columns):
            value = float(
                scores["value"].sel(
                    train_session=name.replace(" +\n", "+"), test_session=target, **_MODEL, **chosen
                )
            )
            text = shown[column, float(row)]
            assert (text == "·") if np.isnan(value) else float(text) == pytest.approx(value, abs=0.0051)
    assert float(shown[3, 8.4]) == pytest.approx(
        0.6 * 0.55 if columns[3] == "mouse-3" else 0.6 * 0.6, abs=0.0051
    )


def test_cells_that_are_not_independent_are_marked_and_explained() -> None:
    figure = plot_matrix(planted_study(), **_MODEL)
    axes = figure.axes[0]
    corners = [patch for patch in axes.patches if len(patch.get_xy()) == 4 and hasattr(patch, "get_closed")]
    black = [patch for patch in corners if patch.get_facecolor()[:3] == (0.0, 0.0, 0.0)]
    assert len(corners) == int((~planted_study()["independent"]).sum())
    assert len(black) == int(planted_study()["same_session"].sum())
    words = [text.get_text() for text in figure.legends[0].get_texts()]
    assert words == ["same session", "same subject or time", "no score", "in vitro", "in vivo", "mixed"]


def test_values_below_zero_have_another_colour_and_scales_have_words() -> None:
    scores = planted_study()
    cell = {"train_session": "slice-1", "test_session": "mouse-1", "metric": "bits_per_spike", **_MODEL}
    scores["value"].loc[cell] = -0.3
    figure = plot_matrix(scores, **_MODEL)
    axes, bar = figure.axes
    red, _, blue, _ = axes.patches[3].get_facecolor()
    assert red > blue
    red, _, blue, _ = axes.patches[0].get_facecolor()
    assert blue > red
    assert bar.get_ylabel() == "Bits per spike above mean_rate"
    assert bar.get_ylim()[0] == pytest.approx(-0.3)
    area = plot_matrix(planted_study(), **_MODEL, metric="roc_auc_pooled", null="")
    assert area.axes[1].get_ylabel() == "Pooled ROC-AUC"


def test_matrices_of_any_size_are_drawn() -> None:
    one = planted_study().sel(train_session=["slice-1"], test_session=["slice-1"])
    many = planted_study()
    names = [f"session-{number}" for number in range(40)]
    pick = np.arange(40) % 6
    many = many.isel(train_session=pick, test_session=pick).assign_coords(
        train_session=names, test_session=names
    )
    for scores in (one, many):
        figure = plot_matrix(scores, **_MODEL)
        figure.draw_without_rendering()
        width, height = figure.get_size_inches()
        assert max(width, height) < 20.0


def test_groups_have_a_bar_for_each_predictor() -> None:
    figure = plot_groups(_groups())
    axes = figure.axes[0]
    # above mean_rate, mean_rate is zero and says nothing
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == ["in_context", "running_rate"]
    heights = [bar.get_height() for bar in axes.patches]
    np.testing.assert_allclose(heights, [*(0.2 * np.arange(1, 9)), *(0.05 * np.arange(1, 9))])
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert labels[0] == "in vitro\ntraining\nn = 6"
    assert labels[6] == "in vitro\nto in vivo\nn = 6\n6 dependent"
    assert "mean ± SD" in axes.get_ylabel()


def test_groups_start_at_chance_and_can_be_chosen() -> None:
    table = _groups().assign(metric="roc_auc_pooled", null="", mean=lambda frame: 0.5 + frame["mean"] / 4)
    figure = plot_groups(table, metric="roc_auc_pooled", null="", predictors=["mean_rate", "in_context"])
    assert {bar.get_y() for bar in figure.axes[0].patches} == {0.5}
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["mean_rate", "in_context"]


@pytest.mark.parametrize("num_groups", [1, 3, 8])
def test_the_legend_has_room_however_few_groups(num_groups: int) -> None:
    table = _groups()
    table = table[table["group"].isin(GROUPS[:num_groups])]
    table = pd.concat([table.assign(predictor=f"{name}_{'x' * 12}") for name in "abcdef"])
    figure = plot_groups(table.drop_duplicates(["group", "predictor", "metric", "null"]))
    # a warning, hence an error, when nothing is left for the axes
    figure.draw_without_rendering()
    assert figure.axes[0].get_position().width > 0.5
    legend = figure.legends[0].get_window_extent()
    assert legend.x1 <= figure.bbox.width
    assert legend.y0 >= figure.axes[0].get_tightbbox().y1


def test_stars_are_drawn_where_groups_differ() -> None:
    tests = pd.DataFrame(
        {
            "group": GROUPS[:3],
            "predictor": "in_context",
            "against": "running_rate",
            "metric": "bits_per_spike",
            "null": "mean_rate",
            "p_holm": [0.01, 0.2, 0.04],
        }
    )
    texts = [text.get_text() for text in plot_groups(_groups(), tests=tests).axes[0].texts]
    assert texts.count("*") == 2
    assert sum("against running_rate" in text for text in texts) == 1


def test_layout_is_drawn_from_two_sides_with_its_clouds() -> None:
    rng = np.random.default_rng(0)
    points = pd.DataFrame(rng.normal(size=(6, 3)), SESSIONS, ["x", "y", "z"])
    layout = SimpleNamespace(
        positions=points,
        clouds=points.to_numpy() + rng.normal(0, 0.1, (20, 6, 3)),
        normalised_stress=0.1234,
        metric="bits_per_spike",
        null="mean_rate",
        predictor="in_context",
    )
    figure = plot_layout(layout, pd.Series(_PREPARATIONS))
    left, right = figure.axes
    assert (left.azim, right.azim) == (-60.0, 30.0)
    assert [text.get_text().strip() for text in left.texts] == SESSIONS
    assert len(left.collections) == 7
    spans = [float(np.ptp(limits())) for limits in (left.get_xlim, left.get_ylim, left.get_zlim)]
    np.testing.assert_allclose(spans, spans[0])
    assert "stress-1 0.123" in figure.get_suptitle()
    assert len(plot_layout(SimpleNamespace(**{**vars(layout), "clouds": None}), {}).axes[0].collections) == 1


def test_many_sessions_are_numbered_and_listed() -> None:
    names = [f"session-{number}" for number in range(30)]
    points = pd.DataFrame(np.random.default_rng(0).normal(size=(30, 3)), names, ["x", "y", "z"])
    layout = SimpleNamespace(
        positions=points, clouds=None, normalised_stress=0.0, metric="roc_auc_pooled", null="", predictor="m"
    )
    figure = plot_layout(layout, dict.fromkeys(names, "in_vivo"))
    assert figure.axes[0].texts[-1].get_text().strip() == "30"
    assert figure.legends[-1].get_texts()[-1].get_text() == "30  session-29"


def test_nothing_to_draw_is_refused() -> None:
    scores = planted_study()
    with pytest.raises(InputError, match="no metric"):
        plot_matrix(scores, **_MODEL, metric="nothing")
    with pytest.raises(InputError, match="no bits_per_spike of in_context"):
        plot_matrix(scores.where(False, np.nan).assign_coords(scores.coords), **_MODEL)
    with pytest.raises(InputError, match="no roc_auc_pooled"):
        plot_groups(_groups(), metric="roc_auc_pooled", null="")
    with pytest.raises(InputError, match="no predictor 'shimono2026'"):
        plot_groups(_groups(), predictors=["shimono2026"])
    layout = SimpleNamespace(
        positions=pd.DataFrame(columns=["x", "y", "z"]),
        clouds=None,
        normalised_stress=0.0,
        metric="m",
        null="",
        predictor="p",
    )
    with pytest.raises(InputError, match="no positions"):
        plot_layout(layout, {})


def test_colours_by_column_are_those_of_the_largest_in_it() -> None:
    scores = planted_study()
    # a target with a hundredth to gain has colours as strong as the others
    scores["value"][{"test_session": 0}] /= 100
    alike, own = (plot_matrix(scores, by_column=by_column, **_MODEL).axes[0] for by_column in (False, True))
    for axes, faint in ((alike, True), (own, False)):
        cells = {}
        for patch in axes.patches:
            cells.setdefault(round(patch.get_x() + 0.5), []).append(np.ptp(patch.get_facecolor()[:3]))
        strongest = [max(column) for column in cells.values()]
        assert (min(strongest) < 0.2) == faint
    assert "largest size in its column" in own.figure.axes[1].get_ylabel()


def test_a_curve_is_drawn_by_seconds_of_context() -> None:
    bits = np.array([[[10.0, 20.0], [20.0, 30.0]], [[30.0, 30.0], [30.0, 40.0]], [[0.0, 0.0], [0.0, 0.0]]])
    data = xr.Dataset(
        {
            "log_likelihood": (("predictor", "context", "start"), bits),
            "seconds_read": (("context", "start"), np.array([[0.0, 0.0], [90.0, 110.0]])),
            "num_spikes": ("start", np.array([10, 10])),
            "observed_fraction": ("start", np.ones(2)),
        },
        {
            "predictor": ["in_context", "mean_rate", "running_rate"],
            "context": ["0", "warm"],
            "start": [1.0, 9.0],
        },
    ).assign_coords(knows_target=("predictor", [False, True, False]))
    axes = plot_curve(ContextCurve(data)).axes[0]
    lines = {line.get_label(): line for line in axes.lines}
    np.testing.assert_allclose(lines["in_context"].get_ydata(), [1.5, 2.5])
    np.testing.assert_allclose(lines["in_context"].get_xdata(), np.log1p([0.0, 100.0]))
    # what knows more than its context is dashed
    assert lines["mean_rate"].get_linestyle() == "--"
    assert lines["in_context"].get_linestyle() == "-"
    assert [text.get_text() for text in axes.get_xticklabels()] == ["0", "warm\n(100)"]
