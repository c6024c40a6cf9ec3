"""`nwbspikegen train`: recordings to a model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from nwbspikegen.cli.completing import complete_models
from nwbspikegen.cli.options import (
    MODEL_HELP,
    NUM_DEVICES,
    baselines_option,
    device_option,
    explain_option,
    loss_option,
    populations_option,
    read_window,
    require_model,
    settings_option,
    start_option,
    window_options,
)
from nwbspikegen.cli.output import format_scores, tell_meanings
from nwbspikegen.core.given import refuse_given
from nwbspikegen.core.options import (
    PATH,
    RECORDING,
    every_command,
    overwrite_option,
    seed_option,
    threads_option,
)
from nwbspikegen.core.output import print_result, records_of


@click.command("train", short_help="Train a model on recordings.")
@click.argument("recordings", type=RECORDING, nargs=-1, required=True)
@click.option("--out", "-o", required=True, type=PATH, help="Folder to write the model to.")
@click.option(
    "--hold-out",
    "hold_out",
    multiple=True,
    is_flag=False,
    flag_value="each",
    metavar="[FILE]",
    help="Do not train on this one of the recordings, but score on it; without a name, each in turn, "
    "and the model that is kept is trained on all.",
)
@click.option(
    "--model",
    default="in_context",
    show_default=True,
    shell_complete=complete_models,
    help=f"{MODEL_HELP}.",
)
@settings_option
@loss_option
@click.option("--epochs", type=click.IntRange(1), help="The architecture's own by default.")
@start_option
@populations_option
@device_option
@click.option("--devices", type=NUM_DEVICES, help="Train on so many of them at once; auto: on all.")
@click.option(
    "--precision",
    type=click.Choice(["32", "bf16-mixed", "16-mixed"]),
    default="32",
    show_default=True,
    help="Bits of the arithmetic in training; 16-mixed needs a GPU.",
)
@click.option(
    "--logger",
    type=click.Choice(["tensorboard", "csv"]),
    help="Write the scores of every epoch to the folder OUT-log, beside the model.",
)
@click.option(
    "--license", default="", help="Of the model, such as CC-BY-4.0, for its card; not stated by default."
)
@baselines_option
@window_options
@seed_option
@overwrite_option
@explain_option
@threads_option
@every_command
def train_command(
    recordings: tuple[Path | str, ...],
    out: Path,
    hold_out: tuple[str, ...],
    model: str,
    loss: str | None,
    epochs: int | None,
    start_from: Path | str | None,
    populations: int,
    device: str,
    devices: str | None,
    precision: str,
    logger: str | None,
    license: str,
    baselines: tuple[str, ...] | None,
    seed: int,
    overwrite: bool,
    explain: bool,
    as_json: bool,
    settings: dict[str, Any],
    **window: Any,
) -> None:
    """Train a model on the first part of each recording's window; the second part chooses the epoch.

    Several recordings have the same weight each; a folder, a pattern or a .txt file that lists them stands
    for all of them. An interrupted run goes on where it stopped when the
    same command is given again.
    """
    from nwbspikegen.commands.train import train_recordings
    from nwbspikegen.nwb.recordings import find_recordings
    from nwbspikegen.scoring.metrics import BITS_PER_SPIKE
    from nwbspikegen.training.choosing import find_best_epoch

    require_model(model)
    # tables are printed of recordings that were held out
    if not hold_out:
        refuse_given(["baselines", "explain"], "without --hold-out", "a table of scores")
    # the defaults are no options: what a run is known by, and a model's record, are as without them
    chosen: dict[str, Any] = {} if precision == "32" else {"precision": precision}
    if devices is not None:
        chosen["devices"] = devices if devices == "auto" else int(devices)
    report = train_recordings(
        find_recordings(recordings),
        out,
        options=read_window(**window),
        hold_out=hold_out,
        baselines=baselines,
        model=model,
        loss=loss,
        epochs=epochs,
        start_from=start_from,
        populations=populations,
        device=device,
        seed=seed,
        overwrite=overwrite,
        logger=logger,
        trainer=chosen,
        settings=settings,
        license=license,
    )
    fitted = report.model
    best = find_best_epoch(fitted)
    result = {
        "path": str(out),
        "model": fitted.name,
        "loss": fitted.loss,
        "sha256": fitted.sha256,
        "best_epoch": best,
        "held_out": {name: records_of(scores) for name, scores in report.held_out.items()},
        # the names are those of all tables
        **tell_meanings(next(iter(report.held_out.values()), None), is_wanted=explain),
    }
    lines = [
        f"{name}, held out\n{format_scores(scores, is_explained=explain)}\n"
        for name, scores in report.held_out.items()
    ]
    lines.append(
        f"wrote {out}: {fitted.name}, best epoch {best['epoch']:.0f} of {len(fitted.curves)}, "
        f"validation {BITS_PER_SPIKE.words} {best[BITS_PER_SPIKE.name]:.4f}, PR-AUC {best['pr_auc']:.4f}"
    )
    print_result(result, as_json=as_json, text="\n".join(lines))
