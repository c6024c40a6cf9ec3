"""Settings that a model is built with, and those of its optimiser: all that `--set` takes."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from nwbspikegen.core.errors import InputError
from nwbspikegen.models import build_model, find_architecture
from nwbspikegen.training.fit import train
from nwbspikegen.training.schedule import schedule_of

OF_TRAINING = ("learning_rate", "weight_decay", "patience")
"""Settings of the optimiser and of early stopping, which every model is trained with."""


def list_settings(model: str) -> list[str]:
    """Return the names of the settings of a model, then those of its training.

    A field that is called like another argument of `train` cannot be set, and is left out.

    Examples
    --------
    >>> list_settings("in_context")[:2]
    ['width', 'batch_size']
    """
    fields = find_architecture(model).settings_class.__dataclass_fields__
    return [*(name for name in fields if name not in inspect.signature(train).parameters), *OF_TRAINING]


def settings_of_model(training: Mapping[str, Any], *, scheduled: bool = False) -> dict[str, Any]:
    """Return which arguments of `nsg.train` are settings of the architecture.

    Parameters
    ----------
    training : mapping from name to value
        What `nsg.train` is given beside the segments and the model.
    scheduled : bool
        Keep `learning_rate`, `weight_decay` and `patience` too, as `require_settings` takes them.

    Examples
    --------
    >>> settings_of_model({"width": 32, "epochs": 2, "populations": 100, "patience": 3})
    {'width': 32}
    """
    apart = inspect.signature(train).parameters.keys() - (OF_TRAINING if scheduled else ())
    return {name: value for name, value in training.items() if name not in apart}


def require_settings(model: str, settings: Mapping[str, Any]) -> None:
    """Raise `InputError` for settings that a model cannot be trained with, before anything is computed.

    Parameters
    ----------
    model : str
        Name of the architecture.
    settings : mapping from name to value
        Settings of the architecture, `learning_rate`, `weight_decay`, `patience`.

    Examples
    --------
    >>> require_settings("in_context", {"width": 32, "learning_rate": 0.001})
    >>> require_settings("in_context", {"colour": 3})
    Traceback (most recent call last):
    nwbspikegen.core.errors.InputError: found setting 'colour' for in_context; expected one of width, ...
    """
    known = list_settings(model)
    unknown = [name for name in settings if name not in known]
    if unknown:
        raise InputError(
            f"setting {unknown[0]!r} for {model}", f"one of {', '.join(known)}", "check its name"
        )
    schedule = {name: settings[name] for name in OF_TRAINING if name in settings}
    for name, value in schedule.items():
        if isinstance(value, bool) or not isinstance(value, int if name == "patience" else int | float):
            raise InputError(
                f"{name} {value!r}", f"a {'whole ' if name == 'patience' else ''}number", "correct it"
            )
    # called for what it refuses
    schedule_of(model).replace(**schedule)
    # the number of units is not known yet, and no setting depends on it
    build_model(model, 1, **{name: value for name, value in settings.items() if name not in schedule})
