"""One draw: the trains that are stored are those that were scored, unit by unit and bin by bin."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nwb_sources import write_source
from spikeinterface.extractors import read_nwb_sorting

import nwbspikegen as nsg
from nwbspikegen.core import draws
from nwbspikegen.core.draws import draw_pieces, draw_spikes, find_first_bin
from nwbspikegen.core.errors import InputError
from nwbspikegen.prediction.stored_draws import draw_spike_times
from nwbspikegen.scoring import BASELINES, isi_distance, rate_correlation, rate_log_ratio

_BIN = 0.01


@given(
    st.lists(st.integers(0, 5), min_size=1, max_size=6, unique=True),
    st.integers(0, 40),
    st.integers(1, 50),
    st.integers(0, 2**32 - 1),
)
def test_a_unit_s_spikes_do_not_depend_on_other_units_order_or_cuts(
    columns: list[int], first: int, at_once: int, seed: int
) -> None:
    probability = np.random.default_rng(0).random((60, 6))
    ids = np.array([104, 7, 9, 31, 2, 55])
    whole = draw_spikes(probability, seed, unit_ids=ids)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(draws, "_VALUES_AT_ONCE", at_once)
        part = draw_spikes(probability[first:, columns], seed, unit_ids=ids[columns], first_bin=first)
    np.testing.assert_array_equal(part, whole[first:, columns])


def test_ids_are_the_same_as_text_and_in_another_process() -> None:
    probability = np.full((200, 2), 0.5)
    drawn = draw_spikes(probability, 3, unit_ids=np.array([7, 8]))
    np.testing.assert_array_equal(drawn, draw_spikes(probability, 3, unit_ids=["7", "8"]))
    code = (
        "import numpy as np; from nwbspikegen.core.draws import draw_spikes; "
        "print(draw_spikes(np.full((200, 2), 0.5), 3, unit_ids=['7', '8']).sum(axis=0).tolist())"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert printed.stdout.strip() == str(drawn.sum(axis=0).tolist())
    assert drawn[:, 0].tolist() != drawn[:, 1].tolist()


def test_what_was_not_observed_gets_no_spike_and_moves_no_other() -> None:
    probability = np.full((300, 2), 0.5, np.float32)
    whole = draw_spikes(probability, 1)
    probability[50:90, 1] = np.nan
    drawn = draw_spikes(probability, 1)
    assert not drawn[50:90, 1].any()
    whole[50:90, 1] = 0
    np.testing.assert_array_equal(drawn, whole)


def test_bad_ids_are_refused() -> None:
    with pytest.raises(InputError, match="3 ids for 2 units"):
        list(draw_pieces(np.zeros((4, 2)), 0, unit_ids=[1, 2, 3]))


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """Return a derived file of which only the end of the predicted segment was scored."""
    folder = tmp_path_factory.mktemp("draws")
    source = write_source(folder / "source.nwb")
    units = nsg.select_units(nsg.open_units(source, bin_size=_BIN), skip=1, take=4)
    parts = nsg.split_fractions(units, (0.5, 0.25, 0.25))
    predicted = nsg.generate(BASELINES["running_rate"](), parts.test, context=units)
    predicted.attrs["model"] = "mine"
    scored = predicted.isel(time=slice(37, None))
    scores = nsg.score(
        scored,
        parts.test.isel(time=slice(37, None)),
        train=parts.train,
        context=units,
        seed=5,
        resamples=20,
    )
    path = nsg.write_results(
        folder / "derived.nwb", source=source, spike_probability=predicted, scores=scores
    )
    return SimpleNamespace(path=path, source=source, predicted=predicted, scores=scores, units=units)


def _value(scores: pd.DataFrame, metric: str) -> float:
    return float(scores[(scores.predictor == "mine") & (scores.metric == metric)].value.item())


def test_stored_trains_have_the_stored_scores(written: SimpleNamespace) -> None:
    scores = nsg.read_scores(written.path)
    first, length = scores.attrs["segment_start"], round(scores.attrs["segment_duration"] / _BIN)
    trains = nsg.read_generated_units(written.path)
    recorded = nsg.open_units(written.path, bin_size=_BIN).sel(unit=list(trains))
    start = int((recorded.time.values < first - _BIN / 2).sum())
    real = recorded.spikes.values[start : start + length]
    made = np.zeros_like(real)
    for column, times in enumerate(trains.values()):
        bins = np.floor((times - first) / _BIN).astype(int)
        made[bins[bins >= 0], column] = 1
    assert made.sum() > 20
    assert _value(scores, "isi_distance") == pytest.approx(isi_distance(made, real, _BIN)[0], abs=1e-6)
    assert _value(scores, "rate_log_ratio") == pytest.approx(rate_log_ratio(made, real), abs=1e-6)
    assert _value(scores, "rate_correlation") == pytest.approx(rate_correlation(made, real), abs=1e-6)


def test_spikeinterface_reads_frames_that_keep_every_interval(written: SimpleNamespace) -> None:
    read = read_nwb_sorting(
        written.path, unit_table_path="processing/spike_generation/generated_units", t_start=0.0
    )
    assert read.sampling_frequency == pytest.approx(2 / _BIN)
    for unit, times in zip(read.unit_ids, nsg.read_generated_units(written.path).values(), strict=True):
        frames = read.get_unit_spike_train(unit)
        np.testing.assert_allclose(np.diff(frames) / read.sampling_frequency, np.diff(times), atol=1e-9)


def test_the_seed_is_that_of_the_scores_and_another_is_named(
    written: SimpleNamespace, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert nsg.read_spike_probability(written.path).attrs["draw_seed"] == 5
    assert not caplog.records
    nsg.write_results(
        tmp_path / "other.nwb",
        source=written.source,
        spike_probability=written.predicted,
        scores=written.scores,
        seed=6,
    )
    assert "drawn with seed 6, and the trains scored with 5" in caplog.text


def test_half_a_prediction_is_drawn_as_it_was_in_the_whole(written: SimpleNamespace) -> None:
    whole = draw_spike_times(written.predicted, seed=2)
    half = written.predicted.isel(time=slice(100, None), unit=[2, 0])
    assert find_first_bin(half, _BIN) == 100
    start = float(half.time[0])
    for times, column in zip(draw_spike_times(half, seed=2), (2, 0), strict=True):
        np.testing.assert_allclose(times, whole[column][whole[column] > start], rtol=0, atol=1e-9)
