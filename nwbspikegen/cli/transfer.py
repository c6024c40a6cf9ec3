"""`nwbspikegen transfer`: every recording against every other."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nwbspikegen.cli.completing import complete_models
from nwbspikegen.cli.options import (
    MODEL_HELP,
    certificates_options,
    device_option,
    explain_option,
    populations_option,
    read_window,
    require_model,
    settings_option,
    start_option,
    window_options,
)
from nwbspikegen.cli.transfer_text import explain_study, format_study
from nwbspikegen.core.errors import InputError
from nwbspikegen.core.given import refuse_given
from nwbspikegen.core.options import (
    PATH,
    RECORDING,
    every_command,
    metadata_option,
    overwrite_option,
    seed_option,
    threads_option,
)
from nwbspikegen.core.output import print_result, records_of
from nwbspikegen.core.report_option import report_option

if TYPE_CHECKING:
    from nwbspikegen.views import WindowOptions

# options that are neither of the window nor of what is printed
_RUN = (
    *(
        "context",
        "leave_one_out",
        "epochs",
        "start_from",
        "populations",
        "scheduler",
        "certificates",
        "workers",
        "device",
        "seed",
    ),
    "settings",
)
# what has a meaning when a study is read and nothing is run
_OF_READING = (
    *("recordings", "out", "target", "ranked", "nwb_folder", "metadata", "strict_metadata", "overwrite"),
    *("as_json", "config", "quiet", "log_file", "trust", "report", "explain", "threads"),
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
@click.option("--out", "-o", required=True, type=PATH, help="Folder of the study.")
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
    shell_complete=complete_models,
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
@start_option
@populations_option
@device_option
@click.option("--scheduler", metavar="ADDRESS", help="A dask scheduler, such as tls://host:8786.")
@certificates_options
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
@explain_option
@threads_option
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
    explain: bool,
    as_json: bool,
    **how: Any,
) -> None:
    """Train a model on each recording's window and test it on the last part of every other's.

    A folder, a pattern or a .txt file that lists recordings stands for all of them.
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
        **({"meanings": explain_study(study.scores, ranking, ranks)} if explain else {}),
    }
    places = written if is_there else [study.folder / "tables", *written]
    print_result(
        result, as_json=as_json, text=format_study(study, ranking, ranks, places, is_explained=explain)
    )


def _list_of_runs() -> list[str]:
    """Return which parameters of the running command say how a study is made and run."""
    names = [str(parameter.name) for parameter in click.get_current_context().command.params]
    return [name for name in names if name not in _OF_READING]


def _choose_recordings(
    recordings: tuple[Path | str, ...], sessions_file: Path | None, options: WindowOptions
) -> tuple[Any, Any]:
    """Return recordings and their window options, from the command line or from the file that has them."""
    from nwbspikegen.nwb.recordings import find_recordings
    from nwbspikegen.transfer.run import read_sessions_file

    if bool(recordings) == (sessions_file is not None):
        raise InputError(
            "recordings and --sessions" if recordings else "no recording",
            "one of the two",
            "name the recordings, or the file that names them",
        )
    if sessions_file is None:
        return find_recordings(recordings), options
    return read_sessions_file(sessions_file, options)
