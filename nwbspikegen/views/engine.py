"""The xarray engine `nwb_units`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import xarray as xr
from xarray.backends import BackendEntrypoint

from nwbspikegen.nwb.unit_table import UNITS
from nwbspikegen.views.opening import open_units


class NWBUnitsBackend(BackendEntrypoint):
    """Opens the units table of an NWB file: `xr.open_dataset(path, engine="nwb_units", chunks={})`.

    Options and result are those of `nwbspikegen.open_units`. The engine must be asked for by name:
    an NWB file holds far more than spikes, so no file is claimed.
    """

    description: ClassVar[str] = "Binned spikes of the units table of an NWB file"
    open_dataset_parameters: ClassVar[tuple[str, ...]] = (
        "filename_or_obj",
        "drop_variables",
        "bin_size",
        "binary",
        "start",
        "duration",
        "interval",
        "exclude",
        "unit_table",
    )

    def open_dataset(
        self,
        filename_or_obj: Any,
        *,
        drop_variables: str | Iterable[str] | None = None,
        bin_size: float | int = 0.001,
        binary: bool = True,
        start: float | int = 0.0,
        duration: float | int | None = None,
        interval: str | None = None,
        exclude: Sequence[Sequence[float | int]] = (),
        unit_table: str = UNITS,
    ) -> xr.Dataset:
        """Open the units of an NWB file; see `nwbspikegen.open_units` for the options."""
        units = open_units(
            filename_or_obj,
            bin_size=bin_size,
            binary=binary,
            start=start,
            duration=duration,
            interval=interval,
            exclude=exclude,
            unit_table=unit_table,
        )
        # xarray hands on what its user gave, a name or several
        dropped = [drop_variables] if isinstance(drop_variables, str) else list(drop_variables or [])
        return units.drop_vars(dropped, errors="ignore")

    def guess_can_open(self, filename_or_obj: str | os.PathLike[str] | Any) -> bool:
        """Return False: no file is opened by this engine unless it is named."""
        return False
