"""ASDF .mat files ("another spike data format"): one cell of bin numbers per unit.

The variable is a cell array of n + 2 cells along either axis: n units' bin numbers, counted from 1,
a cell that may state the bins' duration in ms, and [number of units, number of bins].
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64
from spikeinterface.core import BaseSorting

from nwbspikegen.core.errors import InputError
from nwbspikegen.core.files import require_file
from nwbspikegen.formats.asdf.mat_files import load_mat
from nwbspikegen.formats.asdf.ticks import DEFAULT_TICK, choose_tick
from nwbspikegen.formats.segments import NativeSegment

_LOG = logging.getLogger("nwbspikegen")
# duration of the bins in ms, which is mostly empty, and [units, bins]
_TRAILING_CELLS = 2


class ASDFSorting(BaseSorting):  # type: ignore[misc]
    """The units of an ASDF file as a SpikeInterface sorting with native seconds.

    Bin k of the file is the time (k - 1/2) x tick: the middle of the bin, never its edge. There are two
    frames a bin, so that middles are whole frames: 2k - 1.

    Parameters
    ----------
    file_path, tick, positions
        As for `formats.asdf.reader.read_asdf_file`; positions become the properties `rel_x`, `rel_y`.

    Attributes
    ----------
    observation_interval : (float, float)
        Start and stop of the recording in seconds, kept as an annotation as well.

    Raises
    ------
    InputError
        If a file is not what it should be; the message says what was found.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import scipy.io
    >>> cells = np.empty((3, 1), dtype=object)
    >>> cells[:, 0] = [np.array([[1, 4]], np.uint8), np.empty((1, 0)), np.array([[1, 10]], np.uint8)]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     scipy.io.savemat(pathlib.Path(folder, "a.mat"), {"asdf": cells})
    ...     ASDFSorting(pathlib.Path(folder, "a.mat")).get_unit_spike_train_in_seconds(0).tolist()
    [0.0005, 0.0035]
    """

    def __init__(
        self,
        file_path: str | os.PathLike[str],
        tick: float | None = None,
        positions: str | os.PathLike[str] | None = None,
    ) -> None:
        if tick is not None and not (np.isfinite(tick) and tick > 0):
            raise InputError(f"a tick of {tick} s", "a positive number of seconds", "pass --tick 0.001, say")
        bins, num_bins = read_asdf(file_path, DEFAULT_TICK if tick is None else tick)
        tick = choose_tick(file_path, bins, num_bins) if tick is None else tick
        # with one frame a bin SpikeInterface rounds a middle up or down by parity, which gave doubled frames
        # (67,033 on the slice) and intervals wrong by a bin; with two there are none
        super().__init__(sampling_frequency=2.0 / tick, unit_ids=np.arange(len(bins)))
        self.units_description = "Spike-sorted units of an ASDF file."
        self.add_sorting_segment(_ASDFSegment(bins, tick))
        self.observation_interval = (0.0, num_bins * tick)
        self.annotate(observation_interval=self.observation_interval)
        if positions is not None:
            x, y = _read_positions(positions, len(bins))
            self.set_property("rel_x", x)
            self.set_property("rel_y", y)
        self._kwargs = {
            "file_path": str(Path(file_path).absolute()),
            "tick": tick,
            "positions": None if positions is None else str(Path(positions).absolute()),
        }


class _ASDFSegment(NativeSegment):
    """The one segment of a file, with two frames a bin."""

    def __init__(self, bins: list[Int64[np.ndarray, " _spike"]], tick: float) -> None:
        super().__init__()
        self._bins = bins
        self._tick = tick

    def read_frames(self, unit_id: Any) -> Int64[np.ndarray, " spike"]:
        """Return the frames of the middles of a unit's bins."""
        frames: np.ndarray = 2 * self._bins[unit_id] - 1
        return frames

    def read_seconds(self, unit_id: Any) -> Float64[np.ndarray, " spike"]:
        """Return the middles of the bins of a unit (s)."""
        seconds: np.ndarray = (self._bins[unit_id] - 0.5) * self._tick
        return seconds


