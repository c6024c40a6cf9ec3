"""`nwbspikegen report`: one page that shows a recording, a result or a study."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from nwbspikegen.cli.options import STRETCH, interval_option, read_split, unit_table_option
from nwbspikegen.core.options import MODEL, PATH, every_command, overwrite_option
from nwbspikegen.core.output import print_result


@click.command("report", short_help="One page that shows a recording, a result or a study.")
@click.argument("thing", type=MODEL)
@click.option("--out", "-o", default="report.html", show_default=True, type=PATH, help="HTML file to write.")
@click.option("--start", default=0.0, show_default=True, help="Seconds after the start of observation.")
@click.option("--duration", default=600.0, show_default=True, help="Seconds to show.")
@click.option("--bin-size", default=0.001, show_default=True, help="Seconds per bin.")
@click.option(
    "--split", default="0.5,0.25,0.25", show_default=True, help="Shares of train,validation,test, shaded."
)
@interval_option
@click.option(
    "--exclude",
    type=STRETCH,
    multiple=True,
    help="Take these seconds of the session clock as not observed; may be given again.",
)
@unit_table_option
@overwrite_option
@every_command
def report_command(
    thing: Path | str, out: Path, split: str, overwrite: bool, as_json: bool, **window: Any
) -> None:
    """Write one HTML page that shows THING; it loads nothing, and opens from a disk or a mail.

    THING is a recording, a file that generate, explain, transfer or patchseq wrote, or the folder of a
    model, a study, a sweep or of patch-clamp features; or the
    word pretrained. The window options are those of a bare recording.

    \b
    nwbspikegen report recording.nwb
    nwbspikegen report predicted.nwb --out predicted.html
    """
    from nwbspikegen.reports import report

    window["exclude"] = tuple(window["exclude"])
    path = report(thing, out, split=read_split(split), overwrite=overwrite, **window)
    size = path.stat().st_size
    result = {"path": str(path), "bytes": size}
    print_result(result, as_json=as_json, text=f"wrote {path}, {size / 1e6:.1f} MB; open it in a browser")
