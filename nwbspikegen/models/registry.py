"""From a name and settings to a model: the register, entry points, and `package.module:Name`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

from nwbspikegen.core.errors import InputError
from nwbspikegen.core.plugins import find_named
from nwbspikegen.models.base import SpikeModel

GROUP = "nwbspikegen.models"
"""The group of entry points in which packages announce their models."""

MODELS: dict[str, type[SpikeModel]] = {}

_Architecture = TypeVar("_Architecture", bound=type[SpikeModel])


def register(name: str) -> Callable[[_Architecture], _Architecture]:
    """Enter an architecture into `MODELS` under `name`.

    Raises
    ------
    InputError
        Another one has that name. The same class, defined again as in a notebook, takes its own place.
    """

    def enter(architecture: _Architecture) -> _Architecture:
        if name in MODELS and _place_of(MODELS[name]) != _place_of(architecture):
            raise InputError(
                f"a second model called {name!r}, {_place_of(architecture)}",
                f"a name of its own: {_place_of(MODELS[name])} has this one",
                "register it under another name",
            )
        architecture.name = name
        MODELS[name] = architecture
        return architecture

    return enter


def find_architecture(name: str, *, is_typed: bool = False) -> type[SpikeModel]:
    """Return the class of a name: one of ours, one of an installed package, or ``package.module:Name``.

    Parameters
    ----------
    name : str
        As on the command line.
    is_typed : bool, default: False
        Whether a user typed the name, just now, so that the working folder is searched as well.

    Raises
    ------
    InputError
        Nothing has that name, or what has it is no model.
    """
    found = find_named(name, MODELS, group=GROUP, called="model", is_typed=is_typed)
    if not (isinstance(found, type) and issubclass(found, SpikeModel)):
        raise InputError(
            f"model {name!r}, {getattr(found, '__qualname__', repr(found))}, which is no SpikeModel",
            "a class derived from SpikeModel, such as a WindowModel",
            "name the class",
        )
    missing = sorted(getattr(found, "__abstractmethods__", ()))
    if missing:
        raise InputError(
            f"model {name!r} without {', '.join(missing)}", "a whole model", "write what is missing"
        )
    return found


def build_model(name: str, num_units: int, **settings: Any) -> SpikeModel:
    """Return an untrained model.

    Parameters
    ----------
    name : str
        A key of `MODELS`, an entry point of an installed package, or ``package.module:Name``.
    num_units : int
        Units of the training recording.
    **settings
        Parameters of the architecture, as values or as texts of them, such as "32", "0.1" or "true";
        the others keep their defaults.

    Raises
    ------
    InputError
        For a name or parameter that does not exist, or a value that is none of its kind.

    Examples
    --------
    >>> build_model("in_context", num_units=12, width="32").parameters_used["width"]
    32
    """
    architecture = find_architecture(name)
    model = architecture(
        architecture.settings_class(**_read_settings(name, architecture, settings)), num_units
    )
    # by this name it is found again, whatever else the class is called
    model.name = name
    return model


def _read_settings(name: str, architecture: type[SpikeModel], settings: dict[str, Any]) -> dict[str, Any]:
    """Return an architecture's settings as values of their kind; `InputError` for what is not one."""
    settings_class = architecture.settings_class
    known = settings_class.__dataclass_fields__
    unknown = sorted(set(settings) - set(known))
    if unknown:
        raise InputError(
            f"parameter {unknown[0]!r} for {name}", f"one of {', '.join(known)}", "check its name"
        )
    defaults = settings_class()
    return {
        field: _read_setting(name, field, value, getattr(defaults, field))
        for field, value in settings.items()
    }


def _read_setting(name: str, field: str, given: Any, default: Any) -> Any:
    """Return a value of the kind of its default, which is given as one or as a text."""
    value = _from_text(given, type(default)) if isinstance(given, str) else given
    is_bool = isinstance(value, bool)
    if isinstance(default, bool):
        # bool is a kind of int in Python, so that true would pass as 1
        fits, expected = is_bool, "true or false"
    elif isinstance(default, int):
        # what counts something by default counts from 1
        lowest = min(default, 1)
        fits, expected = (
            isinstance(value, int) and not is_bool and value >= lowest,
            f"a whole number from {lowest}",
        )
    elif isinstance(default, float):
        # at a dropout of 1 nothing is left
        lower, upper = min(default, 0.0), 1.0 if field == "dropout" else math.inf
        fits = isinstance(value, int | float) and not is_bool and lower <= value < upper
        expected = f"a number from {lower:g}, below {upper:g}"
    else:
        fits, expected = isinstance(value, type(default)), f"a {type(default).__name__}"
    if not fits:
        raise InputError(f"{field} {given!r} for {name}", expected, "correct it")
    return value


def _from_text(text: str, kind: type) -> Any:
    """Return the value that a text stands for, or the text where it stands for none."""
    if kind is bool:
        return {"true": True, "false": False}.get(text.lower(), text)
    try:
        return kind(text)
    except ValueError:
        return text


def _place_of(architecture: type) -> str:
    return f"{architecture.__module__}.{architecture.__qualname__}"
