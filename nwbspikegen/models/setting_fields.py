"""Settings as annotated fields of a class: a frozen dataclass is made of them."""

from __future__ import annotations

import dataclasses
from typing import Any

from nwbspikegen.core.errors import InputError

_KINDS = (bool, int, float, str)


def make_settings_class(architecture: type, base: type) -> type[Any]:
    """Return a frozen dataclass of the settings of a class: fields that are annotated and have a value.

    Those of its bases up to `base` come first. What is annotated without a value, as a network is, and
    names that begin with an underscore are none.

    Parameters
    ----------
    architecture : type
        Whose settings they are.
    base : type
        The first class of its bases that has settings.

    Raises
    ------
    InputError
        A value that is neither true nor false, a number or a text: neither a command line nor JSON
        could give it.

    Examples
    --------
    >>> class Base:
    ...     batch_size: int = 4
    >>> class Model(Base):
    ...     width: int = 64
    >>> make_settings_class(Model, Base)(width=8)
    Model.settings_class(batch_size=4, width=8)
    """
    fields: dict[str, Any] = {}
    for owner in reversed(architecture.__mro__):
        if issubclass(owner, base):
            fields |= _own_fields(owner)
    made = [(name, type(value), dataclasses.field(default=value)) for name, value in fields.items()]
    made_class = dataclasses.make_dataclass(f"{architecture.__name__}Settings", made, frozen=True)
    # where pickle looks for it: Lightning sends a model to the processes that train it
    made_class.__module__ = architecture.__module__
    made_class.__qualname__ = f"{architecture.__qualname__}.settings_class"
    return made_class


def _own_fields(owner: type) -> dict[str, Any]:
    found = {
        name: vars(owner)[name]
        for name, kind in vars(owner).get("__annotations__", {}).items()
        # annotations are texts in a module that imports them from __future__, and types elsewhere: str covers
        # both
        if name in vars(owner) and not name.startswith("_") and "ClassVar" not in str(kind)
    }
    for name, value in found.items():
        if type(value) not in _KINDS:
            raise InputError(
                f"setting {name} = {value!r} of {owner.__qualname__}",
                "a default that is true or false, a number or a text",
                "give it one, or leave out its annotation",
            )
    return found
