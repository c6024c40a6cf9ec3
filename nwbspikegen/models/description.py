"""What `model.json` says of a trained model, as typed fields."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, PositiveInt

from nwbspikegen.core.records import Record
from nwbspikegen.core.stored_by import Version
from nwbspikegen.models.losses import LOSSES

FORMAT: Literal["nwbspikegen-model-1"] = "nwbspikegen-model-1"
SCHEMA_VERSION = 2
"""Of the fields below; 1 had none of those from `schema_version` on."""


def _require_loss(name: str) -> str:
    if name not in LOSSES:
        raise ValueError(f"one of {', '.join(LOSSES)} is expected")
    return name


def _require_sources(training: dict[str, Any]) -> dict[str, Any]:
    sources = training.get("sources", [])
    if not isinstance(sources, list) or not all(isinstance(source, dict) for source in sources):
        raise ValueError("its sources are no list of descriptions")
    return training


class ModelDescription(Record, extra="ignore"):
    """The whole of `model.json`; fields as in `FittedModel`.

    Attributes
    ----------
    name : str
        Name of the architecture, or ``package.module:Name``.
    num_units : int
        Number of units that the network was built for.
    parameters : dict
        Parameters of the architecture.
    sha256 : str
        Of the weights, parameters and bin size: the files belong together.
    schema_version : int
        Of these fields; files without one are the first.
    package_version : str
        Version of nwbspikegen that wrote them; empty in the first.
    data_fingerprint : str
        What `fingerprint_data` returns of `training`; empty in the first, and without sources.
    """

    format: Literal["nwbspikegen-model-1"] = FORMAT
    name: str
    num_units: PositiveInt
    parameters: dict[str, Any]
    loss: Annotated[str, AfterValidator(_require_loss)]
    # whole seconds stay a whole number: the hash is of its digits, and 1 and 1.0 differ in them
    bin_size: Annotated[float, Field(gt=0, allow_inf_nan=False)] | PositiveInt
    sha256: str
    training: Annotated[dict[str, Any], AfterValidator(_require_sources)]
    curves: list[dict[str, float]]
    schema_version: PositiveInt = 1
    package_version: Version = ""
    data_fingerprint: str = ""
    license: str = ""
    scores: list[dict[str, Any]] = Field(default_factory=list)


_OF_DATA = ("identifier", "source_sha256", "unit_table", "unit_ids", "window", "split", "spikes_sha256")


def fingerprint_data(training: dict[str, Any], bin_size: float) -> str:
    """Return the sha256 of what a model was trained on: sources, units, windows and spikes.

    Parameters
    ----------
    training : dict
        As in `FittedModel`.
    bin_size : float
        Seconds per bin.

    Returns
    -------
    str
        64 hexadecimal digits; empty where no source is known.

    Examples
    --------
    >>> fingerprint_data({"sources": [{"unit_ids": [1, 2]}]}, 0.001)[:8]
    'e600bcc8'
    """
    sources = [{key: each[key] for key in _OF_DATA if key in each} for each in training.get("sources", [])]
    if not any(sources):
        return ""
    told = json.dumps([sources, float(bin_size)], sort_keys=True, default=str)
    return hashlib.sha256(told.encode()).hexdigest()
