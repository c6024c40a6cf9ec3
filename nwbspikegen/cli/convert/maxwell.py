"""`nwbspikegen convert maxwell`, which converts all wells of a plate as well."""

from __future__ import annotations

from typing import Any

import click

from nwbspikegen.cli.convert.building import reader_options, run_conversion
from nwbspikegen.core.errors import InputError
from nwbspikegen.core.options import every_command, metadata_option, overwrite_option
from nwbspikegen.core.output import print_result
from nwbspikegen.formats.maxwell.reader import read_maxwell_file
from nwbspikegen.formats.parameters import read_summary


@click.command(
    short_help="The spikes detected on chip in a MaxWell .raw.h5 file.", help=read_summary(read_maxwell_file)
)
@reader_options(read_maxwell_file)
@click.option("--all-wells", is_flag=True, help="A file for each well, which is added to the name of --out.")
@click.option("--all-recordings", is_flag=True, help="A file for each recording, likewise.")
@metadata_option
@overwrite_option
@every_command
def maxwell(
    source: Any,
    out: Any,
    all_wells: bool,
    all_recordings: bool,
    metadata: Any,
    overwrite: bool,
    as_json: bool,
    **taken: Any,
) -> None:
    if not (all_wells or all_recordings):
        run_conversion(
            read_maxwell_file, source, out, metadata, overwrite=overwrite, as_json=as_json, **taken
        )
        return
    pairs = (
        ("well", "--well", "--all-wells", all_wells),
        ("recording", "--rec", "--all-recordings", all_recordings),
    )
    for name, one, each, is_all in pairs:
        if is_all and taken[name] is not None:
            raise InputError(f"{one} and {each}", "one of them", "leave one out")
    from nwbspikegen.commands.convert_wells import convert_maxwell_wells

    done = convert_maxwell_wells(
        source,
        out,
        metadata=metadata,
        overwrite=overwrite,
        all_wells=all_wells,
        all_recordings=all_recordings,
        **taken,
    )
    names = [str(path) for path in done.paths]
    result = {"paths": names, "failed": done.failed}
    print_result(result, as_json=as_json, text="\n".join(f"wrote {name}" for name in names))
    if done.failed:
        told = "; ".join(f"{label}: {error}" for label, error in done.failed.items())
        raise InputError(
            f"{len(done.failed)} of {len(done.failed) + len(names)} that could not be converted ({told})",
            "wells with readable spikes",
            "check these; the others are written",
        )
