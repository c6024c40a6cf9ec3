"""Which models are mixed: a text to their names and settings, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nwbspikegen.core.errors import InputError
from nwbspikegen.models.base import SpikeModel
from nwbspikegen.models.registry import build_model


@dataclass(frozen=True)
class Member:
    """A model that is mixed with others, and its settings as texts."""

    name: str
    settings: Mapping[str, str]

    def build(self, num_units: int) -> SpikeModel:
        """Return it untrained."""
        return build_model(self.name, num_units, **self.settings)


def find_members(text: str) -> list[Member]:
    """Return the members that a setting names.

    Raises
    ------
    InputError
        There are fewer than two, one of them is a mixture itself, or a setting is not written ``key=value``.

    Examples
    --------
    >>> [(each.name, dict(each.settings)) for each in find_members("in_context, glm num_bins=200")]
    [('in_context', {}), ('glm', {'num_bins': '200'})]
    """
    members = [_read_member(part) for part in text.split(",") if part.strip()]
    if len(members) < 2 or any(each.name == "mixed" for each in members):
        raise InputError(
            f"members {text!r}", "at least two other models, separated by commas", "name what is to be mixed"
        )
    return members


def name_member(model: SpikeModel) -> str:
    """Return the text that stands for a model: its name, and settings that later may have another default.

    Examples
    --------
    >>> name_member(build_model("in_context", 4, width=8))
    'in_context width=8 training_units=384 prior=3'
    """
    defaults: dict[str, Any] = vars(model.settings_class())
    # those that a stored model would take otherwise are told whatever they are
    told = {
        name: value
        for name, value in vars(model.settings).items()
        if value != defaults[name] or name in model.settings_before
    }
    return " ".join([model.name, *(f"{name}={_to_text(value)}" for name, value in told.items())])


def _read_member(text: str) -> Member:
    name, *settings = text.split()
    pairs = [each.partition("=") for each in settings]
    wrong = [key + sign + value for key, sign, value in pairs if not (key and sign and value)]
    if wrong:
        raise InputError(f"{wrong[0]!r} behind member {name}", "settings as key=value", "correct it")
    return Member(name, {key: value for key, _, value in pairs})


def _to_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
