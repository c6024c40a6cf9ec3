"""`nwbspikegen score`: the scores that a derived file holds."""

from __future__ import annotations

from pathlib import Path

import click

from nwbspikegen.cli.options import PATH, every_command
from nwbspikegen.cli.output import (
    format_audits,
    format_scores,
    format_statistics,
    print_result,
    records_of,
)


@click.command(short_help="Print the scores that a file holds.")
@click.argument("derived", type=PATH)
@click.option("--recompute", is_flag=True, help="Score again from the spikes that the file holds.")
@every_command
def score(derived: Path, recompute: bool, as_json: bool) -> None:
    """Print the scores and audits stored in DERIVED, a file that `generate` wrote.

    A free run has no scores: how it compares with the recording is printed instead.
    """
    from nwbspikegen.results import list_results, read_audits, read_statistics
    from nwbspikegen.workflows.rescoring import read_or_recompute_scores

    if "statistics" in list_results(derived):
        statistics = read_statistics(derived)
        result = {"path": str(derived), "statistics": records_of(statistics)}
        print_result(result, as_json=as_json, text=format_statistics(statistics))
        return
    scores, audits = read_or_recompute_scores(derived, recompute=recompute), read_audits(derived)
    result = {"path": str(derived), "scores": records_of(scores), "audits": records_of(audits)}
    print_result(result, as_json=as_json, text=f"{format_scores(scores)}\n\n{format_audits(audits)}")
