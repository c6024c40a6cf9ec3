"""`nwbspikegen plot`: figures of what a file or a folder holds."""

from __future__ import annotations

import textwrap
from pathlib import Path

import click

from nwbspikegen.core.given import is_given, refuse_given
from nwbspikegen.core.options import LOCAL_THING, PATH, every_command, overwrite_option
from nwbspikegen.core.output import WIDTH, print_result


@click.command("plot", short_help="Draw what a file, a model or a sweep holds.")
@click.argument("target", type=LOCAL_THING)
@click.option("--out", "-o", required=True, type=PATH, help="Folder to draw into; made when it is not there.")
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
@click.option(
    "--format",
    "suffix",
    type=click.Choice(["png", "pdf", "svg"]),
    default="png",
    show_default=True,
    help="Of the figures; each has its caption in a text file beside it.",
)
@overwrite_option
@every_command
def plot_command(
    target: Path | str,
    out: Path,
    start: float,
    duration: float,
    seed: int | None,
    suffix: str,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Draw every figure that fits what TARGET holds, for papers: with letters, heading and caption.

    A file that `generate` wrote: rasters, ROC and calibration within units, bits per spike and paired
    differences, all scores. One that `explain` wrote: maps, curves, correlations, ablations. A free run, a
    study (its folder or NWB file), a recording, patch-clamp: what the page of `report` shows. The folder of
    a model: its training curves. The folder of a sweep: scores along each factor.
    """
    from nwbspikegen.reports.papers import draw_figures, has_rasters

    of_rasters = ["start", "duration", "seed"]
    # the file is opened for this only where one of them was typed
    if any(map(is_given, of_rasters)) and not has_rasters(target):
        refuse_given(of_rasters, f"for {target}", "what `nwbspikegen generate` wrote: only it has rasters")
    drawn = draw_figures(
        target, out, start=start, duration=duration, seed=seed, suffix=suffix, overwrite=overwrite
    )
    figures = {str(path): caption for path, caption in drawn}
    result = {"figures": list(figures), "captions": figures}
    text = "\n\n".join(f"wrote {path}\n{textwrap.fill(told, WIDTH)}" for path, told in figures.items())
    print_result(result, as_json=as_json, text=text)
