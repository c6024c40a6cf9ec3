"""Free runs with units that are clamped or silenced: exact where the answer is known, and in NWB."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from click.testing import CliRunner
from spikeinterface.extractors import read_nwb_sorting

import nwbspikegen as nsg
from nwbspikegen.cli import cli
from nwbspikegen.core.errors import InputError
from nwbspikegen.prediction.nwb_reading import (
    read_generated_units,
    read_realism,
    read_run_conditions,
    read_statistics,
)
from nwbspikegen.simulation import conditional_intensity, draw_hidden, metadata_of


@pytest.fixture(scope="module")
def model():
    return nsg.load_model("pretrained")


@pytest.fixture(scope="module")
def simulation():
    return nsg.simulate("in_vivo", num_units=6, duration=80, seed=3)


@pytest.fixture(scope="module", autouse=True)
def _short_pieces():
    """Let runs of a few seconds come in more pieces than one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("nwbspikegen.prediction.free_run._PIECE_BINS", 2000)
        yield


@pytest.fixture(scope="module")
def units(simulation):
    return nsg.open_units(simulation.sorting)


@pytest.fixture(scope="module")
def context(units):
    return units.isel(time=slice(0, 20_000))


@pytest.fixture(scope="module")
def free(model, context):
    return nsg.free_run(model, context, seconds=3, seed=1, num_samples=2)


def _view(run: xr.DataArray, columns: list[int]) -> xr.Dataset:
    return run[0].isel(unit=columns).drop_vars("condition").to_dataset(name="spikes").assign_attrs(run.attrs)


def test_clamped_to_what_it_would_have_done_nothing_changes(model, context, free) -> None:
    run = nsg.free_run(model, context, seconds=3, seed=1, clamp=_view(free, [1, 4]))
    assert free.values[0, :, [1, 4]].any()
    np.testing.assert_array_equal(run.values[0], free.values[0])
    assert run.condition.values.tolist() == [
        "generated",
        "clamped",
        "generated",
        "generated",
        "clamped",
        "generated",
    ]
    assert set(free.condition.values) == {"generated"}


def test_where_a_clamped_unit_was_not_observed_it_is_generated(model, context, free) -> None:
    given = _view(free, [1, 4])
    seen = np.ones(given.spikes.shape, dtype=bool)
    seen[1_500:, 1] = False
    # what lies in bins that were not observed is not looked at
    spoilt = given.assign(
        spikes=given.spikes.where(xr.DataArray(seen, dims=("time", "unit")), 1),
        observed=(("time", "unit"), seen),
    )
    run = nsg.free_run(model, context, seconds=3, seed=1, clamp=spoilt)
    np.testing.assert_array_equal(run.values[0], free.values[0])


def test_all_samples_hold_what_is_given_and_the_others_follow(model, units, context, free) -> None:
    given = units.isel(time=slice(20_000, 40_000), unit=[0, 1, 2])
    run = nsg.free_run(
        model, context, seconds=3, seed=1, num_samples=2, clamp=given, silence=[units.unit.values[5]]
    )
    for sample in (0, 1):
        np.testing.assert_array_equal(run.values[sample][:, :3], given.spikes.values[:3_000])
        assert not run.values[sample][:, 5].any()
        assert run.values[sample][:, 3:5].any()
        assert (run.values[sample][:, 3:5] != free.values[sample][:, 3:5]).any()


@pytest.mark.parametrize(
    ("clamped", "silenced", "seconds", "says"),
    [
        ([0, 1], [9], 1.0, "units 9 to clamp or to silence"),
        ([0, 1], [1], 1.0, "units 1 twice"),
        ([0, 1, 2], [3, 4, 5], 1.0, "all 6 units clamped or silenced"),
        ([0, 1], [], 60.5, "spikes for all of the run"),
    ],
)
def test_conditions_that_cannot_be(model, units, context, clamped, silenced, seconds, says) -> None:
    numbered = units.assign_coords(unit=np.arange(6))
    with pytest.raises(InputError, match=says):
        nsg.free_run(
            model,
            numbered.isel(time=slice(0, 20_000)),
            seconds=seconds,
            clamp=numbered.isel(time=slice(20_000, None), unit=clamped),
            silence=silenced,
        )


