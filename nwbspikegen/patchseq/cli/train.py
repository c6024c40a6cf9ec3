"""`nwbspikegen patchseq train`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nwbspikegen.core.errors import InputError
from nwbspikegen.core.given import name_unused
from nwbspikegen.core.options import PATH, RECORDING, every_command, overwrite_option, seed_option
from nwbspikegen.core.output import print_result, records_of
from nwbspikegen.core.report_option import report_option
from nwbspikegen.patchseq.cli.options import column_options, read_column_names, refuse_columns, tell_columns

if TYPE_CHECKING:
    import pandas as pd

    from nwbspikegen.patchseq.run.train import CellTrainingReport


@click.command("train", short_help="Learn classes from features.")
@click.argument("sources", type=RECORDING, nargs=-1, required=True)
@click.option("--out", "-o", required=True, type=PATH, help="Folder to write the model to.")
@click.option(
    "--model",
    type=click.Choice(["forest", "vote", "bilstm"]),
    default="forest",
    show_default=True,
    help="A vote of four classifiers takes longest; the BiLSTM reads families, the others scalars too.",
)
@click.option("--scalars", is_flag=True, help="Let a forest or a vote read scalars, not families.")
@click.option(
    "--features",
    type=click.Choice(["all", "shared", "families"]),
    help="All scalars, the 19 that both Allen tables have, or families (of an Allen table: shared).",
)
@click.option("--labels", type=PATH, help="Table with the cells' classes, donors or conditions.")
@column_options
@click.option("--folds", type=click.IntRange(2), default=5, show_default=True, help="Folds, by donor.")
@click.option("--repeats", type=click.IntRange(1), default=3, show_default=True, help="Deals to folds.")
@click.option("--trees", type=click.IntRange(1), default=500, show_default=True, help="Of a forest.")
@click.option("--epochs", type=click.IntRange(1), help="Most epochs of a BiLSTM; 50 by default.")
@click.option(
    "--license", default="", help="Of the model, such as CC-BY-4.0, for its card; not stated by default."
)
@seed_option
@overwrite_option
@report_option
@every_command
def train_cells_command(
    sources: tuple[Path | str, ...],
    out: Path,
    model: str,
    scalars: bool,
    features: str | None,
    labels: Path | None,
    cell_column: str,
    class_column: str,
    donor_column: str,
    condition_column: str,
    column_map: Path | None,
    folds: int,
    repeats: int,
    trees: int,
    epochs: int | None,
    license: str,
    seed: int,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Cross-validate by donor, then learn from all labelled cells of SOURCES.

    SOURCES are folders that `features` wrote, NWB files, CSV or Parquet tables of scalars, or folders
    with one of the two Allen tables. A donor's cells are never trained on and tested on. Scores are
    means and standard deviations over repeats, beside the most frequent class; figures are in the
    model's folder.
    """
    from nwbspikegen.patchseq.run.fit import Recipe
    from nwbspikegen.patchseq.run.load import load_cells, share_loaded
    from nwbspikegen.patchseq.run.train import train_cells

    _name_unused(model)
    refuse_columns([*sources, *([] if labels is None else [labels])])
    columns = read_column_names(cell_column, class_column, donor_column, condition_column, column_map)
    if scalars and features == "families":
        raise InputError("--scalars and --features families", "one of them", "leave one out")
    own = features == "all"
    loaded = load_cells(sources, columns=columns, labels=labels, features="all" if own else "shared")
    if features == "families":
        loaded.require_families()
    if features == "shared":
        loaded = share_loaded(loaded)
    scalars = scalars or features in ("all", "shared")
    report = train_cells(
        loaded,
        out,
        recipe=Recipe(model, scalars, trees, epochs),  # type: ignore[arg-type]
        num_folds=folds,
        repeats=repeats,
        seed=seed,
        overwrite=overwrite,
        license=license,
    )
    result = {
        "path": str(out),
        "model": report.model.kind,
        "label_version": report.model.label_version,
        "classes": report.model.training["cells"],
        "left_out": report.left_out,
        "scores": records_of(report.validation.scores),
        "features": list(report.model.features),
        "columns_not_used": loaded.unused,
    }
    print_result(result, as_json=as_json, text=_format(report, loaded.unused))


def _name_unused(model: str) -> None:
    """Log which options the model has no use for."""
    if model == "bilstm":
        name_unused(
            ["trees", "scalars", "features"], "with --model bilstm, which reads families and grows no trees"
        )
        return
    name_unused(["epochs"], f"with --model {model}, which has none")
    if model == "vote":
        name_unused(["trees"], "with --model vote, whose number of trees is fixed")


def _format(report: CellTrainingReport, unused: Mapping[str, str]) -> str:
    training = report.model.training
    counts = ", ".join(f"{number} {name}" for name, number in training["cells"].items())
    lines = [f"{counts}; {training['num_donors']} donors, {training['species']}"]
    lines += [*tell_columns(report.model.features, unused), ""]
    lines += [format_class_scores(report.validation.scores), "", f"wrote {report.path}"]
    return "\n".join(lines)


def format_class_scores(scores: pd.DataFrame) -> str:
    """Return predictors down, metrics across: value, deviation over repeats, interval over donors."""
    lines = []
    for row in records_of(scores):
        spread = f" +- {row['sd']:.3f}" if math.isfinite(row["sd"]) else ""
        ends = f"   {row['ci_low']:.3f} to {row['ci_high']:.3f}" if math.isfinite(row["ci_low"]) else ""
        lines.append(f"{row['predictor']:<10}{row['metric']:<20}{row['value']:>7.3f}{spread:<9}{ends}")
    return "\n".join(lines)
