"""The on-chip spikes of a MaxWell file as a NeuroConv data interface."""

from __future__ import annotations

from nwbspikegen.formats.interface import SourceInterface
from nwbspikegen.formats.maxwell.reader import read_maxwell_file


class MaxWellInterface(SourceInterface):
    """On-chip spikes as a NeuroConv data interface; parameters are those of `read_maxwell_file`."""

    display_name = "MaxWell on-chip spikes"
    associated_suffixes = (".h5",)
    info = "Spikes that a MaxOne or MaxTwo detected while recording."
    reader = staticmethod(read_maxwell_file)
