"""The page of a recording: what it draws are its spikes, what it says is what was found."""

from __future__ import annotations

import html
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from populations import small_population
from report_pages import find_addresses, find_panel, read_numbers, read_table

import nwbspikegen as nsg
from nwbspikegen.core.errors import InputError, OutputError
from nwbspikegen.reports.recorded import choose_width, count_in_bins, find_segments, read_recorded


@pytest.fixture(scope="module")
def population() -> xr.Dataset:
    return small_population()


@pytest.fixture(scope="module")
def page(population: xr.Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return nsg.report(population, tmp_path_factory.mktemp("page") / "recording.html")


def test_the_raster_holds_every_spike(population: xr.Dataset, page: Path) -> None:
    numbers = read_numbers(page)
    trace = find_panel(page, "raster")["data"][0]
    counts = population.spikes.values.sum(axis=0)
    np.testing.assert_allclose(trace["z"].sum(axis=1) * trace["dx"], counts, rtol=1e-3)
    assert numbers["trains"]["recorded"]["counts"].tolist() == counts.tolist()


def test_trains_are_packed_to_a_tenth_of_a_millisecond(population: xr.Dataset, page: Path) -> None:
    packed = read_numbers(page)["trains"]["recorded"]
    first = packed["start"] + np.cumsum(packed["deltas"][: packed["counts"][0]].astype(int)) * packed["tick"]
    recorded = read_recorded(population, {}).trains[0]
    np.testing.assert_allclose(first, recorded, atol=0.6e-4)


def test_segments_are_shaded_where_training_has_them(population: xr.Dataset, page: Path) -> None:
    shapes = [each for each in find_panel(page, "population")["layout"]["shapes"] if each["type"] == "rect"]
    parts = nsg.split_fractions(population)
    assert [each["label"]["text"] for each in shapes] == ["train", "validation", "test"]
    edges = [float(getattr(parts, name).time[0]) for name in ("train", "validation", "test")]
    assert [each["x0"] for each in shapes] == pytest.approx(edges)


def test_the_table_is_that_of_spike_statistics(population: xr.Dataset, page: Path) -> None:
    rows = read_table(page, "units")
    recorded = read_recorded(population, {})
    statistics = recorded.describe()
    assert [row["unit"] for row in rows] == recorded.names
    assert [float(row["rate (Hz)"]) for row in rows] == pytest.approx(statistics.rate_hz.tolist())
    assert [float(row["CV2"]) for row in rows] == pytest.approx(statistics.cv2.tolist())


def test_a_page_loads_nothing_and_says_so_to_the_browser(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert find_addresses(page) == []
    assert "default-src &#39;none&#39;" in text or "default-src 'none'" in text
    assert text.count('<img class="still"') == len(read_numbers(page)["panels"])
    assert page.stat().st_size < 4e6


def test_the_same_recording_is_the_same_page_but_for_the_time(population: xr.Dataset, tmp_path: Path) -> None:
    texts = []
    for name in ("a", "b"):
        text = nsg.report(population, tmp_path / f"{name}.html").read_text(encoding="utf-8")
        texts.append([line for line in text.split("<") if " UTC by " not in line])
    assert texts[0] == texts[1]


def test_what_was_not_observed_is_not_silence() -> None:
    train, seen = np.array([0.5, 1.5, 3.5]), np.array([[0.0, 2.0], [3.0, 4.0]])
    rates = count_in_bins([train], [seen], 0.0, 4.0, 1.0)
    np.testing.assert_array_equal(rates, [[1.0, 1.0, np.nan, 1.0]])


def test_gaps_are_shaded_and_their_spikes_left_out() -> None:
    units = nsg.open_units(
        nsg.simulate("in_vivo", num_units=4, duration=20, seed=3).sorting, exclude=[(5.0, 8.0)]
    )
    recorded = read_recorded(units, find_segments(units, (0.5, 0.25, 0.25)))
    gaps = [span for span in recorded.spans() if span.kind == "unobserved"]
    assert [(gap.start, gap.stop) for gap in gaps] == [(5.0, 8.0)]
    assert not any(((train > 5.0) & (train < 8.0)).any() for train in recorded.trains)


@pytest.mark.parametrize(("seconds", "units"), [(600.0, 128), (5.0, 2), (40_000.0, 3_000)])
def test_maps_stay_small(seconds: float, units: int) -> None:
    width = choose_width(seconds, units, 0.001)
    assert seconds / width * units <= 750_000
    assert seconds / width <= 2_000 * (1 + 1e-9)


def test_names_from_files_are_text(population: xr.Dataset, tmp_path: Path) -> None:
    evil = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"
    half = population.sizes["unit"] // 2
    named = population.assign_coords(location=("unit", [evil, "CA1"] * half))
    named.attrs.update(population.attrs, subject_id=evil)
    named.spikes.encoding = population.spikes.encoding
    page = nsg.report(named, tmp_path / "evil.html")
    text = page.read_text(encoding="utf-8")
    assert "<script>alert" not in text
    assert "<img src=x" not in text
    names = [trace["name"] for trace in find_panel(page, "units_by_location")["data"]]
    assert sorted(names) == sorted(["CA1", html.escape(evil)])


def test_a_page_that_is_there_is_kept(population: xr.Dataset, tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text("mine")
    with pytest.raises(OutputError, match="--overwrite"):
        nsg.report(population, tmp_path / "a.html")
    with pytest.raises(OutputError, match="ending in"):
        nsg.report(population, tmp_path / "a.pdf")
    assert (tmp_path / "a.html").read_text() == "mine"


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a folder of something else"):
        nsg.report(tmp_path, tmp_path / "a.html")
    assert not (tmp_path / "a.html").exists()


def test_plotly_takes_every_panel(page: Path) -> None:
    graph_objects = pytest.importorskip("plotly.graph_objects")
    for panel in read_numbers(page)["panels"]:
        traces = [{**trace, "meta": None} for trace in panel["data"]]
        graph_objects.Figure({"data": traces, "layout": panel["layout"]})
