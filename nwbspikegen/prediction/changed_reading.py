"""What a model predicts of a stretch whose later bins are changed, from copies of one reading."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from jaxtyping import Float32, UInt8

from nwbspikegen.core.predictor import Bins
from nwbspikegen.models import FittedModel, SpikeModel
from nwbspikegen.models.state import RecordingState


class ChangedReading:
    """A stretch that was read once, and is read again from the piece on in which its bins are changed.

    Pieces are those of `SpikeModel.predict`, and one ends before the first bin that is predicted. What was
    read before a piece cannot know of it, so that a copy of the state before it says all that reading the
    whole stretch again would say.

    Parameters
    ----------
    model : FittedModel
        One of which `reads_in_pieces` is true.
    bins : Bins (time, unit)
        The stretch as it was recorded.
    first : int
        First bin that is predicted.
    bin_size : float
        Seconds per bin.
    """

    def __init__(self, model: FittedModel, bins: Bins, first: int, bin_size: float) -> None:
        num_bins, num_units = bins.spikes.shape
        self._bins, self._first = bins, first
        self._before: list[tuple[slice, RecordingState]] = []
        starts = {piece.start for piece in model.module.cut_pieces(num_bins, first, num_units)}
        # what comes before the first bin that is predicted stays as it is
        edges = sorted(starts | {first, num_bins})
        pieces = [slice(start, stop) for start, stop in pairwise(edges)]
        state = model.begin(num_units, bin_size)
        for piece in pieces:
            if piece.start >= first:
                self._before.append((piece, state.fork()))
            # nothing comes behind the last
            if piece is not pieces[-1]:
                self._read(state, bins.spikes, piece)

    @property
    def edges(self) -> list[int]:
        """Bins behind the first that is predicted with which a piece begins."""
        return [piece.start for piece, _ in self._before if piece.start > self._first]

    def predict_changed(
        self, changed: UInt8[np.ndarray, "time unit"], cut: int
    ) -> Float32[np.ndarray, "_until_cut unit"]:
        """Return what is predicted of the bins up to `cut`, of the piece that holds it.

        `changed` is the stretch with other spikes from bin `cut` on.
        """
        piece, before = next(found for found in self._before if found[0].stop > cut)
        # all bins of a piece are asked for, as in `predict`: of fewer, sums are taken in another order
        return self._read(before.fork(), changed, piece)[: cut + 1 - piece.start]

    def _read(
        self, state: RecordingState, spikes: UInt8[np.ndarray, "time unit"], piece: slice
    ) -> Float32[np.ndarray, "_wanted unit"]:
        observed = None if self._bins.observed is None else self._bins.observed[piece]
        wanted = np.full(piece.stop - piece.start, piece.start >= self._first)
        return state.read(spikes[piece], observed, wanted)


def reads_in_pieces(model: FittedModel) -> bool:
    """Return whether a model predicts by letting a state read piece after piece, and in no way of its own."""
    own = [getattr(model.module, name) for name in ("predict", "predict_from")]
    # asked of the instance: a predict that was put in its place is one of its own
    return [getattr(each, "__func__", None) for each in own] == [SpikeModel.predict, SpikeModel.predict_from]
