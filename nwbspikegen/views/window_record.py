"""Window options as a field of records that are stored as JSON."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import PlainSerializer, PlainValidator

from nwbspikegen.core.errors import InputError
from nwbspikegen.views.window import WindowOptions


def _read_options(stored: Any) -> WindowOptions:
    if isinstance(stored, WindowOptions):
        return stored
    try:
        return WindowOptions.from_dict(stored)
    except (InputError, TypeError, AttributeError) as error:
        raise ValueError(f"no options of a window: {error}") from error


# not by pydantic's own reading of data classes: it makes 600 a 600.0, and names of folders are hashed from
# the digits
StoredOptions = Annotated[
    WindowOptions, PlainValidator(_read_options), PlainSerializer(WindowOptions.as_dict)
]
"""`WindowOptions`, stored as their `as_dict` says."""
