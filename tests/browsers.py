"""The system's browser, for pages that are opened as users open them."""

from __future__ import annotations

import contextlib
import io
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

# a browser of its own asks for updates and spare connections, which are none of the page's requests
_FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
# ms: a drawing of seconds on a machine that others use
PATIENCE = 60_000
# of a panel's pixels: an empty one has its axes and its title
_LEAST_COLOURS = 8


@contextlib.contextmanager
def start_browser() -> Iterator[Any]:
    """Start the system's Chromium, or skip with the reason."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        pytest.skip("no chromium on this machine: apt-get install chromium")
    with playwright.sync_playwright() as running:
        started = running.chromium.launch(executable_path=path, args=list(_FLAGS))
        yield started
        started.close()


def open_report(browser: Any, path: Path) -> Any:
    """Return the page of a report, drawn whole, with what it `said` and what it `asked` for."""
    page = browser.new_page(viewport={"width": 1000, "height": 800})
    page.said, page.asked = [], []
    page.on("console", lambda message: page.said.append(message.text))
    page.on("pageerror", lambda error: page.said.append(str(error)))
    page.on("request", lambda asked: page.asked.append(asked.url))
    page.goto(f"file://{path}")
    page.wait_for_selector("body.has-script", timeout=PATIENCE)
    page.evaluate("window.nwbspikegen.mountAll()")
    return page


def find_fetched(page: Any) -> list[str]:
    """Return what an opened report asked for besides itself."""
    return [url for url in page.asked if not url.startswith(("data:", "blob:"))][1:]


def find_empty_panels(page: Any) -> list[str]:
    """Return the names of an opened report's panels that show nothing, by their pixels."""
    image = pytest.importorskip("PIL.Image")
    empty = []
    for panel in page.query_selector_all("figure[data-name] .live"):
        with image.open(io.BytesIO(panel.screenshot())) as picture:
            colours = picture.convert("RGB").getcolors(picture.width * picture.height)
        if len(colours) < _LEAST_COLOURS:
            empty.append(panel.evaluate("each => each.parentElement.dataset.name"))
    return empty


def measure_width(page: Any, width: int) -> int:
    """Return how wide an opened report is in a window of a width (pixels), once its figures have followed."""
    page.set_viewport_size({"width": width, "height": 800})
    found = 0
    # figures follow the window one after another
    for _ in range(PATIENCE // 250):
        page.wait_for_timeout(250)
        found = page.evaluate("document.documentElement.scrollWidth")
        if found <= width:
            break
    return int(found)


def find_missing_pictures(page: Any) -> list[str]:
    """Return the names of figures of an opened report whose still picture is not on paper."""
    page.emulate_media(media="print")
    found = page.evaluate(
        "[...document.querySelectorAll('figure')].filter(each => {"
        "const still = each.querySelector('.still'), live = each.querySelector('.live');"
        "return getComputedStyle(still).display !== 'block' || getComputedStyle(live).display !== 'none'"
        " || !still.naturalWidth; }).map(each => each.dataset.name)"
    )
    page.emulate_media(media="screen")
    return list(found)
