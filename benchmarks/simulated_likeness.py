"""Simulated preparations: whether the judge is fair, and what is known of hidden units."""

from __future__ import annotations

import numpy as np
import xarray as xr
from jaxtyping import Float64, UInt8

import nwbspikegen as nsg
from nwbspikegen.likeness import judge_likeness
from nwbspikegen.simulation import draw_hidden

SEEDS = (200, 201)
FAIR_SEEDS = range(210, 214)
_NUM_UNITS, _BIN = 32, 0.001
# s: read, then judged
_READ, _JUDGED = 200, 200
# s, and how many samples: of hidden units given the others
_HIDDEN_SECONDS, _SAMPLES = 40, 8
# s: counts of hidden units are compared in windows of this
_WIDTH = 0.05


def measure_fairness(preparation: str, seed: int) -> float:
    """Return the judge's area for the population itself, run freely, against what it did otherwise."""
    first = round(_READ / _BIN)
    simulation = nsg.simulate(preparation, num_units=_NUM_UNITS, duration=_READ + _JUDGED, seed=seed)
    then = nsg.open_units(simulation.sorting).isel(time=slice(first, None))
    everyone = np.ones(_NUM_UNITS, dtype=bool)
    return _judge(draw_hidden(simulation.spikes, preparation, everyone, first=first, seed=seed)[first:], then)


def measure_preparation(preparation: str, seed: int) -> dict[str, float]:
    """Return the judge's area for a model, and correlations of hidden units.

    ``model``: area of the model run freely from where the recording was read to, against what was recorded
    then. ``hidden_truth`` and ``hidden_model``: mean over hidden units of the correlation of recorded counts
    (50 ms) with the mean over samples of those that the true population, and the model, draw while the other
    half of the units is held to what it did.
    """
    simulation = nsg.simulate(preparation, num_units=_NUM_UNITS, duration=_READ + _JUDGED, seed=seed)
    units = nsg.open_units(simulation.sorting)
    spikes, first = simulation.spikes, round(_READ / _BIN)
    read, then = units.isel(time=slice(0, first)), units.isel(time=slice(first, None))
    model = nsg.load_model("pretrained")
    run = nsg.free_run(model, read, seconds=then.sizes["time"] * _BIN)
    hidden = np.random.default_rng(seed).permutation(_NUM_UNITS) < _NUM_UNITS // 2
    end = first + round(_HIDDEN_SECONDS / _BIN)
    truth = [
        draw_hidden(spikes[:end], preparation, hidden, first=first, seed=seed, sample=sample)[first:, hidden]
        for sample in range(_SAMPLES)
    ]
    clamped = nsg.free_run(
        model, read, seconds=_HIDDEN_SECONDS, num_samples=_SAMPLES, clamp=then.isel(unit=~hidden)
    )
    return {
        "model": _judge(run.values[0], then),
        "hidden_truth": _correlate(np.stack(truth), spikes[first:end, hidden]),
        "hidden_model": _correlate(clamped.values[:, :, hidden], spikes[first:end, hidden]),
    }


def _judge(spikes: UInt8[np.ndarray, "time unit"], recorded: xr.Dataset) -> float:
    made = recorded.assign(spikes=(("time", "unit"), spikes[: recorded.sizes["time"]]))
    return judge_likeness(made, recorded, num_shuffles=0).roc_auc


def _correlate(
    samples: UInt8[np.ndarray, "sample time unit"], recorded: UInt8[np.ndarray, "time unit"]
) -> float:
    """Return the mean over units of the correlation of a mean over samples with what was recorded."""
    bins = round(_WIDTH / _BIN)
    told, wanted = (
        each[: len(each) // bins * bins].reshape(-1, bins, each.shape[1]).sum(axis=1)
        for each in (samples.mean(axis=0), recorded.astype(np.float64))
    )
    varies = (told.std(axis=0) > 0) & (wanted.std(axis=0) > 0)
    return float(np.mean([_pearson(told[:, unit], wanted[:, unit]) for unit in np.flatnonzero(varies)]))


def _pearson(one: Float64[np.ndarray, " window"], other: Float64[np.ndarray, " window"]) -> float:
    return float(np.corrcoef(one, other)[0, 1])
