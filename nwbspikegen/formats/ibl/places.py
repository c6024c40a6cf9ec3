"""Where the units of a probe of an IBL session are: at their main channels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int64

from nwbspikegen.core.errors import InputError
from nwbspikegen.formats.ibl.channels import UNKNOWN_REGION, UNKNOWN_REGION_ID
from nwbspikegen.formats.ibl.shanks import UNKNOWN_SHANK


def find_channels(
    folder: Path,
    clusters: Int64[np.ndarray, " unit"],
    tables: dict[str, np.ndarray | None],
    channels: dict[str, np.ndarray],
) -> Int64[np.ndarray, " unit"]:
    """Return the row of each unit's main channel, -1 where it is not known.

    Raises
    ------
    InputError
        If a unit is on a channel that is not there.
    """
    of_clusters = tables["clusters.channels"]
    if of_clusters is None or not channels:
        return np.full(len(clusters), -1)
    num_channels = len(next(iter(channels.values())))
    rows: np.ndarray = of_clusters[clusters]
    if len(rows) and not (rows.min() >= -1 and rows.max() < num_channels):
        raise InputError(
            f"clusters on channels {rows.min()} to {rows.max()} in {folder}",
            f"rows from 0 to {num_channels - 1} of the channels.* arrays",
            "copy files of one sorting",
        )
    return rows


def place_units(
    channels: dict[str, np.ndarray], channel_of_unit: Int64[np.ndarray, " unit"]
) -> dict[str, np.ndarray]:
    """Return where the units are: at their main channels."""
    if not len(channel_of_unit) or channel_of_unit.max() < 0:
        return {}
    unknown: dict[str, Any] = {
        "rel_x": np.nan,
        "rel_y": np.nan,
        "x": np.nan,
        "y": np.nan,
        "z": np.nan,
        "shank": UNKNOWN_SHANK,
        "location": UNKNOWN_REGION,
        "brain_location_id": UNKNOWN_REGION_ID,
    }
    return {
        name: np.where(channel_of_unit < 0, nowhere, channels[name][channel_of_unit])
        for name, nowhere in unknown.items()
        if name in channels
    }
