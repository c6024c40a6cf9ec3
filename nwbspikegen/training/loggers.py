"""Where the scores of every epoch are written while a model trains."""

from __future__ import annotations

import logging
from importlib.util import find_spec
from pathlib import Path

from lightning.pytorch.loggers import CSVLogger, Logger, TensorBoardLogger

from nwbspikegen.core.errors import InputError, MissingExtraError

_LOG = logging.getLogger("nwbspikegen")


def make_logger(kind: str, out: Path) -> Logger:
    """Return a logger that writes beside a model: to `version_0` and so on in the folder ``OUT-log``.

    Parameters
    ----------
    kind : {"csv", "tensorboard"}
    out : path
        Folder of the model.

    Raises
    ------
    InputError
        Another kind.
    MissingExtraError
        TensorBoard is not installed.

    Examples
    --------
    >>> make_logger("csv", Path("models/first")).log_dir
    'models/first-log/version_0'
    """
    require_logger(kind)
    make = CSVLogger if kind == "csv" else TensorBoardLogger
    logger = make(out.parent, name=f"{out.name}-log")
    _LOG.info("the scores of every epoch are written to %s", logger.log_dir)
    return logger


def require_logger(kind: str) -> None:
    """Raise `InputError` for a logger that does not exist, `MissingExtraError` for one not installed."""
    if kind not in ("csv", "tensorboard"):
        raise InputError(f"logger {kind!r}", "csv or tensorboard", "choose one of these")
    # asked of the finder: importing TensorBoard for a yes or no would cost its start
    if kind == "tensorboard" and not (find_spec("tensorboard") or find_spec("tensorboardX")):
        raise MissingExtraError(
            "no tensorboard",
            "it for the logger of that name",
            "install with: pip install tensorboard, or take csv",
        )
