"""Where results come from, as NWB tables: the recording and the model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from nwbspikegen.core.addresses import hash_recording, name_of
from nwbspikegen.nwb.tables import to_table


def sources_table(source: Path | str, identifier: str) -> Any:
    """Return the table of what a derived file was made from: name, identifier and sha256."""
    frame = pd.DataFrame(
        {"file_name": [name_of(source)], "identifier": [identifier], "sha256": [hash_recording(source)]}
    )
    return to_table("sources", "Recording that this file was derived from.", frame)


def models_table(model: Any) -> Any:
    """Return the table of the model that made what a file holds: architecture, hash and training."""
    row = {
        # a column `name` would hide the table's own, and pynwb warns of it at every reading
        "model_name": str(model.name),
        "sha256": str(getattr(model, "sha256", "")),
        "loss": str(getattr(model, "loss", "")),
        "parameters": json.dumps(getattr(model, "parameters", {}), default=str),
        "training": json.dumps(getattr(model, "training", {}), default=str),
    }
    return to_table("models", "Models that made the predictions in this file.", pd.DataFrame([row]))
