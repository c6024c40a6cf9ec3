"""A simulation as a recording: sorting, coupling, metadata, refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nwbspikegen.core.errors import InputError
from nwbspikegen.simulation import PREPARATIONS, metadata_of, simulate

both = pytest.mark.parametrize("preparation", sorted(PREPARATIONS))


@both
@pytest.mark.parametrize("bin_size", [0.001, 0.002])
def test_sorting_holds_every_spike_at_its_bin_centre(preparation: str, bin_size: float) -> None:
    simulation = simulate(preparation, num_units=5, duration=30.0, bin_size=bin_size, seed=8)
    sorting = simulation.sorting
    assert sorting.get_num_units() == 5
    for unit in sorting.unit_ids:
        train = sorting.get_unit_spike_train_in_seconds(unit)
        np.testing.assert_allclose(
            train, (np.flatnonzero(simulation.spikes[:, unit]) + 0.5) * bin_size, rtol=1e-12
        )


def test_sorting_says_where_and_how_long() -> None:
    sorting = simulate("in_vitro", num_units=40, duration=2.5, seed=1).sorting
    assert sorting.get_annotation("observation_interval") == (0.0, 2.5)
    places = set(zip(sorting.get_property("rel_x"), sorting.get_property("rel_y"), strict=True))
    assert len(places) == 40
    depth = simulate("in_vivo", num_units=40, duration=2.5, seed=1).sorting.get_property("rel_y")
    assert (np.diff(depth) >= 0).all()


@both
def test_coupling_is_sparse_signed_by_source_and_without_loops_to_oneself(preparation: str) -> None:
    coupling = simulate(preparation, num_units=64, duration=1.0, seed=4).coupling
    assert (np.diag(coupling) == 0).all()
    assert ((coupling != 0).sum(axis=1) == PREPARATIONS[preparation].inputs_per_unit).all()
    assert not ((coupling > 0).any(axis=0) & (coupling < 0).any(axis=0)).any()
    assert (coupling > 0).any()
    assert (coupling < 0).any()


@both
def test_coupling_shows_in_the_spikes(preparation: str) -> None:
    simulation = simulate(preparation, num_units=32, duration=200.0, seed=6)
    spikes, coupling = simulation.spikes, simulation.coupling
    after = np.array([spikes[1:][spikes[:-1, source] > 0].mean(axis=0) for source in range(32)]).T
    ratio = after / spikes.mean(axis=0)[:, None]
    assert np.median(ratio[coupling > 0]) > 2 * np.median(ratio[(coupling == 0) & ~np.eye(32, dtype=bool)])
    assert np.median(ratio[coupling < 0]) < np.median(ratio[coupling > 0])


def test_seed_decides_everything() -> None:
    one, again, other = (simulate("in_vivo", num_units=8, duration=3.0, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.spikes, again.spikes)
    np.testing.assert_array_equal(one.intensity, again.intensity)
    assert (one.spikes != other.spikes).any()
    assert (one.coupling != other.coupling).any()


def test_a_longer_simulation_starts_like_the_shorter() -> None:
    short, long = (simulate("in_vitro", num_units=8, duration=d, seed=1) for d in (2.0, 4.0))
    np.testing.assert_array_equal(short.spikes, long.spikes[: len(short.spikes)])


@both
def test_metadata_is_complete_and_says_simulated(preparation: str) -> None:
    metadata = metadata_of(simulate(preparation, num_units=2, duration=1.0, seed=7))
    assert f"preparation:{preparation}" in metadata["NWBFile"]["keywords"]
    assert "imulated" in metadata["NWBFile"]["session_description"]
    assert "simulated" in metadata["Subject"]["description"]
    assert "/" not in metadata["Subject"]["subject_id"]
    assert {"subject_id", "species", "age", "sex"} <= metadata["Subject"].keys()


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"preparation": "in_silico"}, "in_vitro"),
        ({"num_units": 1}, "units"),
        ({"duration": 0.5}, "duration"),
        ({"duration": float("nan")}, "duration"),
        ({"bin_size": 0.1}, "bin_size"),
        ({"seed": -1}, "seed"),
    ],
)
def test_what_cannot_be_simulated_is_refused_in_one_line(wrong: dict[str, Any], word: str) -> None:
    arguments = {"preparation": "in_vitro", "num_units": 4, "duration": 1.0} | wrong
    with pytest.raises(InputError, match=word) as error:
        simulate(arguments.pop("preparation"), **arguments)
    assert "\n" not in str(error.value)
