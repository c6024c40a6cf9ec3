"""Write the file that later versions must read; run once per version of the namespace.

    python src/pynwb/tests/back_compat/make_files.py

Values are exact numbers of the specification's own examples, so that the test can repeat them.
"""

from __future__ import annotations

import datetime
from pathlib import Path

import numpy as np
from hdmf.common import DynamicTableRegion
from ndx_spikegen import LabeledMatrix
from pynwb import NWBHDF5IO, NWBFile

HERE = Path(__file__).parent
VERSION = "0.1.0"


def main() -> None:
    """Write one matrix of each kind of axis."""
    start = datetime.datetime(2026, 11, 21, tzinfo=datetime.UTC)
    nwbfile = NWBFile(
        session_description="back compatibility", identifier="ndx-spikegen", session_start_time=start
    )
    for unit in (4, 5, 7):
        nwbfile.add_unit(spike_times=[0.5, 1.5], id=unit)
    module = nwbfile.create_processing_module("attention", "matrices")
    module.add(
        LabeledMatrix(
            name="attention",
            description="weights by head",
            measure="attention weight",
            unit="1",
            axis_names=["head", "query", "key"],
            values=np.arange(12.0, dtype=np.float32).reshape(2, 2, 3),
            page_labels=[0, 1],
            row_starting_time=10.0,
            row_rate=4.0,
            column_timestamps=[9.5, 9.75, 10.5],
        )
    )
    region = DynamicTableRegion(name="column_region", data=[2, 0], description="units", table=nwbfile.units)
    module.add(
        LabeledMatrix(
            name="importance",
            description="gradient",
            measure="importance",
            unit="1/bin",
            axis_names=["offset", "unit"],
            values=[[1, 2], [3, 4], [5, 6]],
            row_labels=[0.0, 0.5, 1.0],
            row_labels_unit="s",
            column_region=region,
        )
    )
    # without the schemas, which would be half a megabyte; they are what this version of pynwb ships
    with NWBHDF5IO(str(HERE / f"{VERSION}_labeled_matrix.nwb"), "w") as io:
        io.write(nwbfile, cache_spec=False)


if __name__ == "__main__":
    main()
