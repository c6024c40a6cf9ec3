"""What of a patch-clamp source a derived file keeps, its electrodes, and what it must drop."""

from __future__ import annotations

from typing import Any

from nwbspikegen.core.addresses import Address
from nwbspikegen.nwb.groups import find_group, read_text
from nwbspikegen.nwb.opening import open_nwb, reading

_PLACE = "general/intracellular_ephys"
_TEXTS = ("cell_id", "location", "slice", "seal", "resistance", "filtering", "initial_access_resistance")


def read_electrodes(source: Address) -> list[dict[str, str]]:
    """Return name, device, description and what else is said of each patch-clamp electrode."""
    with open_nwb(source) as root, reading(source):
        place = find_group(root, _PLACE)
        devices = find_group(root, "general/devices")
        electrodes = []
        for name in place or ():
            group = find_group(place, name)
            if group is None or group.attrs.get("neurodata_type") != "IntracellularElectrode":
                continue
            described = {text: read_text(group, text) for text in ("description", *_TEXTS)}
            device = find_group(group, "device")
            # two objects are one when they lie at the same place: HDF5 links have no name of their own
            described["device"] = next((key for key in devices or () if devices[key] == device), "")
            electrodes.append({"name": name, **described})
    return electrodes


def add_patch_electrodes(nwbfile: Any, electrodes: list[dict[str, str]]) -> None:
    """Add electrodes to a file in memory; devices are those that it has."""
    for electrode in electrodes:
        given = {text: electrode[text] for text in _TEXTS if electrode[text]}
        device = nwbfile.devices.get(electrode["device"])
        if device is None:
            device = nwbfile.create_device(name=f"device of {electrode['name']}", description="not described")
        nwbfile.create_icephys_electrode(
            name=electrode["name"], device=device, description=electrode["description"] or "none", **given
        )


def drop_extras(nwbfile: Any) -> None:
    """Take out what a laboratory's own kind of file holds besides: it may point to recorded series."""
    from pynwb import NWBFile

    # pynwb has no public way to take a child out again
    for name in [name for name in nwbfile.fields if not hasattr(NWBFile, name)]:
        extra = nwbfile.fields.pop(name)
        for child in list(extra.values()) if hasattr(extra, "values") else [extra]:
            if child in nwbfile.children:
                nwbfile._remove_child(child)
    # or the export would copy the source's group as it is
    nwbfile.set_modified()
