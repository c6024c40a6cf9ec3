"""What writers and readers of a derived file agree on: the module's name, and attributes as text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

MODULE = "spike_generation"
RESULT_MODULES = (MODULE, "attention", "patchseq", "spike_transfer")
# tables of NWB have no place for further attributes without an extension, which every reader would need
_MARK = "Attributes as JSON: "


def join_attributes(description: str, attributes: Mapping[Any, Any]) -> str:
    """Return a description that ends with attributes, for `split_attributes` to read back.

    Attributes that JSON cannot hold become text.

    Examples
    --------
    >>> split_attributes(join_attributes("Scores.", {"seed": 3}))
    {'seed': 3}
    """
    if not attributes:
        return description
    text = json.dumps({str(key): value for key, value in attributes.items()}, default=_to_plain)
    return f"{description} {_MARK}{text}"


def split_attributes(description: str) -> dict[str, Any]:
    """Return the attributes at the end of a description, none when it has none."""
    _, mark, text = description.rpartition(_MARK)
    attributes: dict[str, Any] = json.loads(text) if mark else {}
    return attributes


def _to_plain(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else str(value)
