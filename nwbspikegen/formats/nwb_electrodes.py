"""Devices, electrode groups and the electrodes table of a source, written by NeuroConv's own helpers.

NeuroConv tells electrodes apart by group, electrode and channel name: whoever writes first, an electrode
is one row, and columns that the other has are filled.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Int64

from nwbspikegen.formats.electrodes import Electrodes
from nwbspikegen.formats.nwb_columns import find_nulls, sort_columns, to_shared

_UNKNOWN = "unknown"
_DESCRIPTIONS = {
    "channel": "Channel of the recording system, as the source numbers it.",
    "electrode": "Electrode of the array, as its maker numbers it.",
    "gain_uV": "Microvolts per least significant bit.",
    "rel_x": "x position of the electrode on its array or probe, in micrometres.",
    "rel_y": "y position of the electrode on its array or probe, in micrometres.",
    "site_depth": "Depth of the recording site along the probe, in micrometres.",
}


def describe_array(electrodes: Electrodes, key: str | None, *, is_alone: bool) -> dict[str, Any]:
    """Return devices and groups in NeuroConv's layout, which users may edit, keyed by device and group.

    Parameters
    ----------
    electrodes : Electrodes
        What is described.
    key : str or None
        Takes the device's place in all keys and names, where two arrays are called alike.
    is_alone : bool
        Whether nothing else is in the file: then a device of one group needs no group in its name.
    """
    label = key or electrodes.device
    names = _group_names(electrodes)
    # since NWB 2.9 a maker belongs to a model, not to a device
    model = {
        "name": f"{electrodes.device} model",
        "manufacturer": electrodes.manufacturer,
        "description": electrodes.description,
    }
    devices, groups = {}, {}
    for name in names:
        devices[f"{label} {name}"] = {
            "name": label if is_alone and len(names) == 1 else f"{label} {name}",
            "description": electrodes.description,
            "device_model_metadata_key": electrodes.device,
        }
        pairs = zip(_locations(electrodes), _groups(electrodes), strict=True)
        places = {place for place, group in pairs if group == name}
        groups[f"{label} {name}"] = {
            "name": name if key is None else f"{key} {name}",
            "description": f"Electrodes of {name}.",
            "location": ", ".join(sorted(places)),
            "device_metadata_key": f"{label} {name}",
        }
    return {
        "DeviceModels": {electrodes.device: model},
        "Devices": devices,
        "Ecephys": {"ElectrodeGroups": groups},
    }


def add_recording_electrodes(
    nwbfile: Any, electrodes: Electrodes, metadata: Mapping[str, Any], key: str | None, *, is_alone: bool
) -> list[np.ndarray]:
    """Add devices, groups and a row per electrode that is not there, and return the rows of each unit.

    `metadata` are those of `describe_array`, as they were edited.
    """
    from neuroconv.tools.spikeinterface import add_recording_metadata_to_nwbfile

    label = key or electrodes.device
    keys = [f"{label} {name}" for name in _group_names(electrodes)]
    metadata = _tell_groups_apart(nwbfile, metadata, keys)
    called = read_group_names(electrodes, metadata, key)
    recording = _make_recording(electrodes, called, is_alone=is_alone)
    described = [
        {"name": name, "description": _DESCRIPTIONS.get(name, f"{name} as the source has it.")}
        for name in recording.get_property_keys()
    ]
    metadata["Ecephys"]["Electrodes"] = [each for each in described if each["name"] in electrodes.columns]
    add_recording_metadata_to_nwbfile(
        recording, nwbfile, metadata, null_values_for_properties=find_nulls(nwbfile.electrodes)
    )
    sort_columns(nwbfile.electrodes)
    rows = _find_rows(nwbfile.electrodes, recording)
    return [rows[[unit]] if unit >= 0 else rows[:0] for unit in electrodes.of_units.tolist()]


def read_group_names(electrodes: Electrodes, metadata: Mapping[str, Any], key: str | None) -> dict[str, str]:
    """Return what each group is called in the file, by metadata as `describe_array` gives them."""
    groups = metadata["Ecephys"]["ElectrodeGroups"]
    return {name: groups[f"{key or electrodes.device} {name}"]["name"] for name in _group_names(electrodes)}


def _make_recording(electrodes: Electrodes, called: Mapping[str, str], *, is_alone: bool) -> Any:
    """Return a recording of no length whose channels are the electrodes: what NeuroConv's helpers take."""
    from spikeinterface.core import NumpyRecording

    recording = NumpyRecording([np.zeros((1, len(electrodes.groups)), dtype=np.int8)], sampling_frequency=1.0)
    name_channels(recording, electrodes, np.arange(len(electrodes.groups)), called, is_alone=is_alone)
    return recording


