"""Simulated cells as NWB files, laid out as the archive wants them."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from nwbspikegen.core.errors import InputError, require_seed
from nwbspikegen.core.files import write_whole
from nwbspikegen.patchseq.reading.sweeps import Sweep
from nwbspikegen.patchseq.simulation.cells import CLASSES
from nwbspikegen.patchseq.simulation.simulator import simulate_cell

_CELLS_PER_DONOR = 3
_AGES = {"Mus musculus": "P60D", "Homo sapiens": "P40Y"}
# 16 bits of this reach from -256 to 256 mV
_COUNT_MV = 1 / 128  # of the analog-digital converter
_SUFFIX = "_DA_0"  # what acquisition software adds: the output channel


def simulate_patchseq(
    folder: str | os.PathLike[str], num_per_class: int, species: str, seed: int, *, overwrite: bool = False
) -> list[Path]:
    """Simulate cells of all classes and write one NWB file each.

    Cells are dealt to donors, three to each, so that a donor gives cells of several classes. The class
    is in the column ``cell_class`` of ``intracellular_recordings/electrodes``. Potentials are 16-bit
    counts of 1/128 mV, as converters give them.

    Parameters
    ----------
    folder : path
        An existing folder; files go to ``sub-<donor>/sub-<donor>_ses-<cell>_icephys.nwb``.
    num_per_class : int
        Cells of each class.
    species : str
        "Mus musculus" or "Homo sapiens".
    seed : int
        Of the cells and of who has which donor.
    overwrite : bool, default: False
        Replace files that are there.

    Returns
    -------
    list of Path
        Class after class.

    Raises
    ------
    InputError
        For a species that is not simulated, or no cells.

    Examples
    --------
    >>> simulate_patchseq(".", 0, "Homo sapiens", seed=2)
    Traceback (most recent call last):
    nwbspikegen.core.errors.InputError: found 0 cells per class; expected at least one; ask for more
    """
    require_seed(seed)
    if num_per_class < 1:
        raise InputError(f"{num_per_class} cells per class", "at least one", "ask for more")
    cells = [(name, index) for name in CLASSES for index in range(num_per_class)]
    # a seed for each cell, not seed + number, or two neighbouring seeds would share cells
    seeds = np.random.SeedSequence(seed).generate_state(len(cells) + 1)
    order = np.random.default_rng(seeds[-1]).permutation(len(cells))
    donors = np.empty(len(cells), dtype=np.int64)
    donors[order] = np.arange(len(cells)) // _CELLS_PER_DONOR
    # donors are counted in the order in which they first appear
    _, first, index = np.unique(donors, return_index=True, return_inverse=True)
    donors = np.argsort(np.argsort(first))[index]
    paths = []
    for (name, number), donor, cell_seed in zip(cells, donors.tolist(), seeds.tolist(), strict=False):
        subject = f"{'human' if species == 'Homo sapiens' else 'mouse'}{donor}"
        session = f"{name}-{number}-seed{seed}"
        path = Path(folder) / f"sub-{subject}" / f"sub-{subject}_ses-{session}_icephys.nwb"
        # the archive's layout: a folder for each subject
        path.parent.mkdir(exist_ok=True)
        sweeps = simulate_cell(name, species, cell_seed)
        with write_whole(path, overwrite=overwrite) as temporary:
            write_cell(temporary, sweeps, name, species, subject, session)
        paths.append(path)
    return paths


def write_cell(
    path: Path, sweeps: list[Sweep], cell_class: str, species: str, subject_id: str, session_id: str
) -> None:
    """Write the sweeps of one simulated cell as NWB."""
    from pynwb import NWBHDF5IO, NWBFile
    from pynwb.file import Subject

    nwbfile = NWBFile(
        session_description=(
            f"Simulated current-clamp sweeps of a {cell_class}-like cell; no animal was recorded. The start "
            "time is arbitrary."
        ),
        experiment_description="Simulated by nwbspikegen from a conductance-based cell of known class.",
        identifier=f"simulated-{subject_id}-{session_id}",
        session_id=session_id,
        session_start_time=datetime(2000, 1, 1, tzinfo=UTC),
        lab="simulated",
        institution="simulated",
        experimenter=["Simulator, A"],
        keywords=["preparation:in_vitro", "simulated"],
    )
    nwbfile.subject = Subject(
        subject_id=subject_id,
        species=species,
        age=_AGES[species],
        sex="U",
        description="No subject: the cell is simulated. Species and age are those of the cells imitated.",
    )
    device = nwbfile.create_device(name="simulator", description="the simulator of nwbspikegen")
    electrode = nwbfile.create_icephys_electrode(
        name="electrode_0",
        description="an ideal electrode",
        device=device,
        location="Isocortex",
        cell_id=f"{subject_id}-{session_id}",
    )
    _add_sweeps(nwbfile, electrode, sweeps, cell_class)
    with NWBHDF5IO(str(path), "w") as io:
        io.write(nwbfile)


def _add_sweeps(nwbfile: Any, electrode: Any, sweeps: list[Sweep], cell_class: str) -> None:
    from pynwb.icephys import IntracellularRecordingsTable

    table = IntracellularRecordingsTable()
    table.add_column(
        name="cell_class",
        description="Class of the cell, known since it is simulated.",
        category="electrodes",
    )
    nwbfile.intracellular_recordings = table
    for sweep in sweeps:
        response, stimulus = _to_series(sweep, electrode)
        nwbfile.add_acquisition(response)
        nwbfile.add_stimulus(stimulus)
        nwbfile.add_intracellular_recording(
            electrode=electrode,
            stimulus=stimulus,
            response=response,
            electrode_metadata={"cell_class": cell_class},
        )


def _to_series(sweep: Sweep, electrode: Any) -> tuple[Any, Any]:
    from pynwb.icephys import CurrentClampSeries, CurrentClampStimulusSeries

    info = sweep.info
    shared = {
        "electrode": electrode,
        "gain": 1.0,
        "rate": info.sampling_rate_hz,
        "starting_time": info.start,
        "stimulus_description": info.stimulus_code + _SUFFIX,
        "sweep_number": np.uint32(info.number),
    }
    # the current stays in float32: commanded currents are exact
    counts = np.round(sweep.voltage_mv / _COUNT_MV).astype(np.int16)
    response = CurrentClampSeries(
        name=f"data_{info.number:05d}_AD0",
        data=_compress(counts),
        conversion=1e-3 * _COUNT_MV,
        description="membrane potential",
        bias_current=0.0,
        **shared,
    )
    stimulus = CurrentClampStimulusSeries(
        name=f"data_{info.number:05d}_DA0",
        data=_compress(sweep.current_pa.astype(np.float32)),
        conversion=1e-12,
        description="injected current",
        **shared,
    )
    return response, stimulus


def _compress(values: np.ndarray) -> Any:
    from hdmf.backends.hdf5 import H5DataIO

    # noise hardly compresses: the fastest level is enough
    return H5DataIO(values, compression="gzip", compression_opts=1, shuffle=True)
