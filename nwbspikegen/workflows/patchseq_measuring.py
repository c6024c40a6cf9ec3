"""One recording of a patched cell: read it, measure it, write what was measured beside what was not kept."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from nwbspikegen.addresses import Address, name_of
from nwbspikegen.patchseq.features import CellFeatures, measure_cell
from nwbspikegen.patchseq.reading import Cell, read_cell
from nwbspikegen.patchseq.spikes import detect_spikes
from nwbspikegen.patchseq.sweeps import Sweep
from nwbspikegen.results import (
    read_cell_scalars,
    read_family_vectors,
    read_sweep_features,
    write_patchseq,
)

LABELS = ("donor", "species", "cell_class", "condition")
_OF_FIRST = ("threshold_v", "peak_v", "fast_trough_v", "width", "upstroke_downstroke_ratio")


@dataclass(frozen=True)
class MeasuredCell:
    """What was measured of one recording.

    Attributes
    ----------
    source : path or address
        The recording.
    features : CellFeatures
        Scalars, families, and why others are missing.
    sweeps : DataFrame
        One row per sweep that passed: what it is, number of spikes, and of the first spike
        threshold, peak, fast trough (mV), width (s), ratio and latency (s after the stimulus began).
        Its attrs are the cell's identifier, donor, species, class and condition.
    preset : str
        Set of families.
    rejected : dict of str to str
        Sweep number to reason, of the sweeps that did not pass.
    """

    source: Path | str
    features: CellFeatures
    sweeps: pd.DataFrame
    preset: str
    rejected: dict[str, str]

    @property
    def labels(self) -> dict[str, str]:
        """Identifier, donor, species, class and condition."""
        return {str(key): str(value) for key, value in self.sweeps.attrs.items()}

    def write(
        self,
        folder: Path,
        *,
        predictions: pd.DataFrame | None = None,
        metadata: Mapping[str, Any] | str | os.PathLike[str] | None = None,
        overwrite: bool = False,
    ) -> Path:
        """Write the derived NWB file into a folder, named as archives want, and return its path."""
        stem = name_of(self.source).removesuffix(".nwb").removesuffix("_icephys")
        return write_patchseq(
            folder / f"{stem}_desc-patchseq_icephys.nwb", source=self.source, sweeps=self.sweeps,
            families=self.features.families, reasons=self.features.reasons, scalars=self.features.scalars,
            predictions=predictions, preset=self.preset, metadata=metadata, overwrite=overwrite,
        )  # fmt: skip


def measure_recording(
    path: Address,
    *,
    preset: str = "gouwens2020",
    electrode: str | None = None,
    accept_implausible: bool = False,
) -> MeasuredCell:
    """Read and measure one recording.

    Parameters are those of `read_cell` and `measure_cell`.

    Raises
    ------
    InputError
        The file cannot be read as a current-clamp recording of one cell.
    """
    cell = read_cell(path, electrode=electrode, accept_implausible=accept_implausible)
    sweeps = list(cell.load_all())
    table = cell.tabulate().join(pd.DataFrame([_summarise(sweep) for sweep in sweeps]))
    table.attrs.update(_label(cell))
    rejected = {str(number): str(reason) for number, reason in cell.rejected.itertuples(index=False)}
    return MeasuredCell(cell.path, measure_cell(sweeps, preset), table, preset, rejected)


def read_measured(path: Address) -> MeasuredCell:
    """Read back what `MeasuredCell.write` wrote.

    Raises
    ------
    InputError
        The file holds no measured cell.
    """
    sweeps = read_sweep_features(path)
    families, reasons, preset = read_family_vectors(path)
    features = CellFeatures(read_cell_scalars(path), families, reasons)
    return MeasuredCell(Path(path) if isinstance(path, os.PathLike) else path, features, sweeps, preset, {})


def stack_cells(measured: Sequence[MeasuredCell]) -> Any:
    """Put measured cells side by side (see `collect_cells`)."""
    from nwbspikegen.patchseq.features import collect_cells

    labels = pd.DataFrame([one.labels for one in measured]).set_index("cell")
    return collect_cells({one.labels["cell"]: one.features for one in measured}, measured[0].preset, labels)


def _label(cell: Cell) -> dict[str, str]:
    return {
        "cell": cell.identifier,
        "donor": cell.subject_id,
        "species": cell.species,
        "cell_class": cell.metadata.get("cell_class", ""),
        "condition": cell.metadata.get("condition", ""),
    }


def _summarise(sweep: Sweep) -> dict[str, float]:
    spikes = detect_spikes(sweep)
    first = spikes.iloc[0] if len(spikes) else None
    of_first = {name: np.nan if first is None else float(first[name]) for name in _OF_FIRST}
    latency = np.nan if first is None else float(first["threshold_t"]) - sweep.info.stimulus_start
    return {"num_spikes": len(spikes), "latency": latency, **of_first}
