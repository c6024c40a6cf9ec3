"""One recording of a patched cell: read it, measure it, write what was measured beside what was not kept."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from nwbspikegen.core.addresses import Address, name_of
from nwbspikegen.patchseq.features.measure import CellFeatures, measure_spiking, spike_cell
from nwbspikegen.patchseq.nwb.reading import (
    read_cell_scalars,
    read_family_vectors,
    read_left_out_sweeps,
    read_sweep_features,
)
from nwbspikegen.patchseq.nwb.writing import write_patchseq
from nwbspikegen.patchseq.reading.cells import Cell, read_cell_and_sweeps
from nwbspikegen.patchseq.reading.samples import AS_GIVEN, Scales
from nwbspikegen.patchseq.spikes.detect import SpikingSweep, tabulate_spikes

_LOG = logging.getLogger("nwbspikegen")
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
    left_out : DataFrame
        `number` and `reason` of the sweeps that did not pass.
    """

    source: Path | str
    features: CellFeatures
    sweeps: pd.DataFrame
    preset: str
    left_out: pd.DataFrame

    @property
    def labels(self) -> dict[str, str]:
        """Identifier, donor, species, class and condition."""
        return {str(key): str(value) for key, value in self.sweeps.attrs.items()}

    def describe_sweeps(self) -> str:
        """Say in one line how many sweeps were measured, and which were left out and why."""
        said = f"{self.labels['cell']}: {len(self.sweeps)} sweeps measured, {len(self.left_out)} left out"
        reasons: dict[str, list[str]] = {}
        for number, reason in self.left_out.itertuples(index=False):
            reasons.setdefault(str(reason), []).append(str(number))
        told = [f"{', '.join(numbers)} ({reason})" for reason, numbers in reasons.items()]
        return f"{said}: {'; '.join(told)}" if told else said

    def write(
        self,
        folder: Path,
        *,
        predictions: pd.DataFrame | None = None,
        metadata: Mapping[str, Any] | str | os.PathLike[str] | None = None,
        overwrite: bool = False,
    ) -> Path:
        """Write the derived NWB file into a folder, named as archives want, and return its path."""
        # "sub-X_ses-Y_desc-patchseq_icephys": what a derived file is called on the archive
        stem = name_of(self.source).removesuffix(".nwb").removesuffix("_icephys")
        return write_patchseq(
            folder / f"{stem}_desc-patchseq_icephys.nwb",
            source=self.source,
            sweeps=self.sweeps,
            left_out=self.left_out,
            families=self.features.families,
            reasons=self.features.reasons,
            scalars=self.features.scalars,
            predictions=predictions,
            preset=self.preset,
            metadata=metadata,
            overwrite=overwrite,
        )


def measure_recording(
    path: Address,
    *,
    preset: str = "gouwens2020",
    electrode: str | None = None,
    accept_implausible: bool = False,
    scales: Scales = AS_GIVEN,
) -> MeasuredCell:
    """Read and measure one recording.

    Parameters are those of `read_cell` and `measure_cell`.

    Raises
    ------
    InputError
        The file cannot be read as a current-clamp recording of one cell.
    """
    cell, sweeps = read_cell_and_sweeps(
        path, electrode=electrode, accept_implausible=accept_implausible, scales=scales
    )
    # the table of sweeps and the scalars of the cell are of the same spikes
    spiking = spike_cell(sweeps)
    table = cell.tabulate().join(pd.DataFrame([_summarise(each) for each in spiking]))
    # what was measured is of corrected samples, and those in the source are not
    for name, scale in (("scale_mv", scales.mv), ("scale_pa", scales.pa)):
        if scale != 1.0:
            table[name] = scale
    table.attrs.update(_label(cell))
    measured = MeasuredCell(cell.path, measure_spiking(spiking, preset), table, preset, cell.rejected)
    _LOG.info("%s", measured.describe_sweeps())
    return measured


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
    left_out = read_left_out_sweeps(path)
    address = Path(path) if isinstance(path, os.PathLike) else path
    return MeasuredCell(address, features, sweeps, preset, left_out)


def stack_cells(measured: Sequence[MeasuredCell]) -> Any:
    """Put measured cells side by side (see `collect_cells`)."""
    from nwbspikegen.patchseq.features.measure import collect_cells

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


def _summarise(spiking: SpikingSweep | None) -> dict[str, float]:
    spikes = tabulate_spikes(spiking)
    first = spikes.iloc[0] if len(spikes) else None
    of_first = {name: np.nan if first is None else float(first[name]) for name in _OF_FIRST}
    latency = np.nan
    if spiking is not None and first is not None:
        # times of a spike count from the start of the sweep
        latency = float(first["threshold_t"]) - spiking.first / spiking.rate_hz
    return {"num_spikes": len(spikes), "latency": latency, **of_first}
