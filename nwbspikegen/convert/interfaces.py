"""NeuroConv data interfaces over our sources, usable in any `NWBConverter`."""

from __future__ import annotations

import logging
import warnings
from typing import Any

from neuroconv.datainterfaces.ecephys.basesortingextractorinterface import BaseSortingExtractorInterface
from pydantic import FilePath

from nwbspikegen.sources.asdf import ASDFSorting

_LOG = logging.getLogger("nwbspikegen")

_DESCRIPTIONS = {
    "rel_x": "x position of the unit, in micrometres.",
    "rel_y": "y position of the unit, in micrometres.",
    "depth": "Depth of the unit, in micrometres.",
    "location": "Brain region of the unit.",
    "quality": "Quality of the unit as the lab labelled it.",
}


class SortingInterface(BaseSortingExtractorInterface):  # type: ignore[misc]
    """Any SpikeInterface sorting as a NeuroConv data interface.

    Columns are described and ordered by name, and every unit gets the observation interval, when the
    sorting knows it: as `observation_interval` (start, stop; s), or from its recording.
    """

    display_name = "SpikeInterface sorting"
    info = "Any SpikeInterface sorting, in memory."

    def __init__(self, sorting: Any, verbose: bool = False) -> None:
        self._sorting = sorting
        super().__init__(verbose=verbose, sorting=sorting)

    @classmethod
    def get_extractor_class(cls) -> Any:
        """Return what gives the sorting: here, the sorting as it is."""
        return _as_it_is

    def _initialize_extractor(self, interface_kwargs: dict[str, Any]) -> Any:
        return self._sorting

    def add_to_nwbfile(self, nwbfile: Any, metadata: Any = None, **options: Any) -> None:
        """Add the units table."""
        options.setdefault("units_description", "Spike-sorted units.")
        super().add_to_nwbfile(nwbfile, _describe_columns(self.sorting_extractor, metadata), **options)
        add_observation(nwbfile, self.sorting_extractor)
        sort_columns(nwbfile)


class ASDFInterface(BaseSortingExtractorInterface):  # type: ignore[misc]
    """An ASDF .mat file as a NeuroConv data interface; parameters are those of `ASDFSorting`."""

    display_name = "ASDF sorting"
    associated_suffixes = (".mat",)
    info = "Bin numbers per unit in a MATLAB cell array."

    # NeuroConv makes the source schema from this signature
    def __init__(
        self,
        file_path: FilePath,
        *,
        tick: float = 0.001,
        positions: FilePath | None = None,
        verbose: bool = False,
    ) -> None:
        super().__init__(verbose=verbose, file_path=file_path, tick=tick, positions=positions)

    @classmethod
    def get_extractor_class(cls) -> type[ASDFSorting]:
        """Return the SpikeInterface class that reads the file."""
        return ASDFSorting

    def add_to_nwbfile(self, nwbfile: Any, metadata: Any = None, **options: Any) -> None:
        """Add the units table."""
        options.setdefault("units_description", "Spike-sorted units of an ASDF file.")
        super().add_to_nwbfile(nwbfile, _describe_columns(self.sorting_extractor, metadata), **options)
        add_observation(nwbfile, self.sorting_extractor)
        sort_columns(nwbfile)


def _as_it_is(sorting: Any) -> Any:
    return sorting


def _describe_columns(sorting: Any, metadata: Any) -> dict[str, Any]:
    """Return metadata that describes the columns whose meaning is known."""
    known = [name for name in sorted(sorting.get_property_keys()) if name in _DESCRIPTIONS]
    columns = [{"name": name, "description": _DESCRIPTIONS[name]} for name in known]
    ecephys = {**((metadata or {}).get("Ecephys") or {})}
    said = {column["name"] for column in ecephys.get("UnitProperties", [])}
    ecephys["UnitProperties"] = [
        *ecephys.get("UnitProperties", []), *(column for column in columns if column["name"] not in said)
    ]  # fmt: skip
    return {**(metadata or {}), "Ecephys": ecephys}


def add_observation(nwbfile: Any, sorting: Any) -> None:
    """Add the column obs_intervals: when every unit was observed, so that silence is not absence."""
    interval = _observation_of(sorting)
    if interval is None:
        _LOG.warning("the sorting does not say when its units were observed: obs_intervals are left out")
        return
    num_units = len(nwbfile.units)
    with warnings.catch_warnings():
        # hdmf 6.2 compares the index, a list as it has to be for cells of pairs, with True
        warnings.filterwarnings("ignore", message="Column 'obs_intervals' is predefined")
        nwbfile.units.add_column(
            name="obs_intervals",
            description="When the unit was observed, in seconds.",
            data=[list(interval)] * num_units,
            index=list(range(1, num_units + 1)),
        )


def sort_columns(nwbfile: Any) -> None:
    """Order the units' columns by name: NeuroConv's order changes from process to process."""
    nwbfile.units.fields["colnames"] = tuple(sorted(nwbfile.units.colnames))


def _observation_of(sorting: Any) -> tuple[float, float] | None:
    if "observation_interval" in sorting.get_annotation_keys():
        start, stop = sorting.get_annotation("observation_interval")
        return float(start), float(stop)
    if sorting.has_recording():
        stop = sorting.get_end_time(segment_index=0) + 1 / sorting.sampling_frequency
        return float(sorting.get_start_time(segment_index=0)), float(stop)
    return None
