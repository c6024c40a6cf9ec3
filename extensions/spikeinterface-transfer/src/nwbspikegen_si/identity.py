"""Recognising the recording that a model was trained on, from its spikes."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from spikeinterface.core import BaseSorting

from nwbspikegen.core.joined_segments import JoinedSorting

if TYPE_CHECKING:
    from nwbspikegen.models import FittedModel

RECORD = "spikeinterface"
"""Key of this extension's part of a model's training record."""

# so few spikes could have the same intervals by chance, or by being none
_FEWEST_SPIKES = 10


def fingerprint_trains(sorting: BaseSorting) -> dict[str, float]:
    """Return a hash of the intervals of every spike train, and when its first spike was (s).

    Which units there are, in which order and on which clock does not matter: a recording is known
    again by any unit that was neither merged nor split.
    """
    prints = {}
    for unit in sorting.unit_ids:
        for frames, first in _read_pieces(sorting, unit):
            if len(frames) < _FEWEST_SPIKES:
                continue
            digest = hashlib.sha256(repr(float(sorting.sampling_frequency)).encode())
            digest.update(np.diff(np.asarray(frames, dtype=np.int64)).tobytes())
            prints[digest.hexdigest()] = first
    return prints


def _read_pieces(sorting: BaseSorting, unit: Any) -> Iterator[tuple[np.ndarray, float]]:
    """Yield the frames of a unit and when its first spike was (s): of each segment that was joined.

    A model may have learnt from one segment, and predict all of them, or the other way round.
    """
    times = sorting.get_unit_spike_train_in_seconds(unit, segment_index=0)
    if not isinstance(sorting, JoinedSorting):
        yield sorting.get_unit_spike_train(unit, segment_index=0), float(times[0]) if len(times) else np.nan
        return
    before = 0
    for segment in range(len(sorting.segment_starts)):
        frames = sorting.read_segment_frames(unit, segment)
        if len(frames):
            yield frames, float(times[before])
        before += len(frames)


def recognise(model: FittedModel, sorting: BaseSorting, identifier: str) -> FittedModel:
    """Return the model, its training record told in a sorting's own terms when it was trained on it.

    The record then has the sorting's `identifier` and its clock, so that every rule about training data
    applies: windows are used again, overlap is not scored, audits name it.
    """
    known = model.training.get(RECORD, {}).get("trains", {})
    own = fingerprint_trains(sorting) if known else {}
    shifts = [own[digest] - known[digest] for digest in own if digest in known]
    if not shifts:
        return model
    shift = round(float(np.median(shifts)), 9)
    record = _move(model.training, shift)
    record["sources"] = [{**_move(each, shift), "identifier": identifier} for each in record["sources"]]
    record[RECORD] = {**record[RECORD], "stop": record[RECORD]["stop"] + shift}
    return dataclasses.replace(model, training=record)


def _move(record: dict[str, Any], shift: float) -> dict[str, Any]:
    """Return a record with its times moved."""
    window = {**record["window"], "start": record["window"]["start"] + shift}
    split = {name: [each + shift for each in segment] for name, segment in record["split"].items()}
    return {**record, "window": window, "split": split}
