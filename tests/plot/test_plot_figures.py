"""Figures: what is drawn is what was given, and each says what it shows."""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from matplotlib.colors import to_hex

from nwbspikegen.core.errors import InputError, MissingExtraError, OutputError
from nwbspikegen.plot import plot_bits, plot_curves, plot_generation, plot_rasters
from nwbspikegen.plot.score_panels import draw_bits
from nwbspikegen.scoring import roc_auc_per_unit
from nwbspikegen.scoring.curves import average_roc_curves
from nwbspikegen.simulation import simulate

Given = tuple[xr.Dataset, Mapping[str, xr.DataArray], pd.DataFrame]


@pytest.fixture(scope="module")
def given() -> Given:
    simulation = simulate("in_vitro", num_units=32, duration=40.0, seed=1)
    coords = {"time": 100.0 + np.arange(len(simulation.spikes)) * 0.001, "unit": np.arange(32)}
    recorded = xr.Dataset({"spikes": (("time", "unit"), simulation.spikes)}, coords, {"bin_size": 0.001})
    truth = xr.DataArray(simulation.intensity, coords, ("time", "unit"))
    mean = truth * 0 + simulation.spikes.mean(axis=0, dtype=np.float32)
    predictions = {"truth": truth, "mean_rate": mean}
    rows = [
        {"predictor": name, "metric": "bits_per_spike", "null": "mean_rate", "value": v}
        for name, v in [("truth", 1.1), ("history_glm", 0.4), ("mean_rate", 0.0)]
    ]
    scores = pd.DataFrame(rows).assign(ci_low=lambda t: t.value - 0.1, ci_high=lambda t: t.value + 0.1)
    return recorded, predictions, scores


def test_raster_shows_each_recorded_spike_of_the_stretch(given: Given) -> None:
    recorded, predictions, _ = given
    figure = plot_rasters(recorded, predictions["truth"], start=2.0, duration=3.0)
    upper, middle, lower, scale = figure.axes
    points = np.asarray(upper.collections[0].get_offsets())
    assert len(points) == int(recorded["spikes"][2000:5000].sum())
    assert points[:, 0].min() >= 102.0
    assert points[:, 0].max() < 105.0
    assert upper.get_ylim() == lower.get_ylim() == (-1.0, 32.0)
    assert "(s)" in lower.get_xlabel()
    assert "Probability" in scale.get_ylabel()
    # a row of the map is the unit that is in that row of the rasters
    shown = np.asarray(middle.images[0].get_array())
    order = np.argsort(recorded["spikes"][2000:5000].values.sum(axis=0), kind="stable")
    truth = predictions["truth"][2000:5000].values[:, order]
    assert np.corrcoef(shown[-1], truth[:, -1])[0, 1] > 0.99


def test_curves_draw_and_name_each_predictor(given: Given) -> None:
    recorded, predictions, _ = given
    within, areas, calibration, pooled, precision = plot_curves(recorded, predictions).axes
    for axes in (within, pooled):
        named = [text.get_text().split(":")[0] for text in axes.get_legend().get_texts()]
        assert named == ["chance", *predictions]
        # what the legend says is what lies below the line
        for line in axes.lines[1:]:
            said = float(line.get_label().split(": ")[1])
            assert np.trapezoid(line.get_ydata(), line.get_xdata()) == pytest.approx(said, abs=0.01)
    said = {line.get_label().split(":")[0]: float(line.get_label()[-5:]) for line in within.lines[1:]}
    # a constant rate tells spikes of a unit from its silence no better than chance, whatever it gets pooled
    assert said["mean_rate"] == 0.5
    assert said["truth"] > 0.6
    assert len(areas.collections) == len(calibration.collections) == 2
    assert precision.get_xlabel() == "Recall"


def test_within_unit_curve_has_the_mean_area(given: Given) -> None:
    recorded, predictions, _ = given
    spikes, truth = recorded["spikes"].values, predictions["truth"].values
    curve = average_roc_curves(truth, spikes)
    assert np.trapezoid(curve.y, curve.x) == pytest.approx(roc_auc_per_unit(truth, spikes)[0], abs=0.01)


