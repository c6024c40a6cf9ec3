"""From segments of recordings to examples."""

from __future__ import annotations

import inspect
import itertools
import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from nwbspikegen.core.errors import InputError
from nwbspikegen.core.predictor import Bins
from nwbspikegen.models import SpikeModel
from nwbspikegen.training.module import EpochLoader
from nwbspikegen.views.history import mean_rate_per_bin
from nwbspikegen.views.observed import is_same_recording, read_bins

_LOG = logging.getLogger("nwbspikegen")


def make_training_loader(
    network: SpikeModel,
    train: Sequence[xr.Dataset],
    seed: int,
    beside: Sequence[Mapping[str, np.ndarray]] = (),
) -> EpochLoader:
    """Return the training examples of all recordings together, after fitting what a model starts from.

    With those of other populations `beside` them, if there are any.
    """
    bin_size = float(train[0].attrs["bin_size"])
    fitted = [read_bins(segment) for segment in train]
    for bins in fitted:
        _refuse_silence(bins.spikes, "training")
    masks = [bins.observed for bins in fitted]
    # an architecture that knows nothing of masks takes recordings that need none
    more: dict[str, Any] = {} if all(mask is None for mask in masks) else {"observed": masks}
    more |= {"beside": beside} if len(beside) else {}
    examples = network.training_examples([bins.spikes for bins in fitted], bin_size, seed, **more)
    return EpochLoader(examples, seed)


def make_validation_loaders(
    network: SpikeModel, train: Sequence[xr.Dataset], validation: Sequence[xr.Dataset], seed: int
) -> list[EpochLoader]:
    """Return the validation examples of each recording; the model stays as it is."""
    bin_size = float(train[0].attrs["bin_size"])
    shares = "num_recordings" in inspect.signature(network.validation_examples).parameters
    loaders = []
    for segment, later_segment in zip(train, validation, strict=True):
        read, first, fitted = read_with_past(segment, later_segment)
        mean_rate = mean_rate_per_bin(fitted.spikes, fitted.observed)
        more: dict[str, Any] = {} if read.observed is None else {"observed": read.observed}
        # an architecture from elsewhere may know nothing of sharing
        if len(train) > 1 and shares:
            more["num_recordings"] = len(train)
        later = network.validation_examples(read.spikes, first, bin_size, mean_rate, seed, **more)
        loaders.append(EpochLoader(later, None))
    return loaders


def read_with_past(train: xr.Dataset, validation: xr.Dataset) -> tuple[Bins, int, Bins]:
    """Return the bins of a validation segment behind their past, the first of its own, and those of training.

    Validation sees the training segment as its past where it follows, as the test segment sees both: what is
    chosen on it is chosen for what it will do.
    """
    follows = _follows(validation, train)
    read = read_bins(train if follows else None, validation)
    first = train.sizes["time"] if follows else 0
    # where the training segment was read as a past, it is not read again
    fitted = read.until(first) if follows else read_bins(train)
    _refuse_silence(read.since(first).spikes, "validation")
    return read, first, fitted


def require_pairs(train: Sequence[xr.Dataset], validation: Sequence[xr.Dataset]) -> None:
    """Raise `InputError` unless every training segment has its validation segment, in equal bins."""
    if len(train) != len(validation) or not train:
        raise InputError(
            f"{len(train)} training and {len(validation)} validation segments",
            "one of each for every recording",
            "pass them in the same order",
        )
    sizes = {float(segment.attrs["bin_size"]) for segment in (*train, *validation)}
    if len(sizes) > 1:
        raise InputError(f"bins of {sorted(sizes)} s", "equal bins", "bin all recordings alike")
    for one, other in zip(train, validation, strict=True):
        if not is_same_recording(one.attrs, other.attrs, unknown=True):
            raise InputError(
                "training and validation segments of different recordings",
                "pairs from one recording each",
                "pass them in the same order",
            )
    for one, other in itertools.combinations((*train, *validation), 2):
        _refuse_overlap(one, other)


def _follows(validation: xr.Dataset, train: xr.Dataset) -> bool:
    """Return whether the training segment is the past that the validation segment has."""
    if not is_same_recording(train.attrs, validation.attrs, unknown=True):
        return False
    gap = float(validation.time[0]) - float(train.time[-1])
    # times are rounded, by far less than half a bin
    if abs(gap - float(train.attrs["bin_size"])) > float(train.attrs["bin_size"]) / 2:
        _LOG.info("validation does not follow training directly: it is predicted without a past")
        return False
    return True


def _refuse_overlap(train: xr.Dataset, validation: xr.Dataset) -> None:
    shared = np.intersect1d(train.time.values, validation.time.values)
    if shared.size and is_same_recording(train.attrs, validation.attrs, unknown=True):
        raise InputError(
            f"{shared.size} bins in both segments", "segments that share no bin", "use split_time to cut them"
        )


def _refuse_silence(spikes: np.ndarray, segment: str) -> None:
    if not spikes.any():
        raise InputError(
            f"no spike in the {segment} segment", "at least one", "take a longer window or other units"
        )
