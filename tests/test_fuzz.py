"""Damaged files: a clear error or the right answer, never a crash, a hang or another recording.

Read are all inputs that once ended otherwise (tests/corpus/failed.json), and some more. Thousands more:
benchmarks/fuzz.py.
"""

from __future__ import annotations

import json
from collections import Counter

import h5py
import numpy as np
import pytest
from fuzz_changes import describe_change
from fuzz_inputs import BAD, FAILED, KINDS, compare, copy_whole, damage, fuzz_readers
from fuzz_readers import READERS

_FURTHER = range(20_000, 20_004)


def test_damage_ends_in_an_error_or_the_same_reading():
    failed = json.loads(FAILED.read_text())
    assert failed.keys() == READERS.keys()
    wanted = {name: [*failed[name], *_FURTHER] for name in READERS}
    counts: dict[str, Counter[str]] = {name: Counter() for name in READERS}
    bad = []
    for name, outcome in fuzz_readers(wanted, seconds=60.0):
        counts[name][outcome["outcome"]] += 1
        if outcome["outcome"] in BAD:
            bad.append((name, outcome))
    assert not bad
    assert {name: each.total() for name, each in counts.items()} == {
        name: len(numbers) for name, numbers in wanted.items()
    }
    assert all(each["refused"] for each in counts.values())
    # these have checksums everywhere: nothing else is ever read from them
    assert not counts["baseline"]["value"]
    assert not counts["asdf_compressed"]["value"]


@pytest.mark.parametrize("number", range(8))
def test_damage_of_a_number_is_always_the_same(number):
    content = np.random.default_rng(0).bytes(500)
    changed = [damage(content, np.random.default_rng([number, 8])) for _ in range(2)]
    assert changed[0] == changed[1]
    assert changed[0][0] != content or changed[0][1] == "zeroed"
    assert changed[0][1] in KINDS


def test_what_changed_is_told_apart(tmp_path):
    """The judge itself: a value, a name, and neither."""
    path = copy_whole("nwb", tmp_path)
    whole = path.read_bytes()
    with h5py.File(path, "a") as file:
        file["units/obs_intervals"][0, 0] = 0.5
    assert describe_change(whole, path) == "value"
    with h5py.File(path, "a") as file:
        file["units/obs_intervals"][0, 0] = 0.0
        file.move("general/lab", "general/lac")
    assert describe_change(whole, path) == "name"
    with h5py.File(path, "a") as file:
        file["general/lab"] = "another"
    assert describe_change(whole, path) == "wrong"


def test_readings_are_compared_to_the_last_bit():
    whole = {"times": np.array([0.1, np.nan]), "lab": "a"}
    assert not compare(whole, {"times": np.array([0.1, np.nan]), "lab": "a"})
    for other, said in (
        ({"times": np.array([0.1, 0.2]), "lab": "a"}, "values of times"),
        ({"times": np.array([0.1]), "lab": "a"}, "shape of times"),
        ({"times": whole["times"], "lab": "b"}, "values of lab"),
        ({"times": whole["times"]}, "keys: lab"),
    ):
        assert compare(whole, other) == said
