"""An ASDF .mat file as a NeuroConv data interface."""

from __future__ import annotations

from nwbspikegen.formats.asdf.reader import read_asdf_file
from nwbspikegen.formats.interface import SourceInterface


class ASDFInterface(SourceInterface):
    """An ASDF .mat file as a NeuroConv data interface; parameters are those of `read_asdf_file`."""

    display_name = "ASDF sorting"
    associated_suffixes = (".mat",)
    info = "Bin numbers per unit in a MATLAB cell array."
    reader = staticmethod(read_asdf_file)
