"""Run a model freely, compare with the recording, write NWB: `nwbspikegen generate --free-run`."""

from __future__ import annotations

import dataclasses
import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from nwbspikegen.core.addresses import hash_recording, name_of
from nwbspikegen.core.errors import InputError, require_seed
from nwbspikegen.core.files import require_absent, require_suffix
from nwbspikegen.core.large_arrays import large_arrays_in
from nwbspikegen.core.predictor import Bins
from nwbspikegen.likeness import judge_likeness, judge_resemblance, realism
from nwbspikegen.likeness.judge import JUDGES
from nwbspikegen.models import FittedModel
from nwbspikegen.nwb.unit_table import UNITS
from nwbspikegen.prediction.conditions import GENERATED, find_units
from nwbspikegen.prediction.free_run import free_run
from nwbspikegen.prediction.nwb_writing import require_complete, write_results
from nwbspikegen.prediction.recording import open_for
from nwbspikegen.scoring import compare_trains
from nwbspikegen.views import WindowOptions, open_units
from nwbspikegen.views.holding import hold_window
from nwbspikegen.views.observed import read_bins

_LOG = logging.getLogger("nwbspikegen")


@dataclasses.dataclass(frozen=True)
class FreeRunReport:
    """What `free_run_and_compare` made.

    Attributes
    ----------
    path : Path
        The file.
    generated_spikes : DataArray (sample, time, unit)
        What `free_run` returned.
    statistics : DataFrame
        One row per train and statistic: each sample, and what was observed before, against the
        recorded test segment.
    realism : DataFrame
        How far the run is from the test segment, as `nwbspikegen.realism` returns it; empty where one of them
        is too short for that, or was not observed throughout.
    verdicts : DataFrame
        What judges say, a row per train and judge: with `judged` how well they tell the run, and what was
        observed before, from the test segment, with `compare_with` how far the run is like that recording;
        empty without both, or where there are too few windows.
    """

    path: Path
    generated_spikes: xr.DataArray
    statistics: pd.DataFrame
    realism: pd.DataFrame
    verdicts: pd.DataFrame


def free_run_and_compare(
    model: FittedModel,
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    seconds: float,
    options: WindowOptions | None = None,
    seed: int = 0,
    num_samples: int = 1,
    clamp: Sequence[Any] = (),
    clamp_from: str | os.PathLike[str] | None = None,
    silence: Sequence[Any] = (),
    hold_rates: bool = True,
    judged: bool = False,
    compare_with: str | os.PathLike[str] | None = None,
    metadata: Mapping[str, Any] | str | os.PathLike[str] | None = None,
    overwrite: bool = False,
) -> FreeRunReport:
    """Go on from the observed bins before the test segment, on the model's own spikes, and write NWB.

    Rates, intervals and correlations of the run are compared with those of the recorded test segment;
    so are those of the observed bins before it: a real population does not repeat itself either. How far
    the run is from the test segment is told in units of how far that is from itself.

    Parameters
    ----------
    model : FittedModel
        The model to run.
    source : path or address
        NWB file with the recording.
    out : path
        NWB file to write.
    seconds : float
        How long to run.
    options : WindowOptions, optional
        The window. A file that the model was trained on is opened as it was for training.
    seed, num_samples : int
        As for `free_run`.
    clamp : sequence of unit ids
        Units that are held to what was recorded in the test segment, or to `clamp_from`. Ids may be text.
    clamp_from : path or address, optional
        NWB file with the spikes to clamp to, of units with the same ids at the same time on the session
        clock; of all units that it has, where `clamp` names none.
    silence : sequence of unit ids
        Units that do not spike. Only units that are generated are compared with the recording.
    hold_rates : bool, default: True
        As for `free_run`.
    judged : bool, default: False
        Let both judges tell the run, and what was observed before, from the test segment.
    compare_with : path or address, optional
        Another recording, such as the one that the model learnt from: which of the two does the run resemble?
    metadata : mapping or path, optional
        Subject and session fields that the source lacks.
    overwrite : bool
        Replace `out`.
    """
    require_seed(seed)
    require_suffix(out, ".nwb")
    require_absent(out, overwrite=overwrite, sources=[source])
    units, parts = open_for(model, source, options)
    unit_table = units.attrs.get("unit_table", UNITS)
    require_complete(source, metadata, unit_table)
    # the sha256 of what was read now: a file that changes while the model runs is found out when written
    fingerprint = units.attrs["source_sha256"] or hash_recording(source)
    with large_arrays_in(Path(out).parent):
        units, parts = hold_window(units, parts)
    # by length: the segments lie one behind the other, and the test is the last
    before = units.isel(time=slice(0, units.sizes["time"] - parts.test.sizes["time"]))
    _LOG.info("reading %d bins, then running for %g s", before.sizes["time"], seconds)
    # before the run, which takes minutes: a recording that is not there is told at once
    own = None if compare_with is None else open_units(compare_with, bin_size=float(units.attrs["bin_size"]))
    given = _find_given(parts.test, clamp, clamp_from)
    generated = free_run(
        model,
        before,
        seconds=seconds,
        seed=seed,
        num_samples=num_samples,
        clamp=given,
        silence=find_units(units, silence),
        hold_rates=hold_rates,
    )
    generated.attrs.update(source=name_of(source), source_sha256=fingerprint)
    if given is not None:
        generated.attrs["clamped_to"] = name_of(source if clamp_from is None else clamp_from)
    statistics, distances = _compare_generated(generated, before, parts.test)
    told = [_judge_generated(generated, before, parts.test)] if judged else []
    if own is not None and compare_with is not None:
        told.append(_place_generated(generated, own, parts.test, name_of(compare_with)))
    verdicts = pd.concat(told, ignore_index=True) if told else pd.DataFrame()
    path = write_results(
        out,
        source=source,
        model=model,
        generated_spikes=generated,
        statistics=statistics,
        realism=distances,
        verdicts=verdicts,
        metadata=metadata,
        unit_table=unit_table,
        overwrite=overwrite,
    )
    return FreeRunReport(path, generated, statistics, distances, verdicts)


