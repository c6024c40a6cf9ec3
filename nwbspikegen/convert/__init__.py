"""Sortings to NWB files that DANDI accepts, through NeuroConv."""

from nwbspikegen.convert.interfaces import ASDFInterface, SortingInterface
from nwbspikegen.convert.metadata import read_metadata, require_metadata
from nwbspikegen.convert.writing import convert_asdf, convert_sorting

__all__ = [
    "ASDFInterface",
    "SortingInterface",
    "convert_asdf",
    "convert_sorting",
    "read_metadata",
    "require_metadata",
]
