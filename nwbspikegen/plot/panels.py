"""What a figure is made of, whether it is drawn on paper or on a page: panels, and marks in them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

Kind = Literal["points", "line", "bars", "map", "intervals"]
SpanKind = Literal["train", "validation", "test", "unobserved"]


@dataclasses.dataclass(frozen=True)
class Mark:
    """Something drawn in a panel.

    Attributes
    ----------
    kind : {"points", "line", "bars", "map", "intervals"}
        How it is drawn. `intervals` lie along x, one for each y.
    x, y : array
        Where. Of a map they are the evenly spaced centres of its columns and rows.
    z : array (row, column), optional
        Values of a map, NaN where there is none.
    name : str
        In the legend; empty for none.
    low, high : array, optional
        Ends of intervals.
    colour : str, optional
        One colour for all.
    values : array, optional
        What colours each point, beside `scale`, which names it with its unit.
    text : sequence of str, optional
        What is said of each point when it is pointed at.
    is_faint : bool
        Drawn dashed, and hollow where there are points: what cannot be relied on, or is a reference.
    by_unit : sequence of str
        Which of `x`, `y`, `z` have a first axis of units, of which one is shown: that chosen on the page.
    limits : (float, float), optional
        Ends of the colour scale.
    diverges : bool
        Whether the colour scale has a middle, zero.
    is_log : bool
        Whether colours of a map go by the logarithm of z, between its limits.
    labels : sequence of str, optional
        What is written beside each point; of a map a row of texts for each row, in its cells.
    units : sequence of int, optional
        Which unit of the page each point is: to click on it chooses that one.
    """

    kind: Kind
    x: Any
    y: Any
    z: Any = None
    name: str = ""
    low: Any = None
    high: Any = None
    colour: str | None = None
    values: Any = None
    scale: str = ""
    text: Sequence[str] | None = None
    is_faint: bool = False
    by_unit: Sequence[str] = ()
    limits: tuple[float, float] | None = None
    diverges: bool = False
    is_log: bool = False
    labels: Any = None
    units: Sequence[int] | None = None

    def of_unit(self, place: int) -> Mark:
        """Return the mark of one unit, the one at `place`."""
        return dataclasses.replace(
            self, by_unit=(), **{key: getattr(self, key)[place] for key in self.by_unit}
        )


@dataclasses.dataclass(frozen=True)
class Span:
    """A stretch of a time axis (s, session clock) that is shaded."""

    kind: SpanKind
    start: float
    stop: float


@dataclasses.dataclass(frozen=True)
class Panel:
    """A figure of a page: it can be moved about there, and lies in it as a still picture as well.

    Attributes
    ----------
    name : str
        In addresses and names of files, unique on the page.
    title, caption : str
        Above and below it. The caption can be pasted into a paper: it names what was done.
    marks : sequence of Mark
        What is drawn, the first behind the others.
    x_label, y_label : str
        With units.
    x_is_log, y_is_log : bool
        Scale of the axes.
    y_names, x_names : mapping of float to str, optional
        Names that stand in the place of numbers on an axis.
    is_time : bool
        Whether x is the session clock, which all such panels share.
    spans : sequence of Span
        What is shaded.
    lines_x, lines_y : sequence of float
        Reference lines: across at these y, upright at these x.
    is_square : bool
        Whether both axes have one scale, as places have.
    height : int
        In pixels.
    notes : sequence of str
        What is said below of the unit that is chosen, one for each unit.
    spikes : str
        Name of the trains of the page that are drawn one by one where a map of them is looked at closely.
    unit_spikes : str
        Name of the trains of which those of the chosen unit are drawn below, where they are few enough.
    rows_are_units : bool
        Whether the rows of its map are the page's units: to click on one chooses that unit.
    cells_are_units : bool
        Whether the cells of its map are what is chosen on the page, row by row.
    """

    name: str
    title: str
    caption: str
    marks: Sequence[Mark]
    x_label: str
    y_label: str
    x_is_log: bool = False
    y_is_log: bool = False
    x_names: Mapping[float, str] | None = None
    y_names: Mapping[float, str] | None = None
    is_time: bool = False
    spans: Sequence[Span] = ()
    lines_x: Sequence[float] = ()
    lines_y: Sequence[float] = ()
    is_square: bool = False
    height: int = 300
    notes: Sequence[str] = ()
    spikes: str = ""
    unit_spikes: str = ""
    rows_are_units: bool = False
    cells_are_units: bool = False

    @property
    def runs_down(self) -> bool:
        """Whether y are rows with names, the first on top."""
        return self.y_names is not None

    @property
    def is_by_unit(self) -> bool:
        """Whether it shows one unit, which is chosen."""
        return bool(self.notes) or any(mark.by_unit for mark in self.marks)


@dataclasses.dataclass(frozen=True)
class PageTrains:
    """Spike times (s, session clock) of every unit of a page, end to end, with how many each has."""

    times: np.ndarray
    counts: np.ndarray
