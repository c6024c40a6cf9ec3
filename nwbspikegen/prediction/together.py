"""Many models on one recording: what they all read of its past is read once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from jaxtyping import Bool, Float32

from nwbspikegen.core.errors import InputError
from nwbspikegen.core.predictor import Bins
from nwbspikegen.models.base import SpikeModel

Prediction = Float32[np.ndarray, "wanted unit"]

# 1.75 GiB of predictions: less than half of the 4 GiB that a local worker has
_MOST_BYTES = 7 * 2**28


def count_together(num_predicted: int, num_units: int) -> int:
    """Return how many predictions of a segment are held at once: as many as fit into 1.75 GiB.

    Examples
    --------
    >>> count_together(600_000, 128)
    6
    """
    return max(1, _MOST_BYTES // (4 * num_predicted * num_units))


def predict_with_each(
    models: Sequence[SpikeModel],
    bins: Bins,
    first: int,
    bin_size: float,
    wanted: Bool[np.ndarray, " predicted"] | None = None,
) -> Iterator[tuple[int, Prediction | InputError]]:
    """Give what each model predicts of bins `first` to the end, with its place in the sequence.

    The same, bit for bit, as each model's own `predict`; models of one kind may read a recording together.
    Of the bins from `first` on those are given that are `wanted`, by default all. An `InputError` is given
    instead of a prediction where a model cannot read so many units.
    """
    # models of one class can share what they read; of different ones nothing is common
    places: dict[type[SpikeModel], list[int]] = {}
    for place, model in enumerate(models):
        places.setdefault(type(model), []).append(place)
    for kind, some in places.items():
        together = kind.predict_together([models[place] for place in some], bins, first, bin_size, wanted)
        yield from zip(some, together, strict=True)
