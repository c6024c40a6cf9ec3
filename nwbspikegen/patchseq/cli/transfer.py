"""`nwbspikegen patchseq transfer`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from nwbspikegen.core.given import name_unused
from nwbspikegen.core.options import PATH, RECORDING, every_command, overwrite_option
from nwbspikegen.core.output import print_result, records_of
from nwbspikegen.core.report_option import report_option
from nwbspikegen.patchseq.cli.options import (
    column_options,
    read_column_names,
    refuse_columns,
    split_numbers,
)

if TYPE_CHECKING:
    import pandas as pd


@click.command("transfer", short_help="Carry classes from one species to another.")
@click.argument("source", type=RECORDING)
@click.argument("target", type=RECORDING)
@click.option("--out", "-o", required=True, type=PATH, help="Folder to write.")
@click.option(
    "--model",
    type=click.Choice(["linear", "forest", "bilstm"]),
    default="linear",
    show_default=True,
    help="What learns; the BiLSTM needs families on both sides.",
)
@click.option(
    "--method",
    type=click.Choice(["none", "scale", "rank", "quantile", "coral", "transport"]),
    default="rank",
    show_default=True,
    help="Alignment without labels.",
)
@click.option("--equal-shares", is_flag=True, help="Do not estimate the target's composition.")
@click.option("--labelled", default="24,48,96", show_default=True, help="Numbers of labelled target cells.")
@click.option("--seeds", type=click.IntRange(1), default=3, show_default=True, help="Deals to folds.")
@click.option("--folds", type=click.IntRange(2), default=5, show_default=True, help="Folds, by donor.")
@click.option("--epochs", type=click.IntRange(1), help="Most epochs of a phase of a BiLSTM; 50 by default.")
@column_options
@overwrite_option
@report_option
@every_command
def transfer_cells_command(
    source: Path | str,
    target: Path | str,
    out: Path,
    model: str,
    method: str,
    equal_shares: bool,
    labelled: str,
    seeds: int,
    folds: int,
    epochs: int | None,
    cell_column: str,
    class_column: str,
    donor_column: str,
    condition_column: str,
    column_map: Path | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Learn classes in SOURCE and predict them in TARGET, without and with few labels of the target.

    Both are as for `train`. Every condition has the same folds by donor and the same labelled cells; the last
    rows are paired differences from learning on the target alone.
    """
    from nwbspikegen.patchseq.run.load import load_cells
    from nwbspikegen.patchseq.run.transfer import Plan, transfer_cells

    if model != "bilstm":
        name_unused(["epochs"], f"with --model {model}: only a BiLSTM has epochs")
    refuse_columns([source, target])
    columns = read_column_names(cell_column, class_column, donor_column, condition_column, column_map)
    plan = Plan(model, method, not equal_shares, split_numbers(labelled), seeds, folds, epochs)
    loaded, wanted = (load_cells([one], columns=columns) for one in (source, target))
    report = transfer_cells(loaded, wanted, out, plan=plan, overwrite=overwrite)
    result = {
        "path": str(report.path),
        "scores": records_of(report.scores),
        "gains": records_of(report.gains),
        "notes": report.notes,
    }
    print_result(result, as_json=as_json, text=_format(report.scores, report.gains, report.path))


def _format(scores: pd.DataFrame, gains: pd.DataFrame, path: Path) -> str:
    """Return balanced accuracy of every condition, and the paired differences."""
    parts = []
    for title, table in (("balanced accuracy", scores), ("difference from target_only, paired", gains)):
        # one score on the screen: classes are of unlike size, and their shares differ between species
        shown = table[table["metric"] == "balanced_accuracy"].drop(columns=["metric"])
        shown = shown.drop(columns=["over"], errors="ignore")
        if len(shown):
            parts += [title, shown.to_string(index=False, float_format="{:.3f}".format), ""]
    return "\n".join([*parts, f"wrote {path}"])
