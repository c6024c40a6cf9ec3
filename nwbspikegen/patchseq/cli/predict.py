"""`nwbspikegen patchseq predict`."""

from __future__ import annotations

from pathlib import Path

import click

from nwbspikegen.core.options import MODEL, PATH, RECORDING, every_command, metadata_option, overwrite_option
from nwbspikegen.core.output import print_result, records_of
from nwbspikegen.core.report_option import report_option
from nwbspikegen.patchseq.cli.options import column_options, read_column_names, refuse_columns


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
    metadata: Path | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Predict the classes of the cells of SOURCES with MODEL, which `train` wrote.

    SOURCES are as for `train`; recordings are measured first. The folder gets predictions.csv (class,
    probabilities and, of a BiLSTM, attention to each family) and, of cells in NWB, a file each in nwb/
    with the predictions beside the features.
    """
    from nwbspikegen.patchseq.run.predict import predict_sources

    refuse_columns(sources)
    columns = read_column_names(cell_column, class_column, donor_column, condition_column)
    report = predict_sources(model, sources, out, columns=columns, metadata=metadata, overwrite=overwrite)
    result = {
        "path": str(report.path),
        "predictions": records_of(report.table),
        "files": [str(path) for path in report.files],
    }
    probable = [name for name in report.table if str(name).startswith("probability_")]
    shown = report.table[["cell", "predicted_class", *probable]].to_string(
        index=False, float_format="{:.3f}".format, max_rows=40
    )
    print_result(result, as_json=as_json, text=f"{shown}\n\nwrote {report.path}")