def read_asdf(path: str | os.PathLike[str], tick: float) -> tuple[list[Int64[np.ndarray, " _spike"]], int]:
    """Return sorted bin numbers (from 1) of every unit, and the number of bins.

    A file that states another duration of its bins (ms, in the cell before the last) than `tick` (s)
    is read as `tick` says, and a warning is logged.

    Raises
    ------
    InputError
        If the file holds no ASDF variable, or one that contradicts itself.
    """
    path = require_file(path)
    cells = _find_cells(path)
    num_units, num_bins = _read_size(path, cells[-1], len(cells) - _TRAILING_CELLS)
    stated = np.ravel(cells[-2])
    if (
        stated.size == 1
        and stated.dtype.kind in "iuf"
        and stated[0] > 0
        and not np.isclose(stated[0], 1e3 * tick)
    ):
        _LOG.warning("%s states bins of %g ms; it is read with a tick of %g s", path, stated[0], tick)
    return [_read_bins(path, cells[unit], unit, num_bins) for unit in range(num_units)], num_bins


def _find_cells(path: Path) -> list[Any]:
    _, cells = load_mat(path)
    found = [values for values in cells.values() if len(values) > _TRAILING_CELLS]
    if len(found) != 1:
        raise InputError(
            f"{len(found)} cell arrays of one row or column in {path}",
            "one, with a cell per unit and two more",
            "check that this is an ASDF file",
        )
    return found[0]


def _read_size(path: Path, cell: Any, num_cells: int) -> tuple[int, int]:
    numbers = _whole_numbers(cell)
    if numbers is None or len(numbers) != 2 or numbers[0] != num_cells or numbers[1] < 1:
        raise InputError(
            f"{np.ravel(cell)[:4].tolist()} in the last cell of {path}",
            f"[{num_cells} units, number of bins]",
            "check that this is an ASDF file",
        )
    return num_cells, int(numbers[1])


def _read_bins(path: Path, cell: Any, unit: int, num_bins: int) -> Int64[np.ndarray, " spike"]:
    bins = _whole_numbers(cell)
    if bins is None:
        raise InputError(
            f"values that are no whole numbers in cell {unit + 1} of {path}",
            "bin numbers counted from 1",
            "check that this is an ASDF file",
        )
    if len(bins) and not (bins.min() >= 1 and bins.max() <= num_bins):
        raise InputError(
            f"bins {bins.min()} to {bins.max()} in cell {unit + 1} of {path}",
            f"bins from 1 to {num_bins}",
            "check the file, which contradicts its own length",
        )
    return np.sort(bins)


def _whole_numbers(cell: Any) -> Int64[np.ndarray, " number"] | None:
    """Return a cell's numbers, or None when there are others than whole ones."""
    values = np.ravel(cell)
    if values.size == 0:
        return np.empty(0, dtype=np.int64)
    if values.dtype.kind not in "iuf":
        return None
    # small integer types of MATLAB files overflow in arithmetic
    numbers = values.astype(np.float64)
    if (
        not np.isfinite(numbers).all()
        or (numbers != np.round(numbers)).any()
        # beyond, float64 has no odd numbers
        or np.abs(numbers).max() > 2**53
    ):
        return None
    return numbers.astype(np.int64)


def _read_positions(
    path: str | os.PathLike[str], num_units: int
) -> tuple[Float64[np.ndarray, " unit"], Float64[np.ndarray, " unit"]]:
    variables, _ = load_mat(require_file(path))
    found = {name: np.ravel(variables[name]) for name in ("x", "y") if name in variables}
    sizes = {name: values.size for name, values in found.items()}
    numeric = all(values.dtype.kind in "iuf" and np.isfinite(values).all() for values in found.values())
    if sizes != {"x": num_units, "y": num_units} or not numeric:
        raise InputError(
            f"{sizes or 'neither x nor y'} in {path}",
            f"x and y with {num_units} finite numbers each",
            "pass the positions of these units",
        )
    return found["x"].astype(np.float64), found["y"].astype(np.float64)
