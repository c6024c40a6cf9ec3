"""Pages in a real browser, from a disk: nothing fails, nothing is fetched, all is drawn."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browsers import (
    PATIENCE,
    find_empty_panels,
    find_fetched,
    find_missing_pictures,
    measure_width,
    open_report,
    start_browser,
)
from populations import small_population

import nwbspikegen as nsg
from nwbspikegen.commands.free_run import free_run_and_compare
from nwbspikegen.simulation import metadata_of
from nwbspikegen.sweep.run import run_sweep
from nwbspikegen.views import WindowOptions

_CORPUS = Path(__file__).parents[1] / "corpus"
# of every kind of thing, besides those whose pages have an axis of time
_OTHERS = {
    "study": "study/study",
    "study_file": "study_file/study.nwb",
    "explained": "attention/explained.nwb",
    "model": "model/model",
    "cell": "icephys/cell.nwb",
    "cells": "features/features",
    "cells_file": "patchseq_file/features.nwb",
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """The system's browser."""
    with start_browser() as started:
        yield started


@pytest.fixture(scope="module", params=["recording", "results"])
def opened(request: pytest.FixtureRequest, browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return an open page that has an axis of time."""
    thing = small_population() if request.param == "recording" else _CORPUS / "results" / "results.nwb"
    path = nsg.report(thing, tmp_path_factory.mktemp("page") / f"{request.param}.html")
    return open_report(browser, path)


def _make_sweep(folder: Path) -> Path:
    simulation = nsg.simulate("in_vivo", num_units=4, duration=20, seed=3)
    path = nsg.convert_sorting(simulation.sorting, folder / "a.nwb", metadata=metadata_of(simulation))
    options = WindowOptions(skip_units=0, duration=20.0, bin_size=0.01)
    how = {"options": options, "epochs": 1, "workers": 1, "loss": "bernoulli"}
    return run_sweep(path, folder / "sweep", {"depth": [1, 2]}, **how).path


def _make_free_run(folder: Path) -> Path:
    simulation = nsg.simulate("in_vivo", num_units=4, duration=40, seed=3)
    path = nsg.convert_sorting(simulation.sorting, folder / "a.nwb", metadata=metadata_of(simulation))
    model = nsg.load_model("pretrained")
    free_run_and_compare(model, path, folder / "run.nwb", seconds=5.0)
    return folder / "run.nwb"


_MADE = {"sweep": _make_sweep, "free_run": _make_free_run}


@pytest.mark.parametrize("kind", [*_OTHERS, *_MADE])
def test_a_page_of_every_kind_opens_whole(kind: str, browser: Any, tmp_path: Path) -> None:
    thing = _MADE[kind](tmp_path) if kind in _MADE else _CORPUS / _OTHERS[kind]
    page = open_report(browser, nsg.report(thing, tmp_path / "page.html"))
    assert page.said == []
    assert find_fetched(page) == []
    assert page.evaluate("window.nwbspikegen.page.panels.length") > 0
    assert find_empty_panels(page) == []
    assert find_missing_pictures(page) == []
    assert measure_width(page, 400) <= 400
    page.close()


def test_nothing_fails_and_nothing_is_fetched(opened: Any) -> None:
    assert opened.said == []
    assert find_fetched(opened) == []
    assert sum(url.startswith("file://") for url in opened.asked) == 1


def test_every_panel_is_drawn(opened: Any) -> None:
    panels = opened.query_selector_all("figure[data-name] .live")
    assert len(panels) == opened.evaluate("window.nwbspikegen.page.panels.length")
    assert find_empty_panels(opened) == []


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
    said.wait_for(timeout=PATIENCE)
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
    page.wait_for_selector("body.has-script", timeout=PATIENCE)
    page.evaluate("window.nwbspikegen.mountAll()")
    assert page.evaluate("window.ran") is None


def test_a_phone_needs_no_scrolling_sideways(opened: Any) -> None:
    assert measure_width(opened, 400) <= 400


def test_paper_has_the_still_pictures(opened: Any) -> None:
    assert find_missing_pictures(opened) == []
