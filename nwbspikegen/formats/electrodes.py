"""The electrodes that a sorting comes from."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
from jaxtyping import Int64


@dataclasses.dataclass(frozen=True)
class Electrodes:
    """The electrodes of a recording, in the order of the NWB table, and where the units are.

    A source that knows them has an attribute `electrodes`; conversion writes them.

    Parameters
    ----------
    device, manufacturer : str
        Name of the array or probe, and who makes it; devices are named after groups when there are
        several groups.
    description : str
        What the device is.
    groups : ndarray of str, shape (electrode,)
        Probe, shank or well of each electrode: an NWB electrode group each.
    columns : mapping of str to ndarray of shape (electrode,)
        `rel_x`, `rel_y` (um), `location` (brain region), channel numbers, ...
    of_units : ndarray of shape (unit,)
        Row of each unit's main electrode, -1 where it is not known.

    Examples
    --------
    >>> rows = {"rel_x": np.array([0.0, 17.5]), "rel_y": np.array([0.0, 0.0])}
    >>> electrodes = Electrodes("MaxOne", "MaxWell Biosystems", "HD-MEA", np.array(["a", "a"]), rows,
    ...                         np.array([1]))
    >>> electrodes.columns["rel_x"][electrodes.of_units].tolist()
    [17.5]
    """

    device: str
    manufacturer: str
    description: str
    groups: np.ndarray
    columns: Mapping[str, np.ndarray]
    of_units: Int64[np.ndarray, " unit"]
