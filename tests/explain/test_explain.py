"""`nwbspikegen explain`: a model and a recording to maps, controls and sentences, in a file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import nwbspikegen as nsg
from nwbspikegen.cli import cli
from nwbspikegen.explain.nwb import read_attention
from nwbspikegen.simulation import metadata_of

_SETTINGS = {"shimono2026": {"num_heads": 2, "num_bins": 200}, "in_context": {"width": 16}}
_FIGURES = {
    "shimono2026": {"attention_maps", "attention_curves", "rate_correlations", "ablations"},
    "in_context": {"couplings", "ablations"},
}


def _run(*arguments: object):
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    simulation = nsg.simulate("in_vivo", num_units=6, duration=16, seed=3)
    path = tmp_path_factory.mktemp("explain") / "sub-a_ecephys.nwb"
    return nsg.convert_sorting(simulation.sorting, path, metadata=metadata_of(simulation))


@pytest.fixture(scope="module", params=list(_SETTINGS))
def model(request, recording):
    """Train on the recording and return name and folder."""
    name, folder = request.param, recording.with_name(request.param)
    parts = nsg.split_fractions(nsg.open_units(recording))
    fitted = nsg.train(
        parts.train, parts.validation, model=name, epochs=1, progress=False, device="cpu", **_SETTINGS[name]
    )
    fitted.save(folder)
    return name, folder


def test_a_file_holds_maps_tables_and_what_they_say(recording, model, tmp_path):
    name, folder = model
    out, figures = tmp_path / "sub-a_desc-explain_ecephys.nwb", tmp_path / "figures"
    done = _run(
        "explain",
        folder,
        recording,
        "--out",
        out,
        "--figures",
        figures,
        "--targets",
        3,
        "--windows",
        2,
        "--json",
    )
    assert done.exit_code == 0, done.output
    printed = json.loads(done.stdout)
    maps, correlations, ablations = read_attention(out)
    assert {path.stem for path in figures.iterdir()} == _FIGURES[name]
    drawn = json.loads(_run("plot", out, "--out", tmp_path / "again", "--json").stdout)["figures"]
    assert {Path(path).stem for path in drawn} >= _FIGURES[name]
    assert len(printed["ablations"]) == len(ablations)
    assert len(printed["rate_correlations"]) == len(correlations)
    assert any("losing" in sentence for sentence in printed["findings"])
    if name == "shimono2026":
        assert {"attention", "importance", "attention_weighted_importance"} <= set(maps.data_vars)
        assert maps["attention"].sizes["head"] == 2
        assert maps["importance"].dims == ("time", "unit")
        # session time: the test segment is the last quarter of 16 s
        np.testing.assert_allclose(float(maps["time"][0]), 12.0, atol=0.002)
    else:
        assert maps["influence"].shape == (6, 6)
        np.testing.assert_array_equal(maps["source_unit"], nsg.open_units(recording).unit)
    for array in maps.data_vars.values():
        assert array.attrs["description"]
    again = _run("explain", folder, recording, "--out", out, "--targets", 3)
    assert again.exit_code == 2
    assert "--overwrite" in again.stderr


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("--loss", "hinge", "one of 'dice'"),
        ("--context", "hot", "not one of 'warm', 'cold'"),
        ("--targets", "0", "1 or more"),
    ],
)
def test_options_that_cannot_be_followed(recording, model, tmp_path, option, value, says):
    done = _run("explain", model[1], recording, "--out", tmp_path / "a.nwb", option, value)
    assert done.exit_code == 2, done.output
    assert says in done.stderr
    assert not list(tmp_path.iterdir())


def test_help_names_the_controls():
    done = _run("explain", "--help")
    assert done.exit_code == 0
    assert "--retrain" in done.output
