"""`nwbspikegen demo`: the whole way on simulated preparations."""

from __future__ import annotations

from pathlib import Path

import click

from nwbspikegen.cli.options import PATH, every_command, overwrite_option, seed_option
from nwbspikegen.cli.output import print_result, records_of


@click.command(short_help="The whole way on two simulated preparations.")
@click.option("--out", default="demo", show_default=True, type=PATH, help="Folder to write to.")
@seed_option
@overwrite_option
@every_command
def demo(out: Path, seed: int, overwrite: bool, as_json: bool) -> None:
    """Simulate two preparations, train on each, predict itself and the other, write NWB and a figure."""
    from nwbspikegen.workflows.demonstration import demonstrate, format_demonstration

    table = demonstrate(out, seed=seed, overwrite=overwrite)
    text = f"{format_demonstration(table)}\n\nwrote {out}"
    print_result({"path": str(out), "scores": records_of(table)}, as_json=as_json, text=text)
