"""A transfer study from recordings to tables and figures: the whole of `nwbspikegen transfer`."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from nwbspikegen.core.clusters import Certificates
from nwbspikegen.core.errors import InputError, OutputError
from nwbspikegen.core.files import remove_abandoned, require_file, write_whole
from nwbspikegen.core.owners import hold_alone
from nwbspikegen.core.plain_text import guard_formulas
from nwbspikegen.core.tasks import open_client
from nwbspikegen.core.yaml_files import read_yaml
from nwbspikegen.scoring.metrics import BITS_PER_SPIKE, ROC_AUC_POOLED, list_added, list_metrics
from nwbspikegen.training.settings import require_settings
from nwbspikegen.transfer import TransferStudy
from nwbspikegen.transfer.plan import STUDY_FILE
from nwbspikegen.transfer.sessions import slugify
from nwbspikegen.views import WindowOptions
from nwbspikegen.views.window import PRESETS

_LOG = logging.getLogger("nwbspikegen")
_NULL = "mean_rate"
_Recordings = Sequence[str | os.PathLike[str]] | Mapping[str, str | os.PathLike[str]]
_Options = WindowOptions | Mapping[str, WindowOptions]


def study_recordings(
    recordings: _Recordings,
    out: str | os.PathLike[str],
    *,
    options: _Options,
    models: Sequence[str] = ("in_context",),
    leave_one_out: bool = False,
    mixtures: Sequence[Sequence[str]] = (),
    epochs: int | None = None,
    start_from: str | os.PathLike[str] | None = None,
    populations: int = 0,
    scheduler: str | None = None,
    certificates: Certificates | None = None,
    workers: int | None = None,
    device: str = "auto",
    seed: int = 0,
    overwrite: bool = False,
    settings: Mapping[str, Any] | None = None,
    context: Sequence[str | float] | None = None,
) -> TransferStudy:
    """Make a study of recordings or go on with the one that is there, run it, write tables and figures.

    Parameters
    ----------
    recordings, options, models, leave_one_out, mixtures, epochs, start_from, populations, seed
        As for `TransferStudy.create`. Recordings and mixtures that a study does not have yet are added.
    out : path
        Folder of the study; `tables` and `figures` are written into it.
    scheduler, workers, certificates
        As for `nwbspikegen.core.tasks.open_client`.
    device : str, as for `nwbspikegen.train`
        Where models are trained.
    overwrite : bool
        Begin anew even if there is a study.
    settings : mapping of name to value, optional
        Of all models, or `learning_rate`, `weight_decay` and `patience`; they are part of the study.
    context : sequence of seconds or "warm", optional
        Lengths of past of which curves are measured; of a study that is there, by default those that it has.
    """
    out, settings = Path(out), dict(settings or {})
    for model in models:
        require_settings(model, settings)
    # scores of installed packages that cannot be used are told before the work, not after it
    list_metrics()
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(hold_alone(out))
        except OutputError as error:
            # cells and models are written whole, and by one process at a time: two may share a study that is
            # there, and none may replace it
            if overwrite or not (out / STUDY_FILE).is_file():
                raise
            _LOG.warning("%s too: both share it", error.found)
        return _run_study(
            recordings,
            out,
            options=options,
            models=models,
            leave_one_out=leave_one_out,
            mixtures=mixtures,
            epochs=epochs,
            start_from=None if start_from is None else os.fspath(start_from),
            # none are no setting: studies that were made without them go on
            populations=populations or None,
            scheduler=scheduler,
            certificates=certificates,
            workers=workers,
            device=device,
            seed=seed,
            overwrite=overwrite,
            settings=settings,
            context=context,
        )


def _run_study(
    recordings: _Recordings,
    out: Path,
    *,
    options: _Options,
    models: Sequence[str],
    leave_one_out: bool,
    mixtures: Sequence[Sequence[str]],
    epochs: int | None,
    start_from: str | None,
    populations: int | None,
    scheduler: str | None,
    certificates: Certificates | None,
    workers: int | None,
    device: str,
    seed: int,
    overwrite: bool,
    settings: Mapping[str, Any],
    context: Sequence[float | str] | None,
) -> TransferStudy:
    """Make or extend a study and run it; the parameters are those of `study_recordings`."""
    if (out / STUDY_FILE).is_file() and not overwrite:
        study = TransferStudy(out)
        # what writers that were killed have left; those that are alive keep theirs
        for place in [out, *(each for each in out.rglob("*") if each.is_dir())]:
            remove_abandoned(place)
        # a study of two seeds or widths would compare what cannot be compared
        study.require_settings(
            models=models,
            seed=seed,
            epochs=epochs,
            start_from=start_from,
            populations=populations,
            leave_one_out=leave_one_out,
            **settings,
        )
        study.add(recordings, options=options)
        if context is not None:
            study.add_contexts(context)
    else:
        study = TransferStudy.create(
            out,
            recordings,
            options=options,
            models=models,
            leave_one_out=leave_one_out,
            seed=seed,
            epochs=epochs,
            start_from=start_from,
            populations=populations,
            context=context or (),
            overwrite=overwrite,
            **settings,
        )
    for mixture in mixtures:
        study.add_row(mixture)
    if not study.is_complete:
        with open_client(scheduler, workers, certificates=certificates) as client:
            study.run(client, device=device)
    write_tables(study)
    # figures are an extra: a study without them is whole
    if find_spec("matplotlib") is not None:
        draw_study(study)
    return study


def write_tables(study: TransferStudy) -> Path:
    """Write scores, groups, tests, independence and gains of a study as CSV into its folder `tables`."""
    folder = study.folder / "tables"
    folder.mkdir(exist_ok=True)
    scores = study.scores
    names = ["value", "ci_low", "ci_high", "num_units", "num_spikes", "ci_reliable", "observed_fraction"]
    shown = scores[names]
    shown = shown.reset_coords(["independent", "shared"])
    tables = {
        # every combination of names is a row of the frame, and most have no score
        "scores": shown.to_dataframe().dropna(subset="value").reset_index(),
        "groups": study.groups(),
        "tests": study.tests(),
        "independence": study.independence,
    }
    if study.plan.contexts:
        tables["context_gains"] = study.context_gains()
    for name, table in tables.items():
        with write_whole(folder / f"{name}.csv", overwrite=True) as path:
            guard_formulas(table).to_csv(path, index=False)
    return folder


def draw_study(study: TransferStudy) -> list[Path]:
    """Draw matrix, groups and map of every model of a study into its folder `figures`."""
    from nwbspikegen.plot.canvas import save_figure
    from nwbspikegen.transfer.figures import plot_groups, plot_layout, plot_matrix

    folder = study.folder / "figures"
    folder.mkdir(exist_ok=True)
    scores, groups, tests = study.scores, study.groups(), study.tests()
    figures: dict[str, Any] = {}
    for metric in (BITS_PER_SPIKE, ROC_AUC_POOLED, *list_added(scores["metric"].values)):
        null = _NULL if metric.needs_null else ""
        for model in scores.attrs["models"]:
            name = slugify(model)
            figures[f"{name}-{metric.name}-matrix"] = plot_matrix(
                scores, predictor=model, metric=metric.name, null=null
            )
            if metric.better != "higher":
                # distances between recordings are made of what is large where models move well
                continue
            try:
                layout = study.layout(predictor=model, metric=metric.name, null=null)
            except InputError as error:
                _LOG.warning("no map of %s by %s: %s", model, metric.name, error)
                continue
            preparations = scores["test_preparation"].to_series()
            figures[f"{name}-{metric.name}-layout"] = plot_layout(layout, preparations)
        if len(groups):
            figures[f"{metric.name}-groups"] = plot_groups(groups, metric=metric.name, null=null, tests=tests)
    figures |= _draw_gains(study)
    return [save_figure(figure, folder / f"{name}.png", overwrite=True) for name, figure in figures.items()]


def _draw_gains(study: TransferStudy) -> dict[str, Any]:
    """Return matrix and map of every model's gain over itself before training, and curves of each column."""
    from nwbspikegen.transfer.figures import plot_curve, plot_layout, plot_matrix

    figures: dict[str, Any] = {}
    for model in study.plan.models:
        name = slugify(model)
        for tested, curve in study.curves_of(model).items():
            figures[f"{name}-{slugify(tested)}-curve"] = plot_curve(curve)
        try:
            gains = study.gains_of(model)
            null = str(gains.attrs["headline_null"])
            figures[f"{name}-gain-matrix"] = plot_matrix(
                gains, predictor=model, metric=BITS_PER_SPIKE.name, null=null, trivial=(), by_column=True
            )
            preparations = gains["test_preparation"].to_series()
            figures[f"{name}-gain-layout"] = plot_layout(study.layout(predictor=model), preparations)
        except InputError as error:
            _LOG.warning("no figure of what training %s gave: %s", model, error)
    return figures