def name_channels(
    recording: Any,
    electrodes: Electrodes,
    rows: Int64[np.ndarray, " channel"],
    called: Mapping[str, str],
    *,
    is_alone: bool = False,
) -> None:
    """Give channels the properties by which NeuroConv knows their electrodes, and all columns of these.

    Parameters
    ----------
    recording : BaseRecording
        Traces, or a recording that stands for them.
    electrodes : Electrodes
        Those of the array.
    rows : ndarray of shape (channel,)
        The electrode of each channel.
    called : mapping of str to str
        What each group is called in the file.
    is_alone : bool, default: False
        As for `describe_array`.
    """
    columns = {name: values[rows] for name, values in electrodes.columns.items() if name != "location"}
    groups = [_groups(electrodes)[row] for row in rows.tolist()]
    recording.set_property("group", np.array([list(called).index(group) for group in groups]))
    recording.set_property("group_name", np.array([called[group] for group in groups]))
    recording.set_property("brain_area", np.array([_locations(electrodes)[row] for row in rows.tolist()]))
    recording.set_property("channel_name", _to_names(columns.get("channel", rows)))
    if "electrode" in columns:
        recording.set_property("electrode_name", _to_names(columns["electrode"]))
    # of traces, the probe says where its channels are
    placed = ("rel_x", "rel_y") if recording.has_probe() else ()
    for name in sorted(columns.keys() - set(placed)):
        recording.set_property(name, columns[name] if is_alone else to_shared(columns[name]))


def _tell_groups_apart(nwbfile: Any, metadata: Mapping[str, Any], keys: list[str]) -> dict[str, Any]:
    """Return metadata in which a group that another device already has is called by its device."""
    groups = {key: dict(metadata["Ecephys"]["ElectrodeGroups"][key]) for key in keys}
    for group in groups.values():
        device = metadata["Devices"][group["device_metadata_key"]]["name"]
        there = nwbfile.electrode_groups.get(group["name"])
        if there is not None and there.device.name != device:
            is_in_name = device.endswith(group["name"])
            group["name"] = device if is_in_name else f"{device} {group['name']}"
    return {**metadata, "Ecephys": {"ElectrodeGroups": groups}}


def _find_rows(table: Any, recording: Any) -> np.ndarray:
    """Return the row of each channel in the electrodes table, found as NeuroConv finds it."""
    names = [name for name in ("group_name", "electrode_name", "channel_name") if name in table.colnames]
    there = zip(*(table[name][:] for name in names), strict=True)
    rows = {tuple(map(str, each)): row for row, each in enumerate(there)}
    blank = np.full(recording.get_num_channels(), "")
    wanted = [recording.get_property(name) for name in names]
    ours = zip(*(blank if each is None else each for each in wanted), strict=True)
    return np.array([rows[tuple(map(str, each))] for each in ours], dtype=np.int64)


def _groups(electrodes: Electrodes) -> list[str]:
    return [str(group) for group in electrodes.groups.tolist()]


def _group_names(electrodes: Electrodes) -> list[str]:
    return list(dict.fromkeys(_groups(electrodes)))


def _locations(electrodes: Electrodes) -> list[str]:
    known = electrodes.columns.get("location")
    return [_UNKNOWN] * len(electrodes.groups) if known is None else [str(each) for each in known]


def _to_names(numbers: np.ndarray) -> np.ndarray:
    return np.array([str(each) for each in np.asarray(numbers).tolist()])
