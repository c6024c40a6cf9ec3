"""Names of a package that are imported when they are first used."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from typing import Any


def import_late(package: str, module_of: Mapping[str, str]) -> Callable[[str], Any]:
    """Return a package's ``__getattr__``, which imports the module of a name at its first use.

    Parameters
    ----------
    package : str
        The package's ``__name__``.
    module_of : mapping from name to str
        In which of its modules each name is defined.

    Examples
    --------
    >>> __getattr__ = import_late("nwbspikegen.core", {"InputError": "errors"})
    >>> __getattr__("InputError").__name__
    'InputError'
    """

    def find(name: str) -> Any:
        if name not in module_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(f"{package}.{module_of[name]}"), name)
        # Python asks `__getattr__` for what a module lacks only: from now on it is not asked
        setattr(sys.modules[package], name, value)
        return value

    return find
