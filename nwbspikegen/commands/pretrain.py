"""Pretrain and save the model: the whole of `nwbspikegen pretrain`."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nwbspikegen.commands.train import remove_states
from nwbspikegen.core.files import require_absent
from nwbspikegen.core.owners import hold_alone
from nwbspikegen.models import DESCRIPTION_FILE, FittedModel
from nwbspikegen.training.choosing import find_best_epoch
from nwbspikegen.training.pretraining import pretrain
from nwbspikegen.training.settings import require_settings


def pretrain_and_save(
    out: str | os.PathLike[str],
    *,
    settings: Mapping[str, Any] | None = None,
    overwrite: bool = False,
    **how: Any,
) -> tuple[FittedModel, dict[str, float]]:
    """Train a model on simulated populations and save it into the folder `out`; return its best epoch too.

    The state of the run lies beside `out` until it is done, so that the same call goes on.

    Parameters
    ----------
    out : path
        Folder to write the model to.
    settings : mapping of name to value, optional
        Of `in_context`.
    overwrite : bool
        Replace `out`.
    **how
        As for `pretrain`.
    """
    out = Path(out)
    require_absent(out, overwrite=overwrite, marker=DESCRIPTION_FILE)
    settings = dict(settings or {})
    require_settings("in_context", settings)
    told = json.dumps({**how, **settings}, sort_keys=True, default=str)
    work = out.parent / f".{out.name}.unfinished-{hashlib.sha256(told.encode()).hexdigest()[:12]}"
    # two of one kind would write the same state
    with hold_alone(out):
        fitted = pretrain(work=work, **how, **settings)
        fitted = dataclasses.replace(fitted, license="BSD-3-Clause")
        fitted.save(out, overwrite=overwrite)
        remove_states(out)
    return fitted, find_best_epoch(fitted)
