"""What a SpikeInterface sorting says of itself beside spikes and properties."""

from __future__ import annotations

from typing import Any


def read_attribute(sorting: Any, name: str) -> Any:
    """Return an attribute of a sorting, or the annotation of that name, None when it has neither.

    Readers set attributes; annotations are what SpikeInterface keeps when a sorting is saved.
    """
    value = getattr(sorting, name, None)
    return sorting.get_annotation(name) if value is None and name in sorting.get_annotation_keys() else value
