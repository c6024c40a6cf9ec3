"""Names from strangers' files, shown so that they do nothing: on terminals, and in spreadsheets."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

# what a spreadsheet takes for the beginning of a formula (OWASP, CSV Injection), and the mark before it that
# makes a text of it
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_MARK = "'"
# of Unicode: controls, such as the escape that begins a terminal's commands; formats, such as those that
# turn the order of letters round; halves of pairs; and ends of lines
_HIDDEN = ("Cc", "Cf", "Cs", "Zl", "Zp")


def show_plainly(text: str, *, keep: str = "") -> str:
    """Return a text in which everything that a terminal would obey is written out.

    Parameters
    ----------
    text : str
        Maybe from a file.
    keep : str
        Letters that stay, such as the end of a line.

    Examples
    --------
    >>> show_plainly("unit\\x1b[2J 1")
    'unit\\\\x1b[2J 1'
    """
    # most texts are plain, and many
    if text.isprintable():
        return text
    return "".join(
        letter
        if letter in keep or unicodedata.category(letter) not in _HIDDEN
        else letter.encode("unicode_escape").decode()
        for letter in text
    )


def guard_formulas(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table for a CSV file, in which no text is a formula to a spreadsheet: a ' stands before it.

    Examples
    --------
    >>> import pandas as pd
    >>> guard_formulas(pd.DataFrame({"cell": ["=1+1", "-5", "a"]}))["cell"].tolist()
    ["'=1+1", '-5', 'a']
    """
    return _map_texts(table, _guard)


def restore_formulas(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table as it was before `guard_formulas`.

    Examples
    --------
    >>> import pandas as pd
    >>> restore_formulas(guard_formulas(pd.DataFrame({"cell": ["=1+1", "'a"]})))["cell"].tolist()
    ['=1+1', "'a"]
    """
    return _map_texts(table, _restore)


def _map_texts(table: pd.DataFrame, change: Any) -> pd.DataFrame:
    changed = table.copy(deep=False)
    for at, dtype in enumerate(table.dtypes):
        if dtype.kind not in "biufcmM":
            texts: Any = table.iloc[:, at].astype(object).map(change)
            # of categories, changed ones would be none
            changed.isetitem(at, texts if dtype.name == "category" else texts.astype(dtype))
    changed.columns = changed.columns.map(change)
    if table.index.dtype.kind not in "biufcmM" and table.index.nlevels == 1:
        changed.index = table.index.map(change)
    return changed


def _guard(value: Any) -> Any:
    if not isinstance(value, str) or not value.startswith((*_FORMULA, _MARK)):
        return value
    try:
        float(value)
    except ValueError:
        return f"{_MARK}{value}"
    # a number, which is no formula
    return value


def _restore(value: Any) -> Any:
    is_guarded = isinstance(value, str) and value[:1] == _MARK and value[1:2] in (*_FORMULA, _MARK)
    return value[1:] if is_guarded and value[1:2] else value
