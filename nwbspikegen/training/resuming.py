"""Going on with a run that was interrupted: from a whole state of the same run, or not at all."""

from __future__ import annotations

import hashlib
import json
import logging
import zipfile
from pathlib import Path
from typing import Any

import torch

from nwbspikegen.core.errors import InputError
from nwbspikegen.training.module import TrainingModule

_LOG = logging.getLogger("nwbspikegen")
LAST, BEST = "last.ckpt", "best.ckpt"


def name_run(module: TrainingModule, record: dict[str, Any]) -> str:
    """Return what tells a run from others: model, loss, settings, data and seed, as a hash.

    Not how long it is trained, which may be raised, nor the size of batches, which is halved when the
    memory of a GPU is short.
    """
    settings = {key: value for key, value in module.model.parameters_used.items() if key != "batch_size"}
    schedule = {key: record["schedule"][key] for key in ("learning_rate", "weight_decay")}
    told = [
        module.model.name,
        module.model.num_units,
        settings,
        module.loss,
        {**record, "schedule": schedule},
    ]
    return hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()


def find_checkpoint(folder: Path, module: TrainingModule) -> Path | None:
    """Return the state from which a run goes on, None where it starts.

    A damaged state is told and left behind: the run starts again.

    Raises
    ------
    InputError
        The state of another run is there, which would be overwritten.
    """
    last = folder / LAST
    if not last.is_file():
        return None
    try:
        state = _read_state(last)
        # the best epoch so far may be the one that is kept
        _read_state(folder / BEST)
    except _DamagedError as damage:
        _LOG.warning("%s: the run starts again", damage)
        return None
    if state.get("run") != module.run or _shapes(state.get("state_dict")) != _shapes(module.state_dict()):
        raise InputError(
            f"the state of another run in {folder}",
            "that of this model, with these settings and recordings",
            "pass another folder for checkpoints, or delete it",
        )
    if (place := _find_place(state)) != folder.resolve():
        # Lightning then forgets how good the best epoch was, and would keep a worse one
        _LOG.warning("the state in %s was written in %s: the run starts again", folder, place)
        return None
    return last


class _DamagedError(Exception):
    """A state cannot be read."""


def _read_state(path: Path) -> dict[str, Any]:
    """Return what a checkpoint holds, every byte of it checked; nothing in it is executed."""
    try:
        with zipfile.ZipFile(path) as archive:
            # torch reads arrays whose bytes were changed without a word; the archive has a checksum of each
            if (member := archive.testzip()) is not None:
                raise _DamagedError(f"{path} is damaged ({member})")
        state = torch.load(path, map_location="cpu", weights_only=True)
    except _DamagedError:
        raise
    # what lies there may be anything, and readers fail on it in as many ways
    except Exception as error:
        reason = (str(error).splitlines() or [""])[0][:80]
        raise _DamagedError(f"{path} cannot be read ({type(error).__name__}: {reason})") from error
    return state if isinstance(state, dict) else {}


def _find_place(state: dict[str, Any]) -> Path | None:
    """Return the folder in which a state was written."""
    places = [each["dirpath"] for each in state.get("callbacks", {}).values() if "dirpath" in each]
    return Path(places[0]).resolve() if places else None


def _shapes(state: Any) -> dict[str, Any]:
    return {name: value.shape for name, value in state.items()} if isinstance(state, dict) else {}
