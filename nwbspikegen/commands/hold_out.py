"""How a model does on recordings that it was not trained on."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import xarray as xr

from nwbspikegen.commands.beside import generate_with_beside, leave_untrained
from nwbspikegen.core.addresses import is_remote
from nwbspikegen.core.errors import InputError
from nwbspikegen.models import FittedModel
from nwbspikegen.scoring import score
from nwbspikegen.views import Split

Recording = str | os.PathLike[str]

EACH = "each"
"""Instead of a recording to hold out: each in turn."""


def plan_folds(recordings: Sequence[Recording], hold_out: Sequence[Recording]) -> list[list[int]]:
    """Return which recordings are held out together, fold by fold.

    Raises
    ------
    InputError
        A recording to hold out is not among those given, or none would be left for training.

    Examples
    --------
    >>> plan_folds(["a.nwb", "b.nwb", "c.nwb"], ["b.nwb"])
    [[1]]
    >>> plan_folds(["a.nwb", "b.nwb", "c.nwb"], ["each"])
    [[0], [1], [2]]
    """
    names = [_name_place(recording) for recording in recordings]
    if [os.fspath(recording) for recording in hold_out] == [EACH]:
        # "each" may be a file's name too; then it is given as ./each
        folds = [[place] for place in range(len(names))]
    else:
        unknown = [recording for recording in hold_out if _name_place(recording) not in names]
        if unknown:
            raise InputError(
                f"--hold-out {unknown[0]}",
                f"one of the recordings given: {', '.join(map(str, recordings))}",
                "name it among the recordings too",
            )
        folds = [sorted({names.index(_name_place(recording)) for recording in hold_out})] if hold_out else []
    if any(len(fold) == len(names) for fold in folds):
        raise InputError(
            f"{len(names)} recordings, all held out", "at least one to train on", "add recordings"
        )
    return folds


def _name_place(recording: Recording) -> str:
    """Return one name for a file, however it was spelled."""
    # the same file by two paths would be trained on and held out at once
    return str(recording) if is_remote(recording) else str(Path(recording).resolve())


def score_zero_shot(
    model: FittedModel,
    units: xr.Dataset,
    parts: Split,
    *,
    baselines: Sequence[str] | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Predict the test segment of a recording with weights that never met it, and score it.

    The model, itself before training and every baseline read the recording's own past, from the start
    of the window `units`.
    """
    # warm: weights that never met the recording, and all of its past, as a user would have it
    predicted, others = generate_with_beside(model, parts.test, context=units, names=baselines)
    return score(
        predicted,
        parts.test,
        train=parts.train,
        context=units,
        baselines=leave_untrained(baselines),
        extra_predictions=others,
        seed=seed,
    )
