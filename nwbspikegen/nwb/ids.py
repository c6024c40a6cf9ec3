"""Ids of units that name one unit each, also where two probes count alike."""

from __future__ import annotations

import functools
import logging
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from nwbspikegen.nwb.groups import find_array, find_group, read_values
from nwbspikegen.nwb.unit_table import read_ids

_log = logging.getLogger("nwbspikegen")
LABELS = "unit_label"
"""Column in which derived files have the names of units whose ids are not unique."""
# columns that tell probes apart, in the order in which they are tried
_PROBES = (
    "probe",
    "probe_name",
    "probe_id",
    "electrode_group",
    "electrode_group_name",
    "group_name",
    "device",
    "device_name",
)


def read_unique_ids(root: Any, units: Any, num_units: int, columns: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return what names each unit: its id, or its probe and id where several probes count alike.

    Ids that are equal, and that no probe tells apart, are returned as they are.

    Parameters
    ----------
    root, units : group
        The recording, and its table of units.
    num_units : int
        How many units there are.
    columns : mapping of str to ndarray of shape (unit,)
        The table's columns with one value per unit.
    """
    labels = columns.get(LABELS)
    if labels is not None and labels.dtype.kind == "U" and len(np.unique(labels)) == num_units:
        return labels
    ids = read_ids(units, num_units)
    if len(np.unique(ids)) == num_units:
        return ids
    # the first column that makes all of them unique; one that does for some would leave the rest to guesses
    for name, probes in _list_probes(root, units, num_units, columns):
        labels = np.array([f"{probe}_{unit}" for probe, unit in zip(probes, ids, strict=True)], dtype=np.str_)
        if len(np.unique(labels)) == num_units:
            _say_once(f"unit ids that are equal are told apart by {name}: {labels[0]}, ..., {labels[-1]}")
            return labels
    return ids


@functools.lru_cache(maxsize=256)
def _say_once(text: str) -> None:
    _log.warning("%s", text)


def _list_probes(
    root: Any, units: Any, num_units: int, columns: Mapping[str, np.ndarray]
) -> Iterator[tuple[str, np.ndarray]]:
    """Yield name and values of what may tell probes apart."""
    for name in _PROBES:
        if name in columns:
            yield name, columns[name]
    rows, ends = find_array(units, "electrodes"), find_array(units, "electrodes_index")
    place = find_group(root, "general/extracellular_ephys/electrodes")
    groups = None if place is None else find_array(place, "group_name")
    names = None if groups is None else read_values(groups)
    if rows is None or names is None:
        return
    # the first electrode of each unit stands for the unit, whose electrodes are of one probe
    begins = np.arange(num_units) if ends is None else np.concatenate([[0], ends[:-1]]).astype(np.int64)
    if len(begins) == num_units and begins.max(initial=0) < len(rows):
        firsts = np.asarray(rows[:], dtype=np.int64)[begins]
        if firsts.min(initial=0) >= 0 and firsts.max(initial=0) < len(names):
            yield "the group of their electrodes", names[firsts]
