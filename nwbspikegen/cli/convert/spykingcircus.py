"""`nwbspikegen convert spykingcircus`."""

from __future__ import annotations

from pathlib import Path

import click

from nwbspikegen.core.given import refuse_given
from nwbspikegen.core.options import PATH, every_command, metadata_option, overwrite_option
from nwbspikegen.core.output import print_result


@click.command(short_help="A result of SpyKING CIRCUS 1.x.")
@click.argument("source", type=PATH)
@click.option("--out", required=True, type=PATH, help="NWB file to write.")
@click.option("--sampling-rate", type=float, help="Samples per second, when no file says so.")
@click.option("--recording", type=PATH, help="MaxWell file that was sorted.")
@click.option("--well", help="Well in it, such as well000, when there are several.")
@click.option("--rec", help="Recording of that well, such as rec0000, when there are several.")
@click.option("--duration", type=float, help="Seconds that were sorted, when no file says so.")
@metadata_option
@overwrite_option
@every_command
def spykingcircus(
    source: Path,
    out: Path,
    sampling_rate: float | None,
    recording: Path | None,
    well: str | None,
    rec: str | None,
    duration: float | None,
    metadata: Path | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Convert a SpyKING CIRCUS 1.x result, or the folder with it; curated results win, then merged ones."""
    from nwbspikegen.formats.spykingcircus.convert import convert_spykingcircus

    if recording is None:
        refuse_given(["well", "rec"], "without --recording", "the MaxWell file that was sorted")
    path = convert_spykingcircus(
        source, out, metadata=metadata, sampling_frequency=sampling_rate, recording=recording, well=well,
        rec=rec, duration=duration, overwrite=overwrite,
    )  # fmt: skip
    print_result({"path": str(path)}, as_json=as_json, text=f"wrote {path}")
