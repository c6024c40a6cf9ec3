"""The recording that a model predicts, opened as it was for training where it was one of training."""

from __future__ import annotations

import dataclasses
import logging
import os
from collections.abc import Mapping
from typing import Any

import xarray as xr

from nwbspikegen.core.addresses import hash_recording, name_of, require_recording
from nwbspikegen.models import FittedModel
from nwbspikegen.nwb.opening import open_nwb
from nwbspikegen.nwb.session import read_session
from nwbspikegen.nwb.unit_table import UNITS
from nwbspikegen.views import Split, WindowOptions, open_trained_window, open_window

_LOG = logging.getLogger("nwbspikegen")


def open_for(
    model: FittedModel, source: str | os.PathLike[str], options: WindowOptions | None
) -> tuple[xr.Dataset, Split]:
    """Open a file as it was for training when the model was trained on it, else by `options`."""
    options = options or WindowOptions(bin_size=model.bin_size)
    entry = _find_training_source(model, source, options.unit_table)
    if entry is None:
        return open_window(source, options)
    _LOG.info("%s is a file of training: its window, units and split are used again", name_of(source))
    if "options" in model.training:
        stored = WindowOptions.from_dict(model.training["options"])
        # what is left out now is left out beside what was left out in training
        exclude = tuple(dict.fromkeys([*stored.exclude, *options.exclude]))
        accept_odd = stored.accept_odd or options.accept_odd
        return open_window(source, dataclasses.replace(stored, exclude=exclude, accept_odd=accept_odd))
    return open_trained_window(
        source,
        entry,
        bin_size=model.bin_size,
        duration=options.duration,
        exclude=options.exclude,
        accept_odd=options.accept_odd,
    )


def find_stored_window(
    model: FittedModel, source: str | os.PathLike[str], unit_table: str = UNITS
) -> dict[str, Any] | None:
    """Return the window options with which a file of training is opened again; None for any other file.

    Units of another table than that of training are those of another recording.

    Of a model that was not trained by `nwbspikegen train` they are few: `duration` is free, and the units
    and segments are those of its record.
    """
    if _find_training_source(model, source, unit_table) is None:
        return None
    if "options" in model.training:
        return WindowOptions.from_dict(model.training["options"]).as_dict()
    return {"bin_size": model.bin_size}


def _find_table(model: FittedModel, entry: Mapping[str, Any]) -> str:
    """Return where in a file of training its units are."""
    return str(entry.get("unit_table") or model.training.get("options", {}).get("unit_table") or UNITS)


def _find_training_source(
    model: FittedModel, source: str | os.PathLike[str], unit_table: str
) -> dict[str, Any] | None:
    """Return the entry of a file in a model's record, None where its units are those of another table."""
    entry = _find_training_file(model, source)
    if entry is not None and unit_table not in (UNITS, _find_table(model, entry)):
        _LOG.info("%s is a file of training, but not its units at %s", name_of(source), unit_table)
        return None
    return entry


def _find_training_file(model: FittedModel, source: str | os.PathLike[str]) -> dict[str, Any] | None:
    """Return the entry of a file in a model's record: by hash, or by identifier where none was taken."""
    entries = [{**model.training, **entry} for entry in model.training.get("sources", [])]
    address = require_recording(source)
    digest = hash_recording(address)
    # a hash does not depend on names; identifiers are asked only where there was no file to hash, as on the
    # web
    hashed = [entry for entry in entries if digest and entry.get("source_sha256") == digest]
    if hashed:
        return hashed[0]
    unhashed = {
        entry["identifier"]: entry
        for entry in entries
        if entry.get("identifier") and not entry.get("source_sha256")
    }
    if not unhashed:
        return None
    with open_nwb(address) as root:
        return unhashed.get(read_session(root)["identifier"])
