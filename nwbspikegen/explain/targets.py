"""Predictions of sampled bins from a changed past: each bin by itself, no other is scored."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping

import numpy as np
import torch
from jaxtyping import Float32, Int64, UInt8

from nwbspikegen.core.predictor import Bins, predict_bins
from nwbspikegen.explain.perturbations import Change
from nwbspikegen.models import FittedModel
from nwbspikegen.models.attending import Attends
from nwbspikegen.models.in_context import InContext
from nwbspikegen.models.past import Past
from nwbspikegen.models.readout import Readout
from nwbspikegen.views.history import Mask, fill_unobserved

WINDOW_BINS = 3125
"""Bins before a target that a change may touch: the input length of Shimono 2026."""
_WINDOWS_AT_ONCE = 8

_Spikes = UInt8[np.ndarray, "time unit"]
_Changed = Iterator[tuple[int, dict[str, np.ndarray]]]


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
    bins = np.arange(max(first, 1), num_bins, dtype=np.int64)
    bins = bins if mask is None else bins[mask[bins].any(axis=1)]
    rng = np.random.default_rng(seed)
    return np.sort(rng.choice(bins, min(most, len(bins)), replace=False))


def predict_targets(
    model: FittedModel,
    spikes: _Spikes,
    targets: Int64[np.ndarray, " target"],
    changes: Mapping[str, Change],
    *,
    window_bins: int = WINDOW_BINS,
    seed: int = 0,
    mask: Mask = None,
) -> dict[str, Float32[np.ndarray, "target unit"]]:
    """Return the probability of a spike in each target bin, with its past as it was and changed.

    A change touches the latest `window_bins` bins before the target. What a model has read before
    that stays as it was: `in_context` keeps what it learned from it.

    Parameters
    ----------
    model : FittedModel
        The model.
    spikes : uint8 array (time, unit)
        The recording, with the target bins.
    targets : array (target,)
        Bins to predict, in order, from 1 on.
    changes : mapping
        What to read instead, by name; "intact" is always returned as well.
    window_bins : int
        Bins that a change may touch; never more than a model of windows reads.
    seed : int
        Of random changes, drawn for each target and change.
    mask : bool array (time, unit), optional
        Whether the unit was observed in the bin. Spikes that a change moves to where nobody looked
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
    model.module.eval()
    if isinstance(model.module, Attends):
        window_bins = min(window_bins, model.module.window_bins)
    every: dict[str, Change] = {"intact": lambda window, rng: window, **changes}
    windows = _change_windows(spikes, targets, every, window_bins, seed)
    out = {name: np.empty((len(targets), spikes.shape[1]), dtype=np.float32) for name in every}
    with torch.no_grad():
        if isinstance(model.module, Attends):
            filled = None if mask is None else fill_unobserved(spikes, mask, model.bin_size)
            _predict_windows(model.module, model.module.device, targets, windows, out, filled, mask)
        elif isinstance(model.module, InContext):
            _predict_forks(model, spikes, targets, windows, window_bins, out, mask)
        else:
            _predict_whole(model, spikes, targets, windows, out, mask)
    if mask is not None:
        for predicted in out.values():
            predicted[~mask[targets]] = np.nan
    return out


def _change_windows(
    spikes: _Spikes,
    targets: Int64[np.ndarray, " target"],
    changes: Mapping[str, Change],
    length: int,
    seed: int,
) -> _Changed:
    for place, target in enumerate(targets):
        window = spikes[max(0, target - length) : target]
        yield (
            place,
            {
                # each change of each target has its own draws, whichever others there are
                name: change(window, np.random.default_rng([seed, place, sum(name.encode())]))
                for name, change in changes.items()
            },
        )


