"""What a study consists of: its sessions, its models, which are trained on what and tested where."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, NonNegativeInt, model_validator

from nwbspikegen.core.errors import InputError
from nwbspikegen.core.records import Record, read_record, write_record
from nwbspikegen.transfer.sessions import OTHERS, StudySession, shorten, slugify
from nwbspikegen.views import WindowOptions
from nwbspikegen.views.window_record import StoredOptions

STUDY_FILE = "study.json"
# studies that were made before there were curves lack these, and mean the defaults
_SINCE = {"contexts", "num_starts", "scored"}
# a name, or package.module:Name; never a path, for it becomes the name of a folder
_ModelName = Annotated[str, Field(pattern=r"^[\w-]+(\.[\w-]+)*(:\w+)?$")]


@dataclasses.dataclass(frozen=True)
class MatrixCell:
    """One entry of the matrix: the model, the row's label, the sessions trained on, the one tested."""

    model: str
    row: str
    trained_on: tuple[str, ...]
    tested: str


class StudyPlan(Record, extra="ignore"):
    """Everything that decides what is in a study; `study.json` holds it.

    Attributes
    ----------
    sessions : tuple of StudySession
        Each is a row and a column.
    visitors : tuple of StudySession
        Targets of recommendations: columns only, left out of `scores`.
    models : tuple of str
        Architectures; each has a matrix of its own.
    mixtures : tuple of tuples of str
        Further rows, trained on several sessions by name.
    leave_one_out : bool
        Whether there is a row of models trained on all sessions but the one tested.
    options : WindowOptions
        Of sessions that are added without options of their own.
    training : dict
        Further arguments of `nwbspikegen.train`: epochs, parameters of the architecture...
    baselines : tuple of str
        In every column.
    seed, resamples : int
        Of training and bootstrap; draws of blocks.
    contexts : tuple of str
        Labels of the contexts of which curves are measured; none by default.
    num_starts, scored : int, float
        Of the curves, as of `nwbspikegen.context_curve`.
    """

    format: Literal["nwbspikegen-transfer-study-1"] = "nwbspikegen-transfer-study-1"
    sessions: Annotated[tuple[StudySession, ...], Field(min_length=1)]
    visitors: tuple[StudySession, ...] = ()
    models: tuple[_ModelName, ...] = ("in_context",)
    mixtures: tuple[tuple[str, ...], ...] = ()
    leave_one_out: bool = False
    options: StoredOptions = Field(default_factory=WindowOptions)
    training: dict[str, Any] = Field(default_factory=dict)
    baselines: tuple[str, ...] = ()
    seed: int = 0
    resamples: NonNegativeInt = 200
    contexts: tuple[str, ...] = ()
    num_starts: Annotated[int, Field(ge=1)] = 20
    scored: Annotated[float, Field(gt=0)] = 5.0

    @model_validator(mode="after")
    def _require_names(self) -> StudyPlan:
        if len(set(self.names)) < len(self.names):
            raise ValueError("two sessions have one name")
        if not {name for mixture in self.mixtures for name in mixture} <= set(self.names):
            raise ValueError("a mixture is of sessions that are not there")
        return self

    @property
    def names(self) -> list[str]:
        """Names of the sessions, in the order they were added."""
        return [session.name for session in self.sessions]

    def find(self, name: str) -> StudySession:
        """Return a session or visitor by its name."""
        for session in (*self.sessions, *self.visitors):
            if session.name == name:
                return session
        raise InputError(f"no session {name!r}", f"one of {', '.join(self.names)}", "choose one of these")

    def rows(self) -> list[str]:
        """Return the labels of the rows, in order."""
        labels = [*self.names, *("+".join(mixture) for mixture in self.mixtures)]
        return [*labels, OTHERS] if self.leave_one_out else labels

    def trained_on(self, row: str, tested: str) -> tuple[str, ...]:
        """Return which sessions a row's cell in a column was trained on, in the order of the study."""
        if row == OTHERS:
            # so that this row's model is another one in every column
            return tuple(name for name in self.names if name != tested)
        # in the order of the study, whatever order they were named in: a+b and b+a are one model
        chosen = {"+".join(mixture): mixture for mixture in self.mixtures}.get(row, (row,))
        return tuple(name for name in self.names if name in chosen)

    def cells(self, columns: Sequence[str] | None = None) -> Iterator[MatrixCell]:
        """Give every cell, or those of some columns."""
        for tested in self.names if columns is None else columns:
            for model in self.models:
                for row in self.rows():
                    yield MatrixCell(model, row, self.trained_on(row, tested), tested)

    def row_slug(self, trained_on: Sequence[str]) -> str:
        """Return the name of the folder of a row's model: the same sessions and settings, the same name."""
        # by digests, not names: a session may be renamed, and two studies' sessions may share a name
        digests = [self.find(name).digest for name in trained_on]
        # for who looks into the folder; the digest is what tells models apart
        title = slugify(trained_on[0]) if len(trained_on) == 1 else f"{len(trained_on)}_sessions"
        return f"{title}-{shorten([digests, self.training, self.seed], 12)}"

    def model_slug(self, model: str) -> str:
        """Return the name of the folder of a model: package.module:Name is none that every system takes."""
        return slugify(model)

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write `study.json`, whole or not at all."""
        write_record(Path(folder) / STUDY_FILE, self, overwrite=True)

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> StudyPlan:
        """Read what `save` wrote."""
        path = Path(folder) / STUDY_FILE
        if not path.is_file():
            raise InputError(
                f"no {STUDY_FILE} in {folder}", "a transfer study", "make one: nwbspikegen transfer"
            )
        plan = read_record(path, cls, "a transfer study", "restore the file")
        # all were written; a default in the place of one whose name is damaged would be another study
        missing = sorted(cls.model_fields.keys() - plan.model_fields_set - _SINCE)
        if missing:
            raise InputError(f"{path} without {missing[0]}", "a transfer study", "restore the file")
        return plan
