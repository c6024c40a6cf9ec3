"""`nwbspikegen validate`: whether an archive would accept a file."""

from __future__ import annotations

from pathlib import Path

import click

from nwbspikegen.cli.options import PATH, every_command
from nwbspikegen.cli.output import print_result, records_of


@click.command(short_help="Check whether an archive would accept a file.")
@click.argument("file", type=PATH)
@every_command
@click.pass_context
def validate(context: click.Context, file: Path, as_json: bool) -> None:
    """Check FILE with pynwb, nwbinspector and dandi, without a network; exit 2 when it has errors."""
    from nwbspikegen.archive import validate_file

    findings = validate_file(file)
    num_errors = int((findings.severity == "error").sum())
    lines = [f"{row.severity:<8} {row.tool:<13} {row.message} ({row.where})" for row in findings.itertuples()]
    lines.append(f"{num_errors} errors and {len(findings) - num_errors} other findings in {file}")
    result = {"path": str(file), "num_errors": num_errors, "findings": records_of(findings)}
    print_result(result, as_json=as_json, text="\n".join(lines))
    context.exit(2 if num_errors else 0)
