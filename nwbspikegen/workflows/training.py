"""Train on a recording and save the model: the whole of `nwbspikegen train`."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
import os
import shutil
from pathlib import Path

from nwbspikegen.files import require_absent
from nwbspikegen.models import DESCRIPTION_FILE, FittedModel
from nwbspikegen.training import train
from nwbspikegen.workflows.window import WindowOptions, open_window

_LOG = logging.getLogger("nwbspikegen")


def train_recording(
    recording: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    options: WindowOptions,
    model: str = "in_context",
    loss: str | None = None,
    epochs: int | None = None,
    device: str = "auto",
    seed: int = 0,
    overwrite: bool = False,
) -> FittedModel:
    """Train a model on a recording's window and save it into the folder `out`.

    The state of the run lies beside `out` until it is done. A run that was interrupted goes on from
    there when everything is asked for as before; other parameters begin another run.
    """
    out = Path(out)
    require_absent(out, overwrite=overwrite, marker=DESCRIPTION_FILE, sources=[recording])
    units, parts = open_window(recording, options)
    asked = [model, loss, epochs, device, seed, options.as_dict(), units.attrs["source_sha256"]]
    digest = hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:12]
    unfinished = out.parent / f".{out.name}.unfinished-{digest}"
    _LOG.info("training %s on %d units", model, units.sizes["unit"])
    fitted = train(
        parts.train, parts.validation, model=model, loss=loss, epochs=epochs, device=device, seed=seed,
        checkpoints=unfinished,
    )  # fmt: skip
    fitted = dataclasses.replace(fitted, training={**fitted.training, "options": options.as_dict()})
    fitted.save(out, overwrite=overwrite)
    shutil.rmtree(unfinished, ignore_errors=True)
    return fitted
