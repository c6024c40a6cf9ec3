"""What every NeuroConv interface over a source adds to a file: electrodes, units, observation, intervals."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, Literal

import numpy as np
from neuroconv.datainterfaces.ecephys.basesortingextractorinterface import BaseSortingExtractorInterface
from neuroconv.utils import dict_deep_update, get_json_schema_from_method_signature

from nwbspikegen.core.sortings import read_attribute
from nwbspikegen.formats.nwb_electrodes import add_recording_electrodes, describe_array
from nwbspikegen.formats.nwb_events import add_events
from nwbspikegen.formats.nwb_intervals import add_intervals, move_intervals
from nwbspikegen.formats.nwb_observation import cut_observation, find_observation
from nwbspikegen.formats.nwb_units import add_units, find_table, name_apart
from nwbspikegen.formats.parameters import make_schema
from nwbspikegen.formats.spikes import to_sorting
from nwbspikegen.nwb.left_out import add_left_out

_DESCRIPTIONS = {
    "rel_x": "x position of the unit, in micrometres.",
    "rel_y": "y position of the unit, in micrometres.",
    "depth": "Depth of the unit, in micrometres.",
    "location": "Brain region of the unit.",
    "quality": "Quality of the unit as the lab labelled it.",
}
_METADATA_KEY = {
    "anyOf": [{"type": "string"}, {"type": "null"}],
    "default": None,
    "description": "Names devices, groups and units, where those of two sources are called alike.",
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

    Interfaces combine with NeuroConv's own and with each other, in any order. Units are named by source,
    group of electrodes and unit (``MaxWell_well000_12``), and whole numbers and truth values are floats:
    NeuroConv leaves out units whose names are there, and cannot fill other columns of the rows of others.

    Parameters
    ----------
    verbose : bool, default: False
        As everywhere in NeuroConv.
    metadata_key : str, optional
        Names devices, groups and units instead of the device and the source, where two are called alike.
    **source
        What the reader takes.
    """

    reader: ClassVar[Callable[..., Any]]
    """What reads the source, wrapped as a static method."""
    is_alone: ClassVar[bool] = False
    """Whether nothing else will be in the file: unit names and whole numbers then stay as they are."""

    def __init__(self, verbose: bool = False, *, metadata_key: str | None = None, **source: Any) -> None:
        self.metadata_key = metadata_key
        super().__init__(verbose=verbose, **source)
        # NeuroConv aligns a sorting by moving its start
        self._start = _read_start(self.sorting_extractor)
        self._has_own_clock = not self.sorting_extractor.has_recording()

    @classmethod
    def get_source_schema(cls) -> dict[str, Any]:
        """Return the JSON schema of what the interface is made with."""
        schema = make_schema(cls.reader)
        schema["properties"]["metadata_key"] = {**_METADATA_KEY}
        return schema

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
        """Return what the source says of session, subject, devices and groups of electrodes.

        A start without a time zone is in UTC.
        """
        known = getattr(self.sorting_extractor, "session_metadata", {})
        metadata = dict_deep_update(super().get_metadata(), copy.deepcopy(dict(known)))
        start = metadata["NWBFile"].get("session_start_time")
        if isinstance(start, str) and datetime.fromisoformat(start).tzinfo is None:
            # NeuroConv would take the time zone of the machine that converts
            metadata["NWBFile"]["session_start_time"] = f"{datetime.fromisoformat(start).isoformat()}+00:00"
        return dict_deep_update(metadata, self._describe_array())

    def add_to_nwbfile(
        self,
        nwbfile: Any,
        metadata: Any = None,
        stub_test: bool = False,
        write_ecephys_metadata: bool = True,
        write_as: Literal["units", "processing"] | None = None,
        units_name: str = "units",
        units_description: str | None = None,
        unit_electrode_indices: list[list[int]] | None = None,
        *,
        parent_container: Literal["units", "processing"] = "units",
        waveform_data_dict: dict[str, Any] | None = None,
    ) -> None:
        """Add the units and all that belongs to them.

        Parameters
        ----------
        nwbfile
            The file, with or without units and electrodes of others.
        metadata
            NeuroConv's, as `get_metadata` gives them.
        stub_test
            Whether to write the first spikes only.
        write_ecephys_metadata
            Whether to write devices, groups and electrodes, and which of them each unit is at.
        write_as
            The same as `parent_container`, by the name that NeuroConv gives up in 2027.
        units_name
            Name of a table in the module.
        units_description
            What the units are; what the source says by default.
        unit_electrode_indices
            Rows of the electrodes table for each unit, instead of those that the source knows.
        parent_container
            Where the table of units goes: `units`, or the processing module `ecephys`.
        waveform_data_dict
            As NeuroConv has it.
        """
        sorting = self.subset_sorting() if stub_test else self.sorting_extractor
        place = {"parent_container": write_as or parent_container, "units_name": units_name}
        rows: Sequence[Any] | None = unit_electrode_indices
        if write_ecephys_metadata:
            # electrodes before the units that point to them
            rows = self._add_electrodes(nwbfile, metadata or {}, rows)
        table = find_table(nwbfile, **place)
        label = self.metadata_key or type(self).__name__.removesuffix("Interface").strip("_")
        add_units(
            nwbfile,
            sorting,
            table,
            names=None if self.is_alone else name_apart(self.sorting_extractor, label, table),
            observed=self._find_observation(sorting, stub_test),
            property_descriptions=_describe_columns(self.sorting_extractor, metadata or {}),
            units_description=units_description
            or getattr(self.sorting_extractor, "units_description", "Spike-sorted units."),
            unit_electrode_indices=rows,
            waveform_data_dict=waveform_data_dict,
            **place,
        )
        named = getattr(self.sorting_extractor, "named_intervals", {})
        add_intervals(nwbfile, move_intervals(named, self._shift))
        add_events(nwbfile, getattr(self.sorting_extractor, "events", None), self._shift)
        add_left_out(nwbfile, read_attribute(self.sorting_extractor, "left_out") or {})

    @property
    def _shift(self) -> float:
        """Seconds by which NeuroConv has aligned the sorting."""
        return _read_start(self.sorting_extractor) - self._start

    def _describe_array(self) -> dict[str, Any]:
        electrodes = getattr(self.sorting_extractor, "electrodes", None)
        if electrodes is None:
            return {}
        return describe_array(electrodes, self.metadata_key, is_alone=self.is_alone)

    def _add_electrodes(
        self, nwbfile: Any, metadata: Any, given: Sequence[Any] | None
    ) -> Sequence[Any] | None:
        """Add electrodes, and return those of each unit, unless they are given."""
        electrodes = getattr(self.sorting_extractor, "electrodes", None)
        if electrodes is None:
            return given
        edited = {name: metadata[name] for name in ("Devices", "DeviceModels", "Ecephys") if name in metadata}
        described = dict_deep_update(self._describe_array(), edited)
        rows = add_recording_electrodes(
            nwbfile, electrodes, described, self.metadata_key, is_alone=self.is_alone
        )
        return rows if given is None else given

    def _find_observation(self, sorting: Any, is_stub: bool) -> Any:
        """Return when each unit was observed, on the clock that NeuroConv has aligned."""
        whole = self.sorting_extractor
        # spikes are timed by a recording that NeuroConv has registered, whatever the source said
        is_retimed = self._has_own_clock and whole.has_recording()
        of_units = None if is_retimed else read_attribute(whole, "obs_intervals")
        rows = find_observation(whole, _observation_of(whole, is_retimed=is_retimed), of_units)
        shift = 0.0 if is_retimed else self._shift
        if not is_stub:
            return cut_observation(rows, shift, np.inf)
        stop = sorting.segments[0].end_frame / sorting.sampling_frequency
        return cut_observation(rows, shift, _read_start(whole) + stop)


