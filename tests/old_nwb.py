"""NWB files as writers of other years left them: small, valid for their own schema, written with h5py."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import h5py
import numpy as np

NUM_UNITS = 6
_SECONDS = 40.0
_TEXT = h5py.string_dtype()


def write_old(path: Path, version: str) -> Path:
    """Write six units with electrodes, epochs that point to a series, and sweeps, as of an NWB version.

    Until 2.2 tables and columns are of the namespace core and have no object ids, and the electrodes have
    all columns that were required then; until 2.4 indexes are int32 and the electrodes of units, one each,
    have none, and there is a table of sweeps; specifications are not cached.
    """
    number = tuple(map(int, version.split(".")))
    with h5py.File(path, "w") as file:
        writer = _Writer(file, number)
        writer.write_session(version)
        writer.write_electrodes()
        writer.write_units()
        writer.write_epochs()
    return path


class _Writer:
    def __init__(self, file: h5py.File, version: tuple[int, ...]) -> None:
        self.file = file
        self.is_first = version < (2, 2)
        self.is_signed = version < (2, 5)

    def set_type(self, item: h5py.Group | h5py.Dataset, kind: str, **attributes: object) -> None:
        is_common = kind in {"VectorData", "VectorIndex", "ElementIdentifiers", "DynamicTableRegion"}
        is_common = (is_common or kind == "DynamicTable") and not self.is_first
        item.attrs["neurodata_type"] = kind
        item.attrs["namespace"] = "hdmf-common" if is_common else "core"
        if not self.is_first:
            item.attrs["object_id"] = str(uuid4())
        for name, value in attributes.items():
            item.attrs[name] = value

    def write_session(self, version: str) -> None:
        file = self.file
        self.set_type(file, "NWBFile", nwb_version=version)
        for name in ("session_start_time", "timestamps_reference_time"):
            file[name] = "2018-03-01T12:00:00+00:00"
        file.create_dataset("file_create_date", data=np.array(["2018-03-02T12:00:00+00:00"], dtype=_TEXT))
        file["identifier"], file["session_description"] = f"old-{version}", "a recording of those days"
        for name in ("acquisition", "analysis", "processing", "stimulus/presentation", "stimulus/templates"):
            file.create_group(name)
        experimenter = "Doe, Jane" if self.is_first else np.array(["Doe, Jane"], dtype=_TEXT)
        file.create_dataset("general/experimenter", data=experimenter)
        file["general/session_id"] = "s1"
        subject = file.create_group("general/subject")
        self.set_type(subject, "Subject")
        for name, text in (("subject_id", "M1"), ("species", "Mus musculus"), ("sex", "U"), ("age", "P90D")):
            subject[name] = text

    def write_electrodes(self) -> None:
        device = self.file.create_group("general/devices/probe")
        self.set_type(device, "Device")
        group = self.file.create_group("general/extracellular_ephys/shank")
        self.set_type(group, "ElectrodeGroup", description="shank", location="CA1")
        group["device"] = h5py.SoftLink("/general/devices/probe")
        table = self.file.create_group("general/extracellular_ephys/electrodes")
        columns = {
            "x": np.arange(6.0),
            "y": np.zeros(6),
            "z": np.zeros(6),
            "imp": np.full(6, np.nan),
            "location": np.array(["CA1"] * 6, dtype=_TEXT),
            "filtering": np.array(["none"] * 6, dtype=_TEXT),
            "group": np.array([group.ref] * 6, dtype=h5py.ref_dtype),
            "group_name": np.array(["shank"] * 6, dtype=_TEXT),
        }
        self._fill(table, "DynamicTable", columns)

    def _fill(self, table: h5py.Group, kind: str, columns: dict[str, np.ndarray]) -> None:
        names = np.array(list(columns), dtype=_TEXT)
        self.set_type(table, kind, description="a table", colnames=names)
        num_rows = len(next(iter(columns.values())))
        table.create_dataset("id", data=np.arange(num_rows, dtype=np.int32))
        self.set_type(table["id"], "ElementIdentifiers")
        for name, values in columns.items():
            table.create_dataset(name, data=values, dtype=values.dtype)
            self.set_type(table[name], "VectorData", description=f"the column {name}")

    def _index(self, table: h5py.Group, name: str, ends: np.ndarray) -> None:
        dtype = np.int32 if self.is_signed else np.uint16
        table.create_dataset(f"{name}_index", data=np.asarray(ends, dtype=dtype))
        self.set_type(table[f"{name}_index"], "VectorIndex", target=table[name].ref)
        if not self.is_first:
            table[f"{name}_index"].attrs["description"] = f"index of {name}"

    def write_units(self) -> None:
        rng = np.random.default_rng(5)
        trains = [np.unique(rng.uniform(0.0, _SECONDS, 80 + 40 * unit).round(4)) for unit in range(NUM_UNITS)]
        table = self.file.create_group("units")
        self._fill(table, "Units", {"depth": np.arange(6.0), "spike_times": np.concatenate(trains)})
        del table["id"]
        table.create_dataset("id", data=10 + np.arange(NUM_UNITS, dtype=np.int32))
        self.set_type(table["id"], "ElementIdentifiers")
        self._index(table, "spike_times", np.cumsum([len(train) for train in trains]))
        table.create_dataset("obs_intervals", data=np.tile([0.0, _SECONDS], (6, 1)))
        self.set_type(table["obs_intervals"], "VectorData", description="observed")
        self._index(table, "obs_intervals", np.arange(1, 7))
        table.create_dataset("electrodes", data=np.arange(6, dtype=np.int32))
        place = self.file["general/extracellular_ephys/electrodes"].ref
        self.set_type(table["electrodes"], "DynamicTableRegion", description="where", table=place)
        if not self.is_signed:
            self._index(table, "electrodes", np.arange(1, 7))
        names = ["depth", "spike_times", "obs_intervals", "electrodes"]
        table.attrs["colnames"] = np.array(names, dtype=_TEXT)

    def write_epochs(self) -> None:
        """Write epochs and, until 2.4, a table of sweeps; both point to a series that is not kept."""
        series = self.file.create_group("acquisition/raw")
        self.set_type(series, "TimeSeries", description="raw", comments="none")
        series["data"], series["starting_time"] = np.arange(400.0), 0.0
        for name, value in (("conversion", 1.0), ("resolution", -1.0), ("unit", "volts")):
            series["data"].attrs[name] = value
        series["starting_time"].attrs["rate"], series["starting_time"].attrs["unit"] = 10.0, "seconds"
        epochs = self.file.create_group("intervals/epochs")
        columns = {"start_time": np.array([0.0, 10.0]), "stop_time": np.array([10.0, 20.0])}
        self._fill(epochs, "TimeIntervals", {**columns, "tags": np.array(["calm", "calm"], dtype=_TEXT)})
        self._index(epochs, "tags", np.array([1, 2]))
        kind = np.dtype([("idx_start", "i4"), ("count", "i4"), ("timeseries", h5py.ref_dtype)])
        pointers = np.array([(0, 100, series.ref), (100, 100, series.ref)], dtype=kind)
        epochs.create_dataset("timeseries", data=pointers, dtype=kind)
        self.set_type(epochs["timeseries"], "VectorData", description="series")
        self._index(epochs, "timeseries", np.array([1, 2]))
        names = ["start_time", "stop_time", "tags", "timeseries"]
        epochs.attrs["colnames"] = np.array(names, dtype=_TEXT)
        if self.is_signed:
            sweeps = self.file.create_group("general/intracellular_ephys/sweep_table")
            self._fill(sweeps, "SweepTable", {"sweep_number": np.arange(2, dtype=np.uint32)})
            links = np.array([series.ref] * 2, dtype=h5py.ref_dtype)
            sweeps.create_dataset("series", data=links, dtype=h5py.ref_dtype)
            self.set_type(sweeps["series"], "VectorData", description="series")
            self._index(sweeps, "series", np.array([1, 2]))
            sweeps.attrs["colnames"] = np.array(["sweep_number", "series"], dtype=_TEXT)
