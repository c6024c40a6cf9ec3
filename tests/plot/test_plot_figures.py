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
    upper, lower = plot_rasters(recorded, predictions["truth"], start=2.0, duration=3.0).axes
    points = np.asarray(upper.collections[0].get_offsets())
    assert len(points) == int(recorded["spikes"][2000:5000].sum())
    assert points[:, 0].min() >= 102.0
    assert points[:, 0].max() < 105.0
    assert upper.get_ylim() == lower.get_ylim() == (-1.0, 32.0)
    assert "(s)" in lower.get_xlabel()


def test_curves_draw_and_name_each_predictor(given: Given) -> None:
    recorded, predictions, _ = given
    roc, precision = plot_curves(recorded, predictions).axes
    assert [text.get_text() for text in roc.get_legend().get_texts()] == list(predictions)
    area = {line.get_label(): np.trapezoid(line.get_ydata(), line.get_xdata()) for line in roc.lines}
    assert area["truth"] > area["mean_rate"] > 0.5
    assert precision.get_xlabel() == "Recall"


def test_bars_are_as_long_as_the_scores(given: Given) -> None:
    axes = plot_bits(given[2]).axes[0]
    assert [bar.get_width() for bar in axes.patches] == [1.1, 0.4, 0.0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["truth", "history_glm", "mean_rate"]


def test_a_predictor_has_one_colour_in_every_figure(given: Given) -> None:
    recorded, predictions, scores = given
    named = {"in_context": predictions["truth"], "true_intensity": predictions["truth"]}
    mean = {"mean_rate": predictions["mean_rate"], "other": predictions["truth"]}
    lines = {
        line.get_label(): to_hex(line.get_color())
        for line in plot_curves(recorded, named | mean).axes[0].lines
    }
    order = ["other", "mean_rate", "true_intensity", "in_context"]
    rows = pd.concat([scores.iloc[:1]] * 4, ignore_index=True).assign(predictor=order)
    axes = plot_bits(rows).axes[0]
    bars = dict(
        zip(
            [label.get_text() for label in axes.get_yticklabels()],
            [to_hex(bar.get_facecolor()) for bar in axes.patches],
            strict=True,
        )
    )
    for name in ("mean_rate", "true_intensity (best possible)"):
        assert bars[name] == lines[name]
    assert len({lines[name] for name in bars}) == len(set(bars.values())) == 4


def test_bars_without_an_interval_can_be_drawn(given: Given, tmp_path: Path) -> None:
    figure = plot_bits(given[2].assign(ci_low=np.nan, ci_high=np.nan))
    figure.savefig(tmp_path / "bars.png")
    assert len(figure.axes[0].patches) == 3


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
