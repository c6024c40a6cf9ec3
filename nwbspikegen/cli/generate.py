"""`nwbspikegen generate`: a model and a recording to predictions, scores and audits in NWB."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from nwbspikegen.cli.options import (
    baselines_option,
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
from nwbspikegen.core.given import refuse_given
from nwbspikegen.core.options import (
    MODEL,
    PATH,
    RECORDING,
    every_command,
    metadata_option,
    overwrite_option,
    seed_option,
)
from nwbspikegen.core.output import print_result, records_of
from nwbspikegen.core.report_option import report_option


@click.command("generate", short_help="Predict, score, audit and write NWB.")
@click.argument("model", type=MODEL)
@click.argument("recording", type=RECORDING)
@click.option("--out", "-o", required=True, type=PATH, help="NWB file to write.")
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
@baselines_option
@window_options
@metadata_option
@seed_option
@overwrite_option
@report_option
@explain_option
@every_command
def generate_command(
    model: Path | str,
    recording: Path | str,
    out: Path,
    segment: str,
    context: str,
    free_run: float | None,
    samples: int,
    clamp: str | None,
    clamp_from: Path | str | None,
    silence: str | None,
    baselines: tuple[str, ...] | None,
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
    """
    from nwbspikegen.commands.free_run import free_run_and_compare
    from nwbspikegen.commands.generate import generate_and_score
    from nwbspikegen.models import load_model

    # first: a damaged model is told before a recording is opened
    fitted = load_model(model)
    # options that would have no effect are refused, since whoever typed them expects one
    if free_run is None:
        refuse_given(["samples", "clamp", "clamp_from", "silence"], "without --free-run", "a free run")
    else:
        refuse_given(["segment", "context", "baselines"], "with --free-run", "a prediction one step ahead")
    refuse_other_window(fitted, recording, window)
    if free_run is not None:
        run = free_run_and_compare(
            fitted,
            recording,
            out,
            seconds=free_run,
            options=read_window_like(fitted, **window),
            seed=seed,
            num_samples=samples,
            clamp=_read_names(clamp),
            clamp_from=clamp_from,
            silence=_read_names(silence),
            metadata=metadata,
            overwrite=overwrite,
        )
        result, text = tell_free_run(run.path, run.statistics, run.realism, is_explained=explain)
        print_result(result, as_json=as_json, text=f"{text}\n\nwrote {run.path}")
        return
    report = generate_and_score(
        fitted,
        recording,
        out,
        options=read_window_like(fitted, **window),
        segment=segment,
        context=context,
        baselines=baselines,
        seed=seed,
        metadata=metadata,
        overwrite=overwrite,
    )
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


def _read_names(text: str | None) -> list[str]:
    """Return what commas separate."""
    return [] if text is None else [name.strip() for name in text.split(",") if name.strip()]
