"""YAML files of settings: no objects, no bombs, no cycles."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from nwbspikegen.core.errors import InputError

# settings and metadata are some lines: both are round numbers far above
_MOST_BYTES = 2**20
_MOST_VALUES = 100_000


def read_yaml(path: Path) -> Any:
    """Return what a YAML file holds.

    An alias stands for a copy, and a few lines of aliases for more copies than memory holds: what a
    file stands for is counted before anything is made of it.

    Raises
    ------
    InputError
        The file is no YAML, names Python objects, or stands for more than 100,000 values.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "a.yaml").write_text("duration: 400")
    ...     read_yaml(Path(folder, "a.yaml"))
    {'duration': 400}
    """
    try:
        with path.open("rb") as stream:
            content = stream.read(_MOST_BYTES + 1)
        if len(content) > _MOST_BYTES:
            raise _refuse(path, f"more than {_MOST_BYTES} bytes")
        loaded = yaml.safe_load(content.decode("utf-8"))
        num_values = _count_values(loaded, {})
    # a date of the 40th of May is a ValueError, a deep nesting a RecursionError
    except (yaml.YAMLError, ValueError, RecursionError, OSError) as error:
        raise _refuse(path, "no YAML") from error
    if num_values > _MOST_VALUES:
        raise _refuse(path, f"more than {_MOST_VALUES} values")
    return loaded


def _count_values(value: Any, known: dict[int, int]) -> int:
    """Return how many values a value stands for, counting what is shared as often as it is named."""
    if not isinstance(value, dict | list | tuple | set):
        return 1
    if id(value) not in known:
        # what holds itself stands for more than can be counted
        known[id(value)] = _MOST_VALUES + 1
        parts = value.values() if isinstance(value, dict) else value
        known[id(value)] = 1 + sum(_count_values(part, known) for part in parts)
    return known[id(value)]


def _refuse(path: Path, found: str) -> InputError:
    return InputError(f"{path}, which holds {found}", "a YAML file of settings", "correct the file")
