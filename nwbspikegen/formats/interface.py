"""What every NeuroConv interface over a source adds to a file: electrodes, units, observation, intervals."""

from __future__ import annotations

import copy
import logging
import warnings
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, ClassVar

import numpy as np
from neuroconv.datainterfaces.ecephys.basesortingextractorinterface import BaseSortingExtractorInterface
from neuroconv.utils import dict_deep_update, get_json_schema_from_method_signature

from nwbspikegen.core.sortings import read_attribute
from nwbspikegen.formats.nwb_electrodes import add_recording_electrodes, rows_of_units
from nwbspikegen.formats.nwb_events import add_events
from nwbspikegen.formats.nwb_intervals import add_intervals
from nwbspikegen.formats.parameters import make_schema
from nwbspikegen.formats.spikes import to_sorting
from nwbspikegen.nwb.left_out import add_left_out

_LOG = logging.getLogger("nwbspikegen")

_DESCRIPTIONS = {
    "rel_x": "x position of the unit, in micrometres.",
    "rel_y": "y position of the unit, in micrometres.",
    "depth": "Depth of the unit, in micrometres.",
    "location": "Brain region of the unit.",
    "quality": "Quality of the unit as the lab labelled it.",
}


class SourceInterface(BaseSortingExtractorInterface):  # type: ignore[misc]
    """Base of the interfaces over lab formats; subclasses name the function that reads theirs.

    The source schema is that function's signature and docstring. Besides its spikes and properties, a
    sorting may have these attributes, and what it has is written:
    `observation_interval` (start, stop; s; also as an annotation) or `obs_intervals` (of each unit,
    likewise, as `nwbspikegen.views.sorting_source.SortingSource` reads them), `electrodes`
    (`nwbspikegen.formats.Electrodes`), `named_intervals` (a mapping of names to lists of start and stop;
    s), `events` (times, resolution and what happened), `left_out` (how many spikes of the source are not
    here, by reason), `session_metadata` (NeuroConv's layout) and `units_description`. Columns are
    described, and ordered by name.
    """

    reader: ClassVar[Callable[..., Any]]
    """What reads the source, wrapped as a static method."""

    def __init__(self, verbose: bool = False, **source: Any) -> None:
        super().__init__(verbose=verbose, **source)

    @classmethod
    def get_source_schema(cls) -> dict[str, Any]:
        """Return the JSON schema of what the interface is made with."""
        return make_schema(cls.reader)

    @classmethod
    def get_extractor_class(cls) -> Any:
        """Return what gives the sorting."""
        # NeuroConv calls it with the source's parameters, and keeps what it gives: a function does as well as
        # a class
        return cls._read

    @classmethod
    def _read(cls, **source: Any) -> Any:
        return to_sorting(cls.reader(**source))

    def get_metadata(self) -> Any:
        """Return what the source says of session and subject; a start without a time zone is in UTC."""
        known = getattr(self.sorting_extractor, "session_metadata", {})
        metadata = dict_deep_update(super().get_metadata(), copy.deepcopy(dict(known)))
        start = metadata["NWBFile"].get("session_start_time")
        if isinstance(start, str) and datetime.fromisoformat(start).tzinfo is None:
            # NeuroConv would take the time zone of the machine that converts
            metadata["NWBFile"]["session_start_time"] = f"{datetime.fromisoformat(start).isoformat()}+00:00"
        return metadata

    def add_to_nwbfile(self, nwbfile: Any, metadata: Any = None, **options: Any) -> None:
        """Add the units table and all that belongs to it."""
        sorting = self.sorting_extractor
        electrodes = getattr(sorting, "electrodes", None)
        # electrodes before the units that point to them, and the order of columns when all of them are there
        if electrodes is not None:
            add_recording_electrodes(nwbfile, electrodes)
            # rows of the table that was just written
            options.setdefault("unit_electrode_indices", rows_of_units(electrodes))
        options.setdefault("units_description", getattr(sorting, "units_description", "Spike-sorted units."))
        super().add_to_nwbfile(nwbfile, _describe_columns(sorting, metadata), **options)
        add_observation(nwbfile, sorting)
        sort_columns(nwbfile)
        add_intervals(nwbfile, getattr(sorting, "named_intervals", {}))
        add_events(nwbfile, getattr(sorting, "events", None))
        add_left_out(nwbfile, read_attribute(sorting, "left_out") or {})


