"""`nwbspikegen score`: the scores that a derived file holds."""

from __future__ import annotations

from pathlib import Path

import click

from nwbspikegen.cli.options import explain_option
from nwbspikegen.cli.output import (
    format_audits,
    format_scores,
    format_trains,
    tell_free_run,
    tell_meanings,
)
from nwbspikegen.core.given import refuse_given
from nwbspikegen.core.options import PATH, every_command, threads_option
from nwbspikegen.core.output import print_result, records_of


@click.command("score", short_help="Print the scores that a file holds.")
@click.argument("derived", type=PATH)
@click.option("--recompute", is_flag=True, help="Score again from the spikes that the file holds.")
@explain_option
@threads_option
@every_command
def score_command(derived: Path, recompute: bool, explain: bool, as_json: bool) -> None:
    """Print the scores and audits stored in DERIVED, a file that `generate` wrote.

    Below them stand statistics of the recorded and the generated spike trains. A free run has no scores:
    how it compares with the recording is printed instead.
    """
    from nwbspikegen.commands.describe import describe_trains
    from nwbspikegen.commands.score import open_recorded, read_or_recompute_scores
    from nwbspikegen.prediction.nwb_reading import (
        list_results,
        read_audits,
        read_realism,
        read_statistics,
        read_verdicts,
    )

    held = list_results(derived)
    # a free run has no probability of a recorded bin, and so nothing to score
    if "statistics" in held:
        refuse_given(["recompute"], "for a free run", "a file with scores")
        statistics = read_statistics(derived)
        # of runs that were long enough, and of files since there is such a thing
        distances = read_realism(derived) if "realism" in held else None
        verdicts = read_verdicts(derived) if "verdicts" in held else None
        run, text = tell_free_run(derived, statistics, distances, verdicts, is_explained=explain)
        print_result(run, as_json=as_json, text=text)
        return
    # opened once, for the statistics and for scoring again
    recorded = open_recorded(derived, recompute=recompute) if "spike_probability" in held else None
    tables = {} if recorded is None else describe_trains(derived, recorded)
    trains = {name: table.attrs["summary"] for name, table in tables.items()}
    scores = read_or_recompute_scores(derived, recompute=recompute, recorded=recorded)
    audits = read_audits(derived)
    result = {
        "path": str(derived),
        "scores": records_of(scores),
        "audits": records_of(audits),
        "spike_statistics": trains,
        **tell_meanings(scores, is_wanted=explain),
    }
    parts = [
        format_scores(scores, is_explained=explain),
        format_audits(audits, is_explained=explain),
        *([format_trains(trains, is_explained=explain)] if trains else []),
    ]
    print_result(result, as_json=as_json, text="\n\n".join(parts))
