"""`nwbspikegen patchseq predict`."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nwbspikegen.core.options import MODEL, PATH, RECORDING, every_command, metadata_option, overwrite_option
from nwbspikegen.core.output import print_result, records_of
from nwbspikegen.core.report_option import report_option
from nwbspikegen.patchseq.cli.options import column_options, read_column_names, refuse_columns, tell_columns

if TYPE_CHECKING:
    from nwbspikegen.patchseq.run.predict import PredictionReport


@click.command("predict", short_help="Predict the classes of cells.")
@click.argument("model", type=MODEL)
@click.argument("sources", type=RECORDING, nargs=-1, required=True)
@click.option("--out", "-o", required=True, type=PATH, help="Folder to write.")
@column_options
@metadata_option
@overwrite_option
@report_option
@every_command
def predict_cells_command(
    model: Path | str,
    sources: tuple[Path | str, ...],
    out: Path,
    cell_column: str,
    class_column: str,
    donor_column: str,
    condition_column: str,
    column_map: Path | None,
    metadata: Path | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Predict the classes of the cells of SOURCES with MODEL, which `train` wrote.

    SOURCES are as for `train`; recordings are measured first. The folder gets predictions.csv (class,
    probabilities and, of a BiLSTM, attention to each family) and, of cells in NWB, a file each in nwb/
    with the predictions beside the features. Where classes are known, scores.csv says how many are right.
    """
    from nwbspikegen.patchseq.run.predict import predict_sources

    refuse_columns(sources)
    columns = read_column_names(cell_column, class_column, donor_column, condition_column, column_map)
    report = predict_sources(model, sources, out, columns=columns, metadata=metadata, overwrite=overwrite)
    result = {
        "path": str(report.path),
        "predictions": records_of(report.table),
        "files": [str(path) for path in report.files],
        "scores": records_of(report.scores),
        "notes": list(report.notes),
        "features": list(report.features),
        "columns_not_used": report.unused,
    }
    names = [str(name) for name in report.table]
    probable = [name for name in names if name.startswith("probability_")]
    trust = [name for name in ("class_set", "distance", "answer") if name in names]
    shown = report.table[["cell", "predicted_class", *probable, *trust]].to_string(
        index=False, float_format="{:.3f}".format, max_rows=40
    )
    print_result(result, as_json=as_json, text="\n".join([shown, "", *_tell(report), f"wrote {report.path}"]))


def _tell(report: PredictionReport) -> list[str]:
    """Return what was read, what it is worth, and what stands against it."""
    lines = tell_columns(report.features, report.unused)
    for row in records_of(report.scores):
        ends = f"   {row['ci_low']:.3f} to {row['ci_high']:.3f}" if math.isfinite(row["ci_low"]) else ""
        lines.append(f"{row['metric']:<20}{row['value']:>7.3f}{ends}")
    return [*lines, *(f"note: {one}" for one in report.notes)]
