"""Audits as lamps, each with what it means."""

from __future__ import annotations

import pandas as pd

from nwbspikegen.reports.meanings import iterate_rows
from nwbspikegen.reports.parts import Lamp, Lamps
from nwbspikegen.scoring.meanings import AUDITS


def show_audits(audits: pd.DataFrame) -> Lamps:
    """Return the stored audits; how far one fell short is said."""
    lamps = []
    for row in iterate_rows(audits):
        is_well = bool(row.passed)
        missed = "" if is_well else f" (found {row.value:.3g}, at most {row.tolerance:.3g})"
        title = str(row.audit).replace("_", " ")
        lamps.append(
            Lamp(
                "pass" if is_well else "fail",
                title,
                f"{row.detail}{missed}",
                AUDITS.get(str(row.audit), ""),
            )
        )
    return Lamps("Audits", lamps)
