"""A recording and every kind of file that the package derives from recordings, small."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import xarray as xr
from nwb_sources import write_source
from planted_study import planted_sessions, planted_study

import nwbspikegen as nsg
from nwbspikegen.core.files import hash_file
from nwbspikegen.explain.nwb import write_attention
from nwbspikegen.patchseq.nwb.predictions import write_predictions
from nwbspikegen.patchseq.nwb.writing import write_patchseq
from nwbspikegen.patchseq.simulation.files import write_cell
from nwbspikegen.patchseq.simulation.simulator import simulate_cell
from nwbspikegen.scoring import BASELINES
from nwbspikegen.transfer.nwb_writing import write_study, write_transfer

MODEL = SimpleNamespace(
    name="m",
    sha256="ab" * 32,
    loss="bernoulli",
    parameters={"width": 8, "depth": 2, "start_at_rates": True},
    training={
        "sources": [{"file_name": "source.nwb", "identifier": "small-1", "source_sha256": "cd" * 32}],
        "split": {"train": [0.0, 20.0], "validation": [20.0, 30.0], "test": [30.0, 40.0]},
        "seed": 3,
        "loss_history": [0.5, 0.25],
    },
)
_AUDITS = {"audit": ["splits"], "passed": [True], "value": [np.nan], "tolerance": [0.0], "detail": ["d"]}


def write_recording(folder: Path) -> Path:
    """Write the recording that the derived files are from."""
    return write_source(folder / "sub-M1_ses-s1_ecephys.nwb")


def write_generated(folder: Path, source: Path) -> Path:
    """Write predictions, generated spikes and audits."""
    units = nsg.select_units(nsg.open_units(source, bin_size=0.01), skip=1, take=4)
    parts = nsg.split_fractions(units, (0.5, 0.25, 0.25))
    predicted = nsg.generate(BASELINES["running_rate"](), parts.test, context=units)
    path = folder / "sub-M1_ses-s1_desc-spikegen_ecephys.nwb"
    return nsg.write_results(
        path, source=source, model=MODEL, spike_probability=predicted, audits=pd.DataFrame(_AUDITS)
    )


def write_explained(folder: Path, source: Path) -> Path:
    """Write maps over the session's time, with and without even steps."""
    time = np.arange(317, 337) * 0.01 + 0.1
    odd = time.copy()
    odd[10:] += 0.5
    array = {"description": "d", "measure": "m", "units": "1"}
    explanation = xr.Dataset(
        {
            "attention": (("query", "key"), np.random.default_rng(0).random((20, 20)), array),
            "importance": (("time", "unit"), np.random.default_rng(1).random((20, 3)), array),
            "importance_bin": (("time",), np.random.default_rng(2).random(20), array),
        },
        coords={"query": odd, "key": time, "time": time, "unit": [14, 10, 20]},
        attrs={"bin_size": 0.01},
    )
    path = folder / "sub-M1_ses-s1_desc-explained_ecephys.nwb"
    return write_attention(path, source, explanation, pd.DataFrame(), pd.DataFrame(), model=MODEL)


def write_transferred(folder: Path, source: Path) -> list[Path]:
    """Write the file of a study over recordings, and the one of its own recording."""
    sessions = planted_sessions()
    sessions.loc[sessions["session"] == "mouse-1", "source_sha256"] = hash_file(source)
    one = folder / "sub-M1_ses-s1_desc-transfer_ecephys.nwb"
    group = folder / "sub-GROUP_ses-spike-transfer.nwb"
    return [
        write_transfer(one, source, planted_study(), "mouse-1", sessions=sessions),
        write_study(group, planted_study(), sessions=sessions),
    ]


def write_patched(folder: Path) -> list[Path]:
    """Write a patched cell, what was measured of it, and with a prediction."""
    cell = folder / "sub-m_ses-s_icephys.nwb"
    write_cell(cell, simulate_cell("Sst", "Mus musculus", 2)[:2], "Sst", "Mus musculus", "m", "s")
    sweeps = pd.DataFrame(
        {
            "number": [0, 1],
            "response_path": [f"/acquisition/data_{number:05d}_AD0" for number in range(2)],
            "stimulus_path": [f"/stimulus/presentation/data_{number:05d}_DA0" for number in range(2)],
            "protocol": ["long_square"] * 2,
            "amplitude_pa": [10.0, 20.5],
            "num_spikes": [0, 3],
        }
    )
    predicted = {"model_name": ["forest"], "predicted_class": ["Sst"], "label_version": ["t"]}
    predictions = pd.DataFrame({**predicted, "probability_Sst": [0.75], "probability_Vip": [0.25]})
    measured = write_patchseq(folder / "sub-m_ses-s_desc-features_icephys.nwb", source=cell, sweeps=sweeps)
    out = folder / "sub-m_ses-s_desc-classes_icephys.nwb"
    return [cell, measured, write_predictions(out, measured=measured, predictions=predictions)]


def write_every_result(folder: Path) -> list[Path]:
    """Write two recordings and all that is derived from them into one folder."""
    source = write_recording(folder)
    return [
        source,
        write_generated(folder, source),
        write_explained(folder, source),
        *write_transferred(folder, source),
        *write_patched(folder),
    ]
