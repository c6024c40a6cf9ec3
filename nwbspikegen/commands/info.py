"""What a file or a folder is and holds: the whole of `nwbspikegen info`."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any

from nwbspikegen.core.addresses import Address, has_scheme, is_remote, is_zarr, name_of
from nwbspikegen.core.errors import InputError
from nwbspikegen.core.model_places import PRETRAINED
from nwbspikegen.nwb.groups import find_group
from nwbspikegen.nwb.opening import open_nwb, reading
from nwbspikegen.views import Survey, survey

_MODEL_FILE, _STUDY_FILE, _SWEEP_FILE = "model.json", "study.json", "plan.json"
# modules of processing that this package writes, and what shows them
_SHOWN_BY = {
    "spike_generation": "nwbspikegen score, nwbspikegen plot",
    "attention": "nwbspikegen plot",
    "spike_transfer": "nsg.read_transfer_scores",
    "patchseq": "nwbspikegen patchseq",
}


@dataclasses.dataclass(frozen=True)
class Information:
    """What something is.

    Attributes
    ----------
    kind : str
        `recording`, `derived file`, `model`, `transfer study` or `sweep`.
    text : str
        For a person to read.
    details : dict
        For JSON.
    survey : Survey or None
        Of a file with units.
    """

    kind: str
    text: str
    details: dict[str, Any]
    survey: Survey | None = None


def inform(target: str | os.PathLike[str], **window: Any) -> Information:
    """Say what a recording, a derived file or the folder of a model, a study or a sweep holds.

    Parameters
    ----------
    target : path or address
        What to look at; ``"pretrained"`` is the model in this package.
    **window
        As for `nwbspikegen.survey`.

    Raises
    ------
    InputError
        Nothing is there, or nothing that this package reads or writes.
    """
    if has_scheme(target) and _holds_model(str(target)):
        return _inform_of_model(str(target))
    if target == PRETRAINED:
        return _inform_of_model(str(target))
    if not has_scheme(target) and Path(target).is_dir() and not is_zarr(target):
        return _inform_of_folder(Path(target))
    held = _list_modules(target)
    # these have no spike times of a recording's own that a survey could say more of
    if "patchseq" in held or "spike_transfer" in held:
        text = f"{target}: {_tell_modules(held)}"
        return Information("derived file", text, {"holds": held})
    found = survey(target, **window)
    if not held:
        return Information("recording", str(found), found.as_dict(), found)
    text = f"{found}\n  {'results':<10}{_tell_modules(held)}"
    return Information("derived file", text, {**found.as_dict(), "holds": held}, found)


def _holds_model(address: str) -> bool:
    """Return whether an address is that of a model: on the web it may be a recording as well."""
    if not is_remote(address):
        return True
    from nwbspikegen.core.remote_folders import is_there

    is_file = name_of(address).endswith(".nwb") or address.startswith("dandi://") or "?" in address
    return not is_file and is_there(address, _MODEL_FILE)


def _list_modules(target: Address) -> dict[str, list[str]]:
    """Return what of this package's results a file holds, by module of processing."""
    with open_nwb(target) as root, reading(target):
        groups = {name: find_group(root, f"processing/{name}") for name in _SHOWN_BY}
        return {name: sorted(group) for name, group in groups.items() if group is not None}


def _tell_modules(held: dict[str, list[str]]) -> str:
    return "; ".join(
        f"processing/{name} with {', '.join(names)}: {_SHOWN_BY[name]}" for name, names in held.items()
    )


def _inform_of_folder(folder: Path) -> Information:
    if (folder / _MODEL_FILE).is_file():
        return _inform_of_model(folder)
    if (folder / _STUDY_FILE).is_file():
        return Information(
            "transfer study", f"{folder}: a transfer study; its tables are in {folder / 'tables'}", {}
        )
    if (folder / _SWEEP_FILE).is_file():
        return Information("sweep", f"{folder}: a sweep; its table is {folder / 'trials.csv'}", {})
    raise InputError(
        f"{folder}, a folder of something else",
        "an NWB file, or the folder of a model, a study or a sweep",
        "pass one of these",
    )


def _inform_of_model(folder: Path | str) -> Information:
    # late: recordings are described without torch
    from nwbspikegen.models import load_model
    from nwbspikegen.models.summary import name_sources

    model = load_model(folder)
    sources = name_sources(model.training)
    details = {
        "model": model.name,
        "loss": model.loss,
        "bin_size": model.bin_size,
        "sha256": model.sha256,
        "sources": sources,
        "populations": model.training.get("populations"),
        "epochs": len(model.curves),
        "parameters": model.parameters,
        "options": model.training.get("options"),
        "data_fingerprint": model.data_fingerprint,
        "license": model.license,
    }
    text = (
        f"{folder}: a model, {model.name}, trained with {model.loss} in bins of {model.bin_size:g} s for "
        f"{len(model.curves)} epochs on {', '.join(sources)}; use it by `nwbspikegen generate {folder} "
        "FILE.nwb --out OUT.nwb`"
    )
    return Information("model", text, details)
