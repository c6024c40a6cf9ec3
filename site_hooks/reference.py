"""A page for every public name: docs/reference.md lists the names, and each gets a page of its own.

The list stays as mkdocstrings reads it (`::: nwbspikegen.NAME`), so that a new name is one line.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from navigation import put_below

_LIST = "reference.md"
_NAME = re.compile(r"^::: (\S+)\n((?: {4}.*\n)*)", re.M)
_GROUP = re.compile(r"^## (.+)\n((?:(?!## ).*\n)*)", re.M)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put the pages into the navigation, in the groups of the list."""
    groups = [
        {title: [{_short(name): _page_of(name)} for name, _ in _find_names(section)]}
        for title, section in _GROUP.findall(_read_list(config))
    ]
    put_below(config.nav, _LIST, groups)
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add a page for each name of the list."""
    for name, options in _find_names(_read_list(config)):
        options = (options or "    options:\n") + "      heading_level: 1\n"
        content = f"---\ntitle: {_short(name)}\n---\n\n::: {name}\n{options}"
        files.append(File.generated(config, _page_of(name), content=content))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Show the list as tables: a name, and the first sentence of what it does."""
    if page.file.src_uri != _LIST:
        return markdown
    rows = _NAME.sub(lambda found: _write_row(found[1]), markdown + "\n")
    # rows that follow each other are one table
    rows = re.sub(r"\|\n\n+(?=\|)", "|\n", rows)
    return re.sub(r"(?<!\|\n)(^\| \[)", r"| | |\n|---|---|\n\1", rows, flags=re.M)


def _read_list(config: MkDocsConfig) -> str:
    with open(f"{config.docs_dir}/{_LIST}", encoding="utf-8") as file:
        return file.read() + "\n"


def _find_names(text: str) -> Iterator[tuple[str, str]]:
    for found in _NAME.finditer(text):
        yield found[1], found[2]


def _short(name: str) -> str:
    return name.removeprefix("nwbspikegen.")


def _page_of(name: str) -> str:
    # Survey and survey are one file on macOS and Windows
    kind = "class." if _short(name).rpartition(".")[2][0].isupper() else ""
    return f"reference/{kind}{_short(name)}.md"


def _write_row(name: str) -> str:
    """Return a name with the first line of its docstring."""
    room, _, last = name.rpartition(".")
    lines = (getattr(importlib.import_module(room), last).__doc__ or "").strip().splitlines()
    says = lines[0].replace("|", "\\|")
    return f"| [`{_short(name)}`]({_page_of(name)}) | {says} |\n"
