"""Writes a small session as the International Brain Laboratory lays out its files."""

from __future__ import annotations

import uuid
from pathlib import Path

import numpy as np
import pandas as pd

NUM_CLUSTERS = 6
NUM_CHANNELS = 8
# cluster 2 has neither spikes nor metrics, and cluster 5 has metrics only
_SPIKING = (0, 1, 3, 4)
LABELS = {0: 1.0, 1: 1 / 3, 3: 1.0, 4: 0.0, 5: 2 / 3}


def write_session(
    root: Path, lab="lab1", subject="M1", day="2021-04-14", number="001", probes=("probe00",)
) -> Path:
    """Write a session below `root` and return its folder; equal arguments give equal arrays."""
    session = root / lab / "Subjects" / subject / day / number
    for seed, probe in enumerate(probes):
        write_collection(session / "alf" / probe / "pykilosort", seed)
        write_timestamps(session, probe, start=0.5 - seed / 4)
    rows = {
        "passiveProtocol": [100.0, 160.0],
        "spontaneousActivity": [110.25, 140.5],
        "RFM": [140.5, 150.0],
        "taskReplay": [np.nan, np.nan],
    }
    table = pd.DataFrame(rows, index=["start", "stop"])
    table.to_csv(session / "alf" / "_ibl_passivePeriods.intervalsTable.csv")
    return session


def write_collection(folder: Path, seed: int = 0) -> None:
    """Write the arrays of one probe's sorter."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    times = np.sort(rng.uniform(0.6, 180.0, 400))
    arrays = {
        "spikes.times": times,
        "spikes.clusters": rng.choice(_SPIKING, 400).astype(np.int32),
        "spikes.depths": rng.uniform(0, 80, 400),
        "clusters.channels": np.array([1, 0, 7, 3, 5, 2]),
        "clusters.depths": np.array([20.0, 0, np.nan, 60, 100, 40]),
        "channels.rawInd": np.arange(NUM_CHANNELS) + 10,
        "channels.localCoordinates": np.stack(
            [np.tile([43.0, 11.0], 4), np.repeat(20.0 * np.arange(4), 2)], axis=1
        ),
        "channels.mlapdv": np.arange(3 * NUM_CHANNELS).reshape(-1, 3) * 100,
        "channels.brainLocationIds_ccf_2017": np.repeat([385, 33], 4),
        "channels.brainLocationAcronyms_ccf_2017": np.repeat(["VISp", "VISpor"], 4),
    }
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    uuids = [str(uuid.UUID(int=100 * seed + cluster)) for cluster in range(NUM_CLUSTERS)]
    pd.DataFrame({"uuids": uuids}).to_csv(folder / "clusters.uuids.csv", index=False)
    metrics = pd.DataFrame(
        {
            "cluster_id": list(LABELS),
            "label": list(LABELS.values()),
            "firing_rate": [2.0, 1.0, 3.0, 0.5, 0.0],
            "ks2_label": ["good", "mua", "good", "mua", "good"],
        }
    )
    metrics.to_parquet(folder / "clusters.metrics.pqt")


def write_timestamps(session: Path, probe: str, start: float, stop: float = 200.0) -> None:
    """Write when a probe was recording: samples of 30 kHz against the session's clock."""
    folder = session / "raw_ephys_data" / probe
    folder.mkdir(parents=True)
    rows = np.array([[3e4, start + 1], [6e4, start + 2], [(stop - start) * 3e4, stop]])
    np.save(folder / f"_spikeglx_ephysData_g0_t0.imec{int(probe[-1])}.timestamps.npy", rows)


def true_times(folder: Path, cluster: int) -> np.ndarray:
    """Return the spike times of a cluster, read without the package."""
    times, clusters = (np.load(folder / f"spikes.{name}.npy") for name in ("times", "clusters"))
    return times[clusters == cluster]
