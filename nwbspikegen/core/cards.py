"""Model cards: a README that people read, with the front matter by which the Hugging Face Hub finds it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import yaml

from nwbspikegen.core.errors import InputError

CARD_FILE = "README.md"
NOT_STATED = "not stated"

_TAGS = ("nwb", "neuroscience", "electrophysiology")
# a card is read by people: what is longer stands in model.json
_MOST_ROWS = 50
_MOST_CHARACTERS = 200
# licences that the Hub knows by name, of those in use for data and weights; others it takes as "other"
_OF_THE_HUB = (
    *("cc0-1.0", "cc-by-4.0", "cc-by-sa-4.0", "cc-by-nc-4.0", "cc-by-nc-sa-4.0", "cc-by-nd-4.0"),
    *("cc-by-nc-nd-4.0", "apache-2.0", "mit", "bsd-2-clause", "bsd-3-clause", "mpl-2.0"),
    *("gpl-3.0", "agpl-3.0", "lgpl-3.0"),
)
# what Markdown or HTML would take for markup; a pipe would end a cell. Names have _ within, where it is none
_MARKUP = re.compile(r"([\\`*\[\]<>|#~$])")


def require_license(text: str) -> str:
    """Return a licence as it was given, or raise `InputError` for what is no name of one.

    Examples
    --------
    >>> require_license("CC-BY-4.0")
    'CC-BY-4.0'
    """
    if text and (not text.isprintable() or not text.strip() or len(text) > _MOST_CHARACTERS):
        raise InputError(
            f"licence {text[:40]!a}", "a name such as CC-BY-4.0, on one line", "give its SPDX identifier"
        )
    return text.strip()


def make_card(title: str, license_name: str, tag: str, parts: Iterable[str]) -> str:
    """Return a card: front matter, a title and what follows it.

    Parameters
    ----------
    title : str
        Any text.
    license_name : str
        As its owner gave it; empty where nobody did, and then the front matter has none.
    tag : str
        What it is a model of, as the Hub finds it.
    parts : iterable of str
        Markdown.

    Examples
    --------
    >>> print(make_card("A model", "", "spike-trains", ["Text."]).partition("tags:")[0])
    ---
    library_name: nwbspikegen
    <BLANKLINE>
    """
    front: dict[str, Any] = {"library_name": "nwbspikegen"}
    if license_name:
        known = license_name.removeprefix("spdx:").lower()
        is_known = known in _OF_THE_HUB
        front |= {"license": known} if is_known else {"license": "other", "license_name": license_name}
    front["tags"] = [*_TAGS, tag]
    # YAML's own writer quotes what would be read as something else
    head = yaml.safe_dump(front, sort_keys=False, allow_unicode=True)
    return "\n\n".join([f"---\n{head}---", f"# {to_plain(title)}", *parts]) + "\n"


def describe_license(license_name: str, *, has_recordings: bool = True) -> str:
    """Return the part of a card on who may do what; recordings have a licence of their own.

    Examples
    --------
    >>> print(describe_license(""))
    ## Licence
    <BLANKLINE>
    Of the model: not stated. Of the recordings: not stated here; ask whoever published them.
    """
    others = (
        f"Of the recordings: {NOT_STATED} here; ask whoever published them."
        if has_recordings
        else "No recording took part."
    )
    return f"## Licence\n\nOf the model: {to_plain(license_name)}. {others}"


def to_plain(value: object, missing: str = NOT_STATED) -> str:
    """Return a value as one line of Markdown in which nothing is markup; what is missing is said to be.

    Examples
    --------
    >>> to_plain("a|b" + chr(10) + "<script>"), to_plain(None), to_plain(0.12345678)
    ('a\\\\|b \\\\<script\\\\>', 'not stated', '0.1235')
    """
    if value is None or value == "" or (isinstance(value, float) and math.isnan(value)):
        return missing
    if isinstance(value, float):
        return f"{value:.4g}"
    text = " ".join(str(value).split())[:_MOST_CHARACTERS]
    return _MARKUP.sub(r"\\\1", "".join(letter for letter in text if letter.isprintable()))


def make_rows(columns: Sequence[str], rows: Sequence[Mapping[str, Any]], missing: str = NOT_STATED) -> str:
    """Return a table in Markdown; of more than 50 rows the first.

    Examples
    --------
    >>> print(make_rows(["unit", "rate"], [{"unit": 3, "rate": 0.5}]))
    | unit | rate |
    |---|---|
    | 3 | 0.5 |
    """
    lines = [f"| {' | '.join(columns)} |", "|" + "---|" * len(columns)]
    lines += [
        f"| {' | '.join(to_plain(row.get(name), missing) for name in columns)} |" for row in rows[:_MOST_ROWS]
    ]
    left = len(rows) - _MOST_ROWS
    return "\n".join(lines) + (f"\n\n{left} more are in model.json." if left > 0 else "")
