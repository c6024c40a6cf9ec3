"""Where a model lies: a folder, an address, or the model that comes with this package, by its name."""

from __future__ import annotations

import logging
from importlib.resources import files
from pathlib import Path
from typing import TypeVar

_LOG = logging.getLogger("nwbspikegen")
PRETRAINED = "pretrained"
"""The name of the model in this package, wherever a model is asked for."""

_Place = TypeVar("_Place")


def find_model(place: _Place) -> _Place | Path:
    """Return the folder of the model in this package for its name; anything else is where it says.

    The word is the model, also where the working directory has a folder of that name: ``./pretrained``, or a
    `pathlib.Path`, is the folder.

    Examples
    --------
    >>> find_model("pretrained").parent.name, find_model("./pretrained")
    ('models', './pretrained')
    """
    if not isinstance(place, str) or place != PRETRAINED:
        return place
    if Path(PRETRAINED).exists():
        _LOG.warning("%s is the model in this package; for what lies here write ./%s", place, place)
    return Path(str(files("nwbspikegen"))) / "models" / PRETRAINED