class SortingInterface(SourceInterface):
    """Any SpikeInterface sorting as a NeuroConv data interface."""

    display_name = "SpikeInterface sorting"
    info = "Any SpikeInterface sorting, in memory."

    def __init__(self, sorting: Any, verbose: bool = False) -> None:
        self._sorting = sorting
        super().__init__(verbose=verbose, sorting=sorting)

    @classmethod
    def get_source_schema(cls) -> dict[str, Any]:
        """Return the JSON schema: a sorting is in memory, where JSON has no word for it."""
        schema: dict[str, Any] = get_json_schema_from_method_signature(cls)
        return schema

    def _initialize_extractor(self, interface_kwargs: dict[str, Any]) -> Any:
        return self._sorting


def _describe_columns(sorting: Any, metadata: Any) -> dict[str, Any]:
    """Return metadata that describes the columns whose meaning is known."""
    known: Mapping[str, str] = {**_DESCRIPTIONS, **getattr(sorting, "property_descriptions", {})}
    names = [name for name in sorted(sorting.get_property_keys()) if name in known]
    columns = [{"name": name, "description": known[name]} for name in names]
    ecephys = {**((metadata or {}).get("Ecephys") or {})}
    said = {column["name"] for column in ecephys.get("UnitProperties", [])}
    ecephys["UnitProperties"] = [
        *ecephys.get("UnitProperties", []),
        *(column for column in columns if column["name"] not in said),
    ]
    return {**(metadata or {}), "Ecephys": ecephys}


def add_observation(nwbfile: Any, sorting: Any) -> None:
    """Add the column obs_intervals: when every unit was observed, so that silence is not absence."""
    of_units = read_attribute(sorting, "obs_intervals")
    interval = _observation_of(sorting)
    rows: list[list[list[float]]]
    if of_units is None:
        if interval is None:
            _LOG.warning("the sorting does not say when its units were observed: obs_intervals are left out")
            return
        rows = [[list(interval)]] * len(nwbfile.units)
    else:
        # a unit that was never observed has an empty interval: without a row nothing would be known of it
        rows = [
            np.asarray(of_units[unit], dtype=np.float64).reshape(-1, 2).tolist() or [[0.0, 0.0]]
            for unit in sorting.unit_ids.tolist()
        ]
    with warnings.catch_warnings():
        # hdmf 6.2 compares the index, a list as it has to be for cells of pairs, with True
        warnings.filterwarnings("ignore", message="Column 'obs_intervals' is predefined")
        nwbfile.units.add_column(
            name="obs_intervals",
            description="When the unit was observed, in seconds.",
            data=[pair for row in rows for pair in row],
            index=np.cumsum([len(row) for row in rows]).tolist(),
        )


def sort_columns(nwbfile: Any) -> None:
    """Order the units' columns by name: NeuroConv's order changes from process to process."""
    nwbfile.units.fields["colnames"] = tuple(sorted(nwbfile.units.colnames))


def _observation_of(sorting: Any) -> tuple[float, float] | None:
    interval = read_attribute(sorting, "observation_interval")
    if interval is not None:
        start, stop = interval
        return float(start), float(stop)
    if sorting.has_recording():
        # SpikeInterface's end is the time of the last sample, which lasts one more
        stop = sorting.get_end_time(segment_index=0) + 1 / sorting.sampling_frequency
        return float(sorting.get_start_time(segment_index=0)), float(stop)
    return None
