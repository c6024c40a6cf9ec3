"""A page for every command, made from the command itself: its help, usage and options."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

import click
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from navigation import put_below

from nwbspikegen.cli import cli

_LIST = "commands.md"
_PLACE = "<!-- the commands -->"


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put the pages into the navigation, in the order of `--help`."""
    put_below(config.nav, _LIST, [{name: _page_of(name)} for name in _list_names()])
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add a page for each command, with its subcommands below it."""
    for name in _list_names():
        content = "\n".join(_write_command(*_find(_open(), name), depth=1))
        files.append(File.generated(config, _page_of(name), content=content))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """List the commands with what each does."""
    if page.file.src_uri != _LIST:
        return markdown
    rows = [
        f"| [`{name}`]({_page_of(name)}) | {_find(_open(), name)[0].get_short_help_str(200)} |"
        for name in _list_names()
    ]
    return markdown.replace(_PLACE, "\n".join(["| | |", "|---|---|", *rows]))


def _open() -> click.Context:
    return click.Context(cli, info_name="nwbspikegen")


def _list_names() -> list[str]:
    return cli.list_commands(_open())


def _page_of(name: str) -> str:
    return f"commands/{name}.md"


def _find(above: click.Context, name: str) -> tuple[click.Command, click.Context]:
    group = above.command
    assert isinstance(group, click.Group)
    command = group.get_command(above, name)
    assert command is not None
    return command, click.Context(command, info_name=name, parent=above)


def _write_command(command: click.Command, context: click.Context, depth: int) -> Iterator[str]:
    """Yield the Markdown of a command and of those below it."""
    yield f"{'#' * depth} {context.command_path}\n"
    yield _write_prose(command.help or "")
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    yield f"```text\n{usage}\n```\n"
    yield from _write_options(command, context)
    yield _write_prose(command.epilog or "")
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            yield from _write_command(*_find(context, name), depth=depth + 1)


def _write_prose(text: str) -> str:
    """Return paragraphs; those that click leaves as they are become blocks."""
    parts = []
    # click's mark of a paragraph that is not wrapped
    for paragraph in re.split(r"\n\s*\n", inspect.cleandoc(text)):
        is_block = "\b" in paragraph
        lines = paragraph.replace("\b", "").strip("\n")
        language = "console" if lines.lstrip().startswith("$ ") else "text"
        parts.append(f"```{language}\n{lines}\n```" if is_block else _escape(lines))
    return "\n\n".join(parts) + "\n"


def _write_options(command: click.Command, context: click.Context) -> Iterator[str]:
    records = [parameter.get_help_record(context) for parameter in command.get_params(context)]
    yield "| option | |\n|---|---|"
    for names, text in filter(None, records):
        if not text:
            continue
        # a name may break before its value, so that the table fits a narrow page
        cell = " ".join(
            f"`{word.rstrip(',')}`{',' if word.endswith(',') else ''}" for word in names.split(" ")
        )
        yield f"| {cell} | {_escape(text)} |"
    yield ""


def _escape(text: str) -> str:
    """Keep what Markdown would take for its own."""
    return re.sub(r"([|*_<\[\]])", r"\\\1", text)
