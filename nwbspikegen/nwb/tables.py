"""Data frames as NWB tables."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from nwbspikegen.nwb.names import join_attributes

# bytes of a column from which compression pays: chunks have an index and a header of their own, of some KiB
_LARGE = 1 << 16
_COLUMNS = {
    "predictor": "Name of the model or baseline that made the prediction.",
    "metric": "Name of the score.",
    "null": "Null that the score is counted from; empty where it has none.",
    "value": "The score, or what was measured.",
    "ci_low": "Lower end of the 95 % interval.",
    "ci_high": "Upper end of the 95 % interval.",
    "num_units": "Number of units scored.",
    "num_spikes": "Number of recorded spikes scored, or found in a sweep.",
    "num_silent_units": "Number of scored units without a spike in the segment.",
    "num_blocks": "Number of blocks of time that the bootstrap draws from.",
    "ci_reliable": "Whether there are enough blocks for the interval to be relied on.",
    "observed_fraction": "Part of all bins of all units that was observed; the rest enters no score.",
    "reason": "Why there is no score; empty where there is one.",
    "own_low": "Least distance between two recorded stretches, over their mean.",
    "own_high": "Largest distance between two recorded stretches, over their mean.",
    "audit": "Name of the check.",
    "passed": "Whether the model passed the check.",
    "tolerance": "Largest value that passes.",
    "detail": "What was checked and found.",
    "model_name": "Name of the model's architecture.",
    "sha256": "Hash (sha256) of the bytes.",
    "loss": "Name of the loss that the model was trained with.",
    "file_name": "Name of the source file.",
    "identifier": "Identifier of the source file.",
    "recording_identifier": "Identifier of the recording: of the source, or of what that was derived from.",
    "source_sha256": "Hash (sha256) of the bytes of the source file.",
    "session": "Name of the recording in the study.",
    "session_id": "Identifier of the session in the source file.",
    "session_start": "When the session began, as a text.",
    "subject_id": "Identifier of the subject.",
    "species": "Species of the subject.",
    "sex": "Sex of the subject.",
    "age": "Age of the subject, ISO 8601.",
    "lab": "Laboratory that recorded.",
    "preparation": "in_vitro or in_vivo; empty where it is not known.",
    "train_index": "Row of the matrix, counted from 0.",
    "test_index": "Column of the matrix, counted from 0.",
    "train_session": "Recording trained on; several are joined by +, and others are all but the tested one.",
    "test_session": "Recording tested on.",
    "train_preparation": "Preparation of the recording trained on.",
    "test_preparation": "Preparation of the recording tested on.",
    "train_subject": "Subject of the recording trained on.",
    "test_subject": "Subject of the recording tested on.",
    "segment": "test, or training: the score of a row on the segment that it was fitted to.",
    "same_session": "Whether training and test are of the same session.",
    "same_subject": "Whether training and test are of the same subject.",
    "same_lab": "Whether training and test are of the same laboratory.",
    "overlap_s": "Time (s) that training and test have in common.",
    "independent": "Whether training and test share neither session, subject nor time.",
    "shared": "What training and test share.",
    "x": "First coordinate.",
    "y": "Second coordinate.",
    "z": "Third coordinate.",
    "spread": "Root mean square distance of bootstrap positions from the position.",
    "number": "Number of the sweep in the source.",
    "stimulus_code": "The stimulus as the source calls it.",
    "protocol": "long_square, short_square, ramp or other.",
    "sampling_rate_hz": "Samples per second.",
    "start": "Start of the sweep (s) on the session clock.",
    "stimulus_start": "First stimulated sample, in seconds from the start of the sweep.",
    "stimulus_stop": "First sample after the stimulus, in seconds from the start of the sweep.",
    "amplitude_pa": "Height of the step, or last value of the ramp, above the holding current (pA).",
    "bridge_balance_mohm": "Bridge balance of the amplifier (megaohm), NaN where not stated.",
    "capacitance_compensation_pf": "Capacitance compensation of the amplifier (pF), NaN where not stated.",
    "bias_current_pa": "Holding current that the amplifier reports (pA), NaN where not stated.",
    "liquid_junction_mv": "Liquid junction potential that was subtracted from the source's potentials (mV).",
    "response_path": "Place of the recorded potential in the source.",
    "stimulus_path": "Place of the injected current in the source.",
    "latency": "Time (s) from the start of the stimulus to the threshold of the first spike.",
    "threshold_v": "Potential (mV) at the threshold of the first spike.",
    "peak_v": "Potential (mV) at the peak of the first spike.",
    "fast_trough_v": "Potential (mV) at the fast trough after the first spike.",
    "width": "Width (s) of the first spike at half its height.",
    "upstroke_downstroke_ratio": "Steepest rise over steepest fall of the first spike.",
    "scalar": "Name of what was measured, as in the Allen Institute's tables.",
    "predicted_class": "The most probable class; predicted, not observed.",
    "label_version": "File and column of the classes learned from, and the start of its sha256.",
}
# columns named after a class or a family
_STARTS = {
    "parameters.": "Parameter {} of the architecture.",
    "training.": "Record of the training: {}.",
    "probability_": "Probability of the class {}.",
    "attention_": "Attention to the family {}; NaN where the cell lacks it. A cell's sum is 1.",
}


def to_table(name: str, description: str, frame: pd.DataFrame) -> Any:
    """Return a data frame as a `DynamicTable`, its attrs at the end of the description."""
    from hdmf.common import DynamicTable, VectorData

    columns = [
        VectorData(
            name=str(key),
            description=_describe(str(key), name),
            data=_compress(_to_array(frame[key])),
        )
        for key in frame.columns
    ]
    return DynamicTable(
        name=name,
        description=join_attributes(description, frame.attrs),
        # hdmf makes ids for rows that are added, not for columns that are complete
        id=list(range(len(frame))),
        columns=columns,
    )


def describe_columns(names: Iterable[str]) -> dict[str, str]:
    """Return what columns of the package's tables mean, of those that are known.

    Examples
    --------
    >>> describe_columns(["null", "of_another_table"])
    {'null': 'Null that the score is counted from; empty where it has none.'}
    """
    return {name: _COLUMNS[name] for name in map(str, names) if name in _COLUMNS}


def _describe(column: str, table: str) -> str:
    start = next((one for one in _STARTS if column.startswith(one)), "")
    if start:
        return _STARTS[start].format(column.removeprefix(start))
    return _COLUMNS.get(column, f"Column {column} of the table of {table}.")


def _compress(values: Any) -> Any:
    """Return large arrays of numbers with the settings that store them compressed."""
    if not isinstance(values, np.ndarray) or values.nbytes < _LARGE:
        return values
    from hdmf.backends.hdf5 import H5DataIO

    # level 4 is h5py's default; shuffle puts like bytes of numbers side by side, which deflate then finds
    return H5DataIO(values, compression="gzip", compression_opts=4, shuffle=True, chunks=True)


def _to_array(column: pd.Series[Any]) -> Any:
    kind = column.dtype.kind
    if kind in "biuf":
        return np.asarray(column)
    # a missing text reads back as an empty one: NWB has no missing texts
    return ["" if value is None or value is pd.NA or value != value else str(value) for value in column]
