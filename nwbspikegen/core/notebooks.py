"""What an object shows of itself in a notebook: one line of text, or a small table."""

from __future__ import annotations

import html
from collections.abc import Mapping


def to_line(what: object, parts: Mapping[str, object]) -> str:
    """Return one line for `__repr__`; empty values are left out.

    Examples
    --------
    >>> to_line(1.5, {"units": "8", "loss": ""})
    'float(units: 8)'
    """
    told = ", ".join(f"{name}: {value}" for name, value in parts.items() if str(value))
    return f"{type(what).__name__}({told})"


def to_html(what: object, parts: Mapping[str, object], below: str = "") -> str:
    """Return a table for `_repr_html_`; every value is escaped, as it may come from a file of others.

    Parameters
    ----------
    what : object
        Its class is the title.
    parts : mapping of str to object
        A row each; empty values are left out.
    below : str
        HTML that follows, escaped already.

    Examples
    --------
    >>> to_html(1.5, {"session": "<b>"})
    '<div><b>float</b><table><tr><th ...>session</th><td ...>&lt;b&gt;</td></tr></table></div>'
    """
    left = 'style="text-align: left"'
    rows = "".join(
        f"<tr><th {left}>{html.escape(name)}</th><td {left}>{html.escape(str(value))}</td></tr>"
        for name, value in parts.items()
        if str(value)
    )
    return f"<div><b>{type(what).__name__}</b><table>{rows}</table>{below}</div>"
