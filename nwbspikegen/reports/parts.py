"""What a page is made of: sections, and in them panels, tables, lamps, facts and paragraphs."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Literal

import pandas as pd

from nwbspikegen.plot.panels import Mark as Mark
from nwbspikegen.plot.panels import PageTrains as PageTrains
from nwbspikegen.plot.panels import Panel as Panel
from nwbspikegen.plot.panels import Span as Span
from nwbspikegen.plot.panels import SpanKind as SpanKind

VERSION = version("nwbspikegen")
"""Of this package, as every page names it."""


@dataclasses.dataclass(frozen=True)
class Table:
    """Rows and columns; `meanings` explains columns by their name."""

    name: str
    title: str
    frame: pd.DataFrame
    caption: str = ""
    meanings: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Lamp:
    """Something that is well or not, in one word, and what it means."""

    state: Literal["pass", "fail", "note", "warning", "fatal"]
    title: str
    text: str
    meaning: str = ""


@dataclasses.dataclass(frozen=True)
class Lamps:
    """Several lamps under one title."""

    title: str
    lamps: Sequence[Lamp]


@dataclasses.dataclass(frozen=True)
class Facts:
    """What is known of a thing, by name; empty values are left out."""

    facts: Mapping[str, str]


@dataclasses.dataclass(frozen=True)
class Prose:
    """A paragraph; `is_verdict` sets it apart, `is_code` keeps it as it is."""

    text: str
    is_verdict: bool = False
    is_code: bool = False


Part = Panel | Table | Lamps | Facts | Prose


@dataclasses.dataclass(frozen=True)
class Section:
    """A heading, and what stands below it."""

    name: str
    title: str
    parts: Sequence[Part]


@dataclasses.dataclass(frozen=True)
class Jump:
    """A stretch of time that is worth looking at."""

    label: str
    start: float
    stop: float


@dataclasses.dataclass(frozen=True)
class Page:
    """A whole report.

    Attributes
    ----------
    title, kind : str
        What it is of, and what that is: `recording`, `prediction`, ...
    sections : sequence of Section
        From top to bottom.
    units : sequence of str
        Names of the units that can be chosen; none where nothing is shown by unit. A study has pairs of
        recordings in their place.
    unit_word : str
        What is chosen.
    first_unit : int
        The one that is shown first, and in still pictures.
    trains : mapping of str to PageTrains
        Spikes that panels draw one by one.
    jumps : sequence of Jump
        Stretches that can be gone to.
    methods : str
        A paragraph for a paper.
    shown : (float, float), optional
        The stretch of time (s) that is shown first; all of it by default.
    """

    title: str
    kind: str
    sections: Sequence[Section]
    units: Sequence[str] = ()
    unit_word: str = "Unit"
    first_unit: int = 0
    trains: Mapping[str, PageTrains] = dataclasses.field(default_factory=dict)
    jumps: Sequence[Jump] = ()
    methods: str = ""
    shown: tuple[float, float] | None = None

    @property
    def panels(self) -> list[Panel]:
        """All figures, from top to bottom."""
        return [part for section in self.sections for part in section.parts if isinstance(part, Panel)]
