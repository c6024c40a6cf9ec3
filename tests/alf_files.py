"""Writes small sessions as the pipeline of the International Brain Laboratory (IBL) writes them.

Names and types are those of ibllib's own lists: phylib's export of a sorting and the pipeline's times and
metrics (`alf/probeXX/<sorter>`), its resolved histology (`alf/probeXX/electrodeSites.*`), its passive
protocol (`alf` or `alf/task_XX`), and what a released session has beside these. Regions are numbers of the
Allen atlas; no file of the pipeline's has their acronyms.
"""

from __future__ import annotations

import json
import uuid
from pathlib import Path

import numpy as np
import pandas as pd

NUM_CLUSTERS = 6
NUM_CHANNELS = 8
# clusters 2 and 5 were emptied as the sorter merged: the pipeline has rows of all numbers in all its tables
SPIKING = (0, 1, 3, 4)
LABELS = {0: 1.0, 1: 1 / 3, 3: 1.0, 4: 0.0}
# VISp2/3 and VISp6a: the pipeline's numbers are those of layers
REGION_IDS = (821, 33)
# um: two columns of Neuropixels 1.0
_ACROSS_UM = (43.0, 11.0)


def write_session(
    root: Path,
    lab="lab1",
    subject="M1",
    day="2021-04-14",
    number="001",
    probes=("probe00",),
    sorter="pykilosort",
    region_ids=REGION_IDS,
    passive=("alf",),
) -> Path:
    """Write a session below `root` and return its folder; equal arguments give equal arrays.

    `sorter` may be "", as of the sortings before pykilosort, which are in the probe's folder itself.
    """
    session = root / lab / "Subjects" / subject / day / number
    for seed, probe in enumerate(probes):
        write_collection(session / "alf" / probe / sorter, seed, region_ids)
        write_sites(session / "alf" / probe, region_ids)
        write_timestamps(session, probe, start=0.5 - seed / 4)
    for place, folder in enumerate(passive):
        write_passive_periods(session / folder, 1000.0 * place)
    description = [{"label": probe, "model": "3B2", "serial": 17, "raw_file_name": ""} for probe in probes]
    (session / "alf/probes.description.json").write_text(json.dumps(description))
    trials = pd.DataFrame({"stimOn_times": [20.0, 30.0], "feedbackType": [1.0, -1.0]})
    trials.to_parquet(session / "alf/_ibl_trials.table.pqt")
    return session


def write_collection(folder: Path, seed: int = 0, region_ids=REGION_IDS, across_um=_ACROSS_UM) -> None:
    """Write the arrays of one probe's sorter, as phylib and ibllib do."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    num_spikes = 400
    times = np.sort(rng.uniform(0.6, 180.0, num_spikes))
    clusters = rng.choice(SPIKING, num_spikes).astype(np.int32)
    channels = np.array([1, 0, 7, 3, 5, 2])
    coordinates = _coordinates(across_um)
    waveforms = {
        "waveforms": rng.normal(size=(NUM_CLUSTERS, 10, 4)).astype(np.float32),
        "waveformsChannels": np.zeros((NUM_CLUSTERS, 4), dtype=np.int32),
    }
    amps = np.where(np.isin(np.arange(NUM_CLUSTERS), SPIKING), 1e-4, np.nan)
    arrays = {
        "spikes.times": times,
        "spikes.samples": np.round(times * 30_000).astype(np.int64),
        "spikes.clusters": clusters,
        "spikes.templates": clusters.astype(np.uint32),
        "spikes.amps": rng.uniform(5e-5, 2e-4, num_spikes),
        "spikes.depths": rng.uniform(0, 80, num_spikes),
        "clusters.channels": channels,
        "clusters.depths": coordinates[channels, 1],
        "clusters.amps": amps,
        "clusters.peakToTrough": rng.uniform(-0.5, 0.5, NUM_CLUSTERS),
        **{f"clusters.{name}": array for name, array in waveforms.items()},
        **{f"templates.{name}": array for name, array in waveforms.items()},
        "templates.amps": amps,
        "channels.rawInd": np.arange(NUM_CHANNELS),
        "channels.localCoordinates": coordinates,
        **_histology("channels", region_ids),
        "_kilosort_whitening.matrix": np.eye(NUM_CHANNELS),
        "_phy_spikes_subset.channels": np.zeros((5, 4), dtype=np.int32),
        "_phy_spikes_subset.spikes": np.arange(5),
        "_phy_spikes_subset.waveforms": np.zeros((5, 10, 4), dtype=np.float32),
        "drift.times": np.arange(3.0),
        "drift.um": np.zeros((3, 2)),
        "drift_depths.um": np.array([0.0, 40.0]),
    }
    _save(folder, arrays)
    names = [str(uuid.UUID(int=100 * seed + cluster)) for cluster in range(NUM_CLUSTERS)]
    (folder / "clusters.uuids.csv").write_text("\n".join(["uuids", *names]))
    _measure(times, clusters).to_parquet(folder / "clusters.metrics.pqt")


def write_sites(folder: Path, region_ids=REGION_IDS, across_um=_ACROSS_UM) -> None:
    """Write the resolved histology of a probe, which is of all its sorters."""
    folder.mkdir(parents=True, exist_ok=True)
    coordinates = {"electrodeSites.localCoordinates": _coordinates(across_um)}
    _save(folder, coordinates | _histology("electrodeSites", region_ids))


def write_passive_periods(folder: Path, shift: float = 0.0) -> None:
    """Write when the parts of the passive protocol were run (s); one of them was not."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = {
        "passiveProtocol": [100.0 + shift, 160.0 + shift],
        "spontaneousActivity": [110.25 + shift, 140.5 + shift],
        "RFM": [140.5 + shift, 150.0 + shift],
        "taskReplay": [np.nan, np.nan],
    }
    table = pd.DataFrame(rows, index=["start", "stop"])
    table.to_csv(folder / "_ibl_passivePeriods.intervalsTable.csv")
    np.save(folder / "_ibl_passiveRFM.times.npy", np.arange(3.0))


