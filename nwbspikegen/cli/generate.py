"""`nwbspikegen generate`: a model and a recording to predictions, scores and audits in NWB."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nwbspikegen.cli.options import (
    baselines_option,
    certificates_options,
    context_option,
    explain_option,
    read_window_like,
    window_options,
)
from nwbspikegen.cli.output import (
    format_audits,
    format_scores,
    tell_free_run,
    tell_meanings,
)
from nwbspikegen.cli.trained_window import refuse_other_window
from nwbspikegen.core.errors import InputError
from nwbspikegen.core.given import refuse_given
from nwbspikegen.core.options import (
    MODEL,
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
    from nwbspikegen.commands.generate_many import ManyGenerated
    from nwbspikegen.models import FittedModel


@click.command("generate", short_help="Predict, score, audit and write NWB.")
@click.argument("model", type=MODEL)
@click.argument("recordings", type=RECORDING, nargs=-1, required=True, metavar="RECORDING...")
@click.option("--out", "-o", required=True, type=PATH, help="NWB file to write; a folder for several.")
@click.option(
    "--segment",
    type=click.Choice(["test", "validation", "train", "all"]),
    default="test",
    show_default=True,
    help="What to predict; what a model was trained on is never scored.",
)
@context_option
@click.option(
    "--free-run",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="Go on from before the test segment on the model's own spikes, instead of predicting it.",
)
@click.option("--samples", default=1, show_default=True, help="How many free runs.")
@click.option(
    "--clamp",
    metavar="UNITS",
    help="Units of a free run, by their ids with commas, that are held to recorded spikes.",
)
@click.option(
    "--clamp-from",
    type=RECORDING,
    metavar="FILE",
    help="NWB file with other spikes to clamp to, at the same time; without --clamp of all its units.",
)
@click.option("--silence", metavar="UNITS", help="Units of a free run that do not spike.")
@click.option(
    "--hold-rates/--no-hold-rates",
    default=True,
    show_default=True,
    help="Keep units of a free run, over minutes, at the rates that they had before.",
)
@click.option(
    "--compare-with",
    type=RECORDING,
    metavar="FILE",
    help="Another recording, such as the model's own: which of the two does a free run resemble?",
)
@click.option("--judge", is_flag=True, help="Let classifiers tell a free run from the recording.")
@baselines_option
@click.option(
    "--workers",
    type=click.IntRange(1),
    help="Processes for several recordings: one per core by default; 1 is this one.",
)
@click.option("--scheduler", metavar="ADDRESS", help="A dask scheduler, for several recordings.")
@certificates_options
@window_options
@metadata_option
@seed_option
@overwrite_option
@report_option
@explain_option
@threads_option
@every_command
def generate_command(
    model: Path | str,
    recordings: tuple[Path | str, ...],
    out: Path,
    segment: str,
    context: str,
    free_run: float | None,
    samples: int,
    clamp: str | None,
    clamp_from: Path | str | None,
    silence: str | None,
    hold_rates: bool,
    compare_with: Path | str | None,
    judge: bool,
    baselines: tuple[str, ...] | None,
    workers: int | None,
    scheduler: str | None,
    certificates: Any,
    metadata: Path | None,
    seed: int,
    overwrite: bool,
    explain: bool,
    as_json: bool,
    **window: Any,
) -> None:
    """Predict RECORDING one step ahead with MODEL, score it beside the baselines, write NWB.

    With --free-run, what MODEL generates is compared with the recording instead of scored.
    A recording that MODEL was trained on is opened as it was for training: window options other than
    --exclude are refused. They hold for other recordings.

    Several recordings, a folder, a pattern or a .txt file that lists them give a file each in the folder
    --out, and study.csv, a row for each. One that fails stops no other; the same command again goes on.
    """
    from nwbspikegen.models import load_model
    from nwbspikegen.nwb.recordings import find_recordings, stands_for_many

    of_runs = ["samples", "clamp", "clamp_from", "silence", "hold_rates", "compare_with", "judge"]
    how: dict[str, Any] = {"segment": segment, "context": context, "baselines": baselines}
    how |= {"seed": seed, "metadata": metadata, "overwrite": overwrite}
    if stands_for_many(recordings):
        refuse_given(["free_run", *of_runs, "report"], "with several recordings", "one recording")
        from nwbspikegen.commands.generate_many import generate_many

        fitted = load_model(model)
        how |= {"workers": workers, "scheduler": scheduler, "certificates": certificates}
        found = list(dict.fromkeys(find_recordings(recordings)))
        _print_many(
            generate_many(model, found, out, options=read_window_like(fitted, **window), **how), as_json
        )
        return
    refuse_given(["workers", "scheduler"], "with one recording", "several recordings")
    (recording,) = recordings
    # first: a damaged model is told before a recording is opened
    fitted = load_model(model)
    # options that would have no effect are refused, since whoever typed them expects one
    if free_run is None:
        refuse_given(of_runs, "without --free-run", "a free run")
    else:
        refuse_given(["segment", "context", "baselines"], "with --free-run", "a prediction one step ahead")
    refuse_other_window(fitted, recording, window)
    how["options"] = read_window_like(fitted, **window)
    if free_run is None:
        _predict_one(fitted, recording, out, how, explain=explain, as_json=as_json)
        return
    how = {name: how[name] for name in ("options", "seed", "metadata", "overwrite")}
    how |= {"seconds": free_run, "num_samples": samples, "clamp_from": clamp_from}
    how |= {"compare_with": compare_with, "judged": judge, "hold_rates": hold_rates}
    how |= {"clamp": _read_names(clamp), "silence": _read_names(silence)}
    _run_freely(fitted, recording, out, how, explain=explain, as_json=as_json)


def _predict_one(
    fitted: FittedModel,
    recording: Path | str,
    out: Path,
    how: dict[str, Any],
    *,
    explain: bool,
    as_json: bool,
) -> None:
    from nwbspikegen.commands.generate import generate_and_score

    report = generate_and_score(fitted, recording, out, **how)
    result = {
        "path": str(report.path),
        "scores": records_of(report.scores),
        "audits": records_of(report.audits),
        **tell_meanings(report.scores, is_wanted=explain),
    }
    tables = [
        format_scores(report.scores, is_explained=explain),
        format_audits(report.audits, is_explained=explain),
    ]
    text = "\n\n".join([*tables, f"wrote {report.path}"])
    print_result(result, as_json=as_json, text=text)


def _run_freely(
    fitted: FittedModel,
    recording: Path | str,
    out: Path,
    how: dict[str, Any],
    *,
    explain: bool,
    as_json: bool,
) -> None:
    from nwbspikegen.commands.free_run import free_run_and_compare

    run = free_run_and_compare(fitted, recording, out, **how)
    result, text = tell_free_run(run.path, run.statistics, run.realism, run.verdicts, is_explained=explain)
    print_result(result, as_json=as_json, text=f"{text}\n\nwrote {run.path}")


def _print_many(many: ManyGenerated, as_json: bool) -> None:
    """Print a row for each recording, then raise `InputError` where some failed."""
    table, failed = many.table, many.failed
    shown = [
        f"{Path(str(row.path)).name}: {row.num_units} units, {row.bits_per_spike:.3f} bits per spike"
        for row in table[table.status == "done"].itertuples()
    ]
    manifest = many.folder / "study.csv"
    result = {"path": str(many.folder), "manifest": str(manifest), "recordings": records_of(table)}
    print_result(result, as_json=as_json, text="\n".join([*shown, f"wrote {manifest}"]))
    if len(failed):
        told = "; ".join(f"{row.recording}: {row.error}" for row in failed.itertuples())
        raise InputError(
            f"{len(failed)} of {len(table)} recordings that could not be predicted ({told})",
            "recordings that can be read",
            "correct these and give the same command again: what is done stays",
        )


def _read_names(text: str | None) -> list[str]:
    """Return what commas separate."""
    return [] if text is None else [name.strip() for name in text.split(",") if name.strip()]
