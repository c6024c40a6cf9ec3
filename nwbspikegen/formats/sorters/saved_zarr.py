"""Zarr folders that SpikeInterface saves, of sortings and of analyzers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from nwbspikegen.core.errors import InputError
from nwbspikegen.formats.sorters.saved_parts import Analyzed, Saved, keep_fitting, require_sound, to_places
from nwbspikegen.nwb.groups import find_array, find_group, read_values
from nwbspikegen.nwb.source_nodes import is_opaque
from nwbspikegen.nwb.zarr_folders import open_zarr


def read_saved_zarr(path: Path) -> Saved:
    """Return what a Zarr folder holds; nothing in it is unpickled, and no class that it names is imported.

    Raises
    ------
    InputError
        It is no such folder, is damaged, or has several segments.
    """
    try:
        return _read_root(path, open_zarr(path))
    except InputError:
        raise
    # a damaged chunk or description makes zarr and numcodecs raise almost anything
    except Exception as error:
        raise InputError(
            f"{path}, which cannot be read as Zarr ({type(error).__name__})",
            "a folder that SpikeInterface saved",
            "check that it was copied whole",
        ) from error


def _read_root(path: Path, root: Any) -> Saved:
    group = find_group(root, "sorting")
    is_analyzer = group is not None
    group = group if group is not None else root
    about = dict(group.attrs)
    ids = _read(group, "unit_ids")
    ids = np.empty(0) if ids is None else ids
    frames, units = _read(group, "spikes/sample_index"), _read(group, "spikes/unit_index")
    require_sound(path, ids, about.get("sampling_frequency"), about.get("num_segments"), frames, units)
    assert frames is not None
    assert units is not None
    annotations = about.get("annotations")
    return Saved(
        ids,
        float(about["sampling_frequency"]),
        frames.astype(np.int64),
        units.astype(np.int64),
        keep_fitting(_read_all(group, "properties"), len(ids)),
        annotations if isinstance(annotations, dict) else {},
        _read_analyzed(root, ids) if is_analyzer else None,
    )


def _read_analyzed(root: Any, ids: np.ndarray) -> Analyzed:
    group = find_group(root, "recording_info")
    about = {} if group is None else dict(group.attrs)
    metrics = keep_fitting(_read_all(root, "extensions/quality_metrics/metrics"), len(ids))
    metrics.pop("index", None)
    return Analyzed(
        about.get("recording_attributes") or {},
        about.get("probegroup"),
        to_places(_read(root, "extensions/unit_locations/unit_locations"), len(ids)),
        metrics,
    )


def _read_all(root: Any, name: str) -> dict[str, np.ndarray | None]:
    group = find_group(root, name)
    return {} if group is None else {each: _read(group, each) for each in sorted(group.array_keys())}


def _read(group: Any, name: str) -> np.ndarray | None:
    """Return numbers or texts of an array, None for one that is not there or pickled."""
    array = find_array(group, name)
    if array is None or is_opaque(array):
        return None
    return np.asarray(array[:]) if array.dtype.kind in "biufU" else read_values(array)
