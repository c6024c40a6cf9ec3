"""`nwbspikegen patchseq`: patch-clamp recordings to cell classes."""

from __future__ import annotations

import click

from nwbspikegen.patchseq.cli.explain import explain_cells_command
from nwbspikegen.patchseq.cli.features import features_command
from nwbspikegen.patchseq.cli.predict import predict_cells_command
from nwbspikegen.patchseq.cli.separate import separate_command
from nwbspikegen.patchseq.cli.train import train_cells_command
from nwbspikegen.patchseq.cli.transfer import transfer_cells_command


@click.group(short_help="Patch-clamp recordings to cell classes.")
def patchseq() -> None:
    """Measure patched cells, learn their classes, predict them, and move from one species to another."""


for _command in (
    features_command,
    separate_command,
    train_cells_command,
    predict_cells_command,
    explain_cells_command,
    transfer_cells_command,
):
    patchseq.add_command(_command)
