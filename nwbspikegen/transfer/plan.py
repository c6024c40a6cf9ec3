"""What a study consists of: its sessions, its models, which are trained on what and tested where."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from nwbspikegen.core.errors import InputError
from nwbspikegen.core.files import write_whole
from nwbspikegen.core.json_files import read_json
from nwbspikegen.transfer.sessions import OTHERS, TOLD, StudySession, shorten, slugify
from nwbspikegen.views import WindowOptions

STUDY_FILE = "study.json"
_FORMAT = "nwbspikegen-transfer-study-1"
# a name, or package.module:Name; never a path
_MODEL_NAME = re.compile(r"[\w-]+(\.[\w-]+)*(:\w+)?")


@dataclasses.dataclass(frozen=True)
class MatrixCell:
    """One entry of the matrix: the model, the row's label, the sessions trained on, the one tested."""

    model: str
    row: str
    trained_on: tuple[str, ...]
    tested: str


@dataclasses.dataclass(frozen=True)
class StudyPlan:
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
    """

    sessions: tuple[StudySession, ...]
    visitors: tuple[StudySession, ...] = ()
    models: tuple[str, ...] = ("in_context",)
    mixtures: tuple[tuple[str, ...], ...] = ()
    leave_one_out: bool = False
    options: WindowOptions = dataclasses.field(default_factory=WindowOptions)
    training: dict[str, Any] = dataclasses.field(default_factory=dict)
    baselines: tuple[str, ...] = ()
    seed: int = 0
    resamples: int = 200

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
            return tuple(name for name in self.names if name != tested)
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
        digests = [self.find(name).digest for name in trained_on]
        title = slugify(trained_on[0]) if len(trained_on) == 1 else f"{len(trained_on)}_sessions"
        return f"{title}-{shorten([digests, self.training, self.seed], 12)}"

    def model_slug(self, model: str) -> str:
        """Return the name of the folder of a model: package.module:Name is none that every system takes."""
        return slugify(model)

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write `study.json`, whole or not at all."""
        stored = {
            "format": _FORMAT,
            **dataclasses.asdict(self),
            "sessions": [session.as_dict() for session in self.sessions],
            "visitors": [session.as_dict() for session in self.visitors],
            "options": self.options.as_dict(),
        }
        with write_whole(Path(folder) / STUDY_FILE, overwrite=True) as path:
            path.write_text(json.dumps(stored, indent=1))

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> StudyPlan:
        """Read what `save` wrote."""
        path = Path(folder) / STUDY_FILE
        if not path.is_file():
            raise InputError(
                f"no {STUDY_FILE} in {folder}", "a transfer study", "make one: nwbspikegen transfer"
            )
        stored = read_json(path, "a transfer study", "restore the file")
        if stored.get("format") != _FORMAT:
            raise InputError(f"{path} of another format", _FORMAT, "use the version that wrote it")
        try:
            return cls._from_dict(stored)
        # an entry that is missing, or of another kind than was written
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InputError(
                f"{path}, which describes no study ({type(error).__name__}: {str(error)[:100]})",
                "a transfer study",
                "restore the file",
            ) from error

    @classmethod
    def _from_dict(cls, stored: Mapping[str, Any]) -> StudyPlan:
        plan = cls(
            sessions=tuple(StudySession.from_dict(session) for session in stored["sessions"]),
            visitors=tuple(StudySession.from_dict(session) for session in stored["visitors"]),
            models=tuple(stored["models"]),
            mixtures=tuple(tuple(mixture) for mixture in stored["mixtures"]),
            leave_one_out=stored["leave_one_out"],
            options=WindowOptions.from_dict(stored["options"]),
            training=stored["training"],
            baselines=tuple(stored["baselines"]),
            seed=stored["seed"],
            resamples=stored["resamples"],
        )
        _require_kinds(plan)
        return plan


def _require_kinds(plan: StudyPlan) -> None:
    """Raise `ValueError` for entries that `save` cannot have written: some become names of folders."""
    names = plan.names
    fits = {
        "models": all(isinstance(model, str) and _MODEL_NAME.fullmatch(model) for model in plan.models),
        "baselines": all(isinstance(baseline, str) for baseline in plan.baselines),
        "mixtures": all(name in names for mixture in plan.mixtures for name in mixture),
        "leave_one_out": isinstance(plan.leave_one_out, bool),
        "training": isinstance(plan.training, dict),
        "seed": type(plan.seed) is int,
        "resamples": type(plan.resamples) is int and plan.resamples >= 0,
        "sessions": len({*names}) == len(names) > 0 and all(map(_is_session, plan.sessions)),
        "visitors": all(map(_is_session, plan.visitors)),
    }
    wrong = [name for name, is_fitting in fits.items() if not is_fitting]
    if wrong:
        raise ValueError(f"{wrong[0]} {str(getattr(plan, wrong[0]))[:80]}")


def _is_session(session: StudySession) -> bool:
    window = session.about["window"]
    return (
        all(isinstance(text, str) for text in (session.name, session.path))
        and all(isinstance(session.about[name], str) for name in TOLD)
        and len(window) == 2
        and all(math.isfinite(edge) for edge in window)
    )
