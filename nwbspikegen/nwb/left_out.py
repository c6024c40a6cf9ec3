"""Spikes that a source has and its NWB file has not, by why: written and read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from nwbspikegen.nwb.groups import find_array, find_group, read_values

MODULE, TABLE = "ecephys", "spikes_left_out"
# as NeuroConv describes this module: it warns where another source of the file has described it otherwise
_DESCRIPTION = "Intermediate data from extracellular electrophysiology recordings, e.g., LFP."
_REASON, _NUMBER = "reason", "num_spikes"


def add_left_out(nwbfile: Any, left_out: Mapping[str, int]) -> None:
    """Add how many spikes were left out for each reason, to what other sources have left out of the file."""
    from hdmf.common import DynamicTable

    left_out = {reason: number for reason, number in left_out.items() if number}
    if not left_out:
        return
    module = nwbfile.processing.get(MODULE)
    if module is None:
        module = nwbfile.create_processing_module(MODULE, _DESCRIPTION)
    table = module.data_interfaces.get(TABLE)
    if table is None:
        table = DynamicTable(
            name=TABLE, description="Spikes that the source has and the units here have not."
        )
        table.add_column(name=_REASON, description="Why they were left out.")
        table.add_column(name=_NUMBER, description="How many.")
        module.add(table)
    for reason, number in left_out.items():
        table.add_row({_REASON: reason, _NUMBER: int(number)})


def read_left_out(root: Any) -> dict[str, int]:
    """Return how many spikes were left out of a file for each reason, nothing where it does not say."""
    group = find_group(root, f"processing/{MODULE}/{TABLE}")
    arrays = [] if group is None else [find_array(group, name) for name in (_REASON, _NUMBER)]
    columns = [read_values(array) for array in arrays if array is not None and len(array.shape) == 1]
    if len(columns) != 2 or columns[0] is None or columns[1] is None or len(columns[0]) != len(columns[1]):
        return {}
    if columns[0].dtype.kind != "U" or columns[1].dtype.kind not in "iu":
        return {}
    found: dict[str, int] = {}
    for reason, number in zip(columns[0].tolist(), columns[1].astype(np.int64).tolist(), strict=True):
        found[reason] = found.get(reason, 0) + number
    return found