def read_sessions_file(
    path: str | os.PathLike[str], options: WindowOptions
) -> tuple[dict[str, str], dict[str, WindowOptions]]:
    """Return recordings and window options by name, from a YAML file.

    The file maps the name of each session to `file`, its path from the file's own folder or its
    address, and to the window options that are its own; `options` has the others.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "sessions.yaml")
    ...     _ = path.write_text("slice: {file: https://a.org/slice.nwb, duration: 400}")
    ...     read_sessions_file(path, WindowOptions())[1]["slice"].duration
    400
    """
    path = require_file(path)
    entries = read_yaml(path)
    if not isinstance(entries, dict) or not all(
        isinstance(entry, dict) and isinstance(entry.get("file"), str) for entry in entries.values()
    ):
        raise InputError(
            f"{path}, which does not name sessions",
            "lines such as `slice: {file: a.nwb, duration: 400}`",
            "correct the file",
        )
    files, chosen = {}, {}
    for name, entry in entries.items():
        place = entry.pop("file")
        files[str(name)] = place if "://" in place else os.fspath(path.parent / place)
        chosen[str(name)] = _change_options(options, entry, path)
    return files, chosen


def _change_options(options: WindowOptions, entry: dict[str, Any], path: Path) -> WindowOptions:
    """Return options with those that a session has of its own."""
    given = {str(key).replace("-", "_"): value for key, value in entry.items()}
    if "min_rate" in given:
        given["min_rate_hz"] = given.pop("min_rate")
    if isinstance(given.get("split"), str):
        # as on the command line: "0.5,0.25,0.25"
        given["split"] = [float(share) for share in given["split"].split(",")]
    preset = given.pop("preset", None)
    stored = {**options.as_dict(), **(PRESETS.get(preset, {}) if preset else {}), **given}
    unknown = sorted(set(given) - set(options.defaults()))
    if unknown or (preset is not None and preset not in PRESETS):
        raise InputError(
            f"{f'option {unknown[0]!r}' if unknown else f'preset {preset!r}'} in {path}",
            f"file, preset ({' or '.join(PRESETS)}), {', '.join(options.defaults())}",
            "correct the file",
        )
    return WindowOptions.from_dict(stored)


