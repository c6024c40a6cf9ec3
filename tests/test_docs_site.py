"""The documentation builds without a warning, its links and images resolve, and its reference is whole."""

from __future__ import annotations

import html.parser
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import click
import pytest
from browsers import start_browser

import nwbspikegen as nsg
from nwbspikegen.cli import cli

_ROOT = Path(__file__).resolve().parents[1]
_GALLERY = _ROOT / "examples" / "gallery"
# ms: an index is read on a machine that others use
_PATIENCE = 200_000
_PNG = b"\x89PNG\r\n\x1a\n"


class _Page(html.parser.HTMLParser):
    """What a page refers to, and the places in it that others may refer to."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.references: list[str] = []
        self.places: set[str] = set()
        self.feed(path.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.references += [given[key] for key in ("href", "src") if given.get(key)]
        self.places |= {given[key] for key in ("id", "name") if given.get(key)}


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """Return the folder of the built site."""
    folder = tmp_path_factory.mktemp("docs") / "site"
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=_ROOT,
        # the gallery takes minutes when it runs: that is for `make docs`
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1", "NWBSPIKEGEN_RUN_GALLERY": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    return folder


def test_the_reference_has_every_public_name(site):
    reference = "".join(page.read_text() for page in (site / "reference").glob("*.html"))
    for name in set(nsg.__all__) - {"__version__"}:
        assert re.search(rf'id="nwbspikegen\.([a-z_.]+\.)?{name}"', reference), f"{name} is not documented"


def test_every_link_and_image_of_the_site_resolves(site):
    pages = {path.resolve(): _Page(path) for path in site.rglob("*.html")}
    assert len(pages) > 20
    broken = [
        (path.relative_to(site).as_posix(), reference)
        for path, page in pages.items()
        # the page for addresses that are not there has links from the root of a server
        if path.name != "404.html"
        for reference in page.references
        if not _resolves(path, reference, pages)
    ]
    assert broken == []
    images = [place for page in pages.values() for place in page.references if place.endswith(".png")]
    assert len(images) >= len(list((_ROOT / "docs" / "figures").glob("*.png"))) > 2


def _resolves(path: Path, reference: str, pages: dict[Path, _Page]) -> bool:
    """Return whether what a page refers to is in the site: a file, a whole image, a place in a page."""
    parts = urlsplit(reference)
    if parts.scheme or parts.netloc:
        return True
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    target = target / "index.html" if target.is_dir() else target
    if not target.is_file():
        return False
    if target.suffix == ".png":
        return target.read_bytes().startswith(_PNG)
    return not parts.fragment or target not in pages or parts.fragment in pages[target].places


def test_every_page_is_in_the_navigation():
    navigation = (_ROOT / "mkdocs.yml").read_text()
    pages = {str(path.relative_to(_ROOT / "docs")) for path in (_ROOT / "docs").rglob("*.md")}
    assert {page for page in pages if not re.search(rf": {re.escape(page)}$", navigation, re.M)} == set()


def test_the_links_of_the_readme_resolve():
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", (_ROOT / "README.md").read_text())
    local = [link for link in links if not urlsplit(link).scheme]
    assert local
    assert [link for link in local if not (_ROOT / link).exists()] == []


def test_every_command_and_option_has_its_place(site):
    context = click.Context(cli, info_name="nwbspikegen")
    for name in cli.list_commands(context):
        page = html.unescape((site / "commands" / f"{name}.html").read_text())
        for path, command in _list_commands(cli.get_command(context, name), f"nwbspikegen {name}"):
            assert f">{path}<" in page, path
            for option in command.params:
                assert all(f">{flag}<" in page for flag in option.opts if flag.startswith("-")), (
                    path,
                    option,
                )


def _list_commands(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        for name, each in command.commands.items():
            yield from _list_commands(each, f"{path} {name}")


def test_no_private_name_is_shown(site):
    for page in (site / "reference").glob("*.html"):
        places = _Page(page).places
        assert [place for place in places if re.search(r"^nwbspikegen\..*(^|\.)_", place)] == [], page


def test_every_example_is_shown_and_can_be_downloaded(site):
    listed, navigation = (site / "gallery.html").read_text(), (_ROOT / "mkdocs.yml").read_text()
    scripts = [path for path in _GALLERY.glob("*.py") if path.stem != "make_recording"]
    assert 5 <= len(scripts) <= 7
    for script in scripts:
        assert f"gallery/{script.stem}.html" in listed
        assert f"gallery/{script.stem}.md\n" in navigation
        notebook = json.loads((site / "gallery" / f"{script.stem}.ipynb").read_text())
        kinds = {cell["cell_type"] for cell in notebook["cells"]}
        assert (kinds, notebook["nbformat"]) == ({"markdown", "code"}, 4)
        assert f"{script.stem}.ipynb" in (site / "gallery" / f"{script.stem}.html").read_text()
    assert (site / "gallery" / "culture.nwb").read_bytes() == (_GALLERY / "culture.nwb").read_bytes()
    assert (_GALLERY / "culture.nwb").stat().st_size < 300_000


def test_the_first_example_runs(tmp_path):
    shutil.copy(_GALLERY / "culture.nwb", tmp_path)
    environment = {key: value for key, value in os.environ.items() if key != "NWBSPIKEGEN_GALLERY"}
    done = subprocess.run(
        [sys.executable, "-W", "error::FutureWarning", str(_GALLERY / "look.py")],
        cwd=tmp_path,
        env={**environment, "MPLBACKEND": "agg"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_commands_of_the_cheat_sheet_are_such():
    text = (_ROOT / "docs" / "cheat-sheet.md").read_text()
    commands = re.findall(r"`nwbspikegen ([^`]+)`", text)
    assert len(commands) > 10
    for words in map(shlex.split, commands):
        command, context = cli, click.Context(cli)
        while isinstance(command, click.Group):
            command, words = command.get_command(context, words[0]), words[1:]
            context = click.Context(command)
        # raises for an option that is none, or a value that is no choice
        command.make_parser(context).parse_args(list(words))
    options = set(re.findall(r"`(--[a-z-]+)", text)) - {"--help"}
    known = {flag for _, command in _list_commands(cli, "") for each in command.params for flag in each.opts}
    assert options - known == set()


def test_pages_of_benchmarks_begin_with_what_to_conclude():
    for page in (_ROOT / "docs" / "benchmarks").glob("*.md"):
        _, *paragraphs = page.read_text().split("\n\n")
        older = re.match(r"Measured (with|before)", paragraphs[0])
        assert paragraphs[bool(older)].startswith("**What to conclude**: "), page.name


@pytest.fixture(scope="module")
def opened(site):
    """Return a page opened from the disk, with what it asked for."""
    with start_browser() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(_PATIENCE)
        page.asked, page.said = [], []
        page.on("request", lambda asked: page.asked.append(asked.url))
        page.on("console", lambda message: page.said.append(message.text))
        page.on("pageerror", lambda error: page.said.append(str(error)))
        page.goto(f"file://{site}/tutorial-simulated.html")
        yield page


def test_what_is_copied_has_no_prompts_and_no_output(opened):
    opened.evaluate("addEventListener('copy', event => { window.copied = event.target.value }, true)")
    assert _copy(opened, "dict(units.sizes)") == (
        'units = nsg.open_units("slice.nwb", bin_size=0.001)\n'
        "dict(units.sizes)\n"
        "table = nsg.spike_statistics(units)\n"
        "round(float(table.rate_hz.mean()), 1)"
    )
    assert _copy(opened, "best epoch") == "nwbspikegen train slice.nwb --out model-slice --duration 200"
    assert _copy(opened, "for preparation, name in").splitlines()[3].startswith("    simulation = ")


def _copy(page: Any, text: str) -> str:
    block = page.locator("div.highlight", has_text=text).first
    block.hover()
    block.locator("button[data-clipboard-target]").click()
    page.wait_for_function("window.copied !== undefined")
    return page.evaluate("() => { const text = window.copied; delete window.copied; return text }")


def test_the_search_works_from_a_disk(opened):
    opened.locator("input[data-md-component=search-query]").first.click()
    opened.keyboard.type("hazard")
    found = opened.locator(".md-search-result__item")
    found.first.wait_for(state="attached")
    assert found.count() > 3
    assert [url for url in opened.asked if not url.startswith(("file://", "data:", "blob:"))] == []
    assert opened.said == []
