"""What spike sorters leave, as NeuroConv data interfaces."""

from __future__ import annotations

from nwbspikegen.formats.interface import SourceInterface
from nwbspikegen.formats.sorters.reader import read_kilosort_folder, read_phy_folder, read_saved_sorting


class PhyInterface(SourceInterface):
    """A phy folder as a NeuroConv data interface; parameters are those of `read_phy_folder`."""

    display_name = "Phy folder"
    associated_suffixes = (".npy", ".tsv")
    info = "Units of a phy folder as they were curated, labels and places; params.py is never run."
    reader = staticmethod(read_phy_folder)


class KilosortInterface(SourceInterface):
    """A Kilosort folder as a NeuroConv data interface; parameters are those of `read_kilosort_folder`."""

    display_name = "Kilosort sorting"
    associated_suffixes = (".npy", ".tsv")
    info = "Units of Kilosort 2 to 4, labels and places; params.py is never run."
    reader = staticmethod(read_kilosort_folder)


class SavedSortingInterface(SourceInterface):
    """What SpikeInterface saved as a NeuroConv data interface; parameters: `read_saved_sorting`."""

    display_name = "Saved SpikeInterface sorting"
    associated_suffixes = (".zarr", ".npy")
    info = "A sorting or sorting analyzer that SpikeInterface saved; nothing is unpickled."
    reader = staticmethod(read_saved_sorting)
