"""Folders that SpikeInterface saves: sortings as `numpy_folder`, analyzers as `binary_folder`."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np

from nwbspikegen.core.errors import InputError
from nwbspikegen.core.inner_links import require_own_files
from nwbspikegen.core.json_files import read_json
from nwbspikegen.core.npy_files import read_npy
from nwbspikegen.core.table_files import read_table
from nwbspikegen.formats.sorters.saved_parts import Analyzed, Saved, keep_fitting, require_sound, to_places

_LOG = logging.getLogger("nwbspikegen")
INFO = "numpysorting_info.json"
_EXPECTED, _WHAT_TO_DO = "a folder that SpikeInterface saved", "check that it was copied whole"


def read_saved_folder(path: Path) -> Saved:
    """Return what a folder holds; nothing in it is unpickled, and no class that it names is imported.

    Raises
    ------
    InputError
        It is no such folder, is damaged, or has several segments.
    """
    require_own_files(path)
    place = path if (path / INFO).is_file() else path / "sorting"
    info = read_json(place / INFO, _EXPECTED, _WHAT_TO_DO)
    spikes = read_npy(place / "spikes.npy")
    names = spikes.dtype.names or ()
    frames, units = (spikes[name] if name in names else None for name in ("sample_index", "unit_index"))
    ids = _to_ids(info.get("unit_ids"))
    require_sound(place, ids, info.get("sampling_frequency"), info.get("num_segments"), frames, units)
    assert frames is not None
    assert units is not None
    found = {file.stem: _read_property(file) for file in sorted((place / "properties").glob("*.npy"))}
    return Saved(
        ids,
        float(info["sampling_frequency"]),
        frames.astype(np.int64),
        units.astype(np.int64),
        keep_fitting(found, len(ids)),
        _read_annotations(place),
        None if place == path else _read_analyzed(path, ids),
    )


def _to_ids(listed: Any) -> np.ndarray:
    try:
        return np.array(listed if isinstance(listed, list) else [])
    # lists within lists
    except ValueError:
        return np.empty(0)


def _read_property(file: Path) -> np.ndarray | None:
    try:
        return read_npy(file)
    except InputError:
        # SpikeInterface pickles texts that pandas or a user made objects
        _LOG.warning("%s holds pickled objects or is damaged: left out", file)
        return None


def _read_annotations(place: Path) -> dict[str, Any]:
    # until SpikeInterface 0.105 they were in a file with the rest
    for name, key in (("annotations.json", None), ("si_folder.json", "annotations")):
        if (place / name).is_file():
            stored = read_json(place / name, _EXPECTED, _WHAT_TO_DO)
            found = stored if key is None else stored.get(key)
            return found if isinstance(found, dict) else {}
    return {}


def _read_analyzed(path: Path, ids: np.ndarray) -> Analyzed:
    about = path / "recording_info"
    probes, places = about / "probegroup.json", path / "extensions" / "unit_locations" / "unit_locations.npy"
    return Analyzed(
        read_json(about / "recording_attributes.json", _EXPECTED, _WHAT_TO_DO),
        read_json(probes, _EXPECTED, _WHAT_TO_DO) if probes.is_file() else None,
        to_places(read_npy(places) if places.is_file() else None, len(ids)),
        keep_fitting(_read_metrics(path / "extensions" / "quality_metrics" / "metrics.csv", ids), len(ids)),
    )


def _read_metrics(path: Path, ids: np.ndarray) -> dict[str, np.ndarray]:
    if not path.is_file():
        return {}
    table = read_table(path, "ibl", index_col=0)
    table.index = table.index.astype(str)
    if table.index.duplicated().any():
        raise InputError(f"units that are listed twice in {path}", "each once", "check the table")
    table = table.reindex([str(each) for each in ids.tolist()])
    numbers = [name for name in table.columns if table[name].dtype.kind in "biuf"]
    return {str(name): table[name].to_numpy() for name in numbers}
