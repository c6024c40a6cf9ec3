"""The blocks of code of a page, and the commands with the output that the page shows."""

from __future__ import annotations

import dataclasses
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

_BLOCK = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.M | re.S)
_NUMBER = re.compile(r"[-+]?\d[\d.,]*(e[-+]?\d+)?")


@dataclasses.dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text and the line of the page that it starts on."""

    language: str
    text: str
    line: int


@dataclasses.dataclass(frozen=True)
class Command:
    """A line after `$ `, with its continuations, and the lines shown after it."""

    text: str
    shown: tuple[str, ...]

    @property
    def words(self) -> list[str]:
        """The command as a shell splits it."""
        return shlex.split(self.text, comments=True)


def read_blocks(page: Path) -> list[Block]:
    """Return the fenced blocks of a page in their order."""
    text = page.read_text()
    return [
        Block(match[1], match[2], text.count("\n", 0, match.start()) + 1) for match in _BLOCK.finditer(text)
    ]


def read_commands(block: Block) -> Iterator[Command]:
    """Yield the commands of a console block."""
    for part in re.split(r"^\$ ", block.text, flags=re.M)[1:]:
        lines = part.splitlines()
        last = next(place for place, line in enumerate(lines) if not line.endswith("\\"))
        command = " ".join(line.rstrip("\\").strip() for line in lines[: last + 1])
        yield Command(command, tuple(line for line in lines[last + 1 :] if line.strip() not in ("", "...")))


def normalise(line: str) -> str:
    """Return a line without what a smaller recording changes: numbers and the width of columns."""
    return " ".join(_NUMBER.sub("#", line).split())
