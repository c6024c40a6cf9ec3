"""`nwbspikegen convert ibl`, which lists the sessions of a paper as well."""

from __future__ import annotations

from typing import Any

import click

from nwbspikegen.cli.convert.building import reader_options, run_conversion
from nwbspikegen.core.errors import InputError
from nwbspikegen.core.given import refuse_given
from nwbspikegen.core.options import every_command, metadata_option, overwrite_option
from nwbspikegen.core.output import print_result
from nwbspikegen.formats.ibl.reader import read_ibl_session
from nwbspikegen.formats.parameters import read_summary


@click.command(
    short_help="A session of the International Brain Laboratory.", help=read_summary(read_ibl_session)
)
@reader_options(read_ibl_session, is_required=False)
@click.option("--preset", type=click.Choice(["shimono2026"]), help="List the sessions of a paper.")
@metadata_option
@overwrite_option
@every_command
def ibl(
    source: Any,
    out: Any,
    preset: str | None,
    metadata: Any,
    overwrite: bool,
    as_json: bool,
    **taken: Any,
) -> None:
    # a list to print: SOURCE and --out are required only where something is converted
    if preset is not None:
        if source is not None:
            raise InputError("--preset and a source", "one of them", "convert the listed sessions one by one")
        refuse_given(["out", *taken, "metadata", "overwrite"], "with --preset", "a list to print")
        _list_preset(preset, as_json=as_json)
        return
    if source is None or out is None:
        raise InputError(
            f"no {'SOURCE' if source is None else '--out'}",
            "a source and --out FILE.nwb",
            "add it, or --preset",
        )
    run_conversion(read_ibl_session, source, out, metadata, overwrite=overwrite, as_json=as_json, **taken)


def _list_preset(preset: str, *, as_json: bool) -> None:
    import dataclasses

    from nwbspikegen.formats.ibl.presets import PRESETS

    sessions = [dataclasses.asdict(session) for session in PRESETS[preset]]
    text = "\n".join(
        f"{session.lab}/{session.subject}/{session.day}  {', '.join(session.regions)}"
        for session in PRESETS[preset]
    )
    print_result({"preset": preset, "sessions": sessions}, as_json=as_json, text=text)
