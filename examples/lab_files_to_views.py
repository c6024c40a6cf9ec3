"""From a lab's files to one view: convert, look for duplicate units, select, bin.

    python examples/lab_files_to_views.py OUT_FOLDER

A simulated population stands in for the lab's files, so that this runs anywhere. For real ones, call
`nsg.convert_maxwell`, `nsg.convert_spykingcircus`, `nsg.convert_ibl` or `nsg.convert_asdf` instead.
"""

from __future__ import annotations

import sys
from pathlib import Path

import nwbspikegen as nsg
from nwbspikegen.simulation import metadata_of
from nwbspikegen.views import find_duplicates


def main(folder: Path) -> None:
    """Write one NWB file into `folder` and print what a view of it holds."""
    simulation = nsg.simulate("in_vivo", num_units=40, duration=60, seed=7)
    out = folder / "sub-simulated_ecephys.nwb"
    path = nsg.convert_sorting(simulation.sorting, out, metadata=metadata_of(simulation), overwrite=True)

    units = nsg.open_units(path, bin_size=0.001, start=10, duration=40)
    pairs = find_duplicates(units)
    print(f"{path.name}: {units.sizes['unit']} units, {len(pairs)} pairs that share their spikes")

    chosen = nsg.select_units(units, skip=0, take=16, min_rate_hz=1.0, drop_duplicates=True)
    parts = nsg.split_time(chosen, train=20, validation=10, test=10)
    for name in ("train", "validation", "test"):
        part = getattr(parts, name)
        rate_hz = float(part.spikes.mean()) / part.attrs["bin_size"]
        print(f"{name}: {part.sizes['time']} bins from {float(part.time[0]):g} s, {rate_hz:.2f} Hz per unit")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
