"""Predictions of sampled bins from a perturbed past: each bin by itself, no other is scored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from jaxtyping import Bool, Float32, Int64, UInt8

from nwbspikegen.explain.perturbations import Perturbation
from nwbspikegen.models import FittedModel
from nwbspikegen.views.history import Mask

WINDOW_BINS = 3125
"""Bins before a target that a perturbation may touch: the input length of Shimono 2026."""

_Spikes = UInt8[np.ndarray, "time unit"]
_Perturbed = Iterator[tuple[int, dict[str, np.ndarray]]]


def choose_targets(
    first: int, num_bins: int, most: int, seed: int, mask: Mask = None
) -> Int64[np.ndarray, " target"]:
    """Return bins from `first` on, drawn without replacement and in order; bin 0 has no past.

    Bins in which no unit was observed are none.

    Examples
    --------
    >>> choose_targets(10, 13, 100, seed=0)
    array([10, 11, 12])
    """
    # bin 0 has no past to perturb
    bins = np.arange(max(first, 1), num_bins, dtype=np.int64)
    bins = bins if mask is None else bins[mask[bins].any(axis=1)]
    rng = np.random.default_rng(seed)
    return np.sort(rng.choice(bins, min(most, len(bins)), replace=False))


def predict_targets(
    model: FittedModel,
    spikes: _Spikes,
    targets: Int64[np.ndarray, " target"],
    perturbations: Mapping[str, Perturbation],
    *,
    window_bins: int = WINDOW_BINS,
    seed: int = 0,
    mask: Mask = None,
) -> dict[str, Float32[np.ndarray, "target unit"]]:
    """Return the probability of a spike in each target bin, with its past as it was and perturbed.

    A perturbation touches the latest `window_bins` bins before the target. What a model has read before
    that stays as it was: `in_context` keeps what it learned from it.

    Parameters
    ----------
    model : FittedModel
        The model.
    spikes : uint8 array (time, unit)
        The recording, with the target bins.
    targets : array (target,)
        Bins to predict, in order, from 1 on.
    perturbations : mapping
        What to read instead, by name; "intact" is always returned as well.
    window_bins : int
        Bins that a perturbation may touch; never more than a model of windows reads.
    seed : int
        Of random perturbations, drawn for each target and perturbation.
    mask : bool array (time, unit), optional
        Whether the unit was observed in the bin. Spikes that a perturbation moves to where nobody looked
        are not seen, and predictions there are NaN.

    Examples
    --------
    >>> from nwbspikegen.explain.perturbations import CONTROLS
    >>> from nwbspikegen.models import build_model
    >>> model = FittedModel(build_model("in_context", 3), "bernoulli", 0.001)
    >>> spikes = (np.random.default_rng(0).random((300, 3)) < 0.05).astype(np.uint8)
    >>> predicted = predict_targets(model, spikes, np.array([200, 250]), CONTROLS)
    >>> bool(np.allclose(predicted["intact"], model.predict(spikes, 0, 0.001)[[200, 250]]))
    True
    """
    window_bins = min(window_bins, model.module.window_bins or window_bins)
    every: dict[str, Perturbation] = {"intact": lambda window, rng: window, **perturbations}
    out = {name: np.empty((len(targets), spikes.shape[1]), dtype=np.float32) for name in every}
    state, read = model.begin(spikes.shape[1], model.bin_size), 0
    for place, perturbed in _perturb_windows(spikes, targets, every, window_bins, seed):
        start, target = max(0, int(targets[place]) - window_bins), int(targets[place])
        # targets are in order, so each stretch of the recording is read once
        state.read(spikes[read:start], _cut(mask, read, start), np.zeros(start - read, dtype=bool))
        read = start
        found = state.predict_perturbed(
            spikes[start:target], list(perturbed.values()), _cut(mask, start, target)
        )
        for name, row in zip(perturbed, found, strict=True):
            out[name][place] = row
    if mask is not None:
        for predicted in out.values():
            predicted[~mask[targets]] = np.nan
    return out


def _cut(mask: Mask, start: int, stop: int) -> Bool[np.ndarray, "_ unit"] | None:
    return None if mask is None else mask[start:stop]


def _perturb_windows(
    spikes: _Spikes,
    targets: Int64[np.ndarray, " target"],
    perturbations: Mapping[str, Perturbation],
    length: int,
    seed: int,
) -> _Perturbed:
    for place, target in enumerate(targets):
        window = spikes[max(0, target - length) : target]
        yield (
            place,
            {
                # each perturbation of each target has its own draws, whichever others there are
                name: perturb(window, np.random.default_rng([seed, place, sum(name.encode())]))
                for name, perturb in perturbations.items()
            },
        )
