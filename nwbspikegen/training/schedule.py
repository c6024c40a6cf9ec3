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


def schedule_of(model: str) -> Schedule:
    """Return the default schedule of an architecture."""
    return _SCHEDULES.get(model, _DEFAULT)
