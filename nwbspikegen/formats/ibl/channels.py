"""The channels of a probe of an IBL session, as columns of an electrodes table."""

from __future__ import annotations

import numpy as np

from nwbspikegen.formats.ibl.arrays import (
    read_alf_numbers,
    read_names,
    read_whole_numbers,
    require_one_length,
)
from nwbspikegen.formats.ibl.folder import Collection

UNKNOWN_REGION = "unknown"
# the Allen atlas gives 0 to what lies in no region
UNKNOWN_REGION_ID = 0


def read_channels(collection: Collection) -> dict[str, np.ndarray]:
    """Return what a collection says of its channels; empty when it says nothing.

    The columns, of shape (channel,): `channel` (as the recording system numbers it), `rel_x`, `rel_y`
    (um on the probe, from its tip), `x`, `y`, `z` (um from bregma to posterior, inferior and right, as NWB
    has them; the IBL's are to the right, anterior and up), `brain_location_id` (Allen atlas) and
    `location` (its acronym).

    Raises
    ------
    InputError
        If arrays are damaged or of different lengths.
    """
    arrays = {
        "channels.rawInd": read_whole_numbers(collection, "channels.rawInd"),
        "channels.localCoordinates": read_alf_numbers(collection, "channels.localCoordinates", columns=2),
        "channels.mlapdv": read_alf_numbers(collection, "channels.mlapdv", columns=3),
        "channels.brainLocationIds_ccf_2017": read_whole_numbers(
            collection, "channels.brainLocationIds_ccf_2017"
        ),
        "channels.brainLocationAcronyms_ccf_2017": read_names(
            collection, "channels.brainLocationAcronyms_ccf_2017"
        ),
    }
    num_channels = require_one_length(collection.folder, arrays)
    if num_channels is None:
        return {}
    raw, local, brain, ids, acronyms = arrays.values()
    columns: dict[str, np.ndarray] = {}
    if raw is not None:
        columns["channel"] = raw
    if local is not None:
        columns |= {"rel_x": local[:, 0], "rel_y": local[:, 1]}
    if brain is not None:
        # mlapdv is right, anterior, up; NWB's x is posterior, y inferior, z right
        columns |= {"x": -brain[:, 1], "y": -brain[:, 2], "z": brain[:, 0]}
    if ids is not None:
        columns["brain_location_id"] = ids
    if acronyms is not None:
        columns["location"] = np.where(acronyms == "", UNKNOWN_REGION, acronyms)
    elif ids is not None:
        # the acronym of a number is in the atlas, which would have to be downloaded or installed (iblatlas)
        columns["location"] = np.full(num_channels, UNKNOWN_REGION)
    return columns
