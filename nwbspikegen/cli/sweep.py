"""`nwbspikegen sweep`: parameters of a model, varied on one recording."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nwbspikegen.cli.completing import complete_models
from nwbspikegen.cli.options import (
    MODEL_HELP,
    certificates_options,
    device_option,
    loss_option,
    read_window,
    require_model,
    settings_option,
    window_options,
)
from nwbspikegen.core.given import refuse_given
from nwbspikegen.core.options import (
    PATH,
    RECORDING,
    every_command,
    overwrite_option,
    seed_option,
    threads_option,
)
from nwbspikegen.core.output import print_result, records_of
from nwbspikegen.core.report_option import report_option

if TYPE_CHECKING:
    import pandas as pd

    from nwbspikegen.core.clusters import Certificates


@click.command("sweep", short_help="Vary a model's parameters.")
@click.argument("recording", type=RECORDING)
@click.option("--out", "-o", required=True, type=PATH, help="Folder of the sweep.")
@click.option(
    "--vary",
    multiple=True,
    required=True,
    metavar="NAME=VALUES",
    help="A parameter and its values, such as depth=1,2,3,4: input_length, dropout, heads, depth or "
    "another of the model's, learning_rate, weight_decay, loss. May be given several times.",
)
@click.option(
    "--model",
    default="shimono2026",
    show_default=True,
    shell_complete=complete_models,
    help=f"{MODEL_HELP}.",
)
@settings_option
@loss_option
@click.option("--epochs", type=click.IntRange(1), help="Of every trial; the architecture's own by default.")
@click.option(
    "--match-parameters",
    is_flag=True,
    help="Widen the feed-forward layers so that every depth has as many parameters as the deepest.",
)
@click.option("--trials", type=click.IntRange(1), help="Take so many combinations at random instead of all.")
@click.option(
    "--sampler",
    type=click.Choice(["grid", "random", "tpe"]),
    help="How Optuna takes combinations; grid without --trials, random with it.",
)
@click.option(
    "--workers", type=click.IntRange(1), help="Processes on this machine; by default as many as it holds."
)
@click.option("--scheduler", metavar="ADDRESS", help="A running dask scheduler instead.")
@certificates_options
@device_option
@window_options
@seed_option
@overwrite_option
@report_option
@threads_option
@every_command
def sweep_command(
    recording: Path | str,
    out: Path,
    vary: tuple[str, ...],
    model: str,
    loss: str | None,
    epochs: int | None,
    match_parameters: bool,
    trials: int | None,
    sampler: str | None,
    workers: int | None,
    scheduler: str | None,
    certificates: Certificates | None,
    device: str,
    seed: int,
    overwrite: bool,
    as_json: bool,
    settings: dict[str, Any],
    **window: Any,
) -> None:
    """Train a model on RECORDING with every combination of parameters, and score each.

    The best trial is the one with the most bits per spike on the validation segment; test scores are
    shown and never choose. Tables, models and a figure per parameter go to the folder. A sweep that
    was interrupted goes on where it stopped when the same command is given again.
    """
    from nwbspikegen.sweep.plan import read_factors
    from nwbspikegen.sweep.run import run_sweep

    # before the factors: what may be varied depends on it
    require_model(model)
    factors = read_factors(vary)
    # --loss beside --vary loss would be one value among those varied, or none
    if "loss" in factors:
        refuse_given(["loss"], "with --vary loss", "one of them")
    report = run_sweep(
        recording,
        out,
        factors,
        options=read_window(**window),
        model=model,
        loss=loss,
        epochs=epochs,
        match_parameters=match_parameters,
        trials=trials,
        sampler=sampler or ("grid" if trials is None else "random"),
        seed=seed,
        device=device,
        workers=workers,
        scheduler=scheduler,
        certificates=certificates,
        overwrite=overwrite,
        settings=settings,
    )
    result = {
        "path": str(report.path),
        "best": report.best,
        "trials": records_of(report.trials),
        "reference": report.reference,
        "figures": [str(path) for path in report.figures],
    }
    text = _format_trials(report.trials, list(report.plan.factors), report.reference)
    best = f"best on validation: trial {report.best['trial']}; wrote {report.path}"
    print_result(result, as_json=as_json, text=f"{text}\n\n{best}")


def _format_trials(trials: pd.DataFrame, factors: list[str], reference: dict[str, dict[str, float]]) -> str:
    """Return trials down, the best on validation first, and below them what nothing was varied in."""
    from nwbspikegen.sweep.study import CHOSEN_BY

    # by validation, as the choice is made: sorting by test scores would invite choosing by them
    ordered = trials.sort_values(CHOSEN_BY, ascending=False)
    columns = _choose_columns(trials)
    width = max(14, *(len(heading) + 2 for heading in columns.values()))
    lines = ["".join(f"{name:>{width}}" for name in [*factors, *columns.values()])]
    rows = [row for _, row in ordered.iterrows()]
    for row in rows:
        cells = [row[name] for name in factors] + [row.get(name) for name in columns]
        lines.append("".join(f"{_to_cell(cell):>{width}}" for cell in cells) + f"  {row['error']}".rstrip())
    for name, scores in reference.items():
        cells = [scores.get(column) for column in columns]
        lines.append(
            f"{name:>{width * len(factors)}}" + "".join(f"{_to_cell(cell):>{width}}" for cell in cells)
        )
    return "\n".join(lines)


def _choose_columns(trials: pd.DataFrame) -> dict[str, str]:
    """Return which columns of the trials are printed, with their headings."""
    from nwbspikegen.scoring.metrics import (
        BITS_PER_SPIKE,
        PR_AUC_POOLED,
        ROC_AUC_PER_UNIT,
        ROC_AUC_POOLED,
        list_added,
    )

    others = list_added(name.removeprefix("test_") for name in map(str, trials))
    return {
        "num_parameters": "parameters",
        f"validation_{BITS_PER_SPIKE.name}": "val. bits/sp.",
        f"test_{BITS_PER_SPIKE.name}": "test bits/sp.",
        **{
            f"test_{each.name}": each.column
            for each in (ROC_AUC_PER_UNIT, ROC_AUC_POOLED, PR_AUC_POOLED, *others)
        },
        "train_seconds": "train (s)",
    }


def _to_cell(value: Any) -> str:
    # NaN is what differs from itself; values may be texts, which have no isnan
    if value is None or value != value:
        return "-"
    if isinstance(value, float):
        # counts that pandas has made floats of, since another trial has none
        return f"{value:.0f}" if value.is_integer() and abs(value) > 999 else f"{value:.4g}"
    return str(value)
