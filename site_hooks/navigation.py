"""Pages that are made during a build get their place in the navigation."""

from __future__ import annotations

from typing import Any


def put_below(nav: Any, page: str, pages: list[Any]) -> None:
    """Make a section of a page of the navigation: the page itself, then others."""
    # a page without a title of its own is a string
    for entry in filter(lambda each: isinstance(each, dict), nav):
        for title, below in entry.items():
            if below == page:
                entry[title] = [page, *pages]
            elif isinstance(below, list):
                put_below(below, page, pages)
