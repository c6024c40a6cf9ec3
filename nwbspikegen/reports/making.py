"""A report of anything that this package reads or writes: the whole of `nwbspikegen report`."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import xarray as xr

from nwbspikegen.core.addresses import Address, is_remote, is_zarr, name_of
from nwbspikegen.core.errors import InputError
from nwbspikegen.core.files import require_absent, require_suffix, write_whole
from nwbspikegen.core.model_places import find_model
from nwbspikegen.nwb.columns import decode_text
from nwbspikegen.nwb.groups import find_group
from nwbspikegen.nwb.opening import open_nwb, reading
from nwbspikegen.reports.head import describe_recording, show_head, write_command
from nwbspikegen.reports.methods import describe_survey
from nwbspikegen.reports.parts import Page
from nwbspikegen.reports.recorded import find_segments, read_recorded
from nwbspikegen.reports.recording import show_recording
from nwbspikegen.reports.rendering import render_page
from nwbspikegen.views import open_units

# s, as what is trained on by default
_DURATION = 600.0


def report(
    thing: Any,
    out: str | os.PathLike[str] = "report.html",
    *,
    start: float = 0.0,
    duration: float = _DURATION,
    bin_size: float = 0.001,
    split: tuple[float, float, float] = (0.5, 0.25, 0.25),
    interval: str | None = None,
    exclude: Any = (),
    unit_table: str = "units",
    overwrite: bool = False,
) -> Path:
    """Write one HTML page that shows a recording, a result or a study.

    The page is one file that loads nothing: it opens from a disk or a mail, and holds a still picture of
    every figure for print. What is too dense is binned, and its caption says so.

    Parameters
    ----------
    thing : path, address, Dataset or TransferStudy
        A recording; a file that `generate`, `explain` or `transfer` wrote; the folder of a model, a study, a
        sweep or of patch-clamp features; ``"pretrained"``; a file that `patchseq` wrote; or a view of
        `open_units`.
    out : path, default: "report.html"
        Where to write.
    start, duration, bin_size, interval, exclude, unit_table
        Window of a bare recording, as for `open_units`. Results show the window that they were made from.
    split : three floats
        Shares of training, validation and test that are shaded in a bare recording.
    overwrite : bool
        Replace a page that is there.

    Raises
    ------
    InputError
        Nothing is there, or nothing that this package reads or writes.
    OutputError
        `out` is there and `overwrite` is not set.
    MissingExtraError
        When plotly, jinja2 or matplotlib are not installed.

    Examples
    --------
    >>> import nwbspikegen as nsg
    >>> units = nsg.open_units(nsg.simulate("in_vivo", num_units=4, duration=20, seed=1).sorting)
    >>> nsg.report(units, "simulated.html").name
    'simulated.html'
    """
    require_suffix(out, ".html")
    require_absent(out, overwrite=overwrite)
    window = {
        "start": start,
        "duration": duration,
        "bin_size": bin_size,
        "interval": interval,
        "exclude": exclude,
        "unit_table": unit_table,
    }
    page = make_page(thing, window=window, split=split, out=out)
    written = render_page(page)
    with write_whole(out, overwrite=overwrite) as unfinished:
        unfinished.write_text(written, encoding="utf-8")
    return Path(out)


def make_page(
    thing: Any, *, window: Mapping[str, Any], split: tuple[float, float, float], out: Any = "report.html"
) -> Page:
    """Return the page of a thing, by what it is; what `window` leaves out is as for `report`."""
    window = {**_DEFAULTS, **window}
    if isinstance(thing, xr.Dataset):
        return _show_recording(thing, "a view", split, "nsg.report(units)")
    # a study in memory is its folder
    place = getattr(thing, "folder", thing)
    thing = find_model(place)
    if not is_remote(thing) and Path(thing).is_dir() and not is_zarr(thing):
        return _show_folder(Path(thing), write_command(place, {}, out))
    return _show_file(thing, window, split, out)


def _show_folder(folder: Path, command: str) -> Page:
    # late, each: a recording is shown without torch
    if (folder / _STUDY_FILE).is_file():
        from nwbspikegen.reports.study import make_study_page

        return make_study_page(folder, command)
    if (folder / _SWEEP_FILE).is_file():
        from nwbspikegen.reports.folders import make_sweep_page

        return make_sweep_page(folder, command)
    if (folder / "features.json").is_file():
        from nwbspikegen.reports.patchseq_cells import make_features_page

        return make_features_page(folder, command)
    if (folder / "cross_validated.csv").is_file():
        from nwbspikegen.reports.patchseq_cells import make_cell_model_page

        return make_cell_model_page(folder, command)
    if (folder / "predictions.csv").is_file():
        from nwbspikegen.reports.patchseq_cells import make_predictions_page

        return make_predictions_page(folder, command)
    if (folder / "weights.safetensors").is_file():
        from nwbspikegen.reports.folders import make_model_page

        return make_model_page(folder, command)
    raise InputError(
        f"{folder}, a folder of something else",
        "the folder of a model, a study, a sweep or of patch-clamp features",
        "pass one of these, or an NWB file",
    )


def _show_file(
    thing: Address, window: Mapping[str, Any], split: tuple[float, float, float], out: Any
) -> Page:
    with open_nwb(thing) as root, reading(thing):
        groups = {name: find_group(root, f"processing/{name}") for name in _MODULES}
        held = {name: set(group) for name, group in groups.items() if group is not None}
        is_patched = find_group(root, "units") is None and _has_current_clamp(root)
    command = write_command(thing, {}, out)
    if "spike_probability" in held.get("spike_generation", ()):
        from nwbspikegen.reports.prediction_page import make_prediction_page

        return make_prediction_page(thing, command)
    if "statistics" in held.get("spike_generation", ()):
        from nwbspikegen.reports.free_run import make_free_run_page

        return make_free_run_page(thing, command)
    if "spike_transfer" in held:
        from nwbspikegen.reports.study import make_study_page

        return make_study_page(thing, command)
    if "patchseq" in held:
        from nwbspikegen.reports.patchseq_files import make_patchseq_file_page

        return make_patchseq_file_page(thing, command)
    if is_patched and window["unit_table"] == _DEFAULTS["unit_table"]:
        from nwbspikegen.reports.patchseq_files import make_patch_recording_page

        return make_patch_recording_page(thing, command)
    given = {name: value for name, value in window.items() if value != _DEFAULTS[name]}
    return _show_recording(
        open_units(thing, **window), name_of(thing), split, write_command(thing, given, out), held, thing
    )


def _has_current_clamp(root: Any) -> bool:
    """Return whether a file holds sweeps of a patched cell."""
    acquired = find_group(root, "acquisition")
    kinds = {decode_text(each.attrs.get("neurodata_type", "")) for each in (acquired or {}).values()}
    return "CurrentClampSeries" in kinds


# modules of processing that this package writes
_MODULES = ("spike_generation", "attention", "spike_transfer", "patchseq")
_STUDY_FILE, _SWEEP_FILE = "study.json", "plan.json"
_DEFAULTS = {
    "start": 0.0,
    "duration": _DURATION,
    "bin_size": 0.001,
    "interval": None,
    "exclude": (),
    "unit_table": "units",
}


def _show_recording(
    units: xr.Dataset,
    name: str,
    split: tuple[float, float, float],
    command: str,
    held: Collection[str] = (),
    path: Any = None,
) -> Page:
    """Return the page of a recording; above it what a model was found to look at, where the file has that."""
    recorded = read_recorded(units, find_segments(units, split))
    trains = recorded.pack()
    sections, verdict = [show_recording(recorded)], ""
    if "attention" in held:
        from nwbspikegen.reports.explained import judge_explanation, show_explanation

        verdict = judge_explanation(path)

        sections.insert(0, show_explanation(path, recorded.find_places()))
    return Page(
        name,
        "explanation" if "attention" in held else "recording",
        [show_head(name, describe_recording(recorded), command, verdict=verdict), *sections],
        units=recorded.names,
        first_unit=recorded.first_unit,
        trains={} if trains is None else {"recorded": trains},
        methods=describe_survey(recorded),
    )
