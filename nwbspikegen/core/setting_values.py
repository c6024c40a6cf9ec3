"""Settings as they are typed, NAME=VALUE, to the values that a model takes."""

from __future__ import annotations

from collections.abc import Sequence

from nwbspikegen.core.errors import InputError

Value = bool | int | float | str


def read_settings(texts: Sequence[str]) -> dict[str, Value]:
    """Return the settings of texts such as ``width=64``; a hyphen in a name is an underscore.

    Raises
    ------
    InputError
        A text without ``=``, without a name or a value, or a name that is there twice.

    Examples
    --------
    >>> read_settings(["width=64", "dropout=0.1", "start-at-rates=false"])
    {'width': 64, 'dropout': 0.1, 'start_at_rates': False}
    >>> read_settings(["width"])
    Traceback (most recent call last):
    nwbspikegen.core.errors.InputError: found --set width; expected a name, once, and its value...
    """
    settings: dict[str, Value] = {}
    for text in texts:
        name, _, value = (part.strip() for part in text.partition("="))
        name = name.replace("-", "_")
        if not name.isidentifier() or not value or name in settings:
            raise InputError(
                f"--set {text}",
                "a name, once, and its value, such as width=64",
                "correct it, or leave it out",
            )
        settings[name] = read_value(value)
    return settings


def read_value(text: str) -> Value:
    """Return what a text stands for: true or false, a whole number, a number, or itself.

    Examples
    --------
    >>> [read_value(text) for text in ("true", "64", "1e-3", "relu")]
    [True, 64, 0.001, 'relu']
    """
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    # whole numbers first: a width of 64.0 is none
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
