"""`nwbspikegen patchseq features`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from nwbspikegen.core.errors import InputError
from nwbspikegen.core.options import PATH, RECORDING, every_command, metadata_option, overwrite_option
from nwbspikegen.core.output import print_result, records_of
from nwbspikegen.core.report_option import report_option

if TYPE_CHECKING:
    from nwbspikegen.patchseq.run.features import FeaturesReport


# about a screen; all are in features.json
_CELLS_TOLD = 20
_KINDS_TOLD = 5


@click.command("features", short_help="Measure the cells of recordings.")
@click.argument("recordings", type=RECORDING, nargs=-1, required=True)
@click.option("--out", "-o", required=True, type=PATH, help="Folder to write.")
@click.option(
    "--preset",
    type=click.Choice(["gouwens2020", "schwider2026"]),
    default="gouwens2020",
    show_default=True,
    help="Set of feature families.",
)
@click.option("--electrode", help="Measure this one only, when a recording has several.")
@click.option(
    "--accept-implausible",
    is_flag=True,
    help="Read recordings whose values cannot be millivolts and picoamperes.",
)
@click.option(
    "--scale-mv", type=float, default=1.0, show_default=True, help="Multiply potentials by it: a wrong unit."
)
@click.option(
    "--scale-pa", type=float, default=1.0, show_default=True, help="Multiply currents by it: a wrong unit."
)
@click.option(
    "--liquid-junction-mv",
    type=float,
    default=0.0,
    show_default=True,
    help="Subtract this liquid junction potential: 14 makes -74 mV of -60 mV.",
)
@metadata_option
@overwrite_option
@report_option
@every_command
def features_command(
    recordings: tuple[Path | str, ...],
    out: Path,
    preset: str,
    electrode: str | None,
    accept_implausible: bool,
    scale_mv: float,
    scale_pa: float,
    liquid_junction_mv: float,
    metadata: Path | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Measure spikes, scalars and feature families of the cells of current-clamp recordings.

    RECORDINGS are NWB files, addresses, folders (all files in and below them), patterns, or a .txt file
    that lists them. Of a file with several electrodes each is a cell, unless --electrode names one.

    The folder gets cells.csv and cells.parquet (one row a cell), families.npz, and in nwb/ a derived
    file for each recording. A recording that is refused does not stop the others: its reason is printed
    and in refused.csv, and the exit status is 2.
    """
    from nwbspikegen.patchseq.run.features import measure_recordings

    report = measure_recordings(
        recordings,
        out,
        preset=preset,
        electrode=electrode,
        accept_implausible=accept_implausible,
        scale_mv=scale_mv,
        scale_pa=scale_pa,
        liquid_junction_mv=liquid_junction_mv,
        metadata=metadata,
        overwrite=overwrite,
    )
    result = {
        "path": str(report.path),
        "preset": preset,
        "cells": records_of(report.table.reset_index()),
        "sweeps": records_of(report.sweeps),
        "missing_families": _count_missing(report),
        "refused": records_of(report.refused),
        "unwritten": list(report.unwritten),
    }
    print_result(result, as_json=as_json, text=_format(report, preset))
    # after the result is printed, so that both the others and the status can be used
    if len(report.refused):
        is_whole = report.refused["electrode"] == ""
        whole, cells = int(is_whole.sum()), int((~is_whole).sum())
        told = [f"{whole} of {report.num_recordings} recordings"] if whole else []
        told += [f"{cells} cells of recordings with several"] if cells else []
        raise InputError(
            f"{' and '.join(told)} that cannot be measured",
            "current-clamp recordings",
            f"see {out / 'refused.csv'}; the others are in {out}",
        )


def _count_missing(report: FeaturesReport) -> dict[str, int]:
    missing = (report.cells["reason"] != "").sum("cell")
    return {str(name): int(number) for name, number in missing.to_series().items()}


def _format(report: FeaturesReport, preset: str) -> str:
    lacking = {name: number for name, number in _count_missing(report).items() if number}
    lines = [f"{len(report.table)} cells, {report.cells.sizes['family']} families of {preset}"]
    sweeps = report.sweeps
    spoiled = records_of(sweeps[sweeps.num_left_out > 0])
    lines.append(f"{sweeps.num_sweeps.sum()} sweeps measured, {sweeps.num_left_out.sum()} left out")
    for one in spoiled[:_CELLS_TOLD]:
        why = "; ".join(f"sweep {number}: {reason}" for number, reason in one["left_out"].items())
        lines.append(f"  {one['cell']}: {one['num_left_out']} left out ({why})")
    if len(spoiled) > _CELLS_TOLD:
        lines.append("  and more: see features.json, or sweeps_left_out in each file of nwb/")
    said = sweeps["compensation"].value_counts(sort=True)
    lines += [f"  {count} of {len(sweeps)} cells: {text}" for text, count in said[:_KINDS_TOLD].items()]
    if len(said) > _KINDS_TOLD:
        lines.append(f"  and {len(said) - _KINDS_TOLD} other settings of the amplifier: see features.json")
    lines += [f"  {name}: missing in {number} cells" for name, number in lacking.items()]
    if report.unwritten:
        lines.append(f"  no NWB file, for want of metadata: {', '.join(report.unwritten)}")
    return "\n".join([*lines, f"wrote {report.path}"])
