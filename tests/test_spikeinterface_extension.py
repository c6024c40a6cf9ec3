"""The SpikeInterface extension: one suite on every storage format, then what it promises by itself."""

from __future__ import annotations

import importlib.util
import inspect
import json
import subprocess
import sys

import numpy as np
import nwbspikegen_si as nsi
import pandas as pd
import pytest
import spikeinterface.core as si
from spikeinterface.core.job_tools import job_keys

import nwbspikegen as nsg
from nwbspikegen.core.errors import InputError, OutputError
from nwbspikegen.scoring import bits_per_spike

# SpikeInterface says so whenever an analyzer without a recording, or one in memory, is stored
pytestmark = [
    pytest.mark.filterwarnings("ignore:Recording not provided"),
    pytest.mark.filterwarnings("ignore:The extractor is not serializable"),
]
NAME = "nwbspikegen_generation"
FORMATS = ("memory", "binary_folder", "zarr")
DURATION = 20.0
QUICK = {
    "epochs": 1,
    "device": "cpu",
    "progress": False,
    "width": 8,
    "training_samples": 50_000,
    "validation_samples": 50_000,
}


def simulated(seed: int = 1, num_units: int = 8, preparation: str = "in_vivo") -> si.NumpySorting:
    return nsg.simulate(preparation, num_units=num_units, duration=DURATION, seed=seed).sorting


@pytest.fixture(scope="module")
def sorting():
    return simulated()


