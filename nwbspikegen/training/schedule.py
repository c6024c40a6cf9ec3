"""How long and how fast each architecture is trained unless told otherwise."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from nwbspikegen.core.errors import InputError


@dataclasses.dataclass(frozen=True)
class Schedule:
    """Epochs, AdamW's learning rate and weight decay, and epochs to wait for a better score."""

    epochs: int
    learning_rate: float
    weight_decay: float
    patience: int

    def replace(self, **changes: Any) -> Schedule:
        """Return a schedule with every change that is not None."""
        given: dict[str, Any] = {key: value for key, value in changes.items() if value is not None}
        for key, value in given.items():
            lowest = 1 if key in ("epochs", "patience") else 0
            if not (np.isfinite(value) and value >= lowest):
                raise InputError(f"{key} {value}", f"a number from {lowest}", "correct it")
        return dataclasses.replace(self, **given)

    def as_dict(self) -> dict[str, Any]:
        """Return the schedule as JSON holds it."""
        return dataclasses.asdict(self)


# of the first recipe. Half the rate lost .006 (npx) and .012 (wt) bits per spike in four epochs, twelve
# epochs gain .002 and .001 at most; with a patience of all epochs the best of them is kept and none is left
# out
_DEFAULT = Schedule(epochs=6, learning_rate=2e-3, weight_decay=1e-2, patience=6)
_SCHEDULES = {
    "population_gru": Schedule(epochs=12, learning_rate=3e-3, weight_decay=1e-2, patience=4),
    # 200 epochs are the paper's; it does not state optimiser or rate
    "shimono2026": Schedule(epochs=200, learning_rate=1e-3, weight_decay=1e-2, patience=20),
}


# of rate and epochs, where the weights of another model are the start: trained so on four recordings, from
# `pretrained`, .04 bits per spike more on npx at 0 to 2 s than with all of both from nothing (validation)
_RATE_GOING_ON = 0.25
_EPOCHS_GOING_ON = 0.5


def schedule_of(model: str, *, goes_on: bool = False) -> Schedule:
    """Return the default schedule of an architecture, from nothing or going on from another model."""
    schedule = _SCHEDULES.get(model, _DEFAULT)
    if not goes_on:
        return schedule
    return dataclasses.replace(
        schedule,
        learning_rate=_RATE_GOING_ON * schedule.learning_rate,
        epochs=max(1, round(_EPOCHS_GOING_ON * schedule.epochs)),
    )
