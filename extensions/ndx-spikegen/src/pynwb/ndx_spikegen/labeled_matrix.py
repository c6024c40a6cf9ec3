"""The one type of this extension."""

# mypy: allow-subclassing-any, allow-untyped-decorators
# hdmf and pynwb have no types

from __future__ import annotations

from typing import Any

import numpy as np
from hdmf.common import DynamicTableRegion
from hdmf.utils import docval, get_data_shape, popargs
from pynwb import register_class
from pynwb.core import NWBDataInterface

AXES = ("book", "page", "row", "column")
"""Axes in the order of the dimensions of `values`; a matrix has the last two."""

_KINDS = ("region", "starting_time", "timestamps", "labels")


def _arguments() -> list[dict[str, Any]]:
    """Return what the constructor takes for the axes."""
    found: list[dict[str, Any]] = []
    for axis in reversed(AXES):
        for kind, kept, meaning in (
            ("region", DynamicTableRegion, "rows of a table"),
            ("starting_time", float, "session time (s) of the first place, evenly spaced"),
            ("rate", float, "places per second, with a starting time"),
            ("timestamps", ("array_data", "data"), "session times (s)"),
            ("labels", ("array_data", "data"), "numbers or names"),
            ("labels_unit", str, "unit of labels that are numbers"),
        ):
            doc = f"{axis} axis: {meaning}"
            found.append({"name": f"{axis}_{kind}", "type": kept, "doc": doc, "default": None})
    return found


@register_class("LabeledMatrix", "ndx-spikegen")
class LabeledMatrix(NWBDataInterface):
    """A matrix, or a stack of them, whose every axis says what its places are.

    Each axis has exactly one of: a region of a table (`row_region`), session times, evenly spaced
    (`row_starting_time` and `row_rate`) or not (`row_timestamps`), or labels (`row_labels`). The same
    holds for `column_`; for `page_` when `values` has three dimensions, and `book_` when it has four.
    A region must be called as its axis: ``row_region``.

    Raises
    ------
    ValueError
        When an axis has none or several of these, or as many places as `values` has not.

    Examples
    --------
    >>> matrix = LabeledMatrix(
    ...     name="attention", description="Who looks when.", measure="attention weight", unit="1",
    ...     axis_names=["head", "time"], values=[[0.5, 1.0, 0.5]], row_labels=[0],
    ...     column_starting_time=10.0, column_rate=1000.0,
    ... )
    >>> matrix.axes
    ('row', 'column')
    """

    __nwbfields__ = (
        "description",
        "measure",
        "unit",
        "axis_names",
        "values",
        *(
            {"name": argument["name"], "child": True}
            if argument["name"].endswith("region")
            else argument["name"]
            for argument in _arguments()
        ),
    )

    @docval(
        {"name": "name", "type": str, "doc": "the name of this matrix"},
        {"name": "description", "type": str, "doc": "what the matrix shows"},
        {"name": "measure", "type": str, "doc": "what the values measure"},
        {"name": "unit", "type": str, "doc": "unit of the values"},
        {"name": "axis_names", "type": ("array_data", "data"), "doc": "what each axis is, in order"},
        {"name": "values", "type": ("array_data", "data"), "doc": "numbers, with two to four dimensions"},
        *_arguments(),
    )
    def __init__(self, **kwargs: Any) -> None:
        own = popargs("description", "measure", "unit", "axis_names", "values", kwargs)
        axes = {argument["name"]: kwargs.pop(argument["name"]) for argument in _arguments()}
        super().__init__(**kwargs)
        given = zip(("description", "measure", "unit", "axis_names", "values"), own, strict=True)
        for name, value in {**dict(given), **axes}.items():
            setattr(self, name, value)
        if not self._in_construct_mode:
            self._require_axes()

    @property
    def axes(self) -> tuple[str, ...]:
        """Names of the axes that the matrix has, in the order of the dimensions of `values`."""
        return AXES[-len(get_data_shape(self.values)) :]

    def _require_axes(self) -> None:
        shape = get_data_shape(self.values)
        if not 2 <= len(shape) <= len(AXES):
            raise ValueError(f"{self.name} has {len(shape)} dimensions; expected 2 to {len(AXES)}")
        if len(self.axis_names) != len(shape):
            raise ValueError(f"{self.name} has {len(self.axis_names)} axis names for {len(shape)} axes")
        sizes = dict(zip(self.axes, shape, strict=True))
        for axis in AXES:
            given = [kind for kind in _KINDS if getattr(self, f"{axis}_{kind}") is not None]
            if len(given) != (axis in sizes):
                wanted = f"one of {', '.join(_KINDS)}" if axis in sizes else "none"
                raise ValueError(
                    f"the {axis} axis of {self.name} has {given or 'nothing'}; expected {wanted}"
                )
            if (getattr(self, f"{axis}_rate") is None) == ("starting_time" in given):
                raise ValueError(f"the {axis} axis of {self.name}: starting time and rate go together")
            if given and given != ["starting_time"]:
                self._require_size(axis, given[0], sizes[axis])

    def _require_size(self, axis: str, kind: str, size: int) -> None:
        places = getattr(self, f"{axis}_{kind}")
        found = get_data_shape(places.data if kind == "region" else places)
        if found != (size,):
            raise ValueError(f"{axis}_{kind} of {self.name} has shape {found}; expected {size} places")

    def place_axis(self, axis: str) -> np.ndarray:
        """Return the places of an axis: rows of the region, times (s), or labels."""
        for kind in ("region", "timestamps", "labels"):
            places = getattr(self, f"{axis}_{kind}")
            if places is not None:
                return np.asarray(places.data[:] if kind == "region" else places[:])
        size = get_data_shape(self.values)[self.axes.index(axis)]
        places = getattr(self, f"{axis}_starting_time") + np.arange(size) / getattr(self, f"{axis}_rate")
        return np.asarray(places)
