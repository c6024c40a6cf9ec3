"""Recordings to features: the whole of `nwbspikegen patchseq features`."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from nwbspikegen.core.addresses import Address
from nwbspikegen.core.errors import InputError, MetadataError, NWBSpikeGenError
from nwbspikegen.core.files import require_absent, write_whole
from nwbspikegen.core.plain_text import guard_formulas
from nwbspikegen.nwb.recordings import find_recordings
from nwbspikegen.patchseq.features.family_presets import find_preset
from nwbspikegen.patchseq.features.files import (
    FEATURES_FILE,
    CellOrigin,
    tabulate_scalars,
    write_features,
)
from nwbspikegen.patchseq.reading.samples import Scales
from nwbspikegen.patchseq.run.measure import MeasuredCell, measure_every_cell, stack_cells

_LOG = logging.getLogger("nwbspikegen")
NWB_FOLDER, REFUSED_FILE = "nwb", "refused.csv"


@dataclass(frozen=True)
class FeaturesReport:
    """What was measured.

    Attributes
    ----------
    path : Path
        Folder of the features.
    cells : xarray.Dataset
        As `collect_cells` returns it.
    table : DataFrame
        One row a cell: labels, scalars.
    refused : DataFrame
        `recording`, `electrode` (of a recording with several) and `reason` of what could not be measured.
    sweeps : DataFrame
        One row a cell: `cell`, `num_sweeps` that were measured, `num_left_out`, `left_out`, which says
        the numbers and why, and `compensation`, how the amplifier was set.
    unwritten : tuple of str
        Cells of which no NWB file was written, for want of metadata that archives require.
    num_recordings : int
        Recordings that were opened.
    """

    path: Path
    cells: Any
    table: pd.DataFrame
    refused: pd.DataFrame
    sweeps: pd.DataFrame
    unwritten: tuple[str, ...] = ()
    num_recordings: int = 0


def measure_recordings(
    recordings: Sequence[Address],
    out: str | os.PathLike[str],
    *,
    preset: str = "gouwens2020",
    electrode: str | None = None,
    accept_implausible: bool = False,
    scale_mv: float = 1.0,
    scale_pa: float = 1.0,
    liquid_junction_mv: float = 0.0,
    metadata: Mapping[str, Any] | str | os.PathLike[str] | None = None,
    overwrite: bool = False,
) -> FeaturesReport:
    """Measure the cells of some recordings and write them into a folder, which appears whole.

    The folder holds ``cells.csv`` (and Parquet), ``families.npz``, ``features.json``, the derived files
    in ``nwb/``, and ``refused.csv`` when a recording was refused: it does not stop the others.

    Parameters
    ----------
    recordings : sequence of paths or addresses
        Current-clamp recordings, or folders and lists of them (`find_recordings`). Of one with several
        electrodes every cell is measured.
    out : path
        Folder to write.
    preset : str
        "gouwens2020" or "schwider2026".
    electrode, accept_implausible, scale_mv, scale_pa, liquid_junction_mv
        As for `read_cell`, of every recording.
    metadata : mapping or path, optional
        Fields in NeuroConv's layout that the recordings lack.
    overwrite : bool
        Replace a folder of features.

    Raises
    ------
    InputError
        No recording could be measured.
    """
    # for its error, before hours of measuring
    find_preset(preset)
    out = Path(out)
    require_absent(out, overwrite=overwrite, marker=FEATURES_FILE)
    found = find_recordings(recordings)
    options = {
        "electrode": electrode,
        "preset": preset,
        "accept_implausible": accept_implausible,
        "scales": Scales(scale_mv, scale_pa, liquid_junction_mv),
    }
    with write_whole(out, overwrite=overwrite, marker=FEATURES_FILE) as temporary:
        (temporary / NWB_FOLDER).mkdir(parents=True)
        measured, origins, refused = _measure(found, temporary / NWB_FOLDER, metadata, options)
        if not measured:
            raise InputError(
                f"no recording of {len(found)} that can be measured ({refused['reason'][0]})",
                "current-clamp recordings",
                "see the reasons above",
            )
        cells = stack_cells(list(measured.values()))
        write_features(temporary, cells, origins)
        if len(refused):
            guard_formulas(refused).to_csv(temporary / REFUSED_FILE, index=False)
    unwritten = tuple(cell for cell, origin in origins.items() if not origin.file)
    return FeaturesReport(
        out, cells, tabulate_scalars(cells), refused, _count_sweeps(measured), unwritten, len(found)
    )


def _measure(
    recordings: Sequence[Address],
    folder: Path,
    metadata: Mapping[str, Any] | str | os.PathLike[str] | None,
    options: dict[str, Any],
) -> tuple[dict[str, MeasuredCell], dict[str, CellOrigin], pd.DataFrame]:
    """Measure every cell and write its file; return cells and origins by name, and what was refused."""
    refused: list[tuple[str, str, str]] = []
    measured: dict[str, MeasuredCell] = {}
    origins: dict[str, CellOrigin] = {}
    for number, recording in enumerate(recordings, 1):
        cells, faults = measure_every_cell(recording, **options)
        for one in cells:
            cell = one.labels["cell"]
            try:
                # before it is written, or the second file would stand there without a row
                _require_new(cell, measured, recording)
                file = _write(one, folder, metadata)
            except NWBSpikeGenError as error:
                faults.append((one.electrode, error))
                continue
            measured[cell] = one
            origins[cell] = _describe(one, file)
            missing = f", without {', '.join(one.features.reasons)}" if one.features.reasons else ""
            _LOG.info("%d of %d: %s%s", number, len(recordings), cell, missing)
        for name, fault in faults:
            _LOG.warning("refused: %s%s", f"electrode {name}: " if name else "", fault)
            refused.append((str(recording), name, str(fault)))
    return measured, origins, pd.DataFrame(refused, columns=["recording", "electrode", "reason"])


def _write(
    one: MeasuredCell, folder: Path, metadata: Mapping[str, Any] | str | os.PathLike[str] | None
) -> Path | None:
    """Write the derived file; None where the recording lacks what an archive, but no measuring, asks for."""
    try:
        return one.write(folder, metadata=metadata)
    except MetadataError as error:
        _LOG.warning("%s is measured, but no NWB file is written of it: %s", one.labels["cell"], error)
        return None


def _describe(one: MeasuredCell, file: Path | None) -> CellOrigin:
    return CellOrigin(
        recording=str(one.source),
        file=f"{NWB_FOLDER}/{file.name}" if file is not None else "",
        sweeps_measured=len(one.sweeps),
        rejected=_gather(one.left_out),
        electrode=one.electrode,
        compensation=one.describe_compensation(),
    )


def _gather(left_out: pd.DataFrame) -> dict[str, str]:
    """Return reasons by sweep number; several series may share one."""
    reasons: dict[str, list[str]] = {}
    for number, reason in left_out.itertuples(index=False):
        reasons.setdefault(str(number), []).append(str(reason))
    return {number: "; ".join(each) for number, each in reasons.items()}


def _count_sweeps(measured: Mapping[str, MeasuredCell]) -> pd.DataFrame:
    rows = [
        (
            cell,
            len(one.sweeps),
            len(one.left_out),
            _gather(one.left_out),
            one.describe_compensation(),
        )
        for cell, one in measured.items()
    ]
    return pd.DataFrame(rows, columns=["cell", "num_sweeps", "num_left_out", "left_out", "compensation"])


def _require_new(cell: str, measured: Mapping[str, MeasuredCell], recording: Address) -> None:
    if cell in measured:
        raise InputError(
            f"cell {cell} in {recording} and in {measured[cell].source}",
            "another name for each cell",
            "pass one recording of each cell",
        )
