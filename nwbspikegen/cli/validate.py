"""`nwbspikegen validate`: whether an archive would accept a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from nwbspikegen.core.addresses import is_zarr
from nwbspikegen.core.errors import InputError
from nwbspikegen.core.options import PATH, every_command
from nwbspikegen.core.output import print_result, records_of


@click.command("validate", short_help="Check whether an archive would accept files.")
@click.argument("file", metavar="FILE|FOLDER", type=PATH)
@click.option("--source", type=PATH, help="Recording that results were made from; looked for beside FILE.")
@click.option(
    "--fail-on",
    type=click.Choice(["error", "warning"]),
    default="error",
    show_default=True,
    help="The mildest finding with which the command exits with 2.",
)
@every_command
@click.pass_context
def validate_command(
    context: click.Context, file: Path, source: Path | None, fail_on: str, as_json: bool
) -> None:
    """Check FILE without a network: pynwb, nwbinspector, dandi, and what nwbspikegen asks of results.

    Its own checks: audits are stored and passed, generated spikes are marked as synthetic, and the
    recording that is named has the bytes that the results were made from. Of a FOLDER, all .nwb files
    in it and below it are checked, and that no two have one identifier.
    """
    from nwbspikegen.archive import validate_file, validate_folder

    # a Zarr folder is one recording, and refused as such
    is_folder = file.is_dir() and not is_zarr(file)
    if is_folder and source is not None:
        raise InputError("--source for a folder", "one for a file", "leave it out: sources are looked for")
    findings = validate_folder(file) if is_folder else validate_file(file, source=source)
    num_errors = int((findings.severity == "error").sum())
    lines = [_say(row) for row in records_of(findings)]
    lines.append(f"{num_errors} errors and {len(findings) - num_errors} other findings in {file}")
    result = {"path": str(file), "num_errors": num_errors, "findings": records_of(findings)}
    print_result(result, as_json=as_json, text="\n".join(lines))
    severe = {"error"} if fail_on == "error" else {"error", "warning"}
    # 2, as for bad input: scripts need not tell a file that is refused from one that cannot be read
    context.exit(2 if findings.severity.isin(severe).any() else 0)


def _say(row: dict[str, Any]) -> str:
    file = f"{row['file']}: " if "file" in row else ""
    return f"{row['severity']:<8} {row['tool']:<13} {file}{row['message']} ({row['where']})"
