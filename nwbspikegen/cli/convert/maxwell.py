"""`nwbspikegen convert maxwell`."""

from __future__ import annotations

from pathlib import Path

import click

from nwbspikegen.core.options import PATH, every_command, metadata_option, overwrite_option
from nwbspikegen.core.output import print_result


@click.command(short_help="On-chip spikes of a MaxOne or MaxTwo.")
@click.argument("source", type=PATH)
@click.option("--out", required=True, type=PATH, help="NWB file to write.")
@click.option("--well", help="Such as well000, when there are several.")
@click.option("--recording", help="Such as rec0000, when there are several.")
@metadata_option
@overwrite_option
@every_command
def maxwell(
    source: Path,
    out: Path,
    well: str | None,
    recording: str | None,
    metadata: Path | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Convert the spikes detected on chip in a MaxWell .raw.h5 file: one unit per channel that spiked."""
    from nwbspikegen.formats.maxwell.convert import convert_maxwell

    path = convert_maxwell(
        source, out, metadata=metadata, well=well, recording=recording, overwrite=overwrite
    )
    print_result({"path": str(path)}, as_json=as_json, text=f"wrote {path}")
