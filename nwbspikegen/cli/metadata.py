"""`nwbspikegen metadata`: the metadata that archives require, to be filled in."""

from __future__ import annotations

from pathlib import Path

import click

from nwbspikegen.core.options import PATH, every_command, overwrite_option
from nwbspikegen.core.output import print_result


@click.command("metadata", short_help="A template of metadata to fill in.")
@click.option("--out", "-o", type=PATH, help="YAML file to write; printed without it.")
@overwrite_option
@every_command
def metadata_command(out: Path | None, overwrite: bool, as_json: bool) -> None:
    """Write what archives require of every file, as YAML in NeuroConv's layout, for --metadata.

    Each field says what belongs there; leave out what is not known, rather than guess it. `convert`,
    `generate` and all else that writes NWB take the file by --metadata, and name what is missing.
    """
    from nwbspikegen.core.files import write_whole
    from nwbspikegen.core.metadata import write_template

    template = write_template()
    if out is not None:
        with write_whole(out, overwrite=overwrite) as unfinished:
            Path(unfinished).write_text(template + "\n", encoding="utf-8")
    result = {"path": None if out is None else str(out), "template": template}
    print_result(result, as_json=as_json, text=template if out is None else f"wrote {out}; fill it in")
