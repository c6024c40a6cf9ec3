"""Traces and spikes of one recording into one file, with NeuroConv: the usual pair of a converter.

    python examples/neuroconv_pipe.py OUT_FOLDER

The MaxWell file is made here, so that this runs anywhere. `formats.MaxWellTracesInterface` may be
NeuroConv's `SpikeGLXRecordingInterface` or any other, and `formats.MaxWellInterface` any interface of ours.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import h5py
import numpy as np
from neuroconv import NWBConverter

import nwbspikegen as nsg
from nwbspikegen import formats

RATE_HZ, DURATION = 20_000, 6.0


class MaxWellConverter(NWBConverter):
    """Raw traces, and the spikes that the chip detected in them."""

    data_interface_classes = {  # noqa: RUF012 - as NeuroConv declares it
        "Traces": formats.MaxWellTracesInterface,
        "Spikes": formats.MaxWellInterface,
    }


def write_maxwell(path: Path) -> Path:
    """Write a small file as MaxWell's software does: traces, spikes detected on chip, electrodes."""
    sorting = nsg.simulate("in_vitro", num_units=8, duration=DURATION, seed=3).sorting
    frames = [np.rint(sorting.get_unit_spike_train_in_seconds(unit) * RATE_HZ) for unit in sorting.unit_ids]
    spikes = [(frame, channel, -20.0) for channel, train in enumerate(frames) for frame in train]
    # channel, electrode and its place on the chip (um)
    mapping = [(channel, 100 + channel, 17.5 * channel, 35.0) for channel in range(len(frames))]
    noise = np.random.default_rng(3).integers(500, 524, (len(frames), int(RATE_HZ * DURATION)))
    with h5py.File(path, "w") as file:
        file["version"], file["wellplate/version"] = np.array([b"20190530"]), np.array([b"MaxOne"])
        group = file.create_group("wells/well000/rec0000")
        group["settings/sampling"], group["settings/lsb"] = np.array([RATE_HZ]), np.array([6.3e-6])
        group["settings/hpf"], group["settings/gain"] = np.array([300.0]), np.array([512.0])
        group["settings/mapping"] = np.array(
            mapping, [("channel", "<i4"), ("electrode", "<i4"), ("x", "<f8"), ("y", "<f8")]
        )
        group["spikes"] = np.array(spikes, [("frameno", "<i8"), ("channel", "<i4"), ("amplitude", "<f4")])
        group["groups/routed/frame_nos"] = np.arange(noise.shape[1], dtype=np.uint64)
        group["groups/routed/channels"] = np.arange(len(frames), dtype=np.uint16)
        group["groups/routed/raw"] = noise.astype(np.uint16)
        file["recordings/rec0000/well000"] = group
    return path


def main(folder: Path) -> None:
    """Write a MaxWell file and its NWB into `folder`, and print what NWB holds."""
    source = str(write_maxwell(folder / "culture.raw.h5"))
    converter = MaxWellConverter({name: {"file_path": source} for name in ("Traces", "Spikes")})
    metadata = converter.get_metadata()
    metadata["NWBFile"].update(
        session_start_time=datetime(2024, 5, 1, tzinfo=UTC), session_description="A simulated culture."
    )
    metadata["Subject"] = {"subject_id": "c1", "species": "Mus musculus", "sex": "U", "age": "P3W"}
    out = folder / "sub-c1_ecephys.nwb"
    converter.run_conversion(out, metadata=metadata, overwrite=True)

    units = nsg.open_units(out)
    print(f"{out.name}: {units.sizes['unit']} units, {int(units.spikes.sum())} bins with a spike")
    print(f"named {', '.join(units.unit_name.values[:3])}, ...")
    with h5py.File(out) as file:
        rows = file["general/extracellular_ephys/electrodes/id"]
        print(f"{len(rows)} electrodes, each once: traces and units point to the same")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
