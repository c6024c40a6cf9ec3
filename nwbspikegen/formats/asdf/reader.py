"""The format `asdf`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nwbspikegen.formats.parameters import File

if TYPE_CHECKING:
    from nwbspikegen.formats.asdf.sorting import ASDFSorting


def read_asdf_file(
    file_path: File, *, tick: float | None = None, positions: File | None = None
) -> ASDFSorting:
    """An ASDF .mat file: one cell per unit, bin numbers counted from 1.

    Parameters
    ----------
    file_path
        The .mat file, of any version.
    tick
        Seconds per bin of the file; 0.001 by default, which is refused when the intervals between spikes
        rule it out.
    positions
        A .mat file, such as xy.mat, with x and y of every unit (um).
    """
    from nwbspikegen.formats.asdf.sorting import ASDFSorting

    return ASDFSorting(file_path, tick, positions)
