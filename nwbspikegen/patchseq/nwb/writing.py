"""A derived file: what was measured of a patched cell, and what it was predicted to be."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from nwbspikegen.core.addresses import Address, require_recording
from nwbspikegen.core.errors import InputError
from nwbspikegen.nwb.envelope import derive_file
from nwbspikegen.nwb.names import join_attributes
from nwbspikegen.nwb.opening import open_nwb
from nwbspikegen.nwb.tables import to_table
from nwbspikegen.patchseq.nwb.electrodes import add_patch_electrodes, drop_extras, read_electrodes

PATCHSEQ = "patchseq"
PROBABILITY, ATTENTION = "probability_", "attention_"
_LINKS = ("number", "response_path", "stimulus_path")
_PREDICTED = ("model_name", "predicted_class", "label_version")
# probabilities of a network are a softmax in float32, and add up to 1 within some 1e-7
_SUM = 1e-6


def write_patchseq(
    out: str | os.PathLike[str],
    *,
    source: Address,
    sweeps: pd.DataFrame,
    left_out: pd.DataFrame | None = None,
    families: Mapping[str, np.ndarray] | None = None,
    reasons: Mapping[str, str] | None = None,
    scalars: Mapping[str, float] | None = None,
    predictions: pd.DataFrame | None = None,
    preset: str = "",
    metadata: Mapping[str, Any] | str | os.PathLike[str] | None = None,
    overwrite: bool = False,
) -> Path:
    """Write what was measured and predicted of one cell, without its recording.

    Metadata, subject, devices and patch-clamp electrodes of the source are kept; a derived file never
    has acquisition or stimulus, and so no table of recordings: each row of `sweep_features` names its
    sweep's number and the places of its series in the source, whose identifier and sha256 are stored.

    Parameters
    ----------
    out : path
        NWB file to write; it appears whole or not at all.
    source : path or address
        NWB file of the recording.
    sweeps : DataFrame
        One row per sweep: `number`, `response_path`, `stimulus_path`, and whatever was measured.
    left_out : DataFrame, optional
        `number` and `reason` of the sweeps that were not measured.
    families : mapping of str to array of shape (samples,), optional
        The vector of each family that could be made (float64).
    reasons : mapping of str to str, optional
        Why each of the other families is missing.
    scalars : mapping of str to float, optional
        What was measured of the cell as a whole; NaN where missing.
    predictions : DataFrame, optional
        One row per model: `model_name`, `predicted_class`, `label_version` (what the classes were
        taken from), `probability_<class>` (adding up to 1) and `attention_<family>` (NaN where a family
        was masked).
    preset : str
        Name of the set of families.
    metadata : mapping or path of a YAML file, optional
        Fields in NeuroConv's layout (`NWBFile`, `Subject`) that the source lacks or has wrong.
    overwrite : bool, default: False
        Replace `out`.

    Returns
    -------
    Path
        `out`.

    Raises
    ------
    InputError
        A sweep that the source does not have, a family both present and missing, probabilities that do
        not add up, or columns that are missing.
    MetadataError
        The archive requires more about subject or session; the message is a template to fill in.

    Examples
    --------
    >>> write_patchseq("out.nwb", source="a_recording_that_is_not_there.nwb", sweeps=pd.DataFrame())
    Traceback (most recent call last):
    nwbspikegen.core.errors.InputError: found nothing at a_recording_that_is_not_there.nwb; ...
    """
    address = require_recording(source)
    _require_sweeps(sweeps, address)
    if predictions is not None:
        require_predictions(predictions)
    electrodes = read_electrodes(address)
    with derive_file(
        out,
        address,
        PATCHSEQ,
        "Features measured of a patched cell, and the class that they predict.",
        metadata=metadata,
        unit_table=None,
        overwrite=overwrite,
    ) as (nwbfile, module):
        drop_extras(nwbfile)
        add_patch_electrodes(nwbfile, electrodes)
        for table in _to_tables(sweeps, families or {}, reasons or {}, scalars or {}, predictions, preset):
            module.add(table)
        if left_out is not None and len(left_out):
            module.add(to_table("sweeps_left_out", "Sweeps that were not measured, and why.", left_out))
    return Path(out)


def _to_tables(
    sweeps: pd.DataFrame,
    families: Mapping[str, np.ndarray],
    reasons: Mapping[str, str],
    scalars: Mapping[str, float],
    predictions: pd.DataFrame | None,
    preset: str,
) -> list[Any]:
    tables = [
        to_table(
            "sweep_features",
            "What was measured of each sweep. Samples are not in this file: response_path and stimulus_path "
            "are places in the source.",
            sweeps,
        )
    ]
    if scalars:
        values = np.array(list(scalars.values()), dtype=np.float64)
        frame = pd.DataFrame({"scalar": list(scalars), "value": values})
        tables.append(to_table("cell_scalars", "What was measured of the cell as a whole.", frame))
    if families or reasons:
        tables.append(_to_family_table(families, reasons, preset))
    if predictions is not None and len(predictions):
        tables.append(to_predictions(predictions))
    return tables


def to_predictions(predictions: pd.DataFrame) -> Any:
    """Return predictions as the table that a derived file holds."""
    description = "Class of the cell as predicted from its features, not observed; one row per model."
    return to_table("predictions", description, predictions)


def _to_family_table(families: Mapping[str, np.ndarray], reasons: Mapping[str, str], preset: str) -> Any:
    """Return families as a table with ragged rows; a family that is missing has a single NaN.

    Without it a file in which all are missing would have an empty column, on which nwbinspector fails.
    """
    from hdmf.common import DynamicTable, VectorData, VectorIndex

    missing = {name: reason for name, reason in reasons.items() if reason}
    twice = sorted(set(families) & set(missing))
    if twice:
        raise InputError(f"{twice[0]} both present and missing", "one of them", "correct the reasons")
    names = [*families, *missing]
    vectors = [np.asarray(vector, dtype=np.float64) for vector in families.values()]
    vectors += [np.full(1, np.nan)] * len(missing)
    values = VectorData(
        name="vector",
        description="The family's vector, in the units of the preset.",
        data=np.concatenate(vectors),
    )
    # an index of a ragged column holds the end of each row
    ends = np.cumsum([len(vector) for vector in vectors]).astype(np.uint64)
    texts = {
        "family": ("Name of the family.", names),
        "reason": ("Why the family is missing; empty when it is there.", [""] * len(families)),
    }
    texts["reason"][1].extend(missing.values())
    columns = [VectorData(name=name, description=text, data=data) for name, (text, data) in texts.items()]
    mask = np.array([name in families for name in names])
    columns.append(VectorData(name="is_present", description="Whether the family could be made.", data=mask))
    index = VectorIndex(name="vector_index", data=ends, target=values)
    return DynamicTable(
        name="family_vectors",
        description=join_attributes("Feature families of the cell, one row each.", {"preset": preset}),
        # hdmf adds no ids to a table that is given its columns
        id=list(range(len(names))),
        columns=[*columns, values, index],
    )


def _require_sweeps(sweeps: pd.DataFrame, source: Path | str) -> None:
    absent = [name for name in _LINKS if name not in sweeps]
    if absent or not len(sweeps):
        raise InputError(
            f"sweeps without {', '.join(absent) or 'a row'}",
            f"columns {', '.join(_LINKS)}",
            "pass one row per sweep that was measured",
        )
    with open_nwb(source) as root:
        paths = [*sweeps["response_path"], *sweeps["stimulus_path"]]
        # a row whose sweep nobody finds again is worth nothing, so the source is asked now
        unknown = [path for path in paths if path and path not in root]
    if unknown:
        raise InputError(
            f"no {unknown[0]} in {source}", "sweeps of the source", "pass the file that was measured"
        )


def require_predictions(predictions: pd.DataFrame) -> None:
    """Raise `InputError` when predictions lack a column, or probabilities do not add up to 1."""
    absent = [name for name in _PREDICTED if name not in predictions]
    classes = [name for name in predictions if str(name).startswith(PROBABILITY)]
    if absent or len(classes) < 2:
        raise InputError(
            f"predictions without {', '.join(absent) or f'two columns {PROBABILITY}<class>'}",
            f"columns {', '.join(_PREDICTED)} and {PROBABILITY}<class>",
            "add them",
        )
    values = predictions[classes].to_numpy(dtype=np.float64)
    # NaN fails the comparison, as it should
    if not ((values >= 0.0).all() and (np.abs(values.sum(axis=1) - 1.0) <= _SUM).all()):
        raise InputError(
            "class probabilities that do not add up to 1", "probabilities", "check the model that predicted"
        )
