"""`nwbspikegen plot`: figures of what a file or a folder holds."""

from __future__ import annotations

from pathlib import Path

import click

from nwbspikegen.core.given import is_given, refuse_given
from nwbspikegen.core.options import LOCAL_THING, PATH, every_command, overwrite_option
from nwbspikegen.core.output import print_result


@click.command("plot", short_help="Draw what a file, a model or a sweep holds.")
@click.argument("target", type=LOCAL_THING)
@click.option("--out", required=True, type=PATH, help="Folder to draw into; made when it is not there.")
@click.option(
    "--start", default=0.0, show_default=True, help="Rasters begin so many seconds after the first bin."
)
@click.option(
    "--duration",
    type=click.FloatRange(0, min_open=True),
    default=5.0,
    show_default=True,
    help="Seconds of rasters.",
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**32 - 1),
    help="Of the spikes that rasters draw; by default the file's: the trains that it stores.",
)
@overwrite_option
@every_command
def plot_command(
    target: Path | str,
    out: Path,
    start: float,
    duration: float,
    seed: int | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Draw every figure that fits what TARGET holds, as PNG.

    A file that `generate` wrote: rasters, ROC and precision-recall curves, bits per spike,
    all scores. One that
    `explain` wrote: maps, curves, correlations, ablations. The folder of a model: its training curves.
    The folder of a sweep: scores along each factor.
    """
    from nwbspikegen.commands.plot import draw_figures, has_rasters

    of_rasters = ["start", "duration", "seed"]
    # the file is opened for this only where one of them was typed
    if any(map(is_given, of_rasters)) and not has_rasters(target):
        refuse_given(of_rasters, f"for {target}", "what `nwbspikegen generate` wrote: only it has rasters")
    drawn = draw_figures(target, out, start=start, duration=duration, seed=seed, overwrite=overwrite)
    paths = [str(path) for path in drawn]
    print_result({"figures": paths}, as_json=as_json, text="\n".join(f"wrote {path}" for path in paths))
