"""Sortings to NWB files that DANDI accepts, through NeuroConv."""

from nwbspikegen.convert.interfaces import ASDFInterface, SortingInterface
from nwbspikegen.convert.writing import convert_asdf, convert_sorting

__all__ = [
    "ASDFInterface",
    "SortingInterface",
    "convert_asdf",
    "convert_sorting",
]