def _find_given(
    test: xr.Dataset, clamp: Sequence[Any], clamp_from: str | os.PathLike[str] | None
) -> xr.Dataset | None:
    """Return the spikes of the units that are clamped; None without any."""
    if clamp_from is None:
        return test.sel(unit=find_units(test, clamp)) if len(clamp) else None
    given = open_units(clamp_from, bin_size=float(test.attrs["bin_size"]))
    return given.sel(unit=find_units(given, clamp)) if len(clamp) else given


def _compare_generated(
    generated: xr.DataArray, before: xr.Dataset, test: xr.Dataset
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return statistics and distances of the units that were generated."""
    # what was given says nothing of the model
    free = generated.condition.values == GENERATED
    run, told = generated.isel(unit=free), test.isel(unit=free)
    return _compare(run, read_bins(before.isel(unit=free)), read_bins(told)), _measure_realism(run, told)


def _measure_realism(generated: xr.DataArray, recorded: xr.Dataset) -> pd.DataFrame:
    """Return distances, or none, saying why."""
    try:
        return realism(generated, recorded)
    except InputError as error:
        _LOG.warning("realism is not told: %s", error)
        return pd.DataFrame()


def _judge_generated(generated: xr.DataArray, before: xr.Dataset, test: xr.Dataset) -> pd.DataFrame:
    """Return how well judges tell a run, and the recording's own past, from the test segment."""
    free = generated.condition.values == GENERATED
    # as long as what is judged: the reference at the least distance in time
    past = before.isel(time=slice(-test.sizes["time"], None), unit=free)
    rows = []
    try:
        for judge in JUDGES:
            for train, made in (("generated", generated.isel(unit=free)), ("observed before", past)):
                told = judge_likeness(made, test.isel(unit=free), judge=judge, num_shuffles=0)
                rows.append(_row(train, judge, told.roc_auc, told.ci_low, told.ci_high))
    except InputError as error:
        _LOG.warning("the run is not judged: %s", error)
        return pd.DataFrame()
    return pd.DataFrame(rows)


def _place_generated(generated: xr.DataArray, own: xr.Dataset, test: xr.Dataset, name: str) -> pd.DataFrame:
    """Return how far a run is like another recording, judged by trees that know both."""
    free = generated.condition.values == GENERATED
    # no more than is judged: trees weigh both alike
    stretch = own.isel(time=slice(-test.sizes["time"], None))
    try:
        told = judge_resemblance(generated.isel(unit=free), stretch, test.isel(unit=free))
    except InputError as error:
        _LOG.warning("the run is not compared with %s: %s", name, error)
        return pd.DataFrame()
    judge = f"trees, by {name}"
    return pd.DataFrame(
        [
            _row(train, judge, each.value, each.ci_low, each.ci_high)
            for train, each in (("generated", told.run), (name, told.recordings))
        ]
    )


def _row(train: str, judge: str, roc_auc: float, ci_low: float, ci_high: float) -> dict[str, Any]:
    return {"train": train, "judge": judge, "roc_auc": roc_auc, "ci_low": ci_low, "ci_high": ci_high}


def _compare(generated: xr.DataArray, before: Bins, recorded: Bins) -> pd.DataFrame:
    """Compare every train with the recorded one, in the bins in which that was observed."""
    bin_size = float(generated.attrs["bin_size"])
    trains = {f"sample {sample}": generated.values[sample] for sample in range(generated.sizes["sample"])}
    tables = [
        compare_trains(spikes, recorded.spikes, bin_size, recorded.observed).assign(train=name)
        for name, spikes in trains.items()
    ]
    # both were observed in part: as far as either was
    length = min(len(before.spikes), len(recorded.spikes))
    masks = [bins.observed[:length] for bins in (before, recorded) if bins.observed is not None]
    shared = np.logical_and.reduce(masks) if masks else None
    # how far two stretches of one recording differ is the mark that a model is held against
    earlier = compare_trains(before.spikes[:length], recorded.spikes[:length], bin_size, shared)
    tables.append(earlier.assign(train="observed before"))
    return pd.concat(tables, ignore_index=True)[["train", "statistic", "value", "num_compared"]]
