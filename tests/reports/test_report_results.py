"""Pages of results: their numbers are those that are stored, and what cannot be relied on is marked."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from nwb_sources import write_source
from report_pages import find_addresses, find_panel, read_numbers, read_table

import nwbspikegen as nsg
from nwbspikegen.core.errors import InputError
from nwbspikegen.explain.nwb import write_attention
from nwbspikegen.patchseq.features.files import CellOrigin, read_features, write_features
from nwbspikegen.plot.score_panels import draw_differences
from nwbspikegen.reports.predicted import read_predicted
from nwbspikegen.reports.study_contexts import draw_contexts
from nwbspikegen.reports.verdict import judge
from nwbspikegen.scoring import bits_per_spike
from nwbspikegen.transfer.gains import GAIN_COLUMNS

_CORPUS = Path(__file__).parents[1] / "corpus"
_RESULTS = _CORPUS / "results" / "results.nwb"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return nsg.report(_RESULTS, tmp_path_factory.mktemp("page") / "results.html")


def test_the_score_table_is_the_stored_one(page: Path) -> None:
    stored, rows = nsg.read_scores(_RESULTS), read_table(page, "scores_table")
    assert [row["score"] for row in rows] == stored.metric.tolist()
    assert [float(row["value"]) for row in rows] == stored.value.tolist()
    assert {row["interval"] for row in rows} == {"few blocks: unreliable"}


def test_differences_are_those_of_the_stored_values() -> None:
    predicted = read_predicted(_RESULTS)
    found = predicted.compare().set_index("predictor")
    scores = nsg.read_scores(_RESULTS)
    rows = scores[(scores.metric == "bits_per_spike") & (scores["null"] == "mean_rate")]
    values = rows.set_index("predictor").value
    for name in found.index:
        assert found.value[name] == pytest.approx(values[predicted.model] - values[name])
    # the files' own tables have no row of this predictor's difference, but the same spikes
    assert not found.ci_reliable.any()


def test_bits_of_a_unit_are_bits_per_spike() -> None:
    predicted = read_predicted(_RESULTS)
    null = predicted.others["mean_rate"]
    for unit in range(predicted.probability.shape[1]):
        own = bits_per_spike(
            predicted.probability[:, [unit]], predicted.bins.spikes[:, [unit]], null[:, [unit]]
        )
        assert predicted.bits_by_unit["mean_rate"][unit] == pytest.approx(own)


def test_what_is_gained_by_seconds_is_what_is_gained() -> None:
    predicted = read_predicted(_RESULTS)
    _, gain = predicted.gain_by_second
    spikes = int((predicted.bins.spikes > 0).sum())
    scores = nsg.read_scores(_RESULTS)
    stored = scores[(scores.predictor == predicted.model) & (scores.metric == "bits_per_spike")]
    assert gain.sum() / spikes == pytest.approx(float(stored.value[stored["null"] == "mean_rate"].iloc[0]))


def test_the_verdict_is_made_of_the_numbers(page: Path) -> None:
    predicted = read_predicted(_RESULTS)
    text = judge(predicted, predicted.compare())
    scores = nsg.read_scores(_RESULTS)
    value = scores[(scores.predictor == "mine") & (scores["null"] == "mean_rate")].value.iloc[0]
    assert f"{value:.2g} bits per spike above the mean rate" in text
    assert "Few blocks (1 of 10 s, fewer than 30)" in text
    assert "bits per spike above the mean rate" in page.read_text(encoding="utf-8")


def test_intervals_of_few_blocks_are_dotted_and_hollow() -> None:
    table = pd.DataFrame(
        {
            "predictor": ["mean_rate", "online_hazard"],
            "value": [0.2, 0.03],
            "ci_low": [0.1, 0.02],
            "ci_high": [0.3, 0.04],
            "ci_reliable": [False, True],
        }
    )
    panel = draw_differences(table, "in_context")
    assert [mark.is_faint for mark in panel.marks] == [True, False]
    assert "few blocks" in panel.caption


def test_pooled_areas_do_not_stand_alone(page: Path) -> None:
    heads = list(read_table(page, "predictors")[0])
    assert heads[1].startswith("Bits per spike")
    assert heads.index("ROC-AUC per unit") < heads.index("Pooled ROC-AUC")


def test_sentences_have_their_numbers(page: Path) -> None:
    # of the page itself, without its style and script
    text = re.sub(r"<(style|script)\b.*?</\1>", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert re.findall(r"\{[^}]*\}?|\bnan\b", text) == []


def test_audits_are_lamps_with_their_meaning(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert '<span class="lamp pass">PASS</span>' in text
    assert "share no bin" in text


def test_seconds_that_are_gone_to_are_the_best_and_the_worst(page: Path) -> None:
    begins, gain = read_predicted(_RESULTS).gain_by_second
    jumps = read_numbers(page)["jumps"]
    assert jumps[0]["start"] + 0.5 == pytest.approx(begins[np.argmax(gain)])
    worst = next(each for each in jumps if each["label"].startswith("worst"))
    assert worst["start"] + 0.5 == pytest.approx(begins[np.argmin(gain)])


def test_a_study_is_shown_from_its_folder_and_from_nwb(tmp_path: Path) -> None:
    study = nsg.TransferStudy(_CORPUS / "study" / "study")
    page = nsg.report(study, tmp_path / "study.html")
    panel = find_panel(page, "within_in_context")
    values = study.scores.value.sel(predictor="in_context", metric="bits_per_spike", null="mean_rate").values
    written = [[each.rstrip("*") for each in row] for row in panel["data"][0]["text"]]
    assert written == [[f"{value:.3f}" for value in row] for row in values]
    stars = [[each.endswith("*") for each in row] for row in panel["data"][0]["text"]]
    assert stars == (~study.scores.independent.values).tolist()
    pairs = find_panel(page, "pair")["by_unit"][1]["rows"]
    np.testing.assert_allclose(pairs[:, 0], values.ravel(), rtol=1e-3)
    stored = nsg.report(_CORPUS / "study_file" / "study.nwb", tmp_path / "file.html")
    assert find_addresses(stored) == []


def test_a_worth_beyond_what_was_measured_is_shown() -> None:
    pairs = [("a", "a", 7.26, ""), ("a", "b", np.inf, ">"), ("b", "a", 0.0, "<"), ("b", "b", np.nan, "")]
    gains = pd.DataFrame(
        [
            dict.fromkeys(GAIN_COLUMNS, 0.0)
            | {"train_session": train, "test_session": test, "context": "5", "seconds": 5.0, "bound": bound}
            | {"worth_seconds": worth, "gained_seconds": worth - 5.0, "measured_up_to": 350.0}
            | {"independent": train != test}
            for train, test, worth, bound in pairs
        ]
    )
    panel = next(
        part for part in draw_contexts(gains, ["a", "b"], ["a", "b"]) if part.name == "worth_seconds"
    )
    (drawn,) = panel.marks
    assert drawn.labels == [["7.3 s*", "> 350 s"], ["< 0 s", ""]]
    # gained 2.26, more than can be measured, -5: the largest that is known ends the scale
    np.testing.assert_allclose(drawn.z, [[2.26, 5.0], [-5.0, np.nan]])
    assert drawn.limits == (-5.0, 5.0)


def test_a_model_shows_no_accuracy_on_spikes(tmp_path: Path) -> None:
    page = nsg.report(_CORPUS / "model" / "model", tmp_path / "model.html")
    stored = json.loads((_CORPUS / "model" / "model" / "model.json").read_text())
    assert stored["name"] in page.read_text(encoding="utf-8")
    assert not any("accuracy" in head for row in read_table(page, "epochs") for head in row)


def test_what_a_model_looks_at_is_shown(tmp_path: Path) -> None:
    page = nsg.report(_CORPUS / "attention" / "explained.nwb", tmp_path / "explained.html")
    panel = find_panel(page, "map_importance_by_unit")
    assert panel["data"][0]["y"].tolist() == pytest.approx([0.3623, 0.4174, 0.5414], abs=1e-3)


def test_what_it_costs_to_lose_a_thing_is_said_in_words(tmp_path: Path) -> None:
    costs = {"units_permuted_95": 1.5, "lags_1_3": 0.25, "couplings_removed": 0.5}
    rows = pd.DataFrame({"control": list(costs), "cost": list(costs.values())})
    rows = rows.assign(metric="bits_per_spike", status="measured", value=0.1, ci_reliable=True)
    rows["cost_ci_low"], rows["cost_ci_high"] = rows.cost - 0.125, rows.cost + 0.125
    file = write_attention(
        tmp_path / "explained.nwb", write_source(tmp_path / "a.nwb"), xr.Dataset(), pd.DataFrame(), rows
    )
    page = nsg.report(file, tmp_path / "explained.html")
    text = page.read_text(encoding="utf-8")
    assert (
        "to lose, in bits per spike: which units fired in the window 1.5 (1.4 to 1.6); the couplings" in text
    )
    assert "that the map shows 0.5 (0.38 to 0.62); spikes 1 to 3 bins ago 0.25 (0.12 to 0.38)." in text
    ticks = find_panel(page, "costs")["layout"]["yaxis"]["ticktext"]
    assert ticks == ["units permuted, 95 % of bins", "lags 1 to 3 bins", "couplings removed"]


def test_a_recording_without_units_is_refused_as_one(tmp_path: Path) -> None:
    shutil.copy(_CORPUS / "nwb" / "whole.nwb", tmp_path / "a.nwb")
    with h5py.File(tmp_path / "a.nwb", "a") as file:
        del file["units"]
    with pytest.raises(InputError, match="units"):
        nsg.report(tmp_path / "a.nwb", tmp_path / "a.html")
    assert [path.name for path in tmp_path.iterdir()] == ["a.nwb"]


def test_patched_cells_are_shown(tmp_path: Path) -> None:
    folder = nsg.report(_CORPUS / "features" / "features", tmp_path / "folder.html")
    cells = pd.read_csv(_CORPUS / "features" / "features" / "cells.csv")
    assert [row["cell"] for row in read_table(folder, "cells_table")] == cells.cell.tolist()
    assert read_numbers(folder)["units"] == cells.cell.tolist()
    file = nsg.report(_CORPUS / "patchseq_file" / "features.nwb", tmp_path / "file.html")
    assert "forest says Sst with a probability of 0.75" in file.read_text(encoding="utf-8")
    recording = nsg.report(_CORPUS / "icephys" / "cell.nwb", tmp_path / "recording.html")
    assert read_numbers(recording)["unit_word"] == "Sweep"
    assert "bridge balance not stated; " in recording.read_text(encoding="utf-8")


def test_the_page_of_a_folder_says_how_amplifiers_were_set(tmp_path: Path) -> None:
    cells = read_features(_CORPUS / "features" / "features")
    told = ["bridge balance 12 MOhm", "bridge balance 8 MOhm", "bridge balance 12 MOhm", ""]
    origins = {str(number): CellOrigin(recording="a", compensation=text) for number, text in enumerate(told)}
    (tmp_path / "features").mkdir()
    write_features(tmp_path / "features", cells, origins)
    page = nsg.report(tmp_path / "features", tmp_path / "page.html").read_text(encoding="utf-8")
    assert "2 cells: bridge balance 12 MOhm | 1 cell: bridge balance 8 MOhm" in page
