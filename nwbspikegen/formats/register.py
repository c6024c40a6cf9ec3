"""The register of lab formats: ours, those of installed packages, and any function by its place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nwbspikegen.core.errors import InputError
from nwbspikegen.formats.asdf.reader import read_asdf_file
from nwbspikegen.formats.ibl.reader import read_ibl_session
from nwbspikegen.formats.maxwell.reader import read_maxwell_file
from nwbspikegen.formats.sorters.reader import read_kilosort_folder, read_phy_folder, read_saved_sorting
from nwbspikegen.formats.spykingcircus.reader import read_spykingcircus_result

GROUP = "nwbspikegen.formats"
"""The group of entry points in which packages announce theirs."""

Reader = Callable[..., Any]
"""From a source and options to `Spikes` or a SpikeInterface sorting."""

FORMATS: dict[str, Reader] = {
    "asdf": read_asdf_file,
    "ibl": read_ibl_session,
    "kilosort": read_kilosort_folder,
    "maxwell": read_maxwell_file,
    "phy": read_phy_folder,
    "spikeinterface": read_saved_sorting,
    "spykingcircus": read_spykingcircus_result,
}


def find_format(name: str, *, is_typed: bool = False) -> Reader:
    """Return the function that reads a format.

    Parameters
    ----------
    name : str
        One of `FORMATS`, of an installed package, or ``package.module:Name``.
    is_typed : bool, default: False
        Whether a user typed the name, just now: its file may then be in the working folder.

    Raises
    ------
    InputError
        Nothing has that name, or what has it cannot be called.

    Examples
    --------
    >>> find_format("asdf").__name__
    'read_asdf_file'
    """
    from nwbspikegen.core.plugins import find_named

    found = find_named(name, FORMATS, group=GROUP, called="format", is_typed=is_typed)
    if not callable(found):
        raise InputError(
            f"format {name!r}, a {type(found).__name__}", "a function that reads a source", "check the name"
        )
    reader: Reader = found
    return reader
