"""Spikes of the units table of an NWB (HDF5) file."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import h5py
import numpy as np
from jaxtyping import Float64

from nwbspikegen.errors import InputError
from nwbspikegen.files import hash_file, require_file
from nwbspikegen.views.nwb_metadata import read_columns, read_session
from nwbspikegen.views.nwb_pages import Span, TrainSurvey, read_spans, survey_trains
from nwbspikegen.views.nwb_table import open_nwb, read_ids, read_observed, read_offsets, require_units
from nwbspikegen.views.spike_source import SpikeSource, UnitTable, require_numbers


class NWBSource(SpikeSource):
    """Spikes of `/units`, read when asked for, without holding the file open.

    Opening passes over all spikes once, in blocks, to know that every time is a number, which units
    ascend and where their pages begin (36 million spikes: under a second); after that a window reads its
    own pages. A unit that does not ascend is read whole and sorted, so none of its spikes is lost.

    Parameters
    ----------
    path : path
        The NWB file.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = require_file(path).absolute()
        self._stamp = _stamp(self._path)
        with open_nwb(self._path) as file:
            units = require_units(file)
            self._offsets = read_offsets(units)
            num_units = len(self._offsets) - 1
            session = read_session(file)
            columns = read_columns(units, num_units)
            ids = read_ids(units, num_units)
            self._observed = read_observed(units)
            session |= {"source": str(self._path), "source_sha256": hash_file(self._path)}
            self.table = UnitTable(ids, columns, session)
            self._surveys = self._survey(units["spike_times"])

    @property
    def observed(self) -> tuple[float | None, float | None]:
        """Earliest start and latest stop of `obs_intervals` (s), None where there are none."""
        return self._observed

    def read_spikes(
        self, units: Sequence[int], start: float, stop: float
    ) -> Iterator[Float64[np.ndarray, " spike"]]:
        """Yield for each unit position its spikes within [start, stop] (s), sorted."""
        with self._open() as file:
            spans = [self._surveys[unit].find_span(*self._rows(unit), start, stop) for unit in units]
            for unit, times in zip(units, read_spans(file["units/spike_times"], spans), strict=True):
                ascending = times if self._surveys[unit].is_sorted else np.sort(times)
                first, last = np.searchsorted(ascending, start), np.searchsorted(ascending, stop, "right")
                yield ascending[first:last]

    def read_extent(self) -> tuple[float, float]:
        """Return the times of the first and the last spike of all units; NaN when there is none."""
        firsts = [survey.first for survey in self._surveys if len(survey.edges)]
        lasts = [survey.last for survey in self._surveys if len(survey.edges)]
        return min(firsts, default=np.nan), max(lasts, default=np.nan)

    def _rows(self, unit: int) -> Span:
        return int(self._offsets[unit]), int(self._offsets[unit + 1])

    def _open(self) -> contextlib.AbstractContextManager[h5py.File]:
        if not self._path.is_file() or _stamp(self._path) != self._stamp:
            raise InputError(
                f"{self._path}, which changed since it was opened", "the same file", "open its units again"
            )
        return open_nwb(self._path)

    def _survey(self, spike_times: h5py.Dataset) -> list[TrainSurvey]:
        trains = [self._rows(unit) for unit in range(len(self.table.ids))]
        surveys = list(survey_trains(spike_times, trains))
        for unit, (begin, end), survey in zip(self.table.ids, trains, surveys, strict=True):
            if not survey.has_numbers_only:
                require_numbers(spike_times[begin:end].astype(np.float64), unit)
        return surveys


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns
