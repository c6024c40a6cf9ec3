"""What the JSON files of a sweep hold beside its plan, as typed fields."""

from __future__ import annotations

from typing import Any

from pydantic import JsonValue

from nwbspikegen.core.records import Record

TABLES_FILE = "trials.json"


class TrialRecord(Record, extra="allow"):
    """How a trial went: `trial.json`.

    Every score stands beside these fields, under its segment and name: ``test_bits_per_spike``. Which
    there are is for the installed scores to say.

    Attributes
    ----------
    num_parameters : int
        Number of weights of the model.
    settings : dict
        Parameters of the architecture.
    best_epoch, num_epochs : int
        The epoch whose weights were kept, and how many were trained.
    train_seconds, score_seconds : float
        How long it took.
    resumed : bool
        Whether it was killed in between: then the seconds are not all of them.
    sha256 : str
        Of the model.
    """

    __pydantic_extra__: dict[str, float]

    num_parameters: int
    settings: dict[str, Any]
    best_epoch: int
    num_epochs: int
    train_seconds: float
    score_seconds: float
    resumed: bool
    sha256: str

    @property
    def scores(self) -> dict[str, float]:
        """Every score, by its segment and name."""
        return dict(self.__pydantic_extra__)


class ReferenceRecord(Record, extra="allow"):
    """Scores of the predictors that need no training of weights, by their names: `reference.json`."""

    __pydantic_extra__: dict[str, dict[str, float]]

    @property
    def predictors(self) -> dict[str, dict[str, float]]:
        """The scores of each."""
        return dict(self.__pydantic_extra__)


class SweepTables(Record):
    """What is made of all trials for others to read: `trials.json`.

    Attributes
    ----------
    trials : list of dict
        One entry per trial; what it has not is null.
    reference : dict of str to dict, optional
        As of `ReferenceRecord`; there is none while trials are running.
    """

    trials: list[dict[str, JsonValue]]
    reference: dict[str, dict[str, float]] | None
