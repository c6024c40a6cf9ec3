"""Predictions added to what was measured of a cell: a derived file from a derived file."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any

import pandas as pd

from nwbspikegen.core.errors import InputError
from nwbspikegen.core.files import require_absent, require_file, require_suffix, write_whole
from nwbspikegen.nwb.derived import give_own_ids
from nwbspikegen.patchseq.nwb.writing import PATCHSEQ, require_predictions, to_predictions


def write_predictions(
    out: str | os.PathLike[str],
    *,
    measured: str | os.PathLike[str],
    predictions: pd.DataFrame,
    overwrite: bool = False,
) -> Path:
    """Write what `write_patchseq` wrote again, with predictions in place of those it had.

    Parameters
    ----------
    out : path
        NWB file to write; it appears whole or not at all.
    measured : path
        A file that `write_patchseq` wrote.
    predictions : DataFrame
        As for `write_patchseq`.
    overwrite : bool, default: False
        Replace `out`.

    Raises
    ------
    InputError
        No such file, or predictions that are not complete.

    Examples
    --------
    >>> write_predictions("out.nwb", measured="absent.nwb", predictions=pd.DataFrame())
    Traceback (most recent call last):
    nwbspikegen.core.errors.InputError: found nothing at absent.nwb; ...
    """
    from pynwb import NWBHDF5IO

    measured, out = require_file(measured), Path(out)
    require_suffix(out, ".nwb")
    require_predictions(predictions)
    require_absent(out, overwrite=overwrite, sources=[measured])
    with write_whole(out, overwrite=overwrite) as temporary, warnings.catch_warnings():
        # the file carries the namespaces that it was written with, in versions other than those loaded
        warnings.filterwarnings("ignore", message="Ignoring.* cached namespace", category=UserWarning)
        with NWBHDF5IO(str(measured), "r") as source_io:
            nwbfile = source_io.read()
            _replace(nwbfile, measured, predictions)
            # a file with other content must not pass for the one that it came from
            give_own_ids(nwbfile)
            with NWBHDF5IO(str(temporary), "w") as out_io:
                # links would leave in the new file nothing but paths into the old one
                out_io.export(src_io=source_io, nwbfile=nwbfile, write_args={"link_data": False})
    return out


def _replace(nwbfile: Any, path: Path, predictions: pd.DataFrame) -> None:
    if PATCHSEQ not in nwbfile.processing:
        raise InputError(
            f"{path} without processing/{PATCHSEQ}",
            "a file that write_patchseq wrote",
            "measure the recording first",
        )
    module = nwbfile.processing[PATCHSEQ]
    table = to_predictions(predictions)
    # a container refuses a second child of one name
    if table.name in module.data_interfaces:
        module.data_interfaces.pop(table.name)
    module.add(table)
