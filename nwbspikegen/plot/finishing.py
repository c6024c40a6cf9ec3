"""What makes a figure fit for a paper: panel letters, a heading, a caption beside it."""

from __future__ import annotations

import dataclasses
import string
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nwbspikegen.core.files import require_absent, write_whole
from nwbspikegen.plot.canvas import DOTS_PER_INCH

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FORMATS = ("png", "pdf", "svg")
"""Formats of figures, as the command line offers them."""

# letters of an inch of a heading, at its size
_LETTERS_PER_INCH = 13.5


@dataclasses.dataclass(frozen=True)
class PaperFigure:
    """A figure with what is said of it.

    Attributes
    ----------
    name : str
        Of its file, without suffix.
    figure : Figure
    heading : str
        What it is of: recording, model, window. Stands above it.
    caption : str
        What each panel shows; written beside it.
    """

    name: str
    figure: Any
    heading: str
    caption: str


def write_figure(
    drawn: PaperFigure, folder: Path, *, suffix: str = "png", overwrite: bool = False
) -> tuple[Path, str]:
    """Write a figure and its caption, with panel letters and heading; return its path and the caption.

    The caption is a text file of the same name, and metadata in the figure itself.

    Raises
    ------
    OutputError
        One of the two is there, and `overwrite` is not set.
    """
    letters = letter_panels(drawn.figure)
    head_figure(drawn.figure, drawn.heading)
    caption = write_caption(drawn, letters)
    path, beside = folder / f"{drawn.name}.{suffix}", folder / f"{drawn.name}.txt"
    for each in (path, beside):
        require_absent(each, overwrite=overwrite)
    _save(drawn, path, caption, overwrite=overwrite)
    with write_whole(beside, overwrite=overwrite) as unfinished:
        Path(unfinished).write_text(caption + "\n", encoding="utf-8")
    return path, caption


def write_caption(drawn: PaperFigure, letters: str) -> str:
    """Return the caption of a figure: what it is of, what it shows, and its panels.

    Examples
    --------
    >>> write_caption(PaperFigure("a", None, "slice.nwb", "Spikes."), "")
    'Figure (a). slice.nwb. Spikes.'
    """
    # captions of several panels of a page name each by its letter
    is_said = not letters or "(A)" in drawn.caption
    panels = "" if is_said else f" Panels {letters[0]} to {letters[-1]} from left to right and top to bottom."
    return f"Figure ({drawn.name}). {drawn.heading.rstrip('.')}. {drawn.caption}{panels}"


def letter_panels(figure: Figure) -> str:
    """Write A, B, ... above the panels of a figure that has several; return the letters."""
    panels = [axes for axes in figure.axes if not _is_colour_bar(axes)]
    if len(panels) < 2:
        return ""
    letters = string.ascii_uppercase[: len(panels)]
    for letter, axes in zip(letters, panels, strict=False):
        # points: left of the title, above the numbers of the axis
        axes.annotate(
            letter,
            (0.0, 1.0),
            xytext=(-22.0, 5.0),
            xycoords="axes fraction",
            textcoords="offset points",
            fontweight="bold",
            fontsize="large",
            ha="right",
            va="bottom",
            annotation_clip=False,
        )
    return letters


def _is_colour_bar(axes: Axes) -> bool:
    return axes.get_label() == "<colorbar>"


def head_figure(figure: Figure, heading: str) -> None:
    """Write what a figure is of above it, in lines as wide as it."""
    width = max(30, int(figure.get_size_inches()[0] * _LETTERS_PER_INCH))
    lines = textwrap.wrap(heading.replace("$", r"\$"), width, break_on_hyphens=False)
    figure.suptitle("\n".join(lines), x=0.01, ha="left", fontsize="small", color="0.3")


def _save(drawn: PaperFigure, path: Path, caption: str, *, overwrite: bool) -> None:
    import matplotlib

    # text stays text, that can be searched and edited; the salt makes ids that are the same in every run
    settings: Any = {"svg.fonttype": "none", "svg.hashsalt": drawn.name, "pdf.fonttype": 42}
    with matplotlib.rc_context(settings), write_whole(path, overwrite=overwrite) as unfinished:
        drawn.figure.savefig(
            unfinished, dpi=DOTS_PER_INCH, metadata=_tell(path.suffix, drawn.heading, caption)
        )


def _tell(suffix: str, heading: str, caption: str) -> dict[str, str | None]:
    """Return heading and caption as the metadata of a format, without the time of writing."""
    if suffix == ".pdf":
        return {"Title": heading, "Subject": caption, "CreationDate": None}
    if suffix == ".svg":
        return {"Title": heading, "Description": caption, "Date": None}
    return {"Title": heading, "Description": caption} if suffix == ".png" else {}
