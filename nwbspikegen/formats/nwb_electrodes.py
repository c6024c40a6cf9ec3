"""Devices, electrode groups and the electrodes table of a source."""

from __future__ import annotations

from typing import Any

import numpy as np

from nwbspikegen.formats.electrodes import Electrodes

_UNKNOWN = "unknown"
_DESCRIPTIONS = {
    "channel": "Channel of the recording system, as the source numbers it.",
    "electrode": "Electrode of the array, as its maker numbers it.",
    "gain_uV": "Microvolts per least significant bit.",
    "site_depth": "Depth of the recording site along the probe, in micrometres.",
}
# pynwb knows these columns itself
_PREDEFINED = ("x", "y", "z", "imp", "filtering", "rel_x", "rel_y", "rel_z", "reference")


def add_recording_electrodes(nwbfile: Any, electrodes: Electrodes) -> None:
    """Add one device and group per probe, and a row per electrode."""
    columns = dict(electrodes.columns)
    locations = [str(value) for value in columns.pop("location", [_UNKNOWN] * len(electrodes.groups))]
    groups = _add_groups(nwbfile, electrodes, locations)
    names = sorted(columns)
    for row, (group, location) in enumerate(zip(electrodes.groups.tolist(), locations, strict=True)):
        values = {name: _to_plain(columns[name][row]) for name in names if name in _PREDEFINED}
        nwbfile.add_electrode(group=groups[group], location=location, **values)
    for name in (name for name in names if name not in _PREDEFINED):
        # after all rows: pynwb takes values of a column of one's own only once the column is there
        nwbfile.add_electrode_column(
            name=name,
            description=_DESCRIPTIONS.get(name, f"{name} as the source has it."),
            data=[_to_plain(value) for value in columns[name]],
        )


def _add_groups(nwbfile: Any, electrodes: Electrodes, locations: list[str]) -> dict[str, Any]:
    names = list(dict.fromkeys(electrodes.groups.tolist()))
    # since NWB 2.9 a maker belongs to a model, not to a device
    model = nwbfile.create_device_model(
        name=f"{electrodes.device} model",
        manufacturer=electrodes.manufacturer,
        description=electrodes.description,
    )
    groups = {}
    for name in names:
        device = nwbfile.create_device(
            name=electrodes.device if len(names) == 1 else f"{electrodes.device} {name}",
            description=electrodes.description,
            model=model,
        )
        inside = [
            place for place, group in zip(locations, electrodes.groups.tolist(), strict=True) if group == name
        ]
        groups[name] = nwbfile.create_electrode_group(
            name=name,
            description=f"Electrodes of {name}.",
            location=", ".join(sorted(set(inside))),
            device=device,
        )
    return groups


def rows_of_units(electrodes: Electrodes) -> list[list[int]]:
    """Return the electrodes of each unit, none where they are not known."""
    return [[row] if row >= 0 else [] for row in electrodes.of_units.tolist()]


def _to_plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
