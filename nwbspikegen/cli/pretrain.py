"""`nwbspikegen pretrain`: simulated populations to a model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from nwbspikegen.cli.options import device_option, settings_option
from nwbspikegen.core.options import PATH, every_command, overwrite_option, seed_option, threads_option
from nwbspikegen.core.output import print_result


@click.command("pretrain", short_help="Train a model on simulated populations alone.")
@click.option("--out", "-o", required=True, type=PATH, help="Folder to write the model to.")
@click.option(
    "--populations",
    type=click.IntRange(1),
    default=400,
    show_default=True,
    help="How many to draw: more of them begin with the same.",
)
@click.option("--bin-size", default=0.001, show_default=True, help="Seconds per bin.")
@click.option("--epochs", type=click.IntRange(1), help="Those of in_context by default.")
@settings_option
@device_option
@seed_option
@overwrite_option
@threads_option
@every_command
def pretrain_command(
    out: Path,
    populations: int,
    bin_size: float,
    epochs: int | None,
    settings: dict[str, Any],
    device: str,
    seed: int,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Train in_context on populations of the prior: of random families, sizes and lengths.

    This is how the model that is called pretrained was made, with the defaults; made again, it is good for
    other bins. An interrupted run goes on where it stopped when the same command is given again.
    """
    from nwbspikegen.commands.pretrain import pretrain_and_save

    fitted, best = pretrain_and_save(
        out,
        populations=populations,
        bin_size=bin_size,
        epochs=epochs,
        settings=settings,
        device=device,
        seed=seed,
        overwrite=overwrite,
    )
    result = {"path": str(out), "model": fitted.name, "sha256": fitted.sha256, "best_epoch": best}
    drawn = fitted.training["populations"]["num_used"]
    text = f"wrote {out}: {fitted.name}, {drawn} populations, best epoch {best['epoch']:.0f}"
    print_result(result, as_json=as_json, text=text)
