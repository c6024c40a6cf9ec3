"""`nwbspikegen plot`, and the figures that it alone draws."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from nwb_sources import write_source

import nwbspikegen as nsg
from nwbspikegen.cli import cli
from nwbspikegen.core.errors import InputError
from nwbspikegen.models import FittedModel, build_model
from nwbspikegen.plot import plot_losses, plot_training
from nwbspikegen.scoring import BASELINES

_CURVES = [
    {
        "epoch": epoch + 1.0,
        "train_loss": 1.0 / (epoch + 1),
        "validation_loss": 1.1 / (epoch + 1),
        "accuracy_on_spikes": 0.1 * epoch,
        "accuracy_on_silence": 0.9,
        "pr_auc": [0.1, 0.3, 0.2][epoch],
        "bits_per_spike": 0.05 * epoch,
        "calibration_error": 0.01 * (3 - epoch),
    }
    for epoch in range(3)
]


def _plot(*arguments: object) -> tuple[int, list[str], str]:
    result = CliRunner().invoke(cli, ["plot", *map(str, arguments), "--json"])
    figures = json.loads(result.stdout)["figures"] if result.exit_code == 0 else []
    return result.exit_code, [Path(path).name for path in figures], result.stderr


@pytest.fixture(scope="module")
def derived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plot")
    source = write_source(folder / "source.nwb")
    units = nsg.open_units(source, bin_size=0.01)
    parts = nsg.split_fractions(units, (0.5, 0.25, 0.25))
    predicted = nsg.generate(BASELINES["running_rate"](), parts.test, context=units)
    scores = nsg.score(predicted, parts.test, train=parts.train, resamples=20)
    audits = pd.DataFrame({"audit": ["splits"], "passed": [True], "value": [0.0], "detail": [""]})
    return nsg.write_results(
        folder / "derived.nwb", source=source, spike_probability=predicted, scores=scores, audits=audits
    )


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model") / "dice"
    network = build_model("shimono2026", num_units=4, num_heads=2)
    FittedModel(network, loss="dice", bin_size=0.001, curves=_CURVES).save(folder)
    return folder


def test_a_derived_file_gives_its_figures_once(derived: Path, tmp_path: Path) -> None:
    out = tmp_path / "figures"
    assert _plot(derived, "--out", out) == (0, ["rasters.png", "curves.png", "bits.png", "scores.png"], "")
    names = ("rasters", "curves", "bits", "scores")
    assert {path.name for path in out.iterdir()} == {f"{n}.{end}" for n in names for end in ("png", "txt")}
    code, _, message = _plot(derived, "--out", out)
    assert (code, "exists" in message) == (2, True)
    assert _plot(derived, "--out", out, "--overwrite", "--start", "2", "--duration", "1")[0] == 0


@pytest.mark.parametrize("suffix", ["pdf", "svg"])
def test_figures_say_what_they_are_of_beside_and_inside(derived: Path, tmp_path: Path, suffix: str) -> None:
    out = tmp_path / "figures"
    code, names, _ = _plot(derived, "-o", out, "--format", suffix)
    assert (code, names) == (0, [f"{name}.{suffix}" for name in ("rasters", "curves", "bits", "scores")])
    caption = (out / "bits.txt").read_text()
    # recording, units, window, model; what is drawn, how sure
    for told in ("derived.nwb", "6 units", "in bins of 10 ms", "running_rate", "above each other predictor"):
        assert told in caption
    assert "Dotted and hollow: few blocks" in caption
    written = (out / f"bits.{suffix}").read_bytes()
    # the title, which PDF keeps as it is
    assert b"derived.nwb" in written
    if suffix == "svg":
        text = written.decode()
        # text stays text, and letters stand above the panels
        assert ">A<" in text
        assert ">B<" in text
        assert caption[:40] in text


def test_a_recording_is_drawn_without_results(derived: Path, tmp_path: Path) -> None:
    code, names, _ = _plot(derived.with_name("source.nwb"), "--out", tmp_path / "figures")
    assert (code, names) == (0, ["recording.png"])
    caption = (tmp_path / "figures" / "recording.txt").read_text()
    assert "(A)" in caption
    assert "Zoom in" not in caption
    assert "lick on" not in caption


def test_a_model_gives_its_training_curves(model: Path, tmp_path: Path) -> None:
    assert _plot(model, "--out", tmp_path / "figures")[:2] == (0, ["training.png"])


def test_what_cannot_be_drawn_is_refused(derived: Path, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "figures"
    for target, message in (
        (tmp_path, "folder of"),
        (tmp_path / "nothing.nwb", "nothing"),
    ):
        code, _, error = _plot(target, "--out", out)
        assert code == 2
        assert message in error
    (tmp_path / "file").touch()
    assert _plot(model, "--out", tmp_path / "file")[0] == 2
    assert not out.exists()
    untrained = dataclasses.replace(nsg.load_model(model), curves=[])
    untrained.save(tmp_path / "untrained")
    assert "training curves" in _plot(tmp_path / "untrained", "--out", out)[2]


def test_training_curves_show_every_epoch_and_mark_the_kept_one() -> None:
    figure = plot_training(_CURVES, chosen_by="pr_auc", loss="dice", title="mine")
    loss, bits, calibration, pr_auc = figure.axes
    assert [line.get_label() for line in loss.lines[:2]] == ["training", "validation"]
    np.testing.assert_allclose(calibration.lines[0].get_ydata(), [0.03, 0.02, 0.01])
    assert "Calibration error" in calibration.get_ylabel()
    np.testing.assert_allclose(pr_auc.lines[0].get_ydata(), [0.1, 0.3, 0.2])
    np.testing.assert_allclose(bits.lines[0].get_xdata(), [1, 2, 3])
    assert all(axes.lines[-1].get_xdata()[0] == 2.0 for axes in figure.axes)
    assert "dice" in loss.get_ylabel()
    old = [{name: value for name, value in point.items() if name != "calibration_error"} for point in _CURVES]
    assert len(plot_training(old, chosen_by="pr_auc").axes) == 3


def test_losses_stand_side_by_side_for_every_recording() -> None:
    rows = [
        {"recording": recording, "loss": loss, "metric": metric, "null": null, "value": value + place}
        for place, recording in enumerate(("slice", "npx"))
        for loss, value in (("dice", 0.1), ("focal", 0.2))
        for metric, null in (("roc_auc_pooled", ""), ("bits_per_spike", "mean_rate"))
    ]
    scores = pd.DataFrame(rows).assign(ci_low=lambda t: t.value - 0.1, ci_high=lambda t: t.value + 0.1)
    figure = plot_losses(scores)
    assert [axes.get_ylabel() for axes in figure.axes] == [
        "Pooled ROC-AUC",
        "Bits per spike above mean_rate",
    ]
    heights = [bar.get_height() for bar in figure.axes[0].patches]
    np.testing.assert_allclose(heights, [0.1, 1.1, 0.2, 1.2])
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["dice", "focal"]
    assert plot_losses(scores.iloc[:-1]).axes
    with pytest.raises(InputError, match="recording"):
        plot_losses(scores.drop(columns="recording"))
    with pytest.raises(InputError, match="metric"):
        plot_losses(scores.assign(metric="other"))


def test_score_prints_what_the_trains_are_like(derived: Path) -> None:
    result = CliRunner().invoke(cli, ["score", str(derived), "--json"])
    assert result.exit_code == 0, result.output
    trains = json.loads(result.stdout)["spike_statistics"]
    assert set(trains) == {"recorded", "generated"}
    assert trains["recorded"]["rate_hz"]["mean"] == pytest.approx(4.5, rel=0.2)
    assert trains["generated"]["isi_cv"]["mean"] == pytest.approx(1.0, abs=0.3)
    assert "cv2" in CliRunner().invoke(cli, ["score", str(derived)]).stdout


@pytest.mark.parametrize(
    ("thing", "names"),
    [
        ("icephys/cell.nwb", ["sweeps_section.png"]),
        ("features/features", ["cells.png"]),
        ("patchseq_file/features.nwb", ["cell.png"]),
        ("study_file/study.nwb", ["study.png"]),
        ("nwb/whole.nwb", ["recording.png"]),
    ],
)
def test_what_has_a_page_has_its_figures(thing: str, names: list[str], tmp_path: Path) -> None:
    status, drawn, said = _plot(Path(__file__).parents[1] / "corpus" / thing, "--out", tmp_path / "figures")
    assert status == 0, said
    assert drawn == names
