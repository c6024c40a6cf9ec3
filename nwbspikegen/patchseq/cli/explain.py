"""`nwbspikegen patchseq explain`."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nwbspikegen.core.options import MODEL, PATH, RECORDING, every_command, overwrite_option, seed_option
from nwbspikegen.core.output import print_result, records_of
from nwbspikegen.patchseq.cli.options import column_options, read_column_names, refuse_columns

if TYPE_CHECKING:
    from nwbspikegen.patchseq.run.explain import CellExplanation

_LOG = logging.getLogger("nwbspikegen")
# about a screen; all are in importance.csv
_MOST_TOLD = 20


@click.command("explain", short_help="What a classifier reads of cells.")
@click.argument("model", type=MODEL)
@click.argument("sources", type=RECORDING, nargs=-1, required=True)
@click.option("--out", "-o", required=True, type=PATH, help="Folder to write.")
@click.option(
    "--deals",
    type=click.IntRange(1),
    default=5,
    show_default=True,
    help="How often each feature is dealt anew.",
)
@click.option(
    "--neighbours", type=click.IntRange(1), default=15, show_default=True, help="Of each cell, looked at."
)
@click.option("--labels", type=PATH, help="Table with the cells' classes, donors or conditions.")
@column_options
@seed_option
@overwrite_option
@every_command
def explain_cells_command(
    model: Path | str,
    sources: tuple[Path | str, ...],
    out: Path,
    deals: int,
    neighbours: int,
    labels: Path | None,
    cell_column: str,
    class_column: str,
    donor_column: str,
    condition_column: str,
    column_map: Path | None,
    seed: int,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Measure what MODEL, which `train` wrote, reads of the labelled cells of SOURCES.

    The folder gets importance.csv (by how much fewer cells are recognised when a feature's values are dealt
    anew among cells), separation.csv (how far apart the classes lie), of a BiLSTM attention.csv, and figures.
    """
    from nwbspikegen.patchseq.classify.models_io import CellModel
    from nwbspikegen.patchseq.run.explain import explain_cells
    from nwbspikegen.patchseq.run.load import load_for_model

    refuse_columns([*sources, *([] if labels is None else [labels])])
    columns = read_column_names(cell_column, class_column, donor_column, condition_column, column_map)
    learned = CellModel.load(model)
    cells = load_for_model(learned.features, learned.training, sources, columns=columns, labels=labels)
    report = explain_cells(
        learned, cells, out, num_deals=deals, num_neighbours=neighbours, seed=seed, overwrite=overwrite
    )
    for why, number in report.left_out.items():
        _LOG.warning("%d cells left out: %s", number, why)
    result = {
        "path": str(report.path),
        "importance": records_of(report.importance),
        "separation": records_of(report.separation),
        "attention": None if report.attention is None else records_of(report.attention.reset_index()),
        "left_out": report.left_out,
    }
    print_result(result, as_json=as_json, text=_format(report))


def _format(report: CellExplanation) -> str:
    from nwbspikegen.patchseq.run.explain import ALL_CLASSES

    table = report.importance.pivot(index="feature", columns="cell_class", values="drop")
    shown = table.sort_values(ALL_CLASSES, ascending=False).head(_MOST_TOLD)
    lines = [
        "recall that is lost when a feature is dealt anew",
        shown.to_string(float_format="{:.3f}".format),
    ]
    if len(table) > len(shown):
        lines.append(f"{len(table) - len(shown)} more in importance.csv")
    return "\n".join([*lines, "", f"wrote {report.path}"])
