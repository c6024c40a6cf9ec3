"""Options that were given and that a command would not use: refused or named, never dropped in silence."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from nwbspikegen.core.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from nwbspikegen.models import FittedModel

_LOG = logging.getLogger("nwbspikegen")


def is_given(name: str) -> bool:
    """Return whether a parameter of the running command was typed, or set by --config or --preset."""
    source = click.get_current_context().get_parameter_source(name)
    return source not in (None, ParameterSource.DEFAULT)


def name_options(names: Iterable[str]) -> str:
    """Return how parameters of the running command are typed: ``--skip-units, --split``."""
    options = {each.name: max(each.opts, key=len) for each in click.get_current_context().command.params}
    return ", ".join(str(options[name]) for name in names)


def refuse_given(names: Iterable[str], where: str, needed: str) -> None:
    """Raise `InputError` when some parameters were given where they would have no effect.

    Parameters
    ----------
    names : iterable of str
        Names of parameters.
    where : str
        The situation, such as "without --nwb".
    needed : str
        What uses them.
    """
    given = [name for name in names if is_given(name)]
    if given:
        options = name_options(given)
        have = "has" if len(given) == 1 else "have"
        raise InputError(
            f"{options} {where}, where {'it' if len(given) == 1 else 'they'} {have} no effect", needed,
            f"leave out {options}",
        )  # fmt: skip


def name_unused(names: Iterable[str], where: str) -> None:
    """Log which of some parameters were given and have no effect, where that does not show on the line."""
    given = sorted(name for name in names if is_given(name))
    if given:
        _LOG.warning("%s: no effect %s", name_options(given), where)


def refuse_other_window(model: FittedModel, recording: Path | str, window: dict[str, Any]) -> None:
    """Raise `InputError` for window options that a recording of the model's training is not opened with.

    It is opened as it was for training, so that bins of training are known and not scored.

    Parameters
    ----------
    model : FittedModel
    recording : path or address
    window : dict
        Values of `window_options`.
    """
    given = [name for name in window if is_given(name)]
    if not given:
        return
    from nwbspikegen.cli.options import read_window
    from nwbspikegen.prediction.recording import find_stored_window

    stored = find_stored_window(model, recording, window["unit_table"])
    if stored is None:
        return
    asked = read_window(**window).as_dict()
    # what is excluded now is excluded beside what was in training; a model that was trained in Python has
    # no options in its record, and how long to go on is free then
    used = ({"duration"} - set(stored)) | {"exclude", "accept_odd"}
    other = [name for name in given if name not in used and asked.get(name) != stored.get(name)]
    if not other:
        return
    was = ", ".join(f"{name_options([name])} {_to_text(stored[name])}" for name in other if name in stored)
    raise InputError(
        f"{name_options(other)} for a recording that the model was trained on",
        f"its window of training{f' ({was})' if was else ''}, which is used again",
        f"leave out {name_options(other)}, or train a model on the other window",
    )


def _to_text(value: Any) -> str:
    return ",".join(f"{each:g}" for each in value) if isinstance(value, list) else str(value)
