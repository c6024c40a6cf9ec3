"""Which epoch of a run is kept: the one with the best validation score, and which score that is."""

from __future__ import annotations

from nwbspikegen.models import FittedModel
from nwbspikegen.scoring.metrics import BITS_PER_SPIKE

CHOSEN_BY = {"dice": "pr_auc", "focal": "pr_auc", "bernoulli": BITS_PER_SPIKE.name}
"""Validation score that chooses the epoch, by loss. Dice and focal do not ask for calibrated
probabilities, so their likelihood says little about what they were trained for."""


def find_best_epoch(model: FittedModel) -> dict[str, float]:
    """Return the point of the training curves whose weights were kept.

    Examples
    --------
    >>> import nwbspikegen as nsg
    >>> units = nsg.open_units(nsg.simulate("in_vivo", num_units=4, duration=20, seed=1).sorting)
    >>> parts = nsg.split_fractions(units)
    >>> model = nsg.train(parts.train, parts.validation, epochs=1, progress=False)
    >>> find_best_epoch(model)["epoch"]
    1.0
    """
    score = CHOSEN_BY[model.loss]
    return max(model.curves, key=lambda point: point[score])
