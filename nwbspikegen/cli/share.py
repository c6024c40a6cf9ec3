"""`nwbspikegen share`: files to a dandiset of the DANDI archive."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nwbspikegen.core.errors import InputError
from nwbspikegen.core.options import PATH, every_command
from nwbspikegen.core.output import print_result, records_of
from nwbspikegen.core.plain_text import show_plainly

if TYPE_CHECKING:
    import pandas as pd


@click.command("share", short_help="Upload files to the DANDI archive.")
@click.argument("files", type=PATH, nargs=-1, required=True)
@click.option("--dandiset", required=True, metavar="ID", help="Six digits.")
@click.option(
    "--instance", default="dandi", show_default=True, help="dandi, dandi-sandbox, or an archive's address."
)
@click.option(
    "--existing",
    type=click.Choice(["error", "skip", "refresh", "overwrite"]),
    default="error",
    show_default=True,
    help="What to do about a path that the dandiset has already.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be uploaded; needs no key and no network.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@every_command
def share_command(
    files: tuple[Path, ...],
    dandiset: str,
    instance: str,
    existing: str,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Validate FILES, name them as the archive wants, show what they hold, ask, and upload.

    The key is read from the variable that dandi names after the instance (DANDI_API_KEY,
    DANDI_SANDBOX_API_KEY), or from the keyring. After an interruption, give the command again.
    """
    from nwbspikegen.archive import share_file

    # before anything is validated: a script would wait for an answer that nobody gives
    if not (dry_run or yes or sys.stdin.isatty()):
        raise InputError("nobody to ask: this is not a terminal", "--yes or --dry-run", "add one of them")

    def confirm(plan: pd.DataFrame) -> bool:
        # on stderr, so that the JSON on stdout stays whole
        click.echo(show_plainly(_format_plan(plan, dandiset, instance), keep="\n"), err=True)
        return yes or click.confirm("Upload?", err=True)

    shared = share_file(
        files, dandiset=dandiset, instance=instance, existing=existing, dry_run=dry_run, confirm=confirm
    )
    result = {"dandiset": dandiset, "instance": instance, "files": records_of(shared)}
    if dry_run:
        text = _format_plan(shared, dandiset, instance) + "\nnothing was uploaded: a dry run"
    else:
        text = "\n".join(f"{row.status:<9} {row.archive_path}" for row in shared.itertuples())
    print_result(result, as_json=as_json, text=text)


def _format_plan(plan: pd.DataFrame, dandiset: str, instance: str) -> str:
    """Return where each file goes and what in it was generated."""
    lines = [f"to dandiset {dandiset} of {instance}:"]
    for row in records_of(plan):
        lines.append(f"  {row['archive_path']}   {row['size'] / 1e6:.3g} MB, {row['path']}")
        lines += [f"      {line}" for line in row["contents"]]
    # DANDI takes simulated data case by case
    if plan.synthetic.any():
        lines.append(
            "DANDI takes simulated data case by case: ask its team before you upload SYNTHETIC spikes."
        )
    return "\n".join(lines)
