"""Small NWB files that tests write with pynwb alone."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import numpy as np
from pynwb import NWBHDF5IO, NWBFile, TimeSeries
from pynwb.file import Subject

SUBJECT = {"subject_id": "M1", "species": "Mus musculus", "sex": "U", "age": "P90D"}


def write_source(path: Path, *, subject: dict[str, Any] | None = SUBJECT, seconds: float = 40.0) -> Path:
    """Write six units with electrodes, trials that point to a recording, and a processing module."""
    nwbfile = NWBFile(
        session_description="a small recording",
        identifier="small-1",
        session_id="s1",
        session_start_time=datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC),
        lab="Lab",
        experimenter=["Doe, Jane"],
        institution="Institute",
        experiment_description="a test",
        keywords=["preparation:in_vitro"],
    )
    nwbfile.subject = None if subject is None else Subject(description="a subject", **subject)
    kind = nwbfile.create_device_model(name="Array 1", manufacturer="Maker", description="a kind of array")
    device = nwbfile.create_device(name="Array", description="electrode array", model=kind)
    group = nwbfile.create_electrode_group("group", "shank", "CA1", device)
    for channel in range(6):
        nwbfile.add_electrode(group=group, location="CA1", rel_x=float(channel), rel_y=0.0)
    series = TimeSeries(name="raw", data=np.arange(400.0), unit="volts", rate=10.0, description="raw signal")
    nwbfile.add_acquisition(series)
    nwbfile.add_trial(start_time=1.0, stop_time=2.0, timeseries=[series])
    nwbfile.create_processing_module("behavior", "other results").add(
        TimeSeries(name="speed", data=np.arange(400.0), unit="m/s", rate=10.0, description="speed")
    )
    rng = np.random.default_rng(5)
    for unit in range(6):
        times = np.unique(rng.uniform(0.0, seconds, int(seconds * (2 + unit))).round(4))
        nwbfile.add_unit(
            spike_times=times, obs_intervals=[[0.0, seconds]], electrodes=[unit], id=10 + 2 * unit
        )
    nwbfile.units.resolution = 1e-4
    with NWBHDF5IO(str(path), "w") as io:
        io.write(nwbfile)
    return path
