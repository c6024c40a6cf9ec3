"""Views and predictions as objects of pynapple, which nemos takes as they are, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Float64
from spikeinterface.core import BaseSorting

from nwbspikegen.core.errors import InputError, MissingExtraError
from nwbspikegen.formats.spikes import Spikes
from nwbspikegen.views.lazy_spikes import binned_of
from nwbspikegen.views.observation import intersect_intervals

SOURCE_UNIT = "source_unit"
"""Name of the metadata that tell which unit of the recording each is: pynapple counts its own from 0."""
# pynapple keeps times to the nanosecond
_RESOLUTION = 1e-9
_DIMS = {"time", "unit"}
# names that pynapple has for itself
_THEIRS = {"rate": "unit_rate", "index": "unit_index", "keys": "unit_keys"}
_OURS = {theirs: ours for ours, theirs in _THEIRS.items()}


def to_pynapple(
    what: Any,
    *,
    time_support: Sequence[tuple[float, float]] | None = None,
) -> Any:
    """Return a view as a `pynapple.TsGroup`, a prediction as a `pynapple.TsdFrame`.

    Parameters
    ----------
    what : Dataset, DataArray or mapping
        A view of `open_units`: its spike times as the recording has them, not binned. An array (time,
        unit), such as `spike_probability` or a view's `spikes`: a row per bin, at the bin's centre, where
        pynapple's `count` has it. Or trains (s) by unit, as `read_generated_units` returns them.
    time_support : sequence of (float, float), optional
        When all units were observed (s). By default, of a view, when every unit in it was: pynapple takes
        what lies inside for silence. Of an array its bins, of trains from the first spike to the last.

    Returns
    -------
    TsGroup or TsdFrame
        Units have the metadata `source_unit` (their ids), and the columns of the view.

    Raises
    ------
    InputError
        The units were never observed together, or it is none of these.
    MissingExtraError
        pynapple is not installed.

    Examples
    --------
    >>> import nwbspikegen as nsg
    >>> units = nsg.open_units(nsg.simulate("in_vivo", num_units=3, duration=5, seed=1).sorting)
    >>> to_pynapple(units)["source_unit"].tolist()
    [0, 1, 2]
    """
    nap = _import_pynapple()
    if isinstance(what, xr.Dataset) and "spikes" in what:
        return _to_group(nap, *_read_view(what, time_support), columns=_columns_of(what))
    if isinstance(what, xr.DataArray) and set(what.dims) == _DIMS:
        return _to_frame(nap, what.transpose("time", "unit"), time_support)
    if isinstance(what, Mapping):
        trains = {unit: np.sort(np.asarray(train, dtype=np.float64)) for unit, train in what.items()}
        return _to_group(nap, trains, time_support, columns={})
    raise InputError(
        f"a {type(what).__name__}",
        "a view of open_units, an array (time, unit), or spike times (s) by unit",
        "pass one of these",
    )


def from_pynapple(what: Any, *, resolution: float = _RESOLUTION) -> BaseSorting | xr.DataArray:
    """Return a `pynapple.TsGroup` as a sorting, a `pynapple.TsdFrame` as a `spike_probability`.

    Parameters
    ----------
    what : TsGroup or TsdFrame
        Spike times: `open_units`, `convert_sorting` and `score` take what is returned. Or a value per bin,
        at the bin's centre, such as the spike probability that a model of nemos predicts.
    resolution : float, default: 1e-9
        Seconds from one possible spike time to the next.

    Returns
    -------
    BaseSorting or DataArray
        A sorting that was observed in the time support, with metadata as properties. An array (time,
        unit). Units are called by the metadata `source_unit` where there are some.

    Raises
    ------
    InputError
        It is neither, or its times are no bins.

    Examples
    --------
    >>> from_pynapple([0.1, 0.2])
    Traceback (most recent call last):
    nwbspikegen.core.errors.InputError: found a list; expected a pynapple.TsGroup or TsdFrame; ...
    """
    kind = type(what).__name__
    if kind not in ("TsGroup", "TsdFrame") or not hasattr(what, "time_support"):
        raise InputError(f"a {kind}", "a pynapple.TsGroup or TsdFrame", "pass one of these")
    columns = {name: np.asarray(what.get_info(name)) for name in what.metadata_columns if name != "rate"}
    if kind == "TsdFrame":
        return _from_frame(what, columns)
    ids = columns.pop(SOURCE_UNIT, np.asarray(what.keys()))
    trains = [np.asarray(what[key].t) for key in what]
    return Spikes(
        times=np.concatenate([np.empty(0), *trains]),
        units=np.repeat(ids, [len(train) for train in trains]),
        resolution=resolution,
        unit_ids=ids.tolist(),
        columns={_OURS.get(name, name): values.tolist() for name, values in columns.items()},
        observed=[(float(start), float(stop)) for start, stop in what.time_support.values],
    ).to_sorting()


def _import_pynapple() -> Any:
    try:
        import pynapple
    except ImportError as error:
        raise MissingExtraError(
            "no pynapple", "the extra 'pynapple'", "pip install 'nwbspikegen[pynapple]'"
        ) from error
    return pynapple


def _to_group(
    nap: Any,
    trains: Mapping[Any, Float64[np.ndarray, " _spike"]],
    support: Sequence[tuple[float, float]] | None,
    columns: Mapping[str, np.ndarray],
) -> Any:
    ids = np.array(list(trains))
    # keys are whole numbers in pynapple
    keys = ids.tolist() if ids.dtype.kind in "iu" else range(len(ids))
    within = None if support is None else nap.IntervalSet(np.asarray(support, dtype=np.float64))
    times = {
        key: nap.Ts(train, time_support=within) for key, train in zip(keys, trains.values(), strict=True)
    }
    return nap.TsGroup(times, time_support=within, metadata={SOURCE_UNIT: ids, **columns})


def _read_view(
    units: xr.Dataset, given: Sequence[tuple[float, float]] | None
) -> tuple[dict[Any, np.ndarray], Sequence[tuple[float, float]]]:
    """Return the spike times of a view's units, and when all of them were observed (s)."""
    binned, positions = binned_of(units)
    spans = _find_spans(units["time"].values, float(units.attrs["bin_size"]))
    seen = binned.observation.of(positions).shared()
    support = intersect_intervals(seen, np.array(spans)) if given is None else given
    if not len(support):
        raise InputError(
            f"{len(positions)} units that were never observed together",
            "some time in which all were",
            "select units that were recorded at once, or pass time_support",
        )
    pieces = binned.source.read_trains(positions, float(support[0][0]), float(support[-1][1]))
    trains = [
        train for piece in pieces for train in np.split(piece.times, np.cumsum(piece.counts)[:-1].tolist())
    ]
    pairs = [(float(start), float(stop)) for start, stop in support]
    return dict(zip(units["unit"].values.tolist(), trains, strict=True)), pairs