def write_files(
    study: TransferStudy,
    folder: str | os.PathLike[str],
    metadata: str | os.PathLike[str] | None = None,
    *,
    overwrite: bool = False,
) -> list[Path]:
    """Write a study to an NWB file, and for each recording a derived file with its own row and column.

    Parameters
    ----------
    study : TransferStudy
        A study that was run.
    folder : path
        Made when it is not there; files are named as archives want.
    metadata : path, optional
        Subject and session fields that the recordings lack, in NeuroConv's layout.
    overwrite : bool
        Replace files.
    """
    from nwbspikegen.transfer.nwb_writing import write_transfer

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        layout = study.layout()
    except InputError as error:
        _LOG.warning("no map: %s", error)
        layout = None
    scores, sessions = study.scores, study.sessions
    gains = study.context_gains() if study.plan.contexts else None
    written = [
        study.write_nwb(
            folder / "sub-group_ses-spike-transfer.nwb", layout=layout, metadata=metadata, overwrite=overwrite
        )
    ]
    for session in study.plan.sessions:
        # hyphens and underscores part the fields of DANDI's file names
        subject = slugify(session.about["subject_id"] or "unknown").replace("_", "-")
        label = slugify(session.name).replace("_", "-")
        out = folder / f"sub-{subject}_ses-{label}_desc-spiketransfer_ecephys.nwb"
        write_transfer(
            out,
            session.path,
            scores,
            session.name,
            sessions=sessions,
            metadata=metadata,
            unit_table=session.options.unit_table,
            overwrite=overwrite,
            layout_positions=None if layout is None else layout.table,
            context_gains=gains,
        )
        written.append(out)
    return written
