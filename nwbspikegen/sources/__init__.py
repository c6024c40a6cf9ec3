"""Lab formats as SpikeInterface sortings, one per file."""

from nwbspikegen.sources.asdf import ASDFSorting
from nwbspikegen.sources.electrodes import Electrodes

__all__ = ["ASDFSorting", "Electrodes"]
