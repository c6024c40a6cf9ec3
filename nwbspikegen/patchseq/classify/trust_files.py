"""What tells how far a classifier is to be trusted, to records and arrays and back."""

from __future__ import annotations

from dataclasses import asdict, fields

import numpy as np

from nwbspikegen.patchseq.classify.confidence import Confidence
from nwbspikegen.patchseq.classify.known_cells import KnownCells, rebuild_known_cells
from nwbspikegen.patchseq.classify.records import ConfidenceRecord

_PREFIX = "known/"


def pack_confidence(confidence: Confidence | None) -> ConfidenceRecord | None:
    """Return the record of a calibration; None where a model has none."""
    if confidence is None:
        return None
    return ConfidenceRecord(**{**asdict(confidence), "intercept": tuple(confidence.intercept.tolist())})


def unpack_confidence(record: ConfidenceRecord | None, num_classes: int) -> Confidence | None:
    """Rebuild what `pack_confidence` packed, or raise `ValueError` where it is of other classes."""
    if record is None:
        return None
    if len(record.intercept) != num_classes:
        raise ValueError("a calibration of other classes")
    return Confidence(**{**record.model_dump(), "intercept": np.asarray(record.intercept, dtype=np.float64)})


def pack_known_cells(known: KnownCells | None, arrays: dict[str, np.ndarray]) -> None:
    """Add what is kept of the training cells to the arrays of a model."""
    if known is not None:
        arrays.update({f"{_PREFIX}{one.name}": getattr(known, one.name) for one in fields(known)})


def unpack_known_cells(
    arrays: dict[str, np.ndarray], num_classes: int, num_features: int
) -> KnownCells | None:
    """Rebuild what `pack_known_cells` packed; None where there is nothing of it.

    Raises
    ------
    ValueError, KeyError
        Arrays that are missing or do not fit the model.
    """
    stored = {name.removeprefix(_PREFIX): one for name, one in arrays.items() if name.startswith(_PREFIX)}
    return rebuild_known_cells(stored, num_classes, num_features) if stored else None