def write_timestamps(session: Path, probe: str, start: float, stop: float = 200.0) -> None:
    """Write when a probe was recording: samples of 30 kHz against the session's clock."""
    folder = session / "raw_ephys_data" / probe
    folder.mkdir(parents=True)
    rows = np.array([[3e4, start + 1], [6e4, start + 2], [(stop - start) * 3e4, stop]])
    number = int("".join(filter(str.isdigit, probe)))
    np.save(folder / f"_spikeglx_ephysData_g0_t0.imec{number}.timestamps.npy", rows)
    np.save(folder / f"_spikeglx_ephysData_g0_t0.imec{number}.sync.npy", rows)
    np.save(folder / "_iblqc_ephysTimeRmsAP.timestamps.npy", np.arange(3.0))


def true_times(folder: Path, cluster: int) -> np.ndarray:
    """Return the spike times of a cluster, read without the package."""
    times, clusters = (np.load(folder / f"spikes.{name}.npy") for name in ("times", "clusters"))
    return times[clusters == cluster]


def _coordinates(across_um) -> np.ndarray:
    rows = NUM_CHANNELS // len(across_um)
    return np.stack([np.tile(across_um, rows), np.repeat(20.0 * np.arange(rows), len(across_um))], axis=1)


def _histology(name: str, region_ids) -> dict[str, np.ndarray]:
    return {
        f"{name}.mlapdv": np.arange(3 * NUM_CHANNELS, dtype=np.int32).reshape(-1, 3) * 100,
        f"{name}.brainLocationIds_ccf_2017": np.repeat(region_ids, NUM_CHANNELS // len(region_ids)),
    }


def _measure(times: np.ndarray, clusters: np.ndarray) -> pd.DataFrame:
    """Return the columns of ibllib's metrics, of which counts, rates and labels mean something here."""
    counts = np.bincount(clusters, minlength=NUM_CLUSTERS).astype(np.float64)
    there = np.where(counts > 0, 1.0, np.nan)
    of_amplitudes = {f"amp_{name}": 1e-4 * there for name in ("max", "min", "median", "std_dB")}
    rates = {"spike_count": counts, "firing_rate": counts / (times[-1] - times[0])}
    others = [
        "contamination",
        "contamination_alt",
        "drift",
        "missed_spikes_est",
        "noise_cutoff",
        "presence_ratio",
        "presence_ratio_std",
        "slidingRP_viol",
        "slidingRP_viol_forced",
        "max_confidence",
        "min_contamination",
        "n_spikes_below2",
    ]
    return pd.DataFrame(
        {
            "cluster_id": np.arange(NUM_CLUSTERS),
            **of_amplitudes,
            **dict.fromkeys(others, 0.5 * there),
            **rates,
            "label": [LABELS.get(cluster, 0.0) for cluster in range(NUM_CLUSTERS)],
            "bitwise_fail": np.zeros(NUM_CLUSTERS, dtype=np.uint8),
            "ks2_label": ["good", "mua", None, "good", "mua", None],
        }
    )


def _save(folder: Path, arrays: dict[str, np.ndarray]) -> None:
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
