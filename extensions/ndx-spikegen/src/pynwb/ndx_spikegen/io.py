"""Which attribute of the class is which of the file."""

# mypy: allow-subclassing-any, allow-untyped-decorators
# hdmf and pynwb have no types

from __future__ import annotations

from typing import Any

from pynwb import register_map
from pynwb.io.core import NWBContainerMapper

from ndx_spikegen.labeled_matrix import AXES, LabeledMatrix


@register_map(LabeledMatrix)
class LabeledMatrixMap(NWBContainerMapper):
    """Rates and units belong to datasets in the file, to the matrix in Python."""

    def __init__(self, spec: Any) -> None:
        super().__init__(spec)
        for axis in AXES:
            starting_time = spec.get_dataset(f"{axis}_starting_time")
            self.map_spec(f"{axis}_rate", starting_time.get_attribute("rate"))
            labels = spec.get_dataset(f"{axis}_labels")
            self.map_spec(f"{axis}_labels_unit", labels.get_attribute("unit"))
