"""Window options for a recording of training, which is opened as it was for training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nwbspikegen.core.errors import InputError
from nwbspikegen.core.given import is_given, name_options

if TYPE_CHECKING:
    from pathlib import Path

    from nwbspikegen.models import FittedModel


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
    if value is None:
        return "not given"
    return ",".join(f"{each:g}" for each in value) if isinstance(value, list) else str(value)
