"""What `model.json` says of a stored classifier of cells, as typed fields."""

from __future__ import annotations

from typing import Annotated, Generic, Literal, TypeVar

from pydantic import AfterValidator, Field, JsonValue, PositiveInt

from nwbspikegen.core.records import Record
from nwbspikegen.core.stored_by import Version

ModelKind = Literal["forest", "vote", "bilstm"]
MODEL_KINDS: tuple[ModelKind, ...] = ("forest", "vote", "bilstm")


def _require_different(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(names)) < len(names):
        raise ValueError("a class twice")
    return names


ClassNames = Annotated[tuple[str, ...], Field(min_length=1), AfterValidator(_require_different)]


class ForestRecord(Record):
    """Of a `CellForest`; its trees are in the arrays."""

    class_names: ClassNames
    # 1 / 0 and NaN would make every probability NaN; JSON as Python reads it has both
    temperature: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    num_features: PositiveInt
    calibration: dict[str, float]


class VoteRecord(Record):
    """Of a `CellVote`; its members are in a file of their own.

    Attributes
    ----------
    varying : tuple of bool
        Which features its members read.
    sha256 : str
        Of that file: damage is seen before anything of it is read.
    scikit_learn : str
        Version that fitted it, the only one that is sure to read it rightly.
    """

    class_names: ClassNames
    varying: tuple[bool, ...]
    # damage to the file must not reach skops, which answers it with almost any exception
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    scikit_learn: str


class NetworkRecord(Record):
    """Of a `CellBiLSTM`; its weights are in a file of their own."""

    class_names: ClassNames
    num_families: PositiveInt
    width: PositiveInt
    record: dict[str, JsonValue]


class ConfidenceRecord(Record):
    """Of a `Confidence`."""

    slope: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    intercept: tuple[Annotated[float, Field(allow_inf_nan=False)], ...]
    least_probability: Annotated[float, Field(ge=0, le=1)]
    coverage: Annotated[float, Field(gt=0, lt=1)]
    num_cells: PositiveInt


class FamilyRecord(Record):
    """Of the sparse components of one feature family; its loadings are in the arrays."""

    family: str
    num_nonzero: tuple[int, ...]


ClassifierRecord = TypeVar("ClassifierRecord", ForestRecord, VoteRecord, NetworkRecord)


FORMAT: Literal["nwbspikegen-patchseq-1"] = "nwbspikegen-patchseq-1"
SCHEMA_VERSION = 3
"""Of the fields of `CellModelDescription`; 1 had none from `schema_version` on, 2 no `confidence`."""


class ModelHead(Record, extra="ignore"):
    """What says how the rest of the file is to be read."""

    kind: ModelKind


class CellModelDescription(Record, Generic[ClassifierRecord]):
    """The whole of `model.json`; fields as in `CellModel`, and as in the description of a model of spikes."""

    format: Literal["nwbspikegen-patchseq-1"] = FORMAT
    kind: ModelKind
    label_version: str
    features: tuple[str, ...]
    training: dict[str, JsonValue]
    components: tuple[FamilyRecord, ...] | None
    classifier: ClassifierRecord
    schema_version: PositiveInt = 1
    package_version: Version = ""
    data_fingerprint: str = ""
    license: str = ""
    confidence: ConfidenceRecord | None = None
