"""Lab formats as SpikeInterface sortings, one per file."""

from nwbspikegen.sources.alf import ALFSorting
from nwbspikegen.sources.asdf import ASDFSorting
from nwbspikegen.sources.electrodes import Electrodes
from nwbspikegen.sources.ibl_presets import PRESETS, PresetSession
from nwbspikegen.sources.maxwell import MaxWellSorting
from nwbspikegen.sources.maxwell_traces import MaxWellTraces, read_maxwell_traces
from nwbspikegen.sources.spykingcircus import SpykingCircusSorting

__all__ = [
    "PRESETS",
    "ALFSorting",
    "ASDFSorting",
    "Electrodes",
    "MaxWellSorting",
    "MaxWellTraces",
    "PresetSession",
    "SpykingCircusSorting",
    "read_maxwell_traces",
]