class SortingInterface(SourceInterface):
    """Any SpikeInterface sorting as a NeuroConv data interface."""

    display_name = "SpikeInterface sorting"
    info = "Any SpikeInterface sorting, in memory."

    def __init__(self, sorting: Any, verbose: bool = False, metadata_key: str | None = None) -> None:
        self._sorting = to_sorting(sorting)
        super().__init__(verbose=verbose, metadata_key=metadata_key, sorting=sorting)

    @classmethod
    def get_source_schema(cls) -> dict[str, Any]:
        """Return the JSON schema: a sorting is in memory, where JSON has no word for it."""
        schema: dict[str, Any] = get_json_schema_from_method_signature(cls)
        return schema

    def _initialize_extractor(self, interface_kwargs: dict[str, Any]) -> Any:
        return self._sorting


class LoneSortingInterface(SortingInterface):
    """A sorting that has its file for itself."""

    is_alone = True


def _describe_columns(sorting: Any, metadata: Mapping[str, Any]) -> dict[str, str]:
    """Return what the columns mean whose meaning is known; what metadata say wins."""
    said = (metadata.get("Ecephys") or {}).get("UnitProperties", [])
    return {
        **_DESCRIPTIONS,
        **getattr(sorting, "property_descriptions", {}),
        **{column["name"]: column["description"] for column in said},
    }


def _read_start(sorting: Any) -> float:
    return float(sorting.get_start_time(segment_index=0))


def _observation_of(sorting: Any, *, is_retimed: bool) -> tuple[float, float] | None:
    interval = None if is_retimed else read_attribute(sorting, "observation_interval")
    if interval is not None:
        start, stop = interval
        return float(start), float(stop)
    if sorting.has_recording():
        # SpikeInterface's end is the time of the last sample, which lasts one more
        stop = sorting.get_end_time(segment_index=0) + 1 / sorting.sampling_frequency
        return float(sorting.sample_index_to_time(0, segment_index=0)), float(stop)
    return None
