"""`nwbspikegen convert`: a lab's spike files to NWB."""

from __future__ import annotations

import click

from nwbspikegen.cli.convert.asdf import asdf
from nwbspikegen.cli.convert.ibl import ibl
from nwbspikegen.cli.convert.maxwell import maxwell
from nwbspikegen.cli.convert.spykingcircus import spykingcircus


@click.group(short_help="A lab's spike files to NWB.")
def convert() -> None:
    """Convert a lab's spike files to NWB that DANDI accepts."""


for _command in (asdf, ibl, maxwell, spykingcircus):
    convert.add_command(_command)
