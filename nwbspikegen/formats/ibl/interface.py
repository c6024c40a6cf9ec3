"""An IBL session as a NeuroConv data interface."""

from __future__ import annotations

from nwbspikegen.formats.ibl.reader import read_ibl_session
from nwbspikegen.formats.interface import SourceInterface


class IBLInterface(SourceInterface):
    """An IBL session as a NeuroConv data interface; parameters are those of `read_ibl_session`."""

    display_name = "IBL sorting"
    associated_suffixes = (".npy",)
    info = "Sorted spikes of an IBL session in the ALF layout."
    reader = staticmethod(read_ibl_session)