@pytest.fixture(scope="module")
def checkpoint(sorting, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "checkpoint"
    nsi.train_spike_model(sorting, folder, **QUICK)
    return folder


@pytest.fixture(scope="module")
def computed(sorting, checkpoint):
    """An analyzer in memory with the extension, which tests must not change."""
    analyzer = nsi.create_spike_analyzer(sorting)
    analyzer.compute(NAME, model=checkpoint, baselines=["running_rate"])
    return analyzer


def recorded_analyzer(sorting):
    recording = si.generate_recording(
        num_channels=4, sampling_frequency=sorting.sampling_frequency, durations=[DURATION], set_probe=True
    )
    return si.create_sorting_analyzer(sorting, recording, sparse=False)


def result_of(analyzer) -> nsi.SpikeGeneration:
    return analyzer.get_extension(NAME).get_data()


def assert_same(one: nsi.SpikeGeneration, other: nsi.SpikeGeneration) -> None:
    assert one.spike_probability.identical(other.spike_probability)
    assert one.spike_probability.dtype == np.float32
    # text files keep all but the last digit of a number
    pd.testing.assert_frame_equal(one.scores, other.scores, rtol=1e-12)
    pd.testing.assert_frame_equal(one.audits, other.audits, rtol=1e-12)
    assert one.record == other.record
    np.testing.assert_array_equal(one.generated.to_spike_vector(), other.generated.to_spike_vector())


@pytest.fixture(scope="module", params=[True, False], ids=["recording", "no_recording"])
def source(request, sorting, computed):
    return recorded_analyzer(sorting) if request.param else computed.save_as(format="memory")


@pytest.fixture(scope="module", params=FORMATS)
def analyzer(request, source, checkpoint, tmp_path_factory):
    folder = None if request.param == "memory" else tmp_path_factory.mktemp("analyzers") / "analyzer"
    analyzer = source.save_as(format=request.param, folder=folder)
    analyzer.compute(NAME, model=checkpoint, baselines=["running_rate"])
    return analyzer


class TestAsOfEveryExtension:
    """What SpikeInterface asks of any extension, with and without a recording, wherever it is stored."""

    def reload(self, analyzer):
        return analyzer if analyzer.format == "memory" else si.load(analyzer.folder)

    def test_it_is_computed(self, analyzer, computed):
        assert analyzer.has_extension(NAME)
        assert_same(result_of(analyzer), result_of(computed))

    def test_data_need_no_pickle(self, analyzer):
        kinds = (np.ndarray, dict, pd.DataFrame)
        assert all(isinstance(value, kinds) for value in analyzer.get_extension(NAME).data.values())

    def test_tables_hold_numbers_alone(self, analyzer):
        """SpikeInterface's common suite compares what is stored by subtracting it."""
        stored = self.reload(analyzer).get_extension(NAME).data
        for table in (each for each in stored.values() if isinstance(each, pd.DataFrame)):
            assert {dtype.kind for dtype in table.dtypes} <= set("if")

    def test_one_chain_needs_no_variables(self, analyzer):
        found = self.reload(analyzer).select_units([5, 2]).get_extension(NAME).get_data()
        assert found.generated.unit_ids.tolist() == [5, 2]

    def test_it_is_read_back(self, analyzer):
        again = self.reload(analyzer)
        assert_same(result_of(again), result_of(analyzer))
        assert again.get_extension(NAME).params == analyzer.get_extension(NAME).params

    @pytest.mark.parametrize("format", FORMATS)
    def test_it_moves_to_another_format(self, analyzer, format, tmp_path):
        folder = None if format == "memory" else tmp_path / "moved"
        moved = self.reload(analyzer).save_as(format=format, folder=folder)
        assert_same(result_of(self.reload(moved)), result_of(analyzer))

    @pytest.mark.parametrize("format", FORMATS)
    def test_units_are_selected(self, analyzer, format, tmp_path):
        folder = None if format == "memory" else tmp_path / "selected"
        selected = self.reload(analyzer).select_units([5, 1], format=format, folder=folder)
        found = result_of(self.reload(selected))
        assert found.spike_probability.unit.values.tolist() == [5, 1]
        assert set(found.scores.num_units) == {2}

    def test_units_are_merged(self, analyzer):
        merged = self.reload(analyzer).merge_units([[1, 4], [2, 3]], new_unit_ids=[1, 20])
        assert result_of(merged).spike_probability.unit.values.tolist() == merged.unit_ids.tolist()
        assert set(result_of(merged).scores.num_units) == {6}

    def test_units_are_split(self, analyzer):
        count = len(analyzer.sorting.get_unit_spike_train(2, segment_index=0))
        halves = [np.arange(count // 2), np.arange(count // 2, count)]
        split = self.reload(analyzer).split_units({2: halves})
        assert len(split.unit_ids) == 9
        assert result_of(split).spike_probability.unit.values.tolist() == [0, 1, 3, 4, 5, 6, 7]
        assert "split [2]" in result_of(split).record["changes"][0]

    def test_it_is_deleted(self, analyzer, tmp_path):
        folder = None if analyzer.format == "memory" else tmp_path / "copy"
        copy = self.reload(analyzer).save_as(format=analyzer.format, folder=folder)
        copy.delete_extension(NAME)
        assert not self.reload(copy).has_extension(NAME)


def test_a_notebook_shows_a_result_in_short(computed):
    found = result_of(computed.select_units([5, 2]))
    assert len(repr(found)) < 250
    assert "2 units, 15 to 20 s (test)" in repr(found)
    found.record["changes"] = ["<script>alert(1)</script>"]
    shown = found._repr_html_()
    assert "&lt;script&gt;" in shown
    assert "<script>" not in shown
    assert "bits_per_spike" in shown
    assert len(shown) < 10_000


def test_what_was_stored_with_texts_is_read(computed, tmp_path):
    """As it was before tables had codes: texts in the tables, and no sampling frequency."""
    whole = result_of(computed)
    data = computed.get_extension(NAME).data
    record = {key: data["record"][key] for key in data["record"].keys() - {"texts", "audits_attrs"}}
    record.pop("sampling_frequency")
    old = {**data, "scores": whole.scores.drop(columns="reason"), "audits": whole.audits, "record": record}
    found = nsi.generation.to_generation(old, computed.sampling_frequency)
    pd.testing.assert_frame_equal(found.scores, whole.scores.drop(columns="reason"))
    pd.testing.assert_frame_equal(found.audits, whole.audits)
    assert found.generated.sampling_frequency == computed.sampling_frequency


@pytest.mark.skipif(
    importlib.util.find_spec("spikeinterface.postprocessing.tests") is None,
    reason="SpikeInterface's wheel has no tests: install it from its source to run its common suite",
)
def test_the_common_suite_of_spikeinterface(checkpoint, tmp_path):
    from spikeinterface.postprocessing.tests import common_extension_tests as common

    suite = common.AnalyzerExtensionCommonTestSuite()
    suite.recording, suite.sorting = common.get_dataset()
    suite.sparsity = common.estimate_sparsity(suite.sorting, suite.recording, method="radius", radius_um=20)
    suite.cache_folder = tmp_path
    params = {"model": checkpoint, "baselines": ["running_rate"]}
    suite.run_extension_tests(nsi.ComputeSpikeGeneration, params)


class TestParameters:
    def test_none_is_taken_for_one_of_a_job(self):
        names = set(inspect.signature(nsi.ComputeSpikeGeneration._set_params).parameters)
        assert names.isdisjoint(job_keys)

    def test_json_holds_them(self, sorting, checkpoint):
        analyzer = nsi.create_spike_analyzer(sorting)
        extension = nsi.ComputeSpikeGeneration(analyzer)
        extension.set_params(model=checkpoint, unit_ids=np.array([1, 3]), segment_index=np.int64(0))
        assert json.loads(json.dumps(extension.params)) == extension.params

    @pytest.mark.parametrize(
        "wrong",
        [
            {"segment": "future"},
            {"context": "hot"},
            {"seed": -1},
            {"baselines": ["oracle"]},
            {"segment_index": 1},
            {"unit_ids": [1, 99]},
            {"unit_ids": [1, 1]},
            {"start": 1000.0},
        ],
        ids=str,
    )
    def test_wrong_ones_are_refused(self, sorting, checkpoint, wrong):
        with pytest.raises(InputError):
            nsi.compute_spike_generation(sorting, checkpoint, **wrong)

    def test_a_model_must_be_named_and_there(self, computed, tmp_path):
        analyzer = nsi.create_spike_analyzer(computed.sorting)
        with pytest.raises(InputError, match="no model"):
            analyzer.compute(NAME)
        with pytest.raises(InputError, match=r"no model\.json"):
            analyzer.compute(NAME, model=tmp_path)

    def test_another_model_is_not_taken_in_silence(self, sorting, checkpoint, computed):
        sha256 = "0" * 64
        with pytest.raises(InputError, match="restore the checkpoint"):
            nsi.compute_spike_generation(sorting, checkpoint, model_sha256=sha256)
        assert computed.get_extension(NAME).params["model_sha256"] == nsg.load_model(checkpoint).sha256


class TestTheSamePredictionAsThePackage:
    def test_a_sorting_and_its_analyzer_agree(self, sorting, checkpoint, computed):
        alone = nsi.compute_spike_generation(sorting, checkpoint, baselines=["running_rate"])
        assert_same(alone, result_of(computed))

    def test_it_is_what_generate_and_score_return(self, sorting, checkpoint, computed):
        units = nsg.open_units(sorting)
        parts = nsg.split_fractions(units, (0.5, 0.25, 0.25))
        predicted = nsg.generate(nsg.load_model(checkpoint), parts.test, context=units)
        scores = nsg.score(predicted, parts.test, train=parts.train, baselines=["running_rate"])
        np.testing.assert_array_equal(predicted.values, result_of(computed).spike_probability.values)
        pd.testing.assert_frame_equal(scores, result_of(computed).scores)

    def test_generated_spikes_are_a_seeded_draw(self, computed, sorting, checkpoint):
        found = result_of(computed)
        drawn = np.stack(
            [
                np.isin(np.arange(5_000), found.generated.get_unit_spike_train(unit, segment_index=0) // 2)
                for unit in found.generated.unit_ids
            ],
            axis=1,
        )
        expected = nsg.scoring.draw_spikes(
            found.spike_probability.values, 0, unit_ids=found.generated.unit_ids
        )
        np.testing.assert_array_equal(drawn, expected > 0)
        other = nsi.compute_spike_generation(sorting, checkpoint, baselines=["running_rate"], seed=1)
        assert other.generated.to_spike_vector().tolist() != found.generated.to_spike_vector().tolist()

    def test_cold_reads_nothing_before(self, sorting, checkpoint):
        found = nsi.compute_spike_generation(sorting, checkpoint, context="cold", baselines=["running_rate"])
        assert found.scores.attrs["context"] == found.record["context"] == "cold"


def model_bits(scores: pd.DataFrame) -> float:
    rows = scores[(scores.metric == "bits_per_spike") & (scores["null"] == "mean_rate")]
    return float(rows[rows.predictor == "in_context"].value.iloc[0])


class TestChangedUnits:
    def expected_bits(self, probability, spikes, trained):
        rate = (trained.sum(axis=0) + 0.5) / (len(trained) + 1)
        return bits_per_spike(probability, spikes, np.broadcast_to(rate, spikes.shape).astype(np.float64))

    def bins(self, sorting):
        # a merge drops the annotation that says how long was observed
        sorting.annotate(observation_interval=(0.0, DURATION), overwrite=True)
        spikes = nsg.open_units(sorting).spikes.values
        return spikes[:10_000], spikes[15_000:]

    def test_scores_are_those_of_the_units_selected(self, computed):
        trained, tested = self.bins(computed.sorting)
        probability = result_of(computed).spike_probability.values
        # one of too few spikes would have no score
        for units in ([6, 1], [int(tested.sum(axis=0).argmax())]):
            found = result_of(computed.select_units(units))
            expected = self.expected_bits(probability[:, units], tested[:, units], trained[:, units])
            assert model_bits(found.scores) == pytest.approx(expected, rel=1e-5)

    def test_a_merged_unit_fires_when_either_part_does(self, computed):
        before = result_of(computed)
        merged = computed.merge_units([[1, 4]], new_unit_ids=[50])
        after = result_of(merged)
        p, q = (before.spike_probability.sel(unit=unit).values.astype(float) for unit in (1, 4))
        found = after.spike_probability.sel(unit=50).values
        np.testing.assert_allclose(found, 1 - (1 - p) * (1 - q), rtol=1e-6)
        trained, tested = self.bins(merged.sorting)
        expected = self.expected_bits(after.spike_probability.values, tested, trained)
        assert model_bits(after.scores) == pytest.approx(expected, rel=1e-5)
        trains = [before.generated.get_unit_spike_train(unit, segment_index=0) for unit in (1, 4)]
        both = np.unique(np.concatenate(trains))
        np.testing.assert_array_equal(after.generated.get_unit_spike_train(50, segment_index=0), both)

    def test_spikes_censored_by_a_merge_are_not_scored(self, computed):
        merged = computed.merge_units([[1, 4]], new_unit_ids=[50], censor_ms=500.0)
        _, tested = self.bins(merged.sorting)
        assert set(result_of(merged).scores.num_spikes) == {int(tested.sum())}

    def test_everything_merged_has_a_prediction_and_no_scores(self, computed):
        found = result_of(computed.merge_units([computed.unit_ids.tolist()], new_unit_ids=[50]))
        assert found.spike_probability.unit.values.tolist() == [50]
        assert found.scores.empty

    def test_a_merge_with_a_unit_not_predicted_is_not_predicted(self, sorting, checkpoint):
        analyzer = nsi.create_spike_analyzer(sorting)
        analyzer.compute(NAME, model=checkpoint, unit_ids=[0, 1, 2], baselines=["running_rate"])
        assert result_of(analyzer.merge_units([[2, 3]])).spike_probability.unit.values.tolist() == [0, 1]
        assert result_of(analyzer.select_units([5, 6])).spike_probability.shape[1] == 0

    def test_ids_may_be_texts(self, checkpoint, tmp_path):
        named = simulated(seed=5, num_units=4).rename_units(["a", "b", "c", "delta"])
        analyzer = nsi.create_spike_analyzer(named, format="zarr", folder=tmp_path / "named")
        analyzer.compute(NAME, model=checkpoint, unit_ids=["c", "a", "b"], baselines=["running_rate"])
        merged = si.load(analyzer.folder).merge_units([["a", "b"]], new_unit_ids=["ab"])
        assert result_of(merged).spike_probability.unit.values.tolist() == ["c", "ab"]

    def test_hard_changes_ask_the_model_again(self, computed):
        merged = result_of(computed.merge_units([[1, 4]], new_unit_ids=[50], merging_mode="hard"))
        soft = result_of(computed.merge_units([[1, 4]], new_unit_ids=[50]))
        assert merged.record["changes"] == []
        assert merged.record["num_units_read"] == 7
        assert merged.record["edges"] == soft.record["edges"]
        assert not np.array_equal(merged.spike_probability.values, soft.spike_probability.values)


class TestHonesty:
    def test_what_was_trained_on_is_predicted_and_not_scored(self, sorting, checkpoint):
        quick = {"baselines": ["running_rate"]}
        trained = nsi.compute_spike_generation(sorting, checkpoint, segment="train", **quick)
        assert trained.spike_probability.sizes["time"] == 10_000
        assert trained.scores.empty
        everything = nsi.compute_spike_generation(sorting, checkpoint, segment="all", **quick)
        assert everything.record["first_scored_bin"] == 10_000
        assert everything.scores.attrs["segment_start"] == 10.0

    @pytest.mark.parametrize("changed", ["selected", "later", "merged", "stored"])
    def test_training_data_are_known_again(self, sorting, checkpoint, changed, tmp_path):
        source, clock = nsi.create_spike_analyzer(sorting), 0.0
        if changed == "selected":
            source = source.select_units([7, 0, 3])
        elif changed == "merged":
            source = source.merge_units([[0, 1], [2, 3]])
        elif changed == "later":
            source, clock = simulated(), 1000.0
            source.shift_times(clock)
            source.annotate(observation_interval=(clock, clock + DURATION), overwrite=True)
        else:
            source.save_as(format="zarr", folder=tmp_path / "stored")
            source = si.load(tmp_path / "stored.zarr")
        how = {"start": 0.0, "split": (0.1, 0.1, 0.8), "baselines": ["running_rate"]}
        found = nsi.compute_spike_generation(source, checkpoint, **how)
        assert found.scores.attrs["segment_start"] == pytest.approx(clock + 10.0)
        row = found.audits[found.audits.audit == "independence"].iloc[0]
        assert "same session" in row.detail

    def test_the_trained_window_is_used_again(self, sorting, tmp_path):
        how = {"start": 2.5, "duration": 15.0, "split": (0.4, 0.3, 0.2), "unit_ids": [4, 2, 6]}
        nsi.train_spike_model(sorting, tmp_path / "model", **QUICK, **how)
        analyzer = nsi.create_spike_analyzer(sorting)
        analyzer.sorting.shift_times(0.5)  # an analyzer's clock is its samples: stored ones forget this
        found = nsi.compute_spike_generation(analyzer, tmp_path / "model", baselines=["running_rate"])
        assert found.record["edges"] == pytest.approx([2.5, 8.5, 13.0, 16.0])
        assert found.spike_probability.unit.values.tolist() == [4, 2, 6]

    def test_the_future_changes_nothing(self, checkpoint):
        one, other = simulated(seed=5), simulated(seed=6)
        cut = int(17.5 * one.sampling_frequency)
        parts = [(one, 0, cut), (other, cut, None)]
        trains = {
            unit: np.concatenate(
                [
                    each.get_unit_spike_train(unit, segment_index=0, start_frame=start, end_frame=stop)
                    for each, start, stop in parts
                ]
            )
            for unit in one.unit_ids.tolist()
        }
        spliced = si.NumpySorting.from_unit_dict([trains], one.sampling_frequency)
        spliced.annotate(observation_interval=(0.0, DURATION))
        p, q = (
            nsi.compute_spike_generation(each, checkpoint, baselines=["running_rate"]).spike_probability
            for each in (one, spliced)
        )
        before = p.time.values < 17.5 - 0.0005
        np.testing.assert_array_equal(p.values[before], q.values[before])
        assert not np.array_equal(p.values[~before], q.values[~before])


@pytest.fixture(scope="module")
def two():
    trains = [
        {unit: each.get_unit_spike_train(unit, segment_index=0) for unit in each.unit_ids.tolist()}
        for each in (simulated(seed=5), simulated(seed=6))
    ]
    sorting = si.NumpySorting.from_unit_dict(trains, simulated().sampling_frequency)
    recording = si.generate_recording(
        num_channels=2, sampling_frequency=sorting.sampling_frequency, durations=[DURATION, DURATION]
    )
    sorting.register_recording(recording)
    return sorting


class TestSegments:
    def test_all_are_predicted_with_a_gap_that_nobody_observed(self, two, checkpoint):
        how = {"baselines": ["running_rate"], "segment": "all"}
        found = [
            nsi.compute_spike_generation(source, checkpoint, **how)
            for source in (two, nsi.create_spike_analyzer(two))
        ]
        assert_same(*found)
        probability = found[0].spike_probability
        # 20 s, at least one second of nothing, 20 s
        assert probability.sizes["time"] == 41_000
        is_unseen = np.isnan(probability.values).all(axis=1)
        np.testing.assert_array_equal(is_unseen.nonzero()[0], np.arange(20_000, 21_000))
        assert not np.isnan(probability.values[~is_unseen]).any()
        spiked = found[0].generated.to_spike_vector()["sample_index"] / found[0].generated.sampling_frequency
        assert not ((spiked >= 20.0) & (spiked < 21.0)).any()

    @pytest.mark.parametrize("trained_on", [None, 1], ids=["all", "the_second"])
    def test_training_data_are_known_again(self, two, trained_on, tmp_path):
        model = tmp_path / "model"
        trained = nsi.train_spike_model(two, model, segment_index=trained_on, **QUICK)
        quick = {"baselines": ["running_rate"], "start": 0.0, "split": (0.1, 0.1, 0.8)}
        other = 1 if trained_on is None else None
        found = nsi.compute_spike_generation(two, model, segment_index=other, **quick)
        # half of the whole ends at 20.5 s, before the second begins at 21 s; half of the second at 10 s of it
        until = trained.training["split"]["train"][1]
        assert until == pytest.approx(20.5 if trained_on is None else 10.0)
        first = 0.0 if trained_on is None else 21.0 + until
        assert found.scores.attrs["segment_start"] >= first
        assert "same session" in found.audits[found.audits.audit == "independence"].iloc[0].detail

    def test_one_is_predicted_as_if_it_were_alone(self, two, checkpoint):
        how = {"baselines": ["running_rate"]}
        alone = nsi.compute_spike_generation(simulated(seed=6), checkpoint, **how)
        for source in (two, nsi.create_spike_analyzer(two)):
            found = nsi.compute_spike_generation(source, checkpoint, segment_index=1, **how)
            np.testing.assert_array_equal(found.spike_probability.values, alone.spike_probability.values)


class TestAnalyzersOfSpikesAlone:
    def test_silence_at_the_end_is_observed(self):
        sorting = si.NumpySorting.from_unit_dict([{"a": np.array([10]), "b": np.array([500])}], 1000.0)
        analyzer = nsi.create_spike_analyzer(sorting, observation_interval=(0.0, 8.0))
        assert analyzer.get_total_duration() == 8.0
        assert analyzer.unit_ids.tolist() == ["a", "b"]

    @pytest.mark.parametrize("format", FORMATS)
    def test_the_session_clock_survives_storage(self, checkpoint, format, tmp_path):
        sorting = simulated(seed=5)
        sorting.shift_times(3600.0)
        sorting.annotate(observation_interval=(3600.0, 3600.0 + DURATION), overwrite=True)
        folder = None if format == "memory" else tmp_path / "analyzer"
        analyzer = nsi.create_spike_analyzer(sorting, format=format, folder=folder)
        analyzer = analyzer if format == "memory" else si.load(analyzer.folder)
        assert analyzer.sorting.get_unit_spike_train(0, segment_index=0).max() < analyzer.get_num_samples()
        found = nsi.compute_spike_generation(analyzer, checkpoint, baselines=["running_rate"])
        assert found.record["start_time"] == pytest.approx(3615.0)
        merged = result_of(analyzer.merge_units([[0, 1]]))
        assert merged.record["start_time"] == pytest.approx(3615.0)
        assert set(merged.scores.num_units) == {7}

    def test_an_unknown_or_wrong_interval_is_refused(self, sorting, tmp_path):
        silent = si.NumpySorting.from_unit_dict([{0: np.array([10]), 1: np.array([50])}], 1000.0)
        with pytest.raises(InputError, match="observation_interval"):
            nsi.create_spike_analyzer(silent)
        with pytest.raises(InputError, match="outside"):
            nsi.create_spike_analyzer(sorting, observation_interval=(0.0, 5.0))
        with pytest.raises(InputError, match="start before"):
            nsi.create_spike_analyzer(sorting, observation_interval=(5.0, 0.0))
        with pytest.raises(InputError, match="which exists"):
            nsi.create_spike_analyzer(sorting, format="zarr", folder=tmp_path)
        with pytest.raises(InputError, match="format"):
            nsi.create_spike_analyzer(sorting, format="zarr")


def test_a_checkpoint_is_not_overwritten_unasked(sorting, checkpoint):
    with pytest.raises(OutputError, match="overwrite"):
        nsi.train_spike_model(sorting, checkpoint)


def test_neither_sorting_nor_analyzer(checkpoint):
    with pytest.raises(InputError, match="a sorting or a SortingAnalyzer"):
        nsi.compute_spike_generation("recording.nwb", checkpoint)


class TestWidget:
    def test_it_draws_what_is_stored(self, computed):
        pyplot = pytest.importorskip("matplotlib.pyplot")
        widget = nsi.plot_spike_generation(computed, start=2.0, duration=3.0, backend="matplotlib")
        recorded, _, drawn, bits, _ = widget.axes
        found = result_of(computed)
        times = found.spike_probability.time.values[2000] + np.array([0.0, 3.0])
        seconds = np.concatenate(
            [
                computed.sorting.get_unit_spike_train(unit, segment_index=0) / 2000
                for unit in computed.unit_ids
            ]
        )
        assert len(recorded.collections[0].get_offsets()) == np.sum(
            (seconds >= times[0]) & (seconds < times[1])
        )
        frames = found.generated.to_spike_vector()["sample_index"]
        assert len(drawn.collections[0].get_offsets()) == np.sum((frames >= 4000) & (frames < 10_000))
        assert [label.get_text() for label in bits.get_yticklabels()] == ["in_context", "running_rate"]
        pyplot.close(widget.figure)

    def test_what_cannot_be_drawn_is_refused(self, computed, sorting):
        with pytest.raises(InputError, match="stretch"):
            nsi.plot_spike_generation(computed, start=11.0)
        with pytest.raises(Exception, match="is required"):
            nsi.plot_spike_generation(nsi.create_spike_analyzer(sorting))


def test_without_the_import_results_are_not_seen(computed, tmp_path):
    """What docs/spikeinterface.md says happens; SpikeInterface may do better one day."""
    computed.save_as(format="binary_folder", folder=tmp_path / "stored")
    script = f"""
import sys, warnings
import spikeinterface.core as si
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    analyzer = si.load({str(tmp_path / "stored")!r})
    assert any("is unknown" in str(each.message) for each in said)
    try:
        analyzer.get_extension({NAME!r})
    except KeyError:
        pass
    else:
        raise SystemExit("no KeyError")
    assert analyzer.save_as(format="memory").get_loaded_extension_names() == []
    import nwbspikegen_si
    assert "torch" not in sys.modules
    assert analyzer.get_extension({NAME!r}).get_data("scores").shape[1] == 13
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
