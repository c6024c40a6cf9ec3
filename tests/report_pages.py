"""Reading back what lies in the pages of reports."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

from nwbspikegen.reports.packing import unpack_values


def read_numbers(path: Path) -> dict[str, Any]:
    """Return what a page's script reads: its panels, units and trains."""
    text = path.read_text(encoding="utf-8")
    packed = {
        name: re.search(rf'<script type="application/gzip" id="{name}">([^<]*)</script>', text)[1]
        for name in ("index", "arrays")
    }
    return unpack_values(packed)


def find_panel(path: Path, name: str) -> dict[str, Any]:
    """Return one panel of a page."""
    return next(panel for panel in read_numbers(path)["panels"] if panel["name"] == name)


def read_table(path: Path, name: str) -> list[dict[str, str]]:
    """Return the rows of a table of a page, as they are taken away."""
    text = path.read_text(encoding="utf-8")
    table = re.search(rf'<div class="table" data-name="{name}">.*?</table>', text, re.DOTALL)[0]
    heads = [html.unescape(each) for each in re.findall(r'<th [^>]*data-value="([^"]*)"', table)]
    rows = re.findall(r"<tr>(.*?)</tr>", table.partition("<tbody>")[2], re.DOTALL)
    cells = [[html.unescape(each) for each in re.findall(r'data-value="([^"]*)"', row)] for row in rows]
    return [dict(zip(heads, row, strict=True)) for row in cells]


def find_addresses(path: Path) -> list[str]:
    """Return every address on the web that a page would load, or go to."""
    text = path.read_text(encoding="utf-8")
    # scripts and pictures lie in it compressed: what is left is the page itself
    return re.findall(r"""(?:src|href|action|data)\s*=\s*["']?(?:https?:)?//[^"'\s>]+""", text, re.IGNORECASE)
