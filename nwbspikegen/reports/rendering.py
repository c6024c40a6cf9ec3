"""A page as one HTML file that needs nothing else."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from importlib.resources import files
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from nwbspikegen.core.errors import MissingExtraError
from nwbspikegen.reports.packing import pack_bytes, pack_values
from nwbspikegen.reports.parts import VERSION, Page, PageTrains, Table
from nwbspikegen.reports.plotly_panels import to_plotly
from nwbspikegen.reports.still_panels import draw_still

# s: sorters count at 20 to 32 kHz, but a pixel of the closest look is wider than a tenth of a millisecond
_TICK = 1e-4
_MISSING = MissingExtraError(
    "no plotly or jinja2",
    "both, to write a report",
    "run: pip install 'nwbspikegen[report]'",
)


class _Cell(NamedTuple):
    text: str
    value: str
    style: str


class _Head(NamedTuple):
    name: str
    meaning: str
    style: str


def render_page(page: Page) -> str:
    """Return a page as HTML.

    Whatever comes from files is text in it: escaped where it is HTML, compressed where it is data; and the
    page forbids itself to load anything.

    Raises
    ------
    MissingExtraError
        When plotly, jinja2 or matplotlib are not installed.
    """
    library, template = _load()
    from markupsafe import Markup

    stills = {panel.name: draw_still(panel, page.first_unit, page.trains) for panel in page.panels}
    time = _find_extent(page)
    packed = pack_values(
        {
            "panels": [to_plotly(panel, page.first_unit) for panel in page.panels],
            "units": list(page.units),
            "unit_word": page.unit_word,
            "first_unit": page.first_unit,
            "trains": {name: _pack_trains(each) for name, each in page.trains.items()},
            "jumps": [vars(jump) for jump in page.jumps],
            "time": time,
            "shown": page.shown or time,
        }
    )
    script = _read("page.js")
    # of what lies in the page: the same page is the same file, and nothing in it can know it beforehand
    nonce = hashlib.sha256((packed["index"] + packed["arrays"]).encode()).hexdigest()[:32]
    written: str = template.render(
        page=page,
        time=time,
        stills={name: base64.b64encode(svg.encode()).decode() for name, svg in stills.items()},
        style=Markup(_read("page.css")),
        script=Markup(script),
        plotly=pack_bytes(library.encode()),
        nonce=nonce,
        version=VERSION,
        **packed,
    )
    return written


def _load() -> tuple[str, Any]:
    """Return Plotly's script and the page's template."""
    try:
        from jinja2 import Environment, StrictUndefined
        from plotly.offline import get_plotlyjs
    except ImportError as error:
        raise _MISSING from error
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    environment.filters |= {"heads": _heads, "rows": _rows}
    return get_plotlyjs(), environment.from_string(_read("page.html"))


def _read(name: str) -> str:
    return files("nwbspikegen.reports").joinpath(name).read_text(encoding="utf-8")


def _find_extent(page: Page) -> list[float] | None:
    """Return first and last time (s) of all panels that share the axis of time."""
    ends = [
        end
        for panel in page.panels
        if panel.is_time
        for span in panel.spans
        for end in (span.start, span.stop)
    ]
    for panel in page.panels:
        if panel.is_time:
            ends += [float(np.min(mark.x)) for mark in panel.marks if len(mark.x)]
            ends += [float(np.max(mark.x)) for mark in panel.marks if len(mark.x)]
    return [min(ends), max(ends)] if ends else None


def _pack_trains(trains: PageTrains) -> dict[str, Any]:
    """Return trains as the steps between their spikes, which take less room than their times."""
    start = float(trains.times.min()) if len(trains.times) else 0.0
    ticks = np.round((trains.times - start) / _TICK).astype(np.int64)
    deltas = np.diff(ticks, prepend=0)
    firsts = np.concatenate([[0], np.cumsum(trains.counts)[:-1]]).astype(np.int64)
    # units without a spike have no first one
    firsts = firsts[trains.counts > 0]
    deltas[firsts] = ticks[firsts]
    kind = np.uint16 if deltas.max(initial=0) <= np.iinfo(np.uint16).max else np.uint32
    return {
        "deltas": deltas.astype(kind),
        "counts": trains.counts.astype(np.uint32),
        "start": start,
        "tick": _TICK,
    }


def _heads(table: Table) -> Iterator[_Head]:
    for name in table.frame.columns:
        yield _Head(str(name), table.meanings.get(str(name), ""), _style(table.frame[name]))


def _rows(table: Table) -> Iterator[list[_Cell]]:
    styles = [_style(table.frame[name]) for name in table.frame.columns]
    for row in table.frame.itertuples(index=False):
        yield [_Cell(_show(value), _keep(value), style) for value, style in zip(row, styles, strict=True)]


def _style(column: pd.Series[Any]) -> str:
    return "text" if column.dtype.kind not in "iuf" else ""


def _show(value: Any) -> str:
    """Return a value as a person reads it."""
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, float | np.floating):
        return "-" if not np.isfinite(value) else f"{value:.4g}"
    return str(value)


def _keep(value: Any) -> str:
    """Return a value as a table that is taken away has it: whole."""
    if isinstance(value, float | np.floating):
        return "" if not np.isfinite(value) else repr(float(value))
    return str(value)