def _predict_windows(
    network: Attends,
    device: torch.device,
    targets: Int64[np.ndarray, " target"],
    windows: _Changed,
    out: Mapping[str, np.ndarray],
    filled: Float32[np.ndarray, "time unit"] | None,
    mask: Mask,
) -> None:
    """Predict the bin after each window; windows are taken in turn, a batch at a time.

    `filled` is what is read where a unit was not observed.
    """
    waiting: list[tuple[int, str, np.ndarray]] = []

    def empty() -> None:
        if waiting:
            batch = torch.from_numpy(np.stack([window for *_, window in waiting])).to(device, torch.float32)
            probability = torch.sigmoid(network.next_bin(batch)).cpu().numpy()
            for (place, name, _), row in zip(waiting, probability, strict=True):
                out[name][place] = row
            waiting.clear()

    for place, changed in windows:
        for name, window in changed.items():
            if filled is not None and mask is not None:
                of = slice(int(targets[place]) - len(window), int(targets[place]))
                window = np.where(mask[of], window, filled[of])
            if len(waiting) == _WINDOWS_AT_ONCE or (waiting and len(waiting[0][2]) != len(window)):
                empty()
            waiting.append((place, name, window))
    empty()


def _predict_forks(
    model: FittedModel,
    spikes: _Spikes,
    targets: Int64[np.ndarray, " target"],
    windows: _Changed,
    length: int,
    out: Mapping[str, np.ndarray],
    mask: Mask,
) -> None:
    """Read up to where each change begins once; from there a copy of what was learned reads on."""
    network = model.module
    assert isinstance(network, InContext)
    num_units = spikes.shape[1]
    past, readout = Past(num_units, model.bin_size), Readout(num_units)
    read = 0
    for place, changed in windows:
        start, target = max(0, int(targets[place]) - length), int(targets[place])
        _skim(network, past, readout, spikes[read:start], _cut(mask, read, start))
        read = start
        fork, at = copy.deepcopy((past, readout)), 0
        begins = {name: _first_change(spikes[start:target], window) for name, window in changed.items()}
        for name in sorted(changed, key=begins.__getitem__):
            since, until = start + at, start + begins[name]
            _skim(network, *fork, spikes[since:until], _cut(mask, since, until))
            at = begins[name]
            # the target's own bin comes last and is not known to its prediction
            piece = np.concatenate([changed[name][at:], np.zeros_like(spikes[:1])])
            asked = np.arange(len(piece)) == len(piece) - 1
            seen = _cut(mask, start + at, target + 1)
            log_odds = _read(network, *copy.deepcopy(fork), piece, asked, seen)
            out[name][place, slice(None) if seen is None else seen[-1]] = 1 / (1 + np.exp(-log_odds))


def _cut(mask: Mask, start: int, stop: int) -> Mask:
    return None if mask is None else mask[start:stop]


def _first_change(window: _Spikes, changed: _Spikes) -> int:
    """Return the first bin that differs, or their length."""
    differs = (window != changed).any(axis=1)
    return int(differs.argmax()) if differs.any() else len(window)


def _skim(network: InContext, past: Past, readout: Readout, spikes: _Spikes, mask: Mask) -> None:
    """Let past and readout read bins of which no prediction is asked."""
    if len(spikes):
        _read(network, past, readout, spikes, np.zeros(len(spikes), dtype=bool), mask)


def _read(
    network: InContext, past: Past, readout: Readout, spikes: _Spikes, wanted: np.ndarray, mask: Mask
) -> np.ndarray:
    """Let past and readout read some bins; return log odds of the wanted pairs in order."""
    adapted = [np.zeros(0)]
    for rows in past.read(spikes, wanted, mask):
        log_odds = readout.read(rows, *network.log_odds(rows))
        adapted.append(log_odds[rows.wanted])
    return np.concatenate(adapted)


def _predict_whole(
    model: FittedModel,
    spikes: _Spikes,
    targets: Int64[np.ndarray, " target"],
    windows: _Changed,
    out: Mapping[str, np.ndarray],
    mask: Mask,
) -> None:
    """Predict with the whole changed recording: any model, at the price of reading all of it again."""
    for place, changed in windows:
        target = int(targets[place])
        for name, window in changed.items():
            piece = np.concatenate([spikes[: target - len(window)], window, np.zeros_like(window[:1])])
            bins = Bins(piece, _cut(mask, 0, target + 1))
            out[name][place] = predict_bins(model, bins, target, model.bin_size)[0]
