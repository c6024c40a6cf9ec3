"""Audits as lamps, each with what it means."""

from __future__ import annotations

import pandas as pd

from nwbspikegen.reports.meanings import iterate_rows
from nwbspikegen.reports.parts import Lamp, Lamps

MEANINGS = {
    "causality_future": "Every second input after a bin was flipped, and no output up to that bin may "
    "move: the "
    "model does not see what it predicts.",
    "causality_same_bin": "The inputs of one bin were flipped, and its own output may not move: a spike "
    "does not "
    "predict itself.",
    "causality_statistics": "All inputs from a bin on became spikes: the model does not normalise by "
    "what comes "
    "later.",
    "splits": "Training, validation and test share no bin.",
    "independence": "What training and test share, by the files' metadata. A score on the same session "
    "or subject "
    "says nothing of others.",
    "permutation": "The units were shuffled, and the outputs were shuffled alike: their order tells the "
    "model "
    "nothing.",
}


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
                MEANINGS.get(str(row.audit), ""),
            )
        )
    return Lamps("Audits", lamps)
