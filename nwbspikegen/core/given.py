"""Options that were given and that a command would not use: refused or named, never dropped in silence."""

from __future__ import annotations

import logging
from collections.abc import Iterable

import click
from click.core import ParameterSource

from nwbspikegen.core.errors import InputError

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
            f"{options} {where}, where {'it' if len(given) == 1 else 'they'} {have} no effect",
            needed,
            f"leave out {options}",
        )


def name_unused(names: Iterable[str], where: str) -> None:
    """Log which of some parameters were given and have no effect, where that does not show on the line."""
    given = sorted(name for name in names if is_given(name))
    if given:
        _LOG.warning("%s: no effect %s", name_options(given), where)