def test_spikes_in_other_bins_are_refused(model, units, context) -> None:
    other = nsg.open_units(nsg.simulate("in_vivo", num_units=6, duration=80, seed=3).sorting, bin_size=0.002)
    with pytest.raises(InputError, match=r"bins of 0\.001 s, as the run has"):
        nsg.free_run(model, context, seconds=1, clamp=other.isel(unit=[0]))


def test_hidden_units_of_a_simulation_are_drawn_from_what_they_see(simulation) -> None:
    hidden = np.array([True, False, True, False, False, False])
    drawn = draw_hidden(simulation.spikes, "in_vivo", hidden, first=40_000, seed=3)
    np.testing.assert_array_equal(drawn[:, ~hidden], simulation.spikes[:, ~hidden])
    np.testing.assert_array_equal(drawn[:40_000], simulation.spikes[:40_000])
    expected = conditional_intensity(drawn, "in_vivo", seed=3)[40_000:, hidden].astype(np.float64)
    found = drawn[40_000:, hidden]
    spread = np.sqrt((expected * (1 - expected)).sum())
    assert abs(found.sum() - expected.sum()) < 4 * spread
    other = draw_hidden(simulation.spikes, "in_vivo", hidden, first=40_000, seed=3, sample=1)
    assert (other[40_000:, hidden] != found).any()


def test_the_command_writes_conditions(simulation, tmp_path) -> None:
    path = nsg.convert_sorting(
        simulation.sorting, tmp_path / "sub-a_ecephys.nwb", metadata=metadata_of(simulation)
    )
    out = tmp_path / "sub-a_desc-spikegen_ecephys.nwb"
    # 10 s, which realism compares, are 2,000 bins of 5 ms
    parts = nsg.split_fractions(nsg.open_units(path, bin_size=0.005))
    nsg.train(parts.train, parts.validation, epochs=1, progress=False).save(tmp_path / "model")
    ids = parts.test.unit.values.tolist()
    clamped, silenced = ids[1:3], ids[4]
    arguments = [
        "generate",
        tmp_path / "model",
        path,
        "--out",
        out,
        "--free-run",
        "10",
        "--bin-size",
        "0.005",
    ]
    arguments += ["--clamp", ",".join(map(str, clamped)), "--silence", silenced]
    result = CliRunner().invoke(cli, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    conditions = read_run_conditions(out)
    assert [unit for unit in ids if conditions[unit] == "clamped"] == clamped
    assert [unit for unit in ids if conditions[unit] == "silenced"] == [silenced]
    generated = read_generated_units(out)
    for unit in clamped:
        bins = np.flatnonzero(parts.test.spikes.sel(unit=unit).values[:2000])
        np.testing.assert_allclose(generated[unit], 60 + (bins + 0.5) * 0.005, atol=1e-9)
    assert not len(generated[silenced])
    # the three that were generated
    assert read_statistics(out).num_compared.max() == 3
    assert len(read_realism(out))
    findings = nsg.validate_file(out)
    assert not (findings.severity == "error").any(), findings
    sorting = read_nwb_sorting(
        out, unit_table_path="processing/spike_generation/generated_units", t_start=0.0
    )
    assert sorting.get_property("condition").tolist() == list(conditions.values())
    # the same spikes, from a file of their own
    again = tmp_path / "sub-a_desc-again_ecephys.nwb"
    arguments = [*arguments[:4], again, *arguments[5:], "--clamp-from", path]
    result = CliRunner().invoke(cli, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    for unit, train in read_generated_units(again).items():
        np.testing.assert_array_equal(train, generated[unit])
    refused = CliRunner().invoke(cli, [str(each) for each in [*arguments, "--overwrite", "--clamp", "soul"]])
    assert refused.exit_code == 2
    assert "units soul to clamp" in refused.stderr
    refused = CliRunner().invoke(cli, ["generate", "pretrained", str(path), "-o", str(out), "--clamp", "1"])
    assert refused.exit_code == 2
    assert "--clamp without --free-run" in refused.stderr
