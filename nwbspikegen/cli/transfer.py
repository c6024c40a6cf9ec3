"""`nwbspikegen transfer`: every recording against every other."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nwbspikegen.cli.options import (
    MODEL_HELP,
    device_option,
    read_window,
    require_model,
    settings_option,
    window_options,
)
from nwbspikegen.core.errors import InputError
from nwbspikegen.core.given import refuse_given
from nwbspikegen.core.options import (
    PATH,
    RECORDING,
    every_command,
    metadata_option,
    overwrite_option,
    seed_option,
)
from nwbspikegen.core.output import print_result, records_of
from nwbspikegen.core.report_option import report_option

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from nwbspikegen.scoring.metrics import Metric
    from nwbspikegen.transfer import TransferStudy
    from nwbspikegen.views import WindowOptions

# options that are neither of the window nor of what is printed
_RUN = ("context", "leave_one_out", "epochs", "scheduler", "workers", "device", "seed", "settings")
# what has a meaning when a study is read and nothing is run
_OF_READING = (
    *("recordings", "out", "target", "ranked", "nwb_folder", "metadata", "strict_metadata", "overwrite"),
    *("as_json", "config", "quiet", "log_file", "report"),
)


def _read_contexts(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> tuple[str, ...] | None:
    """Return the contexts of an option, refusing what is none as it is typed."""
    from nwbspikegen.scoring.context_curves import walk_contexts

    if value is None:
        return None
    try:
        return tuple(label for label, _ in walk_contexts(value.split(",")))
    except InputError as error:
        raise click.BadParameter(str(error), context, parameter) from error


@click.command("transfer", short_help="Train on every recording, test on every other.")
@click.argument("recordings", type=RECORDING, nargs=-1)
@click.option("--out", required=True, type=PATH, help="Folder of the study.")
@click.option(
    "--sessions",
    "sessions_file",
    type=PATH,
    metavar="FILE.yaml",
    help="Recordings by name, each with its own window options: `slice: {file: a.nwb, duration: 400}`.",
)
@click.option(
    "--model",
    "models",
    multiple=True,
    default=("in_context",),
    show_default=True,
    help=f"{MODEL_HELP}; repeat for several.",
)
@settings_option
@click.option("--leave-one-out", is_flag=True, help="Add rows trained on all recordings but the tested one.")
@click.option(
    "--mixture",
    "mixtures",
    multiple=True,
    metavar="A+B",
    help="Add a row trained on several sessions, by name; repeat for several.",
)
@click.option("--recommend", "target", metavar="SESSION", help="Rank the rows for a session, or an NWB file.")
@click.option(
    "--rank",
    "ranked",
    type=click.Choice(["seeds", "targets"]),
    help="Rank all rows by how well they serve others, or all columns by how well they are predicted.",
)
@click.option(
    "--context",
    callback=_read_contexts,
    metavar="SECONDS,...",
    help="Measure also from how many seconds of each recording's own past: 0,1,5,10,30,60,warm.",
)
@click.option("--epochs", type=click.IntRange(1), help="The architecture's own by default.")
@device_option
@click.option("--scheduler", metavar="ADDRESS", help="A dask scheduler, such as tcp://host:8786.")
@click.option(
    "--workers",
    type=click.IntRange(1),
    help="Processes on this machine: one per core by default; 1 is this one.",
)
@click.option(
    "--nwb", "nwb_folder", type=PATH, help="Folder to write the study and derived files to, as NWB."
)
@metadata_option
@window_options
@seed_option
@overwrite_option
@report_option
@every_command
def transfer_command(
    recordings: tuple[Path | str, ...],
    out: Path,
    sessions_file: Path | None,
    models: tuple[str, ...],
    mixtures: tuple[str, ...],
    target: str | None,
    ranked: str | None,
    nwb_folder: Path | None,
    metadata: Path | None,
    overwrite: bool,
    as_json: bool,
    **how: Any,
) -> None:
    """Train a model on each recording's window and test it on the last part of every other's.

    Beside each cell are predictors that need no training, and what the two recordings share. A study
    that was interrupted goes on when the same command is given again; with further recordings, only
    what is new is computed. Tables and figures are written into the study's folder. Without recordings,
    --rank and --recommend read a study as it is.
    """
    from nwbspikegen.transfer import TransferStudy
    from nwbspikegen.transfer.run import study_recordings, write_files

    if nwb_folder is None:
        refuse_given(["metadata"], "without --nwb", "NWB files to write")
    for model in models:
        require_model(model)
    is_there = not recordings and sessions_file is None and bool(target or ranked)
    if is_there:
        refuse_given(_list_of_runs(), "without recordings", "recordings to train on and to test")
        study = TransferStudy(out)
    else:
        window = {name: how.pop(name) for name in [*how] if name not in _RUN}
        chosen, options = _choose_recordings(recordings, sessions_file, read_window(**window))
        groups = [mixture.split("+") for mixture in mixtures]
        how |= {"models": models, "mixtures": groups, "overwrite": overwrite}
        study = study_recordings(chosen, out, options=options, **how)
    ranking = None if target is None else study.recommend(target)
    ranks = None if ranked is None else study.rank(ranked)
    written = [] if nwb_folder is None else write_files(study, nwb_folder, metadata, overwrite=overwrite)
    result = {
        "path": str(study.folder),
        "sessions": study.plan.names,
        "groups": records_of(study.groups()),
        "tests": records_of(study.tests()),
        "independence": records_of(study.independence),
        "context_gains": records_of(study.context_gains()) if study.plan.contexts else [],
        "recommendation": records_of(ranking),
        "ranks": records_of(ranks),
        "files": [str(path) for path in written],
    }
    places = written if is_there else [study.folder / "tables", *written]
    print_result(result, as_json=as_json, text=_format(study, ranking, ranks, places))


def _list_of_runs() -> list[str]:
    """Return which parameters of the running command say how a study is made and run."""
    names = [str(parameter.name) for parameter in click.get_current_context().command.params]
    return [name for name in names if name not in _OF_READING]


def _choose_recordings(
    recordings: tuple[Path | str, ...], sessions_file: Path | None, options: WindowOptions
) -> tuple[Any, Any]:
    """Return recordings and their window options, from the command line or from the file that has them."""
    from nwbspikegen.transfer.run import read_sessions_file

    if bool(recordings) == (sessions_file is not None):
        raise InputError(
            "recordings and --sessions" if recordings else "no recording",
            "one of the two",
            "name the recordings, or the file that names them",
        )
    return (recordings, options) if sessions_file is None else read_sessions_file(sessions_file, options)


def _say_observed(scores: xr.Dataset) -> list[str]:
    """Return a line about the recordings whose test segment was not observed throughout."""
    cells = scores.observed_fraction.max(
        # a column's cells have one segment: the largest is that of any that was scored
        [dim for dim in scores.observed_fraction.dims if dim != "test_session"]
    )
    named = [f"{name} {part:.3%}" for name, part in cells.to_series().items() if part < 1]
    return [f"of all bins were observed, and scored: {', '.join(named)}"] if named else []


def _format_matrix(scores: xr.Dataset, model: str, metric: Metric, null: str | None = None) -> list[str]:
    """Return one score of one model in every cell, below what it is."""
    from nwbspikegen.scoring.metrics import name_score

    if null is None:
        null = "mean_rate" if metric.needs_null else ""
    matrix = scores.value.sel(predictor=model, metric=metric.name, null=null).to_pandas()
    marked = matrix.map("{:.3f}".format).mask(matrix.isna(), "-")
    # a star in the cell: a score within one animal must not be read as one between animals
    marked = marked.where(scores.independent.to_pandas(), marked + "*")
    marked.index.name = marked.columns.name = None
    return [
        f"{name_score(metric.name, null)}, of {model}; trained on (down), tested on (across)",
        marked.to_string(),
    ]


def _format_gains(study: TransferStudy) -> list[str]:
    """Return what training gave in every cell: the gain over untrained, and what it is worth in seconds."""
    from nwbspikegen.scoring.metrics import BITS_PER_SPIKE

    parts = []
    for model in study.plan.models:
        try:
            gains = study.gains_of(model)
        except InputError:
            # a model with a window says nothing untrained
            continue
        parts += _format_matrix(gains, model, BITS_PER_SPIKE, str(gains.attrs["headline_null"]))
        if study.plan.contexts:
            parts += _format_worth(study, model)
        parts.append("")
    return parts


def _format_worth(study: TransferStudy, model: str) -> list[str]:
    """Return seconds of each column's own past that each row is worth, at the headline's context."""
    from nwbspikegen.scoring.worth import say_seconds
    from nwbspikegen.transfer.gains import find_headline

    label = find_headline(study.plan.contexts)
    worth = study.worth_seconds(label, predictor=model)
    worth["shown"] = [
        say_seconds(row.worth_seconds, row.bound, row.measured_up_to) for row in worth.itertuples()
    ]
    matrix = worth.pivot(index="train_session", columns="test_session", values="shown")
    names = study.plan.rows(), study.plan.names
    matrix = matrix.reindex(index=names[0], columns=names[1]).fillna("-")
    matrix.index.name = matrix.columns.name = None
    given = "all of the window" if label == "warm" else f"{label} s"
    return [
        f"worth_seconds of {model} with {given} of the target's past: what untrained needs to do as well",
        matrix.to_string(),
    ]


def _say_alike(scores: xr.Dataset, model: str) -> list[str]:
    from nwbspikegen.scoring.metrics import BITS_PER_SPIKE
    from nwbspikegen.transfer.study_gains import say_rows_differ

    said = say_rows_differ(scores, predictor=model, metric=BITS_PER_SPIKE.name, null="mean_rate")
    return [said] if said else []


def _format(
    study: TransferStudy, ranking: pd.DataFrame | None, ranks: pd.DataFrame | None, places: list[Path]
) -> str:
    """Return the matrix of every model and score, the groups, what is ranked, and what was written."""
    from nwbspikegen.scoring.metrics import BITS_PER_SPIKE, list_added

    scores = study.scores
    parts = _format_gains(study)
    # one matrix is what fits a screen; all others are in the tables
    for metric in (BITS_PER_SPIKE, *list_added(scores["metric"].values)):
        for model in scores.attrs["models"]:
            parts += _format_matrix(scores, model, metric)
            if metric is BITS_PER_SPIKE:
                parts += _say_alike(scores, model)
    parts.append("* not independent: shares session, subject or time")
    parts += [*_say_observed(scores), ""]
    groups = study.groups()
    shown = groups[(groups.metric == BITS_PER_SPIKE.name) & (groups.null == "mean_rate")]
    if len(shown):
        parts.append(_format_table(shown.drop(columns=["metric", "null"])))
    if ranking is not None:
        kept = ["rank", "rank_low", "rank_high", "train_session", "value", "ci_low", "ci_high"]
        kept += ["probability_best", "shared"]
        parts.append("\n" + _format_table(ranking[kept]))
    if ranks is not None:
        parts.append("\n" + _format_table(ranks))
    if places:
        parts.append(f"\nwrote {', '.join(map(str, places))}")
    return "\n".join(parts)


def _format_table(table: pd.DataFrame) -> str:
    return table.to_string(index=False, float_format="{:.3f}".format)
