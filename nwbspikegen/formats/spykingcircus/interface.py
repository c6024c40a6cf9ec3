"""A SpyKING CIRCUS 1.x result as a NeuroConv data interface."""

from __future__ import annotations

from nwbspikegen.formats.interface import SourceInterface
from nwbspikegen.formats.spykingcircus.reader import read_spykingcircus_result


class SpykingCircusInterface(SourceInterface):
    """A result as a NeuroConv data interface; parameters are those of `read_spykingcircus_result`."""

    display_name = "SpyKING CIRCUS 1.x sorting"
    associated_suffixes = (".hdf5",)
    info = "Units of SpyKING CIRCUS 1.x, alone or beside the MaxWell file that was sorted."
    reader = staticmethod(read_spykingcircus_result)
