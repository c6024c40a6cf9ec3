"""Pages in a real browser, from a disk: nothing fails, nothing is fetched, all is drawn."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browsers import start_browser
from populations import small_population

import nwbspikegen as nsg

_RESULTS = Path(__file__).parents[1] / "corpus" / "results" / "results.nwb"
# ms: a drawing of seconds on a machine that others use
_PATIENCE = 60_000
# of a panel's pixels: an empty one has its axes and its title
_LEAST_COLOURS = 8


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """The system's browser."""
    with start_browser() as started:
        yield started


@pytest.fixture(scope="module", params=["recording", "results"])
def opened(request: pytest.FixtureRequest, browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return an open page, with what it said and what it asked for."""
    thing = small_population() if request.param == "recording" else _RESULTS
    path = nsg.report(thing, tmp_path_factory.mktemp("page") / f"{request.param}.html")
    page = browser.new_page(viewport={"width": 1000, "height": 800})
    page.said, page.asked = [], []
    page.on("console", lambda message: page.said.append(message.text))
    page.on("pageerror", lambda error: page.said.append(str(error)))
    page.on("request", lambda asked: page.asked.append(asked.url))
    page.goto(f"file://{path}")
    page.wait_for_selector("body.has-script", timeout=_PATIENCE)
    page.evaluate("window.nwbspikegen.mountAll()")
    return page


def test_nothing_fails_and_nothing_is_fetched(opened: Any) -> None:
    assert opened.said == []
    left = [url for url in opened.asked if not url.startswith(("data:", "blob:", "file://"))]
    assert left == []
    assert sum(url.startswith("file://") for url in opened.asked) == 1


def test_every_panel_is_drawn(opened: Any) -> None:
    image = pytest.importorskip("PIL.Image")
    import io

    panels = opened.query_selector_all("figure[data-name] .live")
    assert len(panels) == opened.evaluate("window.nwbspikegen.page.panels.length")
    for panel in panels:
        with image.open(io.BytesIO(panel.screenshot())) as picture:
            colours = picture.convert("RGB").getcolors(picture.width * picture.height)
        assert len(colours) >= _LEAST_COLOURS, panel.evaluate("each => each.parentElement.dataset.name")


def test_a_unit_is_chosen_by_keyboard(opened: Any) -> None:
    before = opened.evaluate("window.nwbspikegen.state().unit")
    note = opened.locator("p.note").first
    told = note.text_content()
    opened.focus("select.unit")
    opened.keyboard.press("ArrowDown" if before == 0 else "ArrowUp")
    after = opened.evaluate("window.nwbspikegen.state().unit")
    assert abs(after - before) == 1
    assert note.text_content() != told


def test_a_point_says_which_unit_it_is_and_chooses_it(opened: Any) -> None:
    figure = opened.locator("figure[data-name='rates']")
    figure.scroll_into_view_if_needed()
    box = figure.locator(".scatterlayer .point").last.bounding_box()
    opened.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=4)
    said = figure.locator(".hoverlayer .hovertext")
    said.wait_for(timeout=_PATIENCE)
    assert said.text_content().startswith("unit ")
    opened.mouse.down()
    opened.mouse.up()
    opened.wait_for_timeout(500)
    chosen = opened.evaluate("window.nwbspikegen.page.units[window.nwbspikegen.state().unit]")
    assert said.text_content().startswith(f"unit {chosen}:")


def test_time_is_one_axis(opened: Any) -> None:
    opened.evaluate("window.nwbspikegen.move('all')")
    opened.locator("figure[data-time]").first.focus()
    opened.keyboard.press("+")
    opened.wait_for_timeout(500)
    ranges = opened.evaluate(
        "[...document.querySelectorAll('figure[data-time] .live')].map(each => each.layout.xaxis.range)"
    )
    first, last = opened.evaluate("window.nwbspikegen.page.time")
    assert all(each == ranges[0] for each in ranges)
    assert ranges[0][1] - ranges[0][0] == pytest.approx((last - first) / 2)


def test_spikes_are_drawn_one_by_one(opened: Any) -> None:
    found = opened.evaluate(
        """async () => {
            await window.nwbspikegen.move('all');
            const panel = window.nwbspikegen.page.panels.find(each => each.spikes);
            return [panel.div.data.at(-1).x.length, panel.div.data[0].visible];
        }"""
    )
    assert found[0] > 0
    assert found[1] is False


def test_what_a_file_calls_a_unit_is_not_run(browser: Any, tmp_path: Path) -> None:
    units = small_population()
    evil = '<img src=x onerror="window.ran = 1">'
    named = units.assign_coords(location=("unit", [evil, "CA1"] * (units.sizes["unit"] // 2)))
    named.attrs.update(units.attrs, subject_id=f"</script><script>window.ran = 1</script>{evil}")
    page = browser.new_page()
    page.goto(f"file://{nsg.report(named, tmp_path / 'evil.html')}")
    page.wait_for_selector("body.has-script", timeout=_PATIENCE)
    page.evaluate("window.nwbspikegen.mountAll()")
    assert page.evaluate("window.ran") is None


def test_a_phone_needs_no_scrolling_sideways(opened: Any) -> None:
    opened.set_viewport_size({"width": 400, "height": 800})
    width = math.inf
    # figures follow the window one after another
    for _ in range(_PATIENCE // 250):
        opened.wait_for_timeout(250)
        width = opened.evaluate("document.documentElement.scrollWidth")
        if width <= 400:
            break
    assert width <= 400


def test_paper_has_the_still_pictures(opened: Any) -> None:
    opened.emulate_media(media="print")
    shown = opened.evaluate(
        "[...document.querySelectorAll('figure')].map(each => ["
        "getComputedStyle(each.querySelector('.still')).display,"
        "getComputedStyle(each.querySelector('.live')).display,"
        "each.querySelector('.still').naturalWidth > 0])"
    )
    opened.emulate_media(media="screen")
    assert all(each == ["block", "none", True] for each in shown)
