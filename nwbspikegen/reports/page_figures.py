"""The panels of a report's page as figures for papers."""

from __future__ import annotations

import os
import re
import string
from collections.abc import Iterator, Sequence

from nwbspikegen.core.errors import InputError
from nwbspikegen.plot.composing import compose
from nwbspikegen.plot.finishing import PaperFigure
from nwbspikegen.plot.panels import Panel
from nwbspikegen.reports.parts import Facts, Page

# what stands above a figure, of all that the head of a page says
_FACTS = (
    *("Model", "Models", "Trained on", "Recordings", "Window", "Units", "Predicted", "Generated", "Context"),
    *("Cells", "Factors"),
)
# what a reader of paper cannot do
_ON_SCREEN = re.compile(r";? ?\b(?:[Cc]lick on|Zoom in|Point at)\b[^.]*\.")


def draw_page(thing: str | os.PathLike[str]) -> Iterator[PaperFigure]:
    """Yield a figure for each section of the page that `report` makes of a thing.

    Panels that show one unit or pair at a time are left out: which one is chosen on the page.

    Raises
    ------
    InputError
        A thing that has no page, or none with a panel.
    """
    # late: it reads all kinds of things
    from nwbspikegen.reports.making import make_page

    page = make_page(thing, window={}, split=(0.5, 0.25, 0.25))
    heading, is_empty = _head(page), True
    for section in page.sections:
        panels = [part for part in section.parts if isinstance(part, Panel) and not part.is_by_unit]
        if panels:
            is_empty = False
            yield PaperFigure(section.name, compose(panels), heading, caption_panels(panels))
    if is_empty:
        raise InputError(f"{thing} without anything to draw", "a recording or results", "pass one of these")


def caption_panels(panels: Sequence[Panel]) -> str:
    """Return what panels show, by their letters, without what can be done on a screen only.

    Examples
    --------
    >>> one = Panel("a", "Rates", "Of all units. Point at one for its id.", [], "", "")
    >>> caption_panels([one, one])
    '(A) Rates: Of all units. (B) Rates: Of all units.'
    """
    letters = string.ascii_uppercase if len(panels) > 1 else ""
    told = []
    for place, panel in enumerate(panels):
        letter = f"({letters[place]}) " if place < len(letters) else ""
        said = _ON_SCREEN.sub(".", panel.caption).replace("..", ".").strip()
        told.append(f"{letter}{panel.title}: {said}".replace(". .", "."))
    return " ".join(told)


def _head(page: Page) -> str:
    """Return what a page is of, and of its facts those that a figure has to say."""
    facts = next(
        (part.facts for section in page.sections for part in section.parts if isinstance(part, Facts)), {}
    )
    told = [f"{name}: {facts[name]}" for name in _FACTS if facts.get(name)]
    return "; ".join([f"{page.title}, {page.kind}", *told])
