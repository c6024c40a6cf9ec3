"""Derived files of patched cells: what is written is read back, bit for bit, without the recording."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest

from nwbspikegen.archive import validate_file
from nwbspikegen.core.errors import InputError, MetadataError, OutputError
from nwbspikegen.patchseq.nwb.reading import (
    read_cell_scalars,
    read_family_vectors,
    read_predictions,
    read_sweep_features,
)
from nwbspikegen.patchseq.nwb.writing import write_patchseq
from nwbspikegen.patchseq.simulation.files import write_cell
from nwbspikegen.patchseq.simulation.simulator import simulate_cell

_RNG = np.random.default_rng(4)
FAMILIES = {"first_ap_v": _RNG.standard_normal(450), "isi_shape": _RNG.standard_normal(100)}
FAMILIES["isi_shape"][3] = np.nan
REASONS = {"psth": "no long square fires", "first_ap_v": ""}
SCALARS = {"tau": 1.0 / 3.0, "sag": np.nan}
PREDICTIONS = pd.DataFrame(
    {
        "model_name": ["forest", "bilstm"],
        "predicted_class": ["Sst", "Vip"],
        "label_version": ["t_type 2020"] * 2,
        "probability_Sst": [0.75, 0.1],
        "probability_Vip": [0.25, 0.9],
        "attention_first_ap_v": [np.nan, 0.7],
        "attention_psth": [np.nan, np.nan],
    }
)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("patchseq") / "sub-m_ses-s_icephys.nwb"
    write_cell(path, simulate_cell("Sst", "Mus musculus", 2)[:6], "Sst", "Mus musculus", "m", "s")
    return path


def describe(numbers: range = range(6)) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "number": list(numbers),
            "response_path": [f"/acquisition/data_{number:05d}_AD0" for number in numbers],
            "stimulus_path": [f"/stimulus/presentation/data_{number:05d}_DA0" for number in numbers],
            "protocol": ["long_square"] * len(numbers),
            "amplitude_pa": _RNG.standard_normal(len(numbers)),
            "num_spikes": np.arange(len(numbers)),
            "fires": [number > 4 for number in numbers],
        }
    )


def test_all_is_read_back_bit_for_bit(tmp_path: Path, source: Path) -> None:
    sweeps = describe()
    out = write_patchseq(
        tmp_path / "out.nwb",
        source=source,
        sweeps=sweeps,
        families=FAMILIES,
        reasons=REASONS,
        scalars=SCALARS,
        predictions=PREDICTIONS,
        preset="gouwens2020",
    )
    pd.testing.assert_frame_equal(read_sweep_features(out), sweeps, check_exact=True)
    pd.testing.assert_frame_equal(read_predictions(out), PREDICTIONS, check_exact=True)
    families, reasons, preset = read_family_vectors(out)
    assert (reasons, preset) == ({"psth": "no long square fires"}, "gouwens2020")
    assert list(families) == list(FAMILIES)
    for name, vector in FAMILIES.items():
        assert families[name].tobytes() == vector.tobytes()
    scalars = read_cell_scalars(out)
    assert np.array(list(scalars.values())).tobytes() == np.array(list(SCALARS.values())).tobytes()
    assert list(scalars) == list(SCALARS)


def test_the_recording_stays_where_it_was(tmp_path: Path, source: Path) -> None:
    out = write_patchseq(tmp_path / "out.nwb", source=source, sweeps=describe())
    paths = read_sweep_features(out)["response_path"]
    with h5py.File(out) as file, h5py.File(source) as recording:
        assert len(file["acquisition"]) == len(file["stimulus/presentation"]) == 0
        assert "intracellular_recordings" not in file["general/intracellular_ephys"]
        electrode = file["general/intracellular_ephys/electrode_0"]
        assert electrode["cell_id"][()] == b"m-s"
        assert electrode["device"] == file["general/devices/simulator"]
        assert file.attrs["object_id"] != recording.attrs["object_id"]
        sources = file["processing/patchseq/sources"]
        assert sources["identifier"][0] == recording["identifier"][()]
        assert all(path in recording for path in paths)


@pytest.mark.parametrize("has_families", [True, False])
def test_the_archive_would_take_it(tmp_path: Path, source: Path, has_families: bool) -> None:
    out = write_patchseq(
        tmp_path / "out.nwb",
        source=source,
        sweeps=describe(),
        families=FAMILIES if has_families else None,
        reasons=REASONS,
        predictions=PREDICTIONS,
    )
    findings = validate_file(out)
    assert findings[findings.severity == "error"].empty, findings.to_string()
    assert read_family_vectors(out)[1]["psth"] == "no long square fires"


def test_old_files_become_sources_when_the_subject_is_told(shared_data: Path, tmp_path: Path) -> None:
    path = shared_data / "icephys" / "FergusonEtAl2015_PYR2.nwb"
    sweeps = pd.DataFrame(
        {
            "number": [1],
            "response_path": ["/acquisition/CurrentClampSeries_01"],
            "stimulus_path": ["/stimulus/presentation/CurrentClampStimulusSeries_01"],
        }
    )
    with pytest.raises(MetadataError, match="species 'transgenic mouse'"):
        write_patchseq(tmp_path / "out.nwb", source=path, sweeps=sweeps)
    subject = {"subject_id": "PYR2", "species": "Mus musculus", "sex": "U", "age": "P20D/P90D"}
    out = write_patchseq(tmp_path / "out.nwb", source=path, sweeps=sweeps, metadata={"Subject": subject})
    pd.testing.assert_frame_equal(read_sweep_features(out), sweeps)
    findings = validate_file(out)
    assert findings[findings.severity == "error"].empty, findings.to_string()


def test_what_a_laboratory_added_to_the_file_is_left_behind(shared_data: Path, tmp_path: Path) -> None:
    sweeps = pd.DataFrame(
        {
            "number": [1],
            "response_path": ["/acquisition/ic__Step__1"],
            "stimulus_path": ["/stimulus/presentation/ics__Step__1"],
        }
    )
    subject = {"subject_id": "U", "age": "P20D/P90D", "sex": "M"}
    source = shared_data / "icephys" / "UCL1999_99111002.nwb"
    out = write_patchseq(tmp_path / "out.nwb", source=source, sweeps=sweeps, metadata={"Subject": subject})
    with h5py.File(source) as file:
        assert "data_organization" in file
    with h5py.File(out) as file:
        assert "Cell 1" not in file.get("data_organization", {})
        assert file["general/intracellular_ephys/Electrode 1"]["device"] == file["general/devices/Device"]


def test_bad_input_is_refused(tmp_path: Path, source: Path) -> None:
    def write(**changed: object) -> Path:
        given = {"source": source, "sweeps": describe(), "families": FAMILIES, **changed}
        return write_patchseq(tmp_path / "out.nwb", **given)  # type: ignore[arg-type]

    for match, changed in {
        "no /acquisition/data_00006_AD0": {"sweeps": describe(range(7))},
        "without response_path": {"sweeps": describe().drop(columns="response_path")},
        "without a row": {"sweeps": describe(range(0))},
        "both present and missing": {"reasons": {"isi_shape": "none"}},
        "without label_version": {"predictions": PREDICTIONS.drop(columns="label_version")},
        "two columns probability_": {"predictions": PREDICTIONS.drop(columns="probability_Vip")},
        "do not add up": {"predictions": PREDICTIONS.assign(probability_Vip=0.3)},
    }.items():
        with pytest.raises(InputError, match=match):
            write(**changed)
    with pytest.raises(OutputError, match="two files"):
        write_patchseq(source, source=source, sweeps=describe(), overwrite=True)
    with pytest.raises(InputError, match="processing/patchseq"):
        read_predictions(source)
    assert not list(tmp_path.iterdir())
