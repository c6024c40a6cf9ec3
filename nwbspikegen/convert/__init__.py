"""Sortings to NWB files that DANDI accepts, through NeuroConv."""

from nwbspikegen.convert.asdf import ASDFInterface, convert_asdf
from nwbspikegen.convert.interface import SourceInterface
from nwbspikegen.convert.sortings import SortingInterface, convert_sorting

__all__ = [
    "ASDFInterface",
    "SortingInterface",
    "SourceInterface",
    "convert_asdf",
    "convert_sorting",
]
