"""One recording of a patched cell: read it, measure it, write what was measured beside what was not kept."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from nwbspikegen.core.addresses import Address, name_of
from nwbspikegen.core.errors import MetadataError, NWBSpikeGenError
from nwbspikegen.patchseq.features.measure import CellFeatures, measure_spiking, spike_cell
from nwbspikegen.patchseq.nwb.reading import (
    read_cell_scalars,
    read_family_vectors,
    read_left_out_sweeps,
    read_sweep_features,
)
from nwbspikegen.patchseq.nwb.writing import write_patchseq
from nwbspikegen.patchseq.reading.abf import is_abf
from nwbspikegen.patchseq.reading.cells import Cell, read_cell_and_sweeps
from nwbspikegen.patchseq.reading.compensation import Compensation, describe_compensation
from nwbspikegen.patchseq.reading.metadata import SeveralElectrodesError
from nwbspikegen.patchseq.reading.samples import AS_GIVEN, Scales
from nwbspikegen.patchseq.spikes.detect import SpikingSweep, tabulate_spikes

_LOG = logging.getLogger("nwbspikegen")
LABELS = ("donor", "species", "cell_class", "condition")
_JUNCTION = "liquid_junction_mv"
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
        Its attrs are the cell's identifier, donor, species, class and condition, and what the file says of
        the liquid junction potential.
    preset : str
        Set of families.
    left_out : DataFrame
        `number` and `reason` of the sweeps that did not pass.
    electrode : str
        Which one, where the recording has cells at several.
    """

    source: Path | str
    features: CellFeatures
    sweeps: pd.DataFrame
    preset: str
    left_out: pd.DataFrame
    electrode: str = ""

    @property
    def labels(self) -> dict[str, str]:
        """Identifier, donor, species, class and condition."""
        return {name: str(self.sweeps.attrs.get(name, "")) for name in ("cell", *LABELS)}

    def describe_compensation(self) -> str:
        """Say in one line how the amplifier was set, and what is known of the liquid junction potential."""
        corrected = self.sweeps.get(_JUNCTION, pd.Series([0.0]))
        note = str(self.sweeps.attrs.get("liquid_junction", ""))
        return describe_compensation(self.sweeps, note, float(corrected.iloc[0]))

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
        """Write the derived NWB file into a folder, named as archives want, and return its path.

        Raises
        ------
        MetadataError
            The recording lacks what an archive asks for, or is no NWB file, whose metadata would be kept.
        """
        if is_abf(self.source):
            raise MetadataError(
                f"{name_of(self.source)}, an ABF file without subject or session",
                "NWB, whose metadata a derived file keeps",
                "convert it to NWB first, with its stimuli",
            )
        # "sub-X_ses-Y_desc-patchseq_icephys": what a derived file is called on the archive
        stem = name_of(self.source).removesuffix(".nwb").removesuffix("_icephys")
        if self.electrode:
            # the archive's own part of a name for it, of which no sign but a hyphen may be part
            stem = f"{stem}_cell-{re.sub('[^0-9A-Za-z]+', '', self.electrode)}"
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
    # what no sweep states is no column
    unstated = [name for name in Compensation._fields if table[name].isna().all()]
    table = table.drop(columns=unstated)
    # what was measured is of corrected samples, and those in the source are not
    for name, value, usual in (
        ("scale_mv", scales.mv, 1.0),
        ("scale_pa", scales.pa, 1.0),
        (_JUNCTION, scales.junction_mv, 0.0),
    ):
        if value != usual:
            table[name] = value
    table.attrs.update(_label(cell))
    named = cell.metadata["electrode"] if cell.num_in_file > 1 else ""
    measured = MeasuredCell(cell.path, measure_spiking(spiking, preset), table, preset, cell.rejected, named)
    _LOG.info("%s", measured.describe_sweeps())
    return measured


def measure_every_cell(
    path: Address, *, electrode: str | None = None, **options: Any
) -> tuple[list[MeasuredCell], list[tuple[str, NWBSpikeGenError]]]:
    """Measure the cells of a recording, one for each electrode that recorded something.

    Parameters
    ----------
    path : path or address
    electrode : str, optional
        Measure this one only.
    **options
        As for `measure_recording`.

    Returns
    -------
    list of MeasuredCell
    list of (str, error)
        The electrodes whose cell could not be measured, each with why; "" of a file that has one cell.

    Examples
    --------
    >>> measured, refused = measure_every_cell("a_recording_that_is_not_there.nwb")
    >>> len(measured), str(refused[0][1])[:20]
    (0, 'found nothing at a_r')
    """
    measured, refused = [], []
    chosen: list[str | None] = [electrode]
    while chosen:
        one = chosen.pop(0)
        try:
            measured.append(measure_recording(path, electrode=one, **options))
        except SeveralElectrodesError as error:
            # told by the first look, so that a file of one cell is opened once
            chosen = list(error.electrodes)
        except NWBSpikeGenError as error:
            refused.append((one or "", error))
    return measured, refused


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
    said = cell.metadata["liquid_junction"]
    return {
        **({"liquid_junction": said} if said else {}),
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
