"""Free run: a model goes on from an observed past, on its own spikes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import threadpoolctl
import torch
import xarray as xr
from jaxtyping import UInt8

from nwbspikegen.core.errors import InputError, require_seed
from nwbspikegen.core.progress import track
from nwbspikegen.models import FittedModel
from nwbspikegen.prediction.conditions import name_conditions, read_conditions
from nwbspikegen.prediction.rate_holding import RateHolding
from nwbspikegen.views.observed import read_bins, require_contiguous

# 10 s at 1 ms: draws of 128 units are 5 MB, and a bar moves
_PIECE_BINS = 10_000


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Let one thread do the small sums of a bin: several wait for each other longer than they work."""
    # torch has threads of its own beside those of BLAS, which threadpoolctl limits
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpoolctl.threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(before)


def free_run(
    model: FittedModel,
    context: xr.Dataset,
    *,
    seconds: float | int,
    seed: int = 0,
    num_samples: int = 1,
    clamp: xr.Dataset | None = None,
    silence: Sequence[Any] = (),
    hold_rates: bool = True,
) -> xr.DataArray:
    """Return spikes that a model generates from where a context ends, each bin from its own bins before.

    What the model inferred from the context stays as it is: it does not learn from its own spikes.

    Parameters
    ----------
    model : FittedModel
        A trained model.
    context : Dataset (time, unit)
        Observed bins to read first, such as the training segment.
    seconds : float
        How long to go on (s), floored to bins.
    seed : int, default: 0
        Of the drawn spikes; sample k is the same whatever the number of samples.
    num_samples : int, default: 1
        How many runs, which share the past only.
    clamp : Dataset (time, unit), optional
        Spikes that some units are held to, such as recorded ones (`parts.test.sel(unit=[1, 4])`) or a
        stimulus: of every unit that it has, in the bins of the run by their time. The others are generated,
        and so is a clamped unit where it was not observed.
    silence : sequence of unit ids, optional
        Units that do not spike in the run.
    hold_rates : bool, default: True
        Whether the log odds of each unit are corrected against what it has fired too much or too little in
        the latest minutes of the run, by the rate of the context (`RateHolding`). Without it, a model may
        come into a state that it never leaves; with it, a change of rates that a condition causes fades.

    Returns
    -------
    DataArray (sample, time, unit), uint8
        `generated_spikes`, 1 where a spike was drawn or given; `time` goes on where the context ends.
        The coordinate `condition` says of each unit whether it was generated, clamped or silenced.

    Raises
    ------
    InputError
        Less than a bin, no sample, a context that does not fit the model, units to clamp or to silence that
        there are not, or spikes to clamp to that do not reach to the end of the run.

    Examples
    --------
    >>> import nwbspikegen as nsg
    >>> units = nsg.open_units(nsg.simulate("in_vivo", num_units=6, duration=20, seed=1).sorting)
    >>> parts = nsg.split_fractions(units, (0.5, 0.25, 0.25))
    >>> model = nsg.train(parts.train, parts.validation, epochs=1, progress=False)
    >>> nsg.free_run(model, parts.train, seconds=0.5, num_samples=2).shape
    (2, 500, 6)
    """
    bin_size = float(context.attrs["bin_size"])
    pieces = run_pieces(
        model,
        context,
        seconds=seconds,
        seed=seed,
        num_samples=num_samples,
        clamp=clamp,
        silence=silence,
        hold_rates=hold_rates,
    )
    spikes = np.concatenate(list(pieces), axis=1)
    start = float(context.time[-1]) + bin_size
    return xr.DataArray(
        spikes,
        dims=("sample", "time", "unit"),
        coords={
            "sample": np.arange(num_samples),
            "time": start + bin_size * np.arange(spikes.shape[1]),
            **{name: context.coords[name] for name in context.coords if context[name].dims == ("unit",)},
            "condition": ("unit", name_conditions(context, clamp, silence)),
        },
        name="generated_spikes",
        attrs={
            "bin_size": bin_size,
            "start_time": start,
            "context_start": float(context.time[0]),
            "seed": seed,
            "hold_rates": hold_rates,
            "model": model.name,
            "model_sha256": model.sha256,
        },
    )


def run_pieces(
    model: FittedModel,
    context: xr.Dataset,
    *,
    seconds: float | int,
    seed: int = 0,
    num_samples: int = 1,
    clamp: xr.Dataset | None = None,
    silence: Sequence[Any] = (),
    hold_rates: bool = True,
) -> Iterator[UInt8[np.ndarray, "sample bin unit"]]:
    """Yield a free run piece by piece, 10,000 bins each; parameters are those of `free_run`."""
    require_contiguous(context, "context")
    bin_size = float(context.attrs["bin_size"])
    # 0.7 / 0.001 is 699.9999999999999, which is meant as 700
    num_bins = int(np.floor(seconds / bin_size + 1e-6)) if np.isfinite(seconds) else 0
    if num_bins < 1 or num_samples < 1 or not isinstance(num_samples, int):
        raise InputError(
            f"a free run of {seconds} s and {num_samples} samples",
            "at least one bin and one sample",
            "pass a longer --free-run, or more --samples",
        )
    require_seed(seed)
    num_units = context.sizes["unit"]
    # refused before the context is read, which takes minutes
    conditions = read_conditions(context, num_bins, clamp, silence)
    past = read_bins(context)
    state = model.begin(num_units, bin_size)
    state.read(past.spikes, past.observed, np.zeros(len(past.spikes), dtype=bool))
    run = state.fork(num_samples)
    held = RateHolding(past, bin_size, num_samples) if hold_rates else None
    probability = run.step()
    # a stream for each sample: sample 2 is the same beside one other or ten
    draws = [np.random.default_rng([seed, sample]) for sample in range(num_samples)]
    for first in track(range(0, num_bins, _PIECE_BINS), "running", -(-num_bins // _PIECE_BINS)):
        length = min(_PIECE_BINS, num_bins - first)
        spikes = np.empty((length, num_samples, num_units), dtype=np.uint8)
        # a call of each generator per piece, not per bin
        uniform = np.stack([draw.random((length, num_units), dtype=np.float32) for draw in draws], axis=1)
        with _one_thread():
            for place, (bin_spikes, bin_uniform) in enumerate(zip(spikes, uniform, strict=True), first):
                # written straight into the bytes: a bool is a byte of 0 or 1
                wanted = probability if held is None else held.correct(probability)
                np.less(bin_uniform, wanted, out=bin_spikes.view(bool))
                conditions.impose(bin_spikes, place)
                probability = run.step(bin_spikes)
                if held is not None:
                    held.take(bin_spikes)
        yield np.ascontiguousarray(spikes.swapaxes(0, 1))
