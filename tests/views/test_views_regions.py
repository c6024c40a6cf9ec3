"""Units by brain region: names, layers, and what lies in a region of the Allen atlas."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from nwbspikegen.core import brain_regions
from nwbspikegen.core.errors import InputError
from nwbspikegen.views import criteria as criteria_module
from nwbspikegen.views import select_units


def _locate(locations, **coords) -> xr.Dataset:
    spikes = np.ones((4, len(locations)), dtype=np.uint8)
    columns = {name: ("unit", np.array(values)) for name, values in coords.items()}
    return xr.Dataset(
        {"spikes": (("time", "unit"), spikes)},
        coords={"unit": np.arange(len(locations)), "location": ("unit", list(locations)), **columns},
    )


def _select(units, region) -> list[int]:
    return select_units(units, skip=0, region=region).unit.values.tolist()


@pytest.fixture
def no_atlas(monkeypatch) -> None:
    for module in (brain_regions, criteria_module):
        monkeypatch.setattr(module, "has_atlas", lambda: False)


_MOUSE = ["VISp2/3", "VISp6a", "VISpm5", "COApm1", "COApl2", "LPO", "CA1", "CA1", "unknown", "void"]


@pytest.mark.parametrize(
    ("region", "expected"),
    [
        ("VISp", [0, 1]),
        ("Isocortex", [0, 1, 2]),
        ("COAp", [3, 4]),
        ("CTXpl", [0, 1, 2, 3, 4, 6, 7]),
        (["BS", "HPF"], [5, 6, 7]),
        ("grey", [0, 1, 2, 3, 4, 5, 6, 7]),
    ],
)
def test_a_region_of_the_allen_atlas_has_all_that_lies_in_it(region, expected):
    pytest.importorskip("iblatlas")
    assert _select(_locate(_MOUSE), region) == expected


def test_what_is_no_acronym_is_matched_as_it_is():
    # MT lies in the mouse's midbrain
    monkey = _locate(["V1", "V1", "V4", "MT", "MT", "area P", "F5"])
    assert _select(monkey, "MT") == [3, 4]
    assert _select(monkey, ["V4", "area P"]) == [2, 5]
    assert _select(monkey, "V") == [0, 1, 2]
    with pytest.raises(InputError, match=r"no unit of region MB.*expected V1 \(2\), MT \(2\)"):
        _select(monkey, "MB")


def test_other_species_are_not_looked_up():
    units = _locate(["MT", "MT", "V4"])
    for species in ("Macaca mulatta", "http://purl.obolibrary.org/obo/NCBITaxon_9544"):
        with pytest.raises(InputError, match=r"no unit of region MB"):
            _select(units.assign_attrs(species=species), "MB")
    pytest.importorskip("iblatlas")
    for species in ("Mus musculus", "house mouse", "http://purl.obolibrary.org/obo/NCBITaxon_10090"):
        assert _select(units.assign_attrs(species=species), "MB") == [0, 1]


def test_one_odd_name_does_not_hide_the_atlas():
    pytest.importorskip("iblatlas")
    assert _select(_locate(["VISp5", "MOs1", "left V1"]), "Isocortex") == [0, 1]


def test_without_the_atlas_names_and_layers_are_matched_and_the_error_says_so(no_atlas):
    units = _locate(_MOUSE)
    assert _select(units, "VISp") == [0, 1]
    with pytest.raises(InputError, match=r"COAp \(by name alone: iblatlas is not installed\).*\[ibl\]"):
        _select(units, "COAp")


def test_units_without_any_known_location_are_said_to_have_none():
    nowhere = _locate(["unknown", "", "nan"])
    with pytest.raises(InputError, match=r"VISp: no location is known of any of 3 units.*such as a depth"):
        _select(nowhere, "VISp")
    with pytest.raises(InputError, match=r"no location is known.*convert the session again.*\[ibl\]"):
        _select(_locate(["unknown"] * 3, brain_location_id=[385, 0, 0]), "VISp")
