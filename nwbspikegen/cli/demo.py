"""`nwbspikegen demo`: the whole way on simulated preparations."""

from __future__ import annotations

from pathlib import Path

import click

from nwbspikegen.core.options import PATH, every_command, overwrite_option, seed_option, threads_option
from nwbspikegen.core.output import print_result, records_of


@click.command("demo", short_help="The whole way on two simulated preparations.")
@click.option("--out", "-o", default="demo", show_default=True, type=PATH, help="Folder to write to.")
@seed_option
@overwrite_option
@threads_option
@every_command
def demo_command(out: Path, seed: int, overwrite: bool, as_json: bool) -> None:
    """Simulate two preparations, train on each, predict itself and the other, write NWB and a figure."""
    from nwbspikegen.commands.demo import FIGURE_FILE, demonstrate, format_demonstration

    table = demonstrate(out, seed=seed, overwrite=overwrite)
    page = _write_page(out)
    failed = table.attrs["failed_audits"]
    lines = (
        format_demonstration(table),
        "",
        "true_intensity is the best possible; how to read a score: docs/scores.md",
        f"audits that failed: {', '.join(failed)}" if failed else "all audits passed",
        f"wrote {out}; the figure is {out / FIGURE_FILE}",
        f"open {page} in a browser: it shows a prediction, its scores and the recording"
        if page
        else "pip install 'nwbspikegen[report]' for a page that shows the predictions",
    )
    result = {
        "path": str(out),
        "figure": str(out / FIGURE_FILE),
        "report": None if page is None else str(page),
        "failed_audits": failed,
        "scores": records_of(table),
    }
    print_result(result, as_json=as_json, text="\n".join(lines))


def _write_page(out: Path) -> Path | None:
    """Write the page of the in vivo preparation predicted by its own model; None without its extra."""
    from nwbspikegen.core.errors import MissingExtraError
    from nwbspikegen.reports import report

    (predicted,) = out.glob("sub-*vivo*/*_desc-spikegenfrominvivo_ecephys.nwb")
    try:
        # the folder was made by this command a moment ago
        return report(predicted, out / "report.html", overwrite=True)
    except MissingExtraError:
        return None
