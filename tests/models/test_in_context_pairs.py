"""Pairs of training: chosen before a recording is read, the same as if all had been kept."""

from __future__ import annotations

import gc
import tracemalloc

import numpy as np

import nwbspikegen as nsg
from nwbspikegen.models import build_model
from nwbspikegen.models.in_context.pair_examples import PairExamples
from nwbspikegen.models.in_context.pair_reading import PairReading, cut_at_random, vary_by_columns
from nwbspikegen.models.in_context.pair_sampling import PairColumns, choose_evenly
from nwbspikegen.models.in_context.past import (
    NEWEST_PRIOR,
    NUM_FEATURES,
    Past,
    find_prior,
    list_training_samples,
)
from nwbspikegen.views.history import mean_rate_per_bin

_BIN = 0.001
_PRIOR = find_prior(NEWEST_PRIOR)


def _spikes(seconds: float, num_units: int = 6, seed: int = 1) -> np.ndarray:
    simulation = nsg.simulate("in_vivo", num_units=num_units, duration=seconds, seed=seed)
    return nsg.open_units(simulation.sorting).spikes.values


def _read_all(spikes: np.ndarray, observed: np.ndarray | None = None):
    """Return bin, unit, features, target and weight of all training samples of one reading."""
    past = Past(spikes.shape[1], _BIN, _PRIOR)
    found = list(past.read(spikes, np.zeros(len(spikes), dtype=bool), observed))
    names = ("bin", "unit", "features", "fired", "weight")
    return [np.concatenate([getattr(samples, name) for samples in found]) for name in names]


def test_training_samples_are_known_without_reading():
    spikes = _spikes(25)
    observed = np.ones(spikes.shape, dtype=bool)
    observed[4000:9000, 2] = False
    for mask, first in ((None, 0), (observed, 0), (observed, 12_345)):
        bins, _, _, fired, _ = _read_all(spikes, mask)
        listed = list_training_samples(spikes, mask, _BIN, _PRIOR, first=first)
        np.testing.assert_array_equal(listed, fired[bins >= first] > 0)


def test_chosen_pairs_are_those_of_all():
    """As the first version took them: everything read and kept, then sampled."""
    recordings = [_spikes(20), _spikes(12, num_units=4, seed=2)]
    model = build_model("in_context", 6, training_samples=4_000)
    examples = model.training_examples(recordings, _BIN, seed=3)
    rng, expected = np.random.default_rng(3), []
    for spikes in recordings:
        null = mean_rate_per_bin(spikes, None)
        # 5 s are skipped, at most a tenth
        skip = min(5000, len(spikes) // 10)
        restarts = cut_at_random(len(spikes), 1000, rng)
        for pieces, begin in (([slice(None)], skip), (restarts, 0)):
            read = [_read_all(spikes[piece]) for piece in pieces]
            bins, unit, features, fired, weight = (np.concatenate(each) for each in zip(*read, strict=True))
            rows = np.flatnonzero(bins >= begin)
            kept = rows[np.sort(rng.choice(len(rows), 1000, replace=False))]
            # in single precision, as it was computed
            per_spike = weight[kept] / np.float32(fired[kept].sum())
            expected.append((features[kept], fired[kept], per_spike, null[unit[kept]].astype(np.float32)))
    features, target, weight, null = (np.concatenate(each) for each in zip(*expected, strict=True))
    standard = np.clip((features - model.center.numpy()) / model.scale.numpy(), -4, 4)
    batch = next(examples.epoch(None))
    np.testing.assert_array_equal(batch.inputs[0][0].numpy(), standard)
    np.testing.assert_array_equal(batch.target[0].numpy(), target)
    np.testing.assert_array_equal(batch.weight[0].numpy(), weight / weight.mean())
    np.testing.assert_array_equal(batch.null[0].numpy(), null)


def test_of_more_units_than_a_bound_each_way_reads_a_draw():
    spikes = _spikes(4)
    observed = np.ones(spikes.shape, dtype=bool)
    observed[1000:2000, :3] = False
    first, again = (
        PairReading(spikes, _BIN, _PRIOR, observed, 3).list_ways(0.0, np.random.default_rng(0)) for _ in "12"
    )
    assert [way.units.tolist() for way in first] == [way.units.tolist() for way in again]
    assert [len(way.units) for way in first] == [3, 3]
    assert first[0].units.tolist() != first[1].units.tolist()
    # what is read of them is what a recording of no others would tell
    null = mean_rate_per_bin(spikes, observed).astype(np.float32)
    reading = PairReading(spikes, _BIN, _PRIOR, observed, 3)
    way = reading.choose(first[0], choose_evenly, 500, np.random.default_rng(1))
    columns = PairColumns.reserve(len(way.pairs.place), NUM_FEATURES)
    reading.read_into(columns, [way])
    drawn = first[0].units
    _, unit, features, _, _ = _read_all(spikes[:, drawn], observed[:, drawn])
    np.testing.assert_array_equal(columns.features, features[way.pairs.place])
    np.testing.assert_array_equal(columns.null, null[drawn][unit[way.pairs.place]])


def test_validation_reads_a_draw_as_well():
    spikes = _spikes(4)
    null = mean_rate_per_bin(spikes, None)
    shapes = []
    for bound in (3, 6):
        model = build_model("in_context", 6, training_units=bound)
        batch = next(model.validation_examples(spikes, 3500, _BIN, null, seed=0).epoch(None))
        shapes.append(batch.target.shape[1])
        assert set(np.unique(batch.null)) <= set(null.astype(np.float32))
    assert shapes == [500 * 3, 500 * 6]


def test_variance_by_columns_is_that_of_all():
    features = np.random.default_rng(0).normal(3, 2, (10_001, 59)).astype(np.float32)
    np.testing.assert_array_equal(vary_by_columns(features), features.var(axis=0))


def test_memory_does_not_grow_with_the_recording():
    """Of 16 units and 60 s, features of all training samples are 21 MB more than of 15 s."""
    model = build_model("in_context", 16, training_samples=2_000, validation_samples=2_000)
    peaks, samples = [], []
    for spikes in (_spikes(15, num_units=16), _spikes(60, num_units=16)):
        samples.append(list_training_samples(spikes, None, _BIN, _PRIOR).size)
        # once before, for what is compiled
        model.training_examples([spikes[:1000]], _BIN, seed=0)
        tracemalloc.start()
        model.training_examples([spikes], _BIN, seed=0)
        model.validation_examples(spikes, 10_000, _BIN, mean_rate_per_bin(spikes, None), seed=0)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # what grows: a truth value for each sample, a number while some are drawn, and pieces up to 10,000 bins.
    # When all features were kept, twice as much as these are was added
    assert peaks[1] - peaks[0] < 0.6 * 4 * NUM_FEATURES * (samples[1] - samples[0])


def test_examples_go_with_the_training():
    """Of two trainings in one process, the second does not stand beside what the first has read."""
    units = nsg.open_units(nsg.simulate("in_vivo", num_units=4, duration=20, seed=1).sorting)
    parts = nsg.split_fractions(units)
    gc.disable()
    try:
        nsg.train(parts.train, parts.validation, epochs=1, progress=False)
        # by type: isinstance would ask objects of torch for their class, which warns
        assert not [each for each in gc.get_objects() if type(each) is PairExamples]
    finally:
        gc.enable()
