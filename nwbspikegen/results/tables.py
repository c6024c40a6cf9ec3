"""Data frames as NWB tables."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from nwbspikegen.results.layout import join_attributes

_COLUMNS = {
    "predictor": "Name of the model or baseline that made the prediction.",
    "metric": "Name of the score.",
    "null": "Null that the score is counted from; empty where it has none.",
    "value": "The score, or what an audit measured.",
    "ci_low": "Lower end of the 95 % interval.",
    "ci_high": "Upper end of the 95 % interval.",
    "num_units": "Number of units scored.",
    "num_spikes": "Number of recorded spikes scored.",
    "num_silent_units": "Number of scored units without a spike in the segment.",
    "num_blocks": "Number of blocks of time that the bootstrap draws from.",
    "ci_reliable": "Whether there are enough blocks for the interval to be relied on.",
    "audit": "Name of the check.",
    "passed": "Whether the model passed the check.",
    "tolerance": "Largest value that passes.",
    "detail": "What was checked and found.",
    "model_name": "Name of the model's architecture.",
    "sha256": "Hash (sha256) of the bytes.",
    "loss": "Name of the loss that the model was trained with.",
    "parameters": "Parameters of the architecture, as JSON.",
    "training": "Sources, window, split and units of the training, as JSON.",
    "file_name": "Name of the source file.",
    "identifier": "Identifier of the source file.",
}


def to_table(name: str, description: str, frame: pd.DataFrame) -> Any:
    """Return a data frame as a `DynamicTable`, its attrs at the end of the description."""
    from hdmf.common import DynamicTable, VectorData

    columns = [
        VectorData(
            name=str(key),
            description=_COLUMNS.get(str(key), f"Column {key} of the table of {name}."),
            data=_to_array(frame[key]),
        )
        for key in frame.columns
    ]
    return DynamicTable(
        name=name,
        description=join_attributes(description, frame.attrs),
        id=list(range(len(frame))),
        columns=columns,
    )


def _to_array(column: pd.Series[Any]) -> Any:
    kind = column.dtype.kind
    if kind in "biuf":
        return np.asarray(column)
    # a missing text reads back as an empty one: NWB has no missing texts
    return ["" if value is None or value is pd.NA or value != value else str(value) for value in column]
