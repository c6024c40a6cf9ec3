"""The documentation builds without a warning, its links and images resolve, and its reference is whole."""

from __future__ import annotations

import html.parser
import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

import nwbspikegen as nsg

_ROOT = Path(__file__).resolve().parents[1]
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
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    return folder


def test_the_reference_has_every_public_name(site):
    reference = (site / "reference" / "index.html").read_text()
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
