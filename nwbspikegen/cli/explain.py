"""`nwbspikegen explain`: what a model looks at in a recording, and what that is worth, in NWB."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from nwbspikegen.cli.completing import LOSSES
from nwbspikegen.cli.options import context_option, read_window_like, window_options
from nwbspikegen.cli.trained_window import refuse_other_window
from nwbspikegen.core.given import name_unused
from nwbspikegen.core.options import (
    MODEL,
    PATH,
    RECORDING,
    every_command,
    metadata_option,
    overwrite_option,
    seed_option,
    threads_option,
)
from nwbspikegen.core.output import print_result, records_of
from nwbspikegen.core.report_option import report_option


@click.command("explain", short_help="Map what a model looks at, and what that is worth.")
@click.argument("model", type=MODEL)
@click.argument("recording", type=RECORDING)
@click.option("--out", "-o", required=True, type=PATH, help="NWB file to write.")
@click.option("--figures", type=PATH, help="Folder to draw into.")
@context_option
@click.option(
    "--loss",
    type=click.Choice(LOSSES),
    help="Loss whose gradient is the importance; that of training unless given.",
)
@click.option("--windows", default=8, show_default=True, help="Windows whose attention is mapped.")
@click.option(
    "--targets",
    default=200,
    show_default=True,
    help="Sampled bins for the controls that change what is read before a bin.",
)
@click.option("--retrain", is_flag=True, help="Also train again with attention disabled, twice.")
@window_options
@metadata_option
@seed_option
@overwrite_option
@report_option
@threads_option
@every_command
def explain_command(
    model: Path | str,
    recording: Path | str,
    out: Path,
    figures: Path | None,
    context: str,
    loss: str | None,
    windows: int,
    targets: int,
    retrain: bool,
    metadata: Path | None,
    seed: int,
    overwrite: bool,
    as_json: bool,
    **window: Any,
) -> None:
    """Map what MODEL looks at in the test segment of RECORDING, and test what that is worth.

    Attention, gradient importance and their product for models that attend; couplings between units for
    those that read them, as in_context. Controls, which any model gets, remove what the maps show or change
    the past, and say so plainly when that costs nothing.
    A recording that MODEL was trained on is opened as it was for training: other window options are
    refused. They hold for other recordings.
    """
    # first of all: where torch is missing, models say in one line what to install
    from nwbspikegen.models import load_model  # isort: skip
    from nwbspikegen.explain.run import explain_and_write
    from nwbspikegen.models.attending import Attends

    fitted = load_model(model)
    refuse_other_window(fitted, recording, window)
    # told, not refused: scripts explain several models with one line
    if not isinstance(fitted.module, Attends):
        name_unused(["loss", "windows", "retrain"], f"on {fitted.name}, which has no attention")
    report = explain_and_write(
        fitted,
        recording,
        out,
        options=read_window_like(fitted, **window),
        context=context,
        loss=loss,
        most_windows=windows,
        num_targets=targets,
        retrain=retrain,
        figures=figures,
        seed=seed,
        metadata=metadata,
        overwrite=overwrite,
    )
    found = report.explanation
    result = {
        "path": str(report.path),
        "findings": found.results,
        "ablations": records_of(found.ablations),
        "rate_correlations": records_of(found.rate_correlations),
        "figures": [str(path) for path in report.figures],
    }
    written = ", ".join(str(path) for path in (report.path, *report.figures))
    lines = [*_format_ablations(found.ablations), "", *found.results, "", f"wrote {written}"]
    print_result(result, as_json=as_json, text="\n".join(lines))


def _format_ablations(ablations: Any) -> list[str]:
    """Return a line per control: bits per spike and ROC-AUC per unit, and what losing it costs."""
    from nwbspikegen.scoring.metrics import BITS_PER_SPIKE, ROC_AUC_PER_UNIT

    lines = [f"{'control':<30}{'bits/spike':>11}{'cost':>9}   95 % of cost{'':<9}{'ROC/unit':>9}{'cost':>9}"]
    # what was not measured has its reason in the file, and no numbers to print
    for control, rows in ablations[ablations.status == "measured"].groupby("control", sort=False):
        for _, part in rows.groupby("scored", sort=False):
            bits, area = (
                part[part.metric == each.name].iloc[0] for each in (BITS_PER_SPIKE, ROC_AUC_PER_UNIT)
            )
            interval = f"{bits.cost_ci_low:.3g} to {bits.cost_ci_high:.3g}"
            name = f"{control}{' (sampled)' if control == 'intact' and len(lines) > 1 else ''}"
            lines.append(
                f"{name:<30}{bits.value:>11.4g}{bits.cost:>9.3g}   {interval:<21}"
                f"{area.value:>9.4g}{area.cost:>9.3g}"
            )
    return lines
