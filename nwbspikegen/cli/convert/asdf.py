"""`nwbspikegen convert asdf`."""

from __future__ import annotations

from pathlib import Path

import click

from nwbspikegen.core.options import PATH, every_command, metadata_option, overwrite_option
from nwbspikegen.core.output import print_result


@click.command(short_help="An ASDF .mat file.")
@click.argument("source", type=PATH)
@click.option("--out", required=True, type=PATH, help="NWB file to write.")
@click.option(
    "--tick", type=float, help="Seconds per bin of the file; 0.001 unless its intervals rule that out."
)
@click.option("--positions", type=PATH, help="xy.mat with the units' positions (um).")
@metadata_option
@overwrite_option
@every_command
def asdf(
    source: Path,
    out: Path,
    tick: float | None,
    positions: Path | None,
    metadata: Path | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Convert an ASDF .mat file: one cell per unit, bin numbers counted from 1."""
    from nwbspikegen.formats.asdf.convert import convert_asdf

    path = convert_asdf(source, out, metadata=metadata, tick=tick, positions=positions, overwrite=overwrite)
    print_result({"path": str(path)}, as_json=as_json, text=f"wrote {path}")
