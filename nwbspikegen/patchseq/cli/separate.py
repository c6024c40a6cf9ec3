"""`nwbspikegen patchseq separate`."""

from __future__ import annotations

import logging
from pathlib import Path

import click

from nwbspikegen.core.options import PATH, RECORDING, every_command, overwrite_option
from nwbspikegen.core.output import print_result, records_of
from nwbspikegen.core.plain_text import guard_formulas
from nwbspikegen.patchseq.cli.options import column_options, read_column_names, refuse_columns

_LOG = logging.getLogger("nwbspikegen")


@click.command("separate", short_help="Measure how far apart classes lie.")
@click.argument("sources", type=RECORDING, nargs=-1, required=True)
@click.option("--out", "-o", type=PATH, help="CSV file to write as well.")
@click.option("--figure", type=PATH, help="PNG file to draw into as well.")
@click.option("--scalars", is_flag=True, help="Measure scalars, not families.")
@click.option(
    "--neighbours", type=click.IntRange(1), default=15, show_default=True, help="Of each cell, looked at."
)
@click.option("--labels", type=PATH, help="Table with the cells' classes, donors or conditions.")
@column_options
@overwrite_option
@every_command
def separate_command(
    sources: tuple[Path | str, ...],
    out: Path | None,
    figure: Path | None,
    scalars: bool,
    neighbours: int,
    labels: Path | None,
    cell_column: str,
    class_column: str,
    donor_column: str,
    condition_column: str,
    column_map: Path | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Measure in each feature family how far apart the classes of SOURCES lie, without a classifier.

    SOURCES are as for `train`; tables of scalars count as one family. One row is printed for each family
    and class: the mean silhouette, and the share of a cell's neighbours that have its class beside what
    chance gives.
    """
    from nwbspikegen.core.files import require_absent, require_suffix, write_whole
    from nwbspikegen.patchseq.run.load import load_cells
    from nwbspikegen.patchseq.run.separate import separate_cells

    if out is not None:
        require_suffix(out, ".csv")
        require_absent(out, overwrite=overwrite)
    if figure is not None:
        require_suffix(figure, ".png")
        require_absent(figure, overwrite=overwrite)
    refuse_columns([*sources, *([] if labels is None else [labels])])
    columns = read_column_names(cell_column, class_column, donor_column, condition_column, column_map)
    cells = load_cells(sources, columns=columns, labels=labels)
    table, left_out = separate_cells(cells, use_scalars=scalars, num_neighbours=neighbours)
    for why, number in left_out.items():
        _LOG.warning("%d cells left out: %s", number, why)
    if out is not None:
        with write_whole(out, overwrite=overwrite) as temporary:
            guard_formulas(table).to_csv(temporary, index=False)
    if figure is not None:
        from nwbspikegen.patchseq.figures.explanation import plot_separation
        from nwbspikegen.plot.canvas import save_figure

        save_figure(plot_separation(table), figure, overwrite=overwrite)
    result = {"path": None if out is None else str(out), "left_out": left_out, "rows": records_of(table)}
    shown = table.to_string(index=False, float_format="{:.3f}".format)
    print_result(result, as_json=as_json, text=shown if out is None else f"{shown}\n\nwrote {out}")
