"""`nwbspikegen validate`: whether an archive would accept a file."""

from __future__ import annotations

from pathlib import Path

import click

from nwbspikegen.core.options import PATH, every_command
from nwbspikegen.core.output import print_result, records_of


@click.command("validate", short_help="Check whether an archive would accept a file.")
@click.argument("file", type=PATH)
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
    recording that is named has the bytes that the results were made from.
    """
    from nwbspikegen.archive import validate_file

    findings = validate_file(file, source=source)
    num_errors = int((findings.severity == "error").sum())
    lines = [f"{row.severity:<8} {row.tool:<13} {row.message} ({row.where})" for row in findings.itertuples()]
    lines.append(f"{num_errors} errors and {len(findings) - num_errors} other findings in {file}")
    result = {"path": str(file), "num_errors": num_errors, "findings": records_of(findings)}
    print_result(result, as_json=as_json, text="\n".join(lines))
    severe = {"error"} if fail_on == "error" else {"error", "warning"}
    # 2, as for bad input: scripts need not tell a file that is refused from one that cannot be read
    context.exit(2 if findings.severity.isin(severe).any() else 0)
