"""Derived files: what is written is read back, what is not asked for is left behind."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import h5py
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from nwb_sources import SUBJECT, write_source

import nwbspikegen as nsg
from nwbspikegen.archive import validate_file
from nwbspikegen.commands.score import read_or_recompute_scores
from nwbspikegen.core.errors import InputError, MetadataError, OutputError
from nwbspikegen.prediction.nwb_reading import list_results
from nwbspikegen.scoring import BASELINES

_MODEL = SimpleNamespace(
    name="running_rate", sha256="ab" * 32, loss="bernoulli", parameters={"depth": 2}, training={"seed": 1}
)
_AUDITS = pd.DataFrame(
    {"audit": ["splits"], "passed": [True], "value": [np.nan], "tolerance": [0.0], "detail": [""]}
)


@pytest.fixture(scope="module")
def derived(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    folder = tmp_path_factory.mktemp("derived")
    source = write_source(folder / "source.nwb")
    units = nsg.select_units(nsg.open_units(source, bin_size=0.01), skip=1, take=4)
    parts = nsg.split_fractions(units, (0.5, 0.25, 0.25))
    predicted = nsg.generate(BASELINES["running_rate"](), parts.test, context=units)
    predicted.attrs["model"] = "mine"
    scores = nsg.score(predicted, parts.test, train=parts.train, resamples=20)
    path = nsg.write_results(
        folder / "derived.nwb",
        source=source,
        model=_MODEL,
        spike_probability=predicted,
        scores=scores,
        audits=_AUDITS,
        seed=3,
    )
    return SimpleNamespace(path=path, source=source, predicted=predicted, scores=scores, parts=parts)


def test_probability_is_read_back(derived: SimpleNamespace) -> None:
    read = nsg.read_spike_probability(derived.path)
    np.testing.assert_array_equal(read.values, derived.predicted.values)
    np.testing.assert_allclose(read.time, derived.predicted.time, rtol=0, atol=1e-9)
    np.testing.assert_array_equal(read.unit, derived.predicted.unit)
    assert read.dtype == np.float32
    assert read.attrs == {**derived.predicted.attrs, "draw_seed": 3}


def test_tables_are_read_back(derived: SimpleNamespace) -> None:
    pd.testing.assert_frame_equal(nsg.read_scores(derived.path), derived.scores)
    pd.testing.assert_frame_equal(nsg.read_audits(derived.path), _AUDITS)
    assert nsg.read_scores(derived.path).attrs == derived.scores.attrs
    model = nsg.read_models(derived.path).iloc[0]
    assert (model["name"], model.sha256, model.loss) == (_MODEL.name, _MODEL.sha256, _MODEL.loss)
    assert (model.parameters, model.training) == (_MODEL.parameters, _MODEL.training)


def test_generated_spikes_lie_at_bin_centres_and_follow_the_probability(derived: SimpleNamespace) -> None:
    trains = nsg.read_generated_units(derived.path)
    assert list(trains) == derived.predicted.unit.values.tolist()
    start = float(derived.predicted.time[0])
    for unit, times in trains.items():
        bins = (times - start) / 0.01 - 0.5
        np.testing.assert_allclose(bins, bins.round(), atol=1e-6)
        expected = float(derived.predicted.sel(unit=unit).sum())
        assert abs(len(times) - expected) < 5 * np.sqrt(expected)


def test_scores_are_the_same_when_computed_again(derived: SimpleNamespace) -> None:
    assert read_or_recompute_scores(derived.path, recompute=False) is not None
    again = read_or_recompute_scores(derived.path, recompute=True)
    pd.testing.assert_frame_equal(again, derived.scores)


def test_only_metadata_units_and_intervals_are_kept(derived: SimpleNamespace) -> None:
    with h5py.File(derived.path) as file, h5py.File(derived.source) as source:
        assert list(file["processing"]) == ["spike_generation"]
        assert len(file["acquisition"]) == 0
        assert "timeseries" not in file["intervals/trials"]
        assert file["intervals/trials/stop_time"][:].tolist() == [2.0]
        assert file.attrs["object_id"] != source.attrs["object_id"]
        np.testing.assert_array_equal(file["units/spike_times"][:], source["units/spike_times"][:])
        series = file["processing/spike_generation/spike_probability"]
        assert series["data"].chunks is not None
        assert series["data"].compression == "gzip"
        assert series["starting_time"].attrs["rate"] == pytest.approx(100.0)
        sources = file["processing/spike_generation/sources"]
        assert sources["identifier"][0] == b"small-1"
        assert "SYNTHETIC" in file["processing/spike_generation/generated_units"].attrs["description"]
    assert "scores" in list_results(derived.path)


def test_the_archive_would_take_it(derived: SimpleNamespace) -> None:
    findings = validate_file(derived.path)
    assert findings[findings.severity == "error"].empty, findings.to_string()
    assert "info" in set(findings.severity)


def test_missing_metadata_prints_a_template_and_is_filled(tmp_path: Path) -> None:
    source = write_source(tmp_path / "source.nwb", subject={"subject_id": "M1", "species": "mouse"})
    with pytest.raises(
        MetadataError, match=r"Subject:\n  subject_id: M1\n  species:  # Latin[^\n]*\n  age:[^\n]*\n  sex:"
    ):
        nsg.write_results(tmp_path / "out.nwb", source=source)
    assert not (tmp_path / "out.nwb").exists()
    yaml = tmp_path / "metadata.yaml"
    yaml.write_text("Subject: {species: Rattus norvegicus, sex: F, age: P3W/P5W}\nNWBFile: {lab: Other}\n")
    out = nsg.write_results(tmp_path / "out.nwb", source=source, metadata=yaml)
    with h5py.File(out) as file:
        assert file["general/subject/species"][()] == b"Rattus norvegicus"
        assert file["general/subject/age"][()] == b"P3W/P5W"
        assert file["general/lab"][()] == b"Other"


def test_a_source_without_subject_is_filled(tmp_path: Path) -> None:
    source = write_source(tmp_path / "source.nwb", subject=None)
    with pytest.raises(MetadataError, match="subject_id"):
        nsg.write_results(tmp_path / "out.nwb", source=source)
    out = nsg.write_results(tmp_path / "out.nwb", source=source, metadata={"Subject": SUBJECT})
    with pytest.raises(OutputError):
        nsg.write_results(out, source=source, metadata={"Subject": SUBJECT})
    with pytest.raises(InputError, match="scores too"):
        nsg.read_scores(out)


def test_bad_input_is_refused(tmp_path: Path, derived: SimpleNamespace) -> None:
    out = tmp_path / "out.nwb"
    with pytest.raises(InputError, match="convert_sorting"):
        nsg.write_results(out, source=object())
    other = derived.predicted.assign_coords(unit=[1, 2, 3, 4])
    with pytest.raises(InputError, match="/units"):
        nsg.write_results(out, source=derived.source, spike_probability=other)
    silent = xr.zeros_like(derived.predicted)
    with pytest.raises(InputError, match="no spike drawn"):
        nsg.write_results(out, source=derived.source, spike_probability=silent)
    with pytest.raises(InputError, match="NaN"):
        nsg.write_results(out, source=derived.source, spike_probability=silent * np.nan + np.nan)
    with pytest.raises(OutputError, match="two files"):
        nsg.write_results(derived.source, source=derived.source, overwrite=True)
    with pytest.raises(InputError, match="spike_generation"):
        nsg.read_scores(derived.source)
    assert not out.exists()
