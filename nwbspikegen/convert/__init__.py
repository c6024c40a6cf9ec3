"""Sortings to NWB files that DANDI accepts, through NeuroConv."""

from nwbspikegen.convert.asdf import ASDFInterface, convert_asdf
from nwbspikegen.convert.ibl import IBLInterface, convert_ibl
from nwbspikegen.convert.interface import SourceInterface
from nwbspikegen.convert.maxwell import MaxWellInterface, convert_maxwell
from nwbspikegen.convert.sortings import SortingInterface, convert_sorting
from nwbspikegen.convert.spykingcircus import SpykingCircusInterface, convert_spykingcircus

__all__ = [
    "ASDFInterface",
    "IBLInterface",
    "MaxWellInterface",
    "SortingInterface",
    "SourceInterface",
    "SpykingCircusInterface",
    "convert_asdf",
    "convert_ibl",
    "convert_maxwell",
    "convert_sorting",
    "convert_spykingcircus",
]