def test_bars_are_as_long_as_the_scores(given: Given) -> None:
    bits, differences = plot_bits(given[2]).axes
    assert _values(bits) == [1.1, 0.4, 0.0]
    assert [label.get_text() for label in bits.get_yticklabels()] == ["truth", "history_glm", "mean_rate"]
    # of a table without that null the difference is known and its interval is not; above the null both are
    assert _values(differences) == pytest.approx([0.7, 1.1])
    assert "truth above" in differences.get_xlabel()


def _values(axes: Any) -> list[float]:
    """Return where the points of a panel of intervals lie, from top to bottom."""
    points = [line for line in axes.lines if line.get_marker() == "o"]
    return [float(line.get_xdata()[0]) for line in sorted(points, key=lambda line: line.get_ydata()[0])]


def test_intervals_of_few_blocks_are_drawn_as_unreliable(given: Given) -> None:
    for reliable in (True, False):
        axes = plot_bits(given[2].assign(ci_reliable=reliable)).axes[0]
        point = next(line for line in axes.lines if line.get_marker() == "o")
        assert (point.get_markerfacecolor() == "white") == (not reliable)
        is_dotted = axes.collections[0].get_linestyle()[0][1] is not None
        assert is_dotted == (not reliable)
    caption = draw_bits(given[2].assign(ci_reliable=False)).caption
    assert "unreliable" in caption


def test_a_predictor_has_one_colour_in_every_figure(given: Given) -> None:
    recorded, predictions, scores = given
    named = {"in_context": predictions["truth"], "true_intensity": predictions["truth"]}
    mean = {"mean_rate": predictions["mean_rate"], "other": predictions["truth"]}
    lines = {
        line.get_label().split(":")[0]: to_hex(line.get_color())
        for line in plot_curves(recorded, named | mean).axes[0].lines
    }
    order = ["other", "mean_rate", "true_intensity", "in_context"]
    rows = pd.concat([scores.iloc[:1]] * 4, ignore_index=True).assign(predictor=order)
    axes = plot_bits(rows).axes[0]
    bars = dict(
        zip(
            [label.get_text() for label in axes.get_yticklabels()],
            [to_hex(line.get_color()) for line in axes.lines if line.get_marker() == "o"],
            strict=True,
        )
    )
    for name in ("mean_rate", "true_intensity (best possible)"):
        assert bars[name] == lines[name]
    assert len({lines[name] for name in bars}) == len(set(bars.values())) == 4


def test_bars_without_an_interval_can_be_drawn(given: Given, tmp_path: Path) -> None:
    figure = plot_bits(given[2].assign(ci_low=np.nan, ci_high=np.nan))
    figure.savefig(tmp_path / "bars.png")
    assert len(_values(figure.axes[0])) == 3


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_one_figure_of_everything_is_written_once(given: Given, tmp_path: Path, suffix: str) -> None:
    path = plot_generation(*given, tmp_path / f"figure.{suffix}", title="Simulated culture")
    assert path.stat().st_size > 10_000
    with pytest.raises(OutputError):
        plot_generation(*given, path)
    assert plot_generation(*given, path, overwrite=True) == path


def test_nothing_to_draw_is_refused(given: Given, tmp_path: Path) -> None:
    recorded, predictions, scores = given
    with pytest.raises(InputError, match="no predictions"):
        plot_generation(recorded, {}, scores, tmp_path / "none.png")
    with pytest.raises(InputError, match="no predictions"):
        plot_curves(recorded, {})
    with pytest.raises(InputError, match="bits_per_spike"):
        plot_generation(recorded, predictions, scores.iloc[:0], tmp_path / "none.png")
    assert not list(tmp_path.iterdir())


def test_missing_matplotlib_says_what_to_install(given: Given, monkeypatch: pytest.MonkeyPatch) -> None:
    genuine = builtins.__import__

    def without_matplotlib(name: str, *more: Any, **named: Any) -> Any:
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return genuine(name, *more, **named)

    monkeypatch.setattr(builtins, "__import__", without_matplotlib)
    with pytest.raises(MissingExtraError, match=r"nwbspikegen\[plot\]"):
        plot_bits(given[2])
