"""Small files of the names that pages use, so that the commands of the pages run."""

from __future__ import annotations

import functools
import re
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import maxwell_files
import numpy as np
import scipy.io
import sorter_files
import yaml
from alf_files import write_session
from asdf_files import write_asdf
from pynwb import NWBHDF5IO
from spikeinterface.core import (
    NumpySorting,
    create_sorting_analyzer,
    generate_ground_truth_recording,
    generate_recording,
)

import nwbspikegen as nsg
from nwbspikegen.simulation import Simulation, metadata_of
from nwbspikegen.views import WindowOptions

_NUM_UNITS = 6
DURATION = 10.0
_METADATA = {
    "NWBFile": {
        "session_description": "A stand-in.",
        "session_start_time": "2021-05-11T00:00:00+09:00",
        "session_id": "stand-in",
        "keywords": ["preparation:in_vitro"],
    },
    "Subject": {"subject_id": "m1", "species": "Mus musculus", "age": "P90D", "sex": "U"},
}


class StandIns:
    """Writes what a name stands for; recordings and a model are made once and copied."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._num_recordings = 0

    def provide(self, path: Path) -> bool:
        """Write `path` if its name is known and nothing is there; return whether it is there now."""
        for pattern, write in _WRITERS:
            if not path.exists() and re.search(pattern, path.as_posix()):
                path.parent.mkdir(parents=True, exist_ok=True)
                write(self, path)
        return path.exists()

    def write_recording(self, path: Path) -> None:
        """Write a simulated recording, each time another one."""
        preparation = "in_vivo" if self._num_recordings % 2 else "in_vitro"
        shutil.copy(self._recording(self._num_recordings, preparation), path)
        self._num_recordings += 1

    def write_long_recording(self, path: Path) -> None:
        """Write one that goes on after half an hour, with an interval of spontaneous activity."""
        simulation = _simulate(98, "in_vitro", _NUM_UNITS)
        times = [np.flatnonzero(train) * 1e-3 + 1800.0005 for train in simulation.spikes.T]
        sorting = NumpySorting.from_unit_dict(
            [{unit: np.round(train * 1e4).astype(int) for unit, train in enumerate(times)}], 1e4
        )
        sorting.annotate(observation_interval=(0.0, 1800 + DURATION))
        nsg.convert_sorting(sorting, path, metadata=metadata_of(simulation))
        _add_epoch(path, 1800.0)

    def write_model(self, path: Path) -> None:
        """Write a model of a recording that no page has."""
        stored = self.folder / "model"
        if not stored.exists():
            from nwbspikegen.commands.train import train_recordings

            options = WindowOptions(skip_units=0, duration=DURATION)
            train_recordings([self._recording(99, "in_vivo")], stored, options=options, epochs=1)
        shutil.copytree(stored, path)

    def write_derived(self, path: Path) -> None:
        """Write results as `generate` writes them."""
        stored = self.folder / "derived.nwb"
        if not stored.exists():
            from nwbspikegen.commands.generate import generate_and_score

            self.write_model(self.folder / "for_derived")
            generate_and_score(
                nsg.load_model(self.folder / "for_derived"), self._recording(99, "in_vivo"), stored
            )
        shutil.copy(stored, path)

    def write_features(self, path: Path) -> None:
        """Write the features of simulated cells of the species that the name begins with."""
        from nwbspikegen.patchseq.run.features import measure_recordings
        from nwbspikegen.patchseq.simulation.files import simulate_patchseq

        species = path.name.partition("-")[0]
        cells = self.folder / species
        cells.mkdir()
        latin = {"mouse": "Mus musculus", "human": "Homo sapiens"}[species]
        measure_recordings(simulate_patchseq(cells, 2, latin, seed=4), path)

    def _recording(self, seed: int, preparation: str) -> Path:
        stored = self.folder / f"{seed}.nwb"
        if not stored.exists():
            simulation = _simulate(seed, preparation, _NUM_UNITS)
            nsg.convert_sorting(simulation.sorting, stored, metadata=metadata_of(simulation))
            _add_epoch(stored, 0.0)
        return stored


@functools.cache
def _simulate(seed: int, preparation: str, num_units: int) -> Simulation:
    return nsg.simulate(preparation, num_units=num_units, duration=DURATION, seed=seed)


def _add_epoch(path: Path, start: float) -> None:
    with NWBHDF5IO(str(path), "a") as io:
        nwbfile = io.read()
        nwbfile.add_epoch(start, start + DURATION, tags=["spontaneousActivity"])
        io.write(nwbfile)


def _write_metadata(stand_ins: StandIns, path: Path) -> None:
    path.write_text(yaml.safe_dump(_METADATA))


def _write_yaml(stand_ins: StandIns, path: Path) -> None:
    """Write what the page shows."""
    page = Path(__file__).resolve().parents[1] / "docs" / "neuroconv.md"
    path.write_text(
        re.findall(r"```yaml\n(.*?)```", page.read_text(), re.S)[0].replace(": culture\n", ": again\n")
    )


def _write_asdf(stand_ins: StandIns, path: Path) -> None:
    write_asdf(path)


def _write_positions(stand_ins: StandIns, path: Path) -> None:
    scipy.io.savemat(path, {"x": [[1.0], [2.0], [3.0]], "y": [[4], [5], [6]]})


def _write_maxwell(stand_ins: StandIns, path: Path) -> None:
    """Write some seconds of the chip's four routed channels."""
    channels = [row[0] for row in maxwell_files.ROUTED]
    bins, units = np.nonzero(_simulate(1, "in_vivo", len(channels)).spikes)
    rows = [
        (20 * frame + 10, channels[unit], -20.0) for frame, unit in zip(bins.tolist(), units, strict=True)
    ]
    maxwell_files.write_new_maxwell(path, spikes=rows, num_frames=round(DURATION * 20_000))


