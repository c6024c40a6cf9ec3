"""Lab formats as SpikeInterface sortings, one per file."""

from nwbspikegen.sources.asdf import ASDFSorting

__all__ = ["ASDFSorting"]
