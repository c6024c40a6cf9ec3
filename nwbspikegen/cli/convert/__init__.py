"""`nwbspikegen convert`: a lab's spike files to NWB."""

from __future__ import annotations

import click

from nwbspikegen.cli.convert.asdf import asdf


@click.group(short_help="A lab's spike files to NWB.")
def convert() -> None:
    """Convert a lab's spike files to NWB that DANDI accepts."""


for _command in (asdf,):
    convert.add_command(_command)
