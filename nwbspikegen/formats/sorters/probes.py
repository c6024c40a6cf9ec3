"""The electrodes of a sorting analyzer, from its probes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float64

from nwbspikegen.formats.electrodes import Electrodes


def describe_probes(
    probes: Any,
    channel_ids: Sequence[Any],
    properties: Mapping[str, Any],
    main_channels: Sequence[Any] | None,
    places: Float64[np.ndarray, "unit axis"] | None,
    num_units: int,
) -> Electrodes | None:
    """Return the electrodes, None when the probes do not tell a place for each channel.

    Parameters
    ----------
    probes : probeinterface.ProbeGroup or None
        As the analyzer has them.
    channel_ids : sequence
        Of the recording.
    properties : mapping
        Of the channels: `group` and `brain_area` are known.
    main_channels : sequence or None
        Id of each unit's main channel.
    places : ndarray, shape (unit, axis), or None
        Where units are (um): without main channels, the nearest electrode is theirs.
    num_units : int
        How many units there are.
    """
    if probes is None:
        return None
    contacts = probes.to_numpy(complete=True)
    contacts = contacts[np.argsort(contacts["device_channel_indices"], kind="stable")]
    if len(contacts) != len(channel_ids) or not len(contacts) or "y" not in (contacts.dtype.names or ()):
        return None
    columns: dict[str, np.ndarray] = {
        "channel_name": np.array([str(each) for each in channel_ids]),
        "rel_x": contacts["x"].astype(np.float64),
        "rel_y": contacts["y"].astype(np.float64),
    }
    areas = properties.get("brain_area")
    if areas is not None and len(areas) == len(contacts):
        columns["location"] = np.array([str(each) or "unknown" for each in areas])
    first = probes.probes[0]
    return Electrodes(
        str(first.model_name or "Probe"),
        str(first.manufacturer or "unknown"),
        "Electrodes that were sorted.",
        _name_groups(contacts, properties.get("group")),
        columns,
        _find_main(columns, main_channels, places, num_units),
    )


def _name_groups(contacts: np.ndarray, groups: Any) -> np.ndarray:
    if groups is not None and len(groups) == len(contacts):
        return np.array([f"group{each}" for each in groups])
    return np.array([f"probe{each}" for each in contacts["probe_index"]])


def _find_main(
    columns: Mapping[str, np.ndarray],
    main_channels: Sequence[Any] | None,
    places: Float64[np.ndarray, "unit axis"] | None,
    num_units: int,
) -> np.ndarray:
    if main_channels is not None:
        rows = {name: row for row, name in enumerate(columns["channel_name"].tolist())}
        return np.array([rows.get(str(each), -1) for each in main_channels], dtype=np.int64)
    if places is not None:
        sites = np.stack([columns["rel_x"], columns["rel_y"]], axis=1)
        nearest: np.ndarray = np.linalg.norm(places[:, None, :2] - sites, axis=2).argmin(axis=1)
        return nearest.astype(np.int64)
    return np.full(num_units, -1, dtype=np.int64)
