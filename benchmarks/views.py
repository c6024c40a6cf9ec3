"""How fast windows of spikes are binned: against pynapple, and in a very large recording.

Prints Markdown; needs `pip install 'nwbspikegen[bench]'`:

    python benchmarks/views.py > docs/benchmarks/views.md
"""

from __future__ import annotations

import os
import platform
import statistics
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pynapple
from pynwb import NWBHDF5IO, NWBFile
from recordings import SHARED, require_shared

import nwbspikegen as nsg

_SECONDS = 600
_UNITS = slice(100, 228)
_REPEATS = 5
_LARGE_UNITS = 10_000
_LARGE_SECONDS = 3600.0
_WINDOWS = 20


def main() -> None:
    """Run all and print."""
    require_shared()
    print("# Views\n")
    print(f"`python benchmarks/views.py`, {date.today()}, {os.cpu_count()} cores {platform.machine()}.\n")
    _compare_with_pynapple()
    with tempfile.TemporaryDirectory() as folder:
        for rate_hz in (1.0, 5.0):
            _open_large(Path(folder) / f"{rate_hz}.nwb", rate_hz)


def _compare_with_pynapple() -> None:
    path = SHARED / "nwb" / "retina_stafford_wt.nwb"
    units = nsg.open_units(path, duration=_SECONDS).isel(unit=_UNITS)
    start = float(units.time[0])
    with NWBHDF5IO(str(path), "r") as io:
        table = io.read().units
        trains = {row: pynapple.Ts(table["spike_times"][row]) for row in range(_UNITS.start, _UNITS.stop)}
    group = pynapple.TsGroup(trains, time_support=pynapple.IntervalSet(start, start + _SECONDS))
    ours, spikes = _time_median(lambda: units.copy().spikes.values)
    theirs, counts = _time_median(lambda: group.count(0.001))
    if not np.array_equal(np.asarray(counts) > 0, spikes > 0):
        raise SystemExit("the two bin differently: no speed to compare")
    tracemalloc.start()
    size = units.copy().spikes.values.nbytes
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    print(f"## `retina_stafford_wt`, {_SECONDS} s x {spikes.shape[1]} units, 1 ms\n")
    print("| | median of 5 (ms) |\n|---|---|")
    print(f"| `open_units(...).spikes.values` | {1e3 * ours:.1f} |")
    print(f"| pynapple {pynapple.__version__}, `count` | {1e3 * theirs:.0f} |\n")
    print(f"{theirs / ours:.0f} times faster, the same bins; peak memory {peak / size:.2f} x the result.\n")


def _time_median(action: Callable[[], Any]) -> tuple[float, Any]:
    action()
    seconds = []
    for _ in range(_REPEATS):
        started = time.perf_counter()
        result = action()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds), result


def _open_large(path: Path, rate_hz: float) -> None:
    num_spikes = _write_large(path, rate_hz)
    started = time.perf_counter()
    units = nsg.open_units(path)
    opened = time.perf_counter() - started
    rng = np.random.default_rng(1)
    milliseconds, resident = [], []
    for _ in range(_WINDOWS):
        first = int(rng.integers(0, units.sizes["time"] - 1000))
        started = time.perf_counter()
        window = units.spikes[first : first + 1000].values
        milliseconds.append(1e3 * (time.perf_counter() - started))
        resident.append(_read_resident_mb())
    if window.shape != (1000, _LARGE_UNITS) or not window.any():
        raise SystemExit("a window of the large recording is not what it should be")
    print(
        f"## {_LARGE_UNITS} units x {_LARGE_SECONDS:.0f} s at {rate_hz:g} Hz: {num_spikes} spikes, "
        f"{path.stat().st_size / 1e6:.0f} MB\n"
    )
    print(f"Opened in {opened:.2f} s. {_WINDOWS} windows of 1 s, all units:")
    print(f"median {statistics.median(milliseconds):.0f} ms, slowest {max(milliseconds):.0f} ms.")
    print(f"Resident memory {resident[0]:.0f} MB after the first window, {resident[-1]:.0f} MB after all.\n")


def _write_large(path: Path, rate_hz: float) -> int:
    """Write Poisson units whose rates differ, with pynwb."""
    from datetime import UTC, datetime

    rng = np.random.default_rng(0)
    sizes = rng.poisson(rng.gamma(2.0, rate_hz / 2, _LARGE_UNITS) * _LARGE_SECONDS)
    times = np.empty(sizes.sum())
    for end, size in zip(np.cumsum(sizes), sizes, strict=True):
        times[end - size : end] = np.sort(rng.uniform(0.0, _LARGE_SECONDS, size))
    nwbfile = NWBFile("simulated", "large", datetime(2024, 1, 1, tzinfo=UTC))
    nwbfile.add_unit(spike_times=[0.0], obs_intervals=[[0.0, _LARGE_SECONDS]])
    with NWBHDF5IO(str(path), "w") as io:
        io.write(nwbfile)
    _replace_units(path, times, sizes)
    return len(times)


def _replace_units(path: Path, times: np.ndarray, sizes: np.ndarray) -> None:
    """Put arrays in place of the one unit: adding units one by one would take minutes."""
    import h5py

    columns = {
        "spike_times": times,
        "spike_times_index": np.cumsum(sizes),
        "id": np.arange(len(sizes)),
        "obs_intervals": np.tile([0.0, _LARGE_SECONDS], (len(sizes), 1)),
        "obs_intervals_index": np.arange(1, len(sizes) + 1),
    }
    with h5py.File(path, "r+") as file:
        for name, values in columns.items():
            attributes = dict(file["units"][name].attrs)
            del file["units"][name]
            file["units"][name] = values
            file["units"][name].attrs.update(attributes)


def _read_resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    main()
