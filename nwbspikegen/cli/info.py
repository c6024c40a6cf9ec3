"""`nwbspikegen info`: what a recording holds and what is odd about it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from nwbspikegen.cli.options import STRETCH, interval_option, unit_table_option
from nwbspikegen.core.options import MODEL, every_command
from nwbspikegen.core.output import print_result


@click.command("info", short_help="Say what a recording holds, and what is odd about it.")
@click.argument("target", type=MODEL, metavar="FILE")
@click.option("--start", default=0.0, show_default=True, help="Seconds after the start of observation.")
@click.option("--duration", type=float, help="Seconds to look at; all by default.")
@click.option("--bin-size", default=0.001, show_default=True, help="Seconds per bin.")
@interval_option
@unit_table_option
@click.option(
    "--exclude",
    type=STRETCH,
    multiple=True,
    help="Take these seconds of the session clock as not observed; may be given again.",
)
@every_command
def info_command(target: Path | str, as_json: bool, **window: Any) -> None:
    """Say what FILE holds and what is odd about it, each with the option that deals with it.

    FILE is a recording, a path or an address; also a derived file, the folder of a model, or the word
    pretrained for the model in this package. What is
    FATAL other commands refuse unless they are given --accept-odd.
    """
    from nwbspikegen.commands.info import inform

    found = inform(target, **window)
    print_result({"kind": found.kind, **found.details}, as_json=as_json, text=found.text)