def _to_frame(nap: Any, array: xr.DataArray, support: Sequence[tuple[float, float]] | None) -> Any:
    bin_size = _bin_size_of(array)
    starts, ids = array["time"].values, array["unit"].values
    spans = _find_spans(starts, bin_size) if support is None else support
    return nap.TsdFrame(
        t=starts + bin_size / 2,
        d=array.values,
        columns=ids.tolist(),
        time_support=nap.IntervalSet(np.asarray(spans, dtype=np.float64)),
        metadata={SOURCE_UNIT: ids, **_columns_of(array)},
    )


def _from_frame(frame: Any, columns: Mapping[str, np.ndarray]) -> xr.DataArray:
    centres = np.asarray(frame.t)
    if len(centres) < 2:
        raise InputError(f"{len(centres)} rows", "at least two bins", "pass a longer one")
    bin_size = round(float(np.median(np.diff(centres))), 9)
    ids = columns.get(SOURCE_UNIT, np.asarray(frame.columns))
    others = {name: ("unit", values) for name, values in columns.items() if name != SOURCE_UNIT}
    coords = {"time": ("time", centres - bin_size / 2, {"units": "s"}), "unit": ids, **others}
    return xr.DataArray(
        np.asarray(frame.d), coords, ("time", "unit"), "spike_probability", {"bin_size": bin_size}
    )


def _bin_size_of(array: xr.DataArray) -> float:
    if "bin_size" in array.attrs:
        return float(array.attrs["bin_size"])
    if array.sizes["time"] < 2:
        raise InputError("one bin of unknown size", "at least two bins", "pass a longer segment")
    return round(float(np.median(np.diff(array["time"].values))), 9)


def _find_spans(starts: Float64[np.ndarray, " bin"], bin_size: float) -> list[tuple[float, float]]:
    """Return start and stop (s) of each run of bins without a gap."""
    breaks = np.flatnonzero(np.diff(starts) > 1.5 * bin_size) + 1
    runs = [run for run in np.split(starts, breaks) if len(run)]
    return [(float(run[0]), float(run[-1]) + bin_size) for run in runs]


def _columns_of(units: xr.Dataset | xr.DataArray) -> dict[str, np.ndarray]:
    """Return a view's columns under names that pynapple has not taken for itself."""
    return {
        _THEIRS.get(str(name), str(name)): values.values
        for name, values in units.coords.items()
        if values.dims == ("unit",) and name != "unit"
    }
