"""`nwbspikegen patchseq`: patch-clamp recordings to cell classes."""

from __future__ import annotations

import click

from nwbspikegen.patchseq.cli.features import features
from nwbspikegen.patchseq.cli.predict import predict
from nwbspikegen.patchseq.cli.separate import separate
from nwbspikegen.patchseq.cli.train import train
from nwbspikegen.patchseq.cli.transfer import transfer


@click.group(short_help="Patch-clamp recordings to cell classes.")
def patchseq() -> None:
    """Measure patched cells, learn their classes, predict them, and move from one species to another."""


for _command in (features, separate, train, predict, transfer):
    patchseq.add_command(_command)
