"""The page of a file that `generate` wrote."""

from __future__ import annotations

import os

from nwbspikegen.core.addresses import name_of
from nwbspikegen.reports.audits import show_audits
from nwbspikegen.reports.head import describe_recording, show_head
from nwbspikegen.reports.methods import describe_scores
from nwbspikegen.reports.parts import Page, Part
from nwbspikegen.reports.predicted import Predicted, read_predicted
from nwbspikegen.reports.prediction import find_jumps, pack_drawn, show_prediction
from nwbspikegen.reports.recording import show_recording
from nwbspikegen.reports.scores import show_scores
from nwbspikegen.reports.verdict import judge


def make_prediction_page(path: str | os.PathLike[str], command: str) -> Page:
    """Return the page of a prediction: verdict and audits, the prediction along time, scores, the "
    "recording."""
    predicted = read_predicted(path)
    differences = predicted.compare()
    facts = {**describe_recording(predicted.recorded), **_describe(predicted)}
    audits: list[Part] = [show_audits(predicted.audits)] if len(predicted.audits) else []
    recorded = predicted.recorded
    return Page(
        name_of(path),
        "prediction",
        [
            show_head(name_of(path), facts, command, verdict=judge(predicted, differences), more=audits),
            show_prediction(predicted),
            show_scores(predicted, differences),
            show_recording(recorded),
        ],
        units=recorded.names,
        first_unit=recorded.first_unit,
        trains=pack_drawn(predicted),
        jumps=find_jumps(predicted),
        methods=describe_scores(predicted),
        shown=(predicted.start, predicted.stop),
    )


def _describe(predicted: Predicted) -> dict[str, str]:
    """Return what is known of the model and the prediction."""
    models = predicted.models
    row = models.iloc[0] if len(models) else None
    sources = [] if row is None else row.training.get("sources", [])
    trained = ", ".join(str(each.get("file_name") or each.get("identifier")) for each in sources)
    return {
        "Model": predicted.model if row is None else f"{row['name']}, trained with {row.loss}",
        "Trained on": trained,
        "Model hash": "" if row is None else str(row.sha256)[:12],
        "Predicted": f"{predicted.start:,.6g} to {predicted.stop:,.6g} s, context "
        f"{predicted.attrs.get('context', '')}",
    }
