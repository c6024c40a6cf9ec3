"""Views of real recordings, when they are at hand."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from nwbspikegen.core.errors import InputError
from nwbspikegen.views import count_merged, open_units, select_units


@pytest.mark.parametrize(
    "name", ["retina_stafford_wt", "retina_stafford_ko", "retina_sun_duplicate_unit", "A8604-211122"]
)
def test_every_spike_of_a_real_file_is_counted(shared_data, name):
    path = shared_data / "nwb" / f"{name}.nwb"
    units = open_units(path, bin_size=0.1, binary=False).isel(unit=slice(0, 20))
    with h5py.File(path) as file:
        expected = np.diff(file["units/spike_times_index"][:20].astype(int), prepend=0)
    assert units.spikes.values.sum(axis=0).tolist() == expected.tolist()


def test_the_session_clock_is_kept(shared_data):
    units = open_units(shared_data / "nwb" / "retina_stafford_ko.nwb", start=10.0, duration=5.0)
    assert units.time.values[0] == pytest.approx(3610.00045)
    assert units.sizes["time"] == 5000
    assert units.attrs["preparation"] == "in_vitro"
    assert {"location", "rel_x", "rel_y", "unit_name"} <= set(units.coords)


def test_ten_minutes_of_128_units(shared_data):
    units = select_units(
        open_units(shared_data / "nwb" / "retina_stafford_wt.nwb", duration=600), skip=100, take=128
    )
    spikes = units.spikes.values
    assert spikes.shape == (600_000, 128)
    assert spikes.dtype == np.uint8
    assert (
        spikes.sum() + count_merged(units)
        == open_units(shared_data / "nwb" / "retina_stafford_wt.nwb", duration=600, binary=False)
        .spikes[:, 100:228]
        .sum()
    )


def test_a_file_without_units_is_refused(shared_data):
    with pytest.raises(InputError, match="no units table"):
        open_units(shared_data / "nwb" / "malformed_units_aibs_ecephys.nwb")
