"""What `model.json` says of a trained model, as typed fields."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, PositiveInt

from nwbspikegen.core.records import Record
from nwbspikegen.models.losses import LOSSES


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
    """

    format: Literal["nwbspikegen-model-1"] = "nwbspikegen-model-1"
    name: str
    num_units: PositiveInt
    parameters: dict[str, Any]
    loss: Annotated[str, AfterValidator(_require_loss)]
    # whole seconds stay a whole number: the hash is of its digits, and 1 and 1.0 differ in them
    bin_size: Annotated[float, Field(gt=0, allow_inf_nan=False)] | PositiveInt
    sha256: str
    training: Annotated[dict[str, Any], AfterValidator(_require_sources)]
    curves: list[dict[str, float]]