def _write_circus(stand_ins: StandIns, path: Path) -> None:
    maxwell_files.write_circus(path, {0: [30, 10], 2: [3999], 10: [70]})


def _write_phy(stand_ins: StandIns, path: Path) -> None:
    path.mkdir()
    np.save(path / "spike_times.npy", np.arange(0, 20_000, 50))
    np.save(path / "spike_clusters.npy", np.arange(400) % 4)
    (path / "params.py").write_text("dat_path = 'none.dat'\nsample_rate = 1000.0\n")


def _write_kilosort(stand_ins: StandIns, path: Path) -> None:
    sorter_files.write_phy(path, curated=False)


def _write_analyzer(stand_ins: StandIns, path: Path) -> None:
    """Write an analyzer with places of units."""
    recording, sorting = generate_ground_truth_recording(
        durations=[DURATION], num_channels=4, num_units=4, sampling_frequency=10_000.0, seed=0
    )
    kind = "zarr" if path.suffix == ".zarr" else "binary_folder"
    with warnings.catch_warnings():
        # nobody could load a simulated recording by the class that made it
        warnings.simplefilter("ignore")
        analyzer = create_sorting_analyzer(sorting, recording, format="memory", sparse=False)
        analyzer.compute(["random_spikes", "templates", "unit_locations"])
        analyzer.save_as(folder=path, format=kind)


def _write_sorter_output(stand_ins: StandIns, path: Path) -> None:
    """Write what Kilosort 4 leaves of some units that fire all the time, good and not."""
    bins, units = np.nonzero(_simulate(3, "in_vivo", 6).spikes)
    path.mkdir(parents=True)
    np.save(path / "spike_times.npy", bins * 30 + 15)
    np.save(path / "spike_clusters.npy", units)
    rows = [f"{unit}\t{'mua' if unit == 5 else 'good'}" for unit in range(6)]
    (path / "cluster_KSLabel.tsv").write_text("\n".join(["cluster_id\tKSLabel", *rows]) + "\n")
    (path / "params.py").write_text("dat_path = 'none.dat'\nsample_rate = 30000.0\n")


def _write_session(stand_ins: StandIns, path: Path) -> None:
    lab, _, subject, day, number = path.parts[-5:]
    write_session(path.parents[4], lab, subject, day, number)


_WRITERS: list[tuple[str, Callable[[StandIns, Path], None]]] = [
    (r"metadata\.yaml$", _write_metadata),
    (r"conversion\.yml$", _write_yaml),
    (r"asdf[^/]*\.mat$", _write_asdf),
    (r"xy\.mat$", _write_positions),
    (r"\.raw\.h5$", _write_maxwell),
    (r"/slice$", _write_circus),
    (r"/phy_folder$", _write_phy),
    (r"/kilosort4$", _write_kilosort),
    (r"/analyzer(\.zarr)?$", _write_analyzer),
    (r"/sorter_output$", _write_sorter_output),
    (r"/(mouse|human)-features$", StandIns.write_features),
    (r"/Subjects/.*/\d\d\d$", _write_session),
    (r"/model[^/.]*$", StandIns.write_model),
    (r"_desc-[^/]*\.nwb$|/derived\.nwb$", StandIns.write_derived),
    (r"/long[^/]*\.nwb$", StandIns.write_long_recording),
    (r"\.nwb$", StandIns.write_recording),
]


def names_of(page: str, stand_ins: StandIns) -> dict[str, Any]:
    """Return the names that the Python of a page takes for granted, and write the files it opens."""
    for file in _OPENED.get(page, ()):
        stand_ins.provide(Path(file).absolute())
    return _NAMES[page]() if page in _NAMES else {}


def _make_sortings() -> dict[str, Any]:
    """Return a sorting to learn from, another one and a recording as long as it."""
    sorting, other = (_simulate(seed, "in_vivo", 6).sorting for seed in (1, 2))
    recording = generate_recording(
        num_channels=4, durations=[DURATION], sampling_frequency=other.sampling_frequency, seed=0
    )
    return {"sorting": sorting, "other_sorting": other, "recording": recording}


_OPENED = {
    "docs/neuroconv.md": ("culture.raw.h5", "conversion.yml"),
    "docs/convert-sortings.md": ("analyzer", "metadata.yaml"),
    "docs/spikeinterface.md": ("kilosort4/sorter_output",),
    "docs/transfer.md": ("new.nwb", "slice.nwb"),
    "docs/tutorial-nwb.md": ("sub-A_ecephys.nwb",),
}
_NAMES: dict[str, Callable[[], dict[str, Any]]] = {
    "docs/spikeinterface.md": _make_sortings,
    "docs/transfer.md": lambda: {"nsg": nsg},
}
