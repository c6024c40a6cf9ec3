"""Lab formats: functions that read a lab's files, each from its signature a command and a NeuroConv schema.

Nothing here imports what reads the files before it reads them: ``--help`` answers at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nwbspikegen.core.lazy import import_late

if TYPE_CHECKING:
    from nwbspikegen.formats.asdf.interface import ASDFInterface as ASDFInterface
    from nwbspikegen.formats.asdf.sorting import ASDFSorting as ASDFSorting
    from nwbspikegen.formats.electrodes import Electrodes as Electrodes
    from nwbspikegen.formats.ibl.interface import IBLInterface as IBLInterface
    from nwbspikegen.formats.ibl.presets import PRESETS as PRESETS
    from nwbspikegen.formats.ibl.presets import PresetSession as PresetSession
    from nwbspikegen.formats.ibl.sorting import ALFSorting as ALFSorting
    from nwbspikegen.formats.interface import SortingInterface as SortingInterface
    from nwbspikegen.formats.interface import SourceInterface as SourceInterface
    from nwbspikegen.formats.maxwell.interface import MaxWellInterface as MaxWellInterface
    from nwbspikegen.formats.maxwell.sorting import MaxWellSorting as MaxWellSorting
    from nwbspikegen.formats.maxwell.traces import MaxWellTraces as MaxWellTraces
    from nwbspikegen.formats.maxwell.traces import read_maxwell_traces as read_maxwell_traces
    from nwbspikegen.formats.maxwell.traces_interface import MaxWellTracesInterface as MaxWellTracesInterface
    from nwbspikegen.formats.neuroconv_yaml import offer_to_neuroconv as offer_to_neuroconv
    from nwbspikegen.formats.parameters import File as File
    from nwbspikegen.formats.parameters import FileOrFolder as FileOrFolder
    from nwbspikegen.formats.parameters import Folder as Folder
    from nwbspikegen.formats.register import FORMATS as FORMATS
    from nwbspikegen.formats.register import find_format as find_format
    from nwbspikegen.formats.sorters.interface import KilosortInterface as KilosortInterface
    from nwbspikegen.formats.sorters.interface import PhyInterface as PhyInterface
    from nwbspikegen.formats.sorters.interface import SavedSortingInterface as SavedSortingInterface
    from nwbspikegen.formats.sorters.phy import PhySorting as PhySorting
    from nwbspikegen.formats.sorters.saved import SavedSorting as SavedSorting
    from nwbspikegen.formats.spikes import Spikes as Spikes
    from nwbspikegen.formats.spykingcircus.interface import SpykingCircusInterface as SpykingCircusInterface
    from nwbspikegen.formats.spykingcircus.sorting import SpykingCircusSorting as SpykingCircusSorting

_MODULE_OF = {
    "ALFSorting": "ibl.sorting",
    "ASDFInterface": "asdf.interface",
    "ASDFSorting": "asdf.sorting",
    "Electrodes": "electrodes",
    "FORMATS": "register",
    "File": "parameters",
    "FileOrFolder": "parameters",
    "Folder": "parameters",
    "IBLInterface": "ibl.interface",
    "KilosortInterface": "sorters.interface",
    "MaxWellInterface": "maxwell.interface",
    "MaxWellSorting": "maxwell.sorting",
    "MaxWellTraces": "maxwell.traces",
    "MaxWellTracesInterface": "maxwell.traces_interface",
    "PRESETS": "ibl.presets",
    "PhyInterface": "sorters.interface",
    "PhySorting": "sorters.phy",
    "PresetSession": "ibl.presets",
    "SavedSorting": "sorters.saved",
    "SavedSortingInterface": "sorters.interface",
    "SortingInterface": "interface",
    "SourceInterface": "interface",
    "Spikes": "spikes",
    "SpykingCircusInterface": "spykingcircus.interface",
    "SpykingCircusSorting": "spykingcircus.sorting",
    "find_format": "register",
    "offer_to_neuroconv": "neuroconv_yaml",
    "read_maxwell_traces": "maxwell.traces",
}

__all__ = [*_MODULE_OF]  # noqa: PLE0604, RUF100

__getattr__ = import_late(__name__, _MODULE_OF)


def __dir__() -> list[str]:
    return sorted(__all__)
