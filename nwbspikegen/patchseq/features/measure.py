"""Everything measured from a cell's sweeps, and the cells of a study side by side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float64

from nwbspikegen.core.errors import InputError
from nwbspikegen.patchseq.features.families import measure_families
from nwbspikegen.patchseq.features.family_presets import FAMILY_LENGTHS, find_preset
from nwbspikegen.patchseq.features.family_steps import choose_long_squares
from nwbspikegen.patchseq.features.scalars import measure_scalars
from nwbspikegen.patchseq.reading.sweeps import SHORT_SQUARE, Sweep
from nwbspikegen.patchseq.spikes.detect import SpikingSweep, spike_sweep
from nwbspikegen.patchseq.spikes.short_squares import adapt_to_passive_rise

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = ["FAMILY_LENGTHS", "CellFeatures", "collect_cells", "measure_cell"]

_COORDINATES = ("donor", "species", "cell_class", "condition")


@dataclass(frozen=True)
class CellFeatures:
    """What was measured from one cell.

    Parameters
    ----------
    scalars : dict of str to float
        Names and units of the Allen Institute's mouse table (see `measure_scalars`); NaN where missing.
    families : dict of str to array
        Feature families that could be made, at the lengths of the preset.
    reasons : dict of str to str
        Why each other family of the preset is missing.
    """

    scalars: dict[str, float]
    families: dict[str, Float64[np.ndarray, " _"]]
    reasons: dict[str, str]


def measure_cell(sweeps: Iterable[Sweep], preset: str = "gouwens2020") -> CellFeatures:
    """Measure the scalars and the feature families of one cell.

    A protocol that is missing costs the scalars and families that need it, never the cell. Spikes of short
    squares are sought above their passive rise (`adapt_to_passive_rise`).

    Parameters
    ----------
    sweeps : iterable of Sweep
        Read one at a time; sweeps without a stimulus, or of other protocols, are passed over.
    preset : str
        "gouwens2020" or "schwider2026" (see `FAMILY_LENGTHS`).

    Raises
    ------
    InputError
        There is no such preset.

    Examples
    --------
    >>> features = measure_cell([])
    >>> features.families, features.reasons["isi_shape"]
    ({}, 'no long square sweep')
    """
    find_preset(preset)
    return measure_spiking(spike_cell(sweeps), preset)


def spike_cell(sweeps: Iterable[Sweep]) -> list[SpikingSweep | None]:
    """Locate the spikes of every sweep of a cell, in order; None stands for one without a stimulus.

    Spikes of short squares are sought above their passive rise, which all of them together tell.
    """
    found: list[SpikingSweep | None] = []
    short_squares: dict[int, Sweep] = {}
    for place, sweep in enumerate(sweeps):
        is_short = sweep.info.protocol == SHORT_SQUARE
        if is_short:
            short_squares[place] = sweep
        found.append(None if is_short else spike_sweep(sweep))
    # in a second turn, since one short square alone tells little of the passive rise
    settings = adapt_to_passive_rise(list(short_squares.values()))
    for place, sweep in short_squares.items():
        found[place] = spike_sweep(sweep, settings)
    return found


def measure_spiking(sweeps: Iterable[SpikingSweep | None], preset: str = "gouwens2020") -> CellFeatures:
    """Measure a cell of which `spike_cell` has located the spikes; see `measure_cell`."""
    measured = [sweep for sweep in sweeps if sweep is not None]
    long_squares = choose_long_squares(measured)
    families, reasons = measure_families(measured, long_squares, preset)
    return CellFeatures(measure_scalars(measured, long_squares), families, reasons)


def collect_cells(
    cells: Mapping[str, CellFeatures],
    preset: str = "gouwens2020",
    metadata: pd.DataFrame | None = None,
) -> xr.Dataset:
    """Put cells side by side: one array per family, with missing families as rows of NaN and their reasons.

    Parameters
    ----------
    cells : mapping of str to CellFeatures
        Cell identifier to what was measured, all with this preset.
    preset : str
        The preset the cells were measured with.
    metadata : pandas.DataFrame, optional
        Indexed by cell identifier; its columns donor, species, cell_class and condition become coordinates,
        empty where it says nothing.

    Returns
    -------
    xarray.Dataset
        Per family a variable (cell, `<family>_sample`); `reason` (cell, family), empty where the family is
        there; `scalar` (cell, scalar_name); `attrs["preset"]`.

    Raises
    ------
    InputError
        A family's length is not the preset's, or a cell lacks both a family and its reason.

    Examples
    --------
    >>> dataset = collect_cells({"a": measure_cell([])})
    >>> dataset.inst_freq.shape, str(dataset.reason.sel(family="inst_freq").item())
    ((1, 300), 'no long square sweep')
    """
    import xarray as xr

    lengths = find_preset(preset).lengths
    variables: dict[str, Any] = {}
    for family, length in lengths.items():
        rows = np.full((len(cells), length), np.nan)
        for row, (identifier, features) in enumerate(cells.items()):
            vector = features.families.get(family)
            _check_family(identifier, features, family, length)
            if vector is not None:
                rows[row] = vector
        variables[family] = (("cell", f"{family}_sample"), rows)
    reasons = [[features.reasons.get(family, "") for family in lengths] for features in cells.values()]
    names = list(dict.fromkeys(name for features in cells.values() for name in features.scalars))
    scalars = [[features.scalars.get(name, np.nan) for name in names] for features in cells.values()]
    variables["reason"] = (
        ("cell", "family"),
        # reshaped for the case of no cells, which NumPy makes one-dimensional
        np.array(reasons, dtype=object).reshape(len(cells), len(lengths)),
    )
    variables["scalar"] = (
        ("cell", "scalar_name"),
        np.array(scalars, dtype=float).reshape(len(cells), len(names)),
    )
    coordinates: dict[str, Any] = {
        "cell": np.array(list(cells), dtype=object),
        "family": list(lengths),
        "scalar_name": np.array(names, dtype=object),
    }
    for name in _COORDINATES:
        coordinates[name] = ("cell", _read_column(metadata, list(cells), name))
    return xr.Dataset(variables, coordinates, {"preset": preset})


def _check_family(identifier: str, features: CellFeatures, family: str, length: int) -> None:
    vector = features.families.get(family)
    if vector is None and not features.reasons.get(family):
        raise InputError(
            f"cell {identifier} with neither family {family} nor a reason why it is missing",
            "cells measured with this preset",
            "measure the cell again with the same preset",
        )
    if vector is not None and vector.shape != (length,):
        raise InputError(
            f"family {family} of cell {identifier} with {vector.size} values",
            f"{length} values",
            "measure the cell again with the same preset",
        )


def _read_column(metadata: pd.DataFrame | None, cells: list[str], name: str) -> np.ndarray:
    if metadata is None or name not in metadata:
        return np.full(len(cells), "", dtype=object)
    column = metadata[name].reindex(cells)
    return column.astype(object).where(column.notna(), "").to_numpy(dtype=object)
