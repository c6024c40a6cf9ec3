"""The curves of a column: what each row's model knows by how many seconds of the target it has read."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np

from nwbspikegen.core.predictor import Bins, Predictor
from nwbspikegen.models import FittedModel, load_model
from nwbspikegen.prediction.context_curve import CURVE_BASELINES
from nwbspikegen.prediction.context_readings import assemble_curve, measure_curves
from nwbspikegen.prediction.context_starts import choose_starts
from nwbspikegen.scoring.baselines import Baseline
from nwbspikegen.scoring.context_curves import ContextCurve, join_curves
from nwbspikegen.scoring.context_files import read_curve, write_curve
from nwbspikegen.scoring.table import fit_baseline
from nwbspikegen.transfer.cell_files import curve_file, model_folder
from nwbspikegen.transfer.evaluate import (
    has_model,
    read_until_test_ends,
    require_unseen,
    untrained_name,
)
from nwbspikegen.transfer.plan import MatrixCell, StudyPlan
from nwbspikegen.transfer.training_rows import build_untrained
from nwbspikegen.views.observed import read_bins


def evaluate_curves(study: str, tested: str, cells: Sequence[MatrixCell]) -> int:
    """Measure the curves of rows on one session; return how many were written.

    All rows, the baselines and the untrained models read each context together. Curves that are there
    already are left alone, and so are rows whose model is not there: the scores of the cell say why.

    Raises
    ------
    InputError
        The test segment is too short for a start, or nothing of it was observed.
    """
    plan = StudyPlan.load(study)
    wanted = [
        cell
        for cell in cells
        if not curve_file(study, plan, cell).is_file() and has_model(study, plan, cell.model, cell.trained_on)
    ]
    has_controls = curve_file(study, plan, tested).is_file()
    if not wanted and has_controls:
        return 0
    units, parts = plan.find(tested).open()
    bins, first = read_until_test_ends(units, parts)
    bin_size = float(parts.test.attrs["bin_size"])
    clock = float(parts.test.time[0]) - first * bin_size
    starts = choose_starts(
        bins.observed,
        first,
        len(bins.spikes),
        bin_size,
        contexts=plan.contexts,
        starts=plan.num_starts,
        scored=plan.scored,
    )
    loaded = {cell: load_model(model_folder(study, plan, cell.model, cell.trained_on)) for cell in wanted}
    for model in loaded.values():
        require_unseen(model, parts.test)
    rows: dict[str, Predictor] = {
        str(place): model
        for place, model in enumerate(loaded.values())
        # of another width, what a model knows per bin means something else: its cell says so
        if np.isclose(model.bin_size, bin_size, rtol=1e-9)
    }
    controls = (
        {} if has_controls else _make_controls(plan, len(bins.spikes[0]), read_bins(parts.train), bin_size)
    )
    found, refused = measure_curves({**rows, **controls}, bins, starts, bin_size)
    knowing = [name for name, each in controls.items() if getattr(each, "needs_training", False)]
    curve = assemble_curve(found, bins, starts, bin_size, clock, knowing=knowing, untrained={})
    for place, cell in enumerate(wanted):
        names = [str(place)] if str(place) in found else []
        own = curve.keep(names)
        own.data.attrs["refused"] = {
            name: str(error) for name, error in refused.items() if name == str(place)
        }
        write_curve(curve_file(study, plan, cell), own)
    if not has_controls:
        write_curve(curve_file(study, plan, tested), curve.keep([name for name in controls if name in found]))
    return len(wanted)


def _make_controls(plan: StudyPlan, num_units: int, train: Bins, bin_size: float) -> dict[str, Predictor]:
    """Return baselines, fitted on the target's training segment, and untrained models that say something."""
    made: dict[str, Predictor] = {}
    for model in plan.models:
        module = build_untrained(model, num_units, plan)
        if module.predicts_untrained:
            made[untrained_name(model, plan.models)] = FittedModel(module, "", bin_size)
    for name in CURVE_BASELINES:
        baseline: Baseline | str = fit_baseline(name, train, bin_size)
        if not isinstance(baseline, str):
            made[name] = baseline
    return made


def collect_curves(
    study: str | os.PathLike[str], plan: StudyPlan, model: str, columns: Sequence[str]
) -> dict[str, ContextCurve]:
    """Return of each column that was measured the curves of one model's rows, of baselines, and untrained.

    Predictors are called by their rows. What is not there yet is missing.
    """
    before = untrained_name(model, plan.models)
    curves = {}
    for tested in columns:
        path = curve_file(study, plan, tested)
        if not plan.contexts or not path.is_file():
            continue
        parts = [read_curve(path)]
        for cell in plan.cells([tested]):
            path = curve_file(study, plan, cell)
            if cell.model == model and path.is_file():
                part = read_curve(path)
                # none where the model was refused
                if part.predictors:
                    parts.append(_name(part, cell, before, plan))
        joined = join_curves(parts)
        # of several models each has itself before training; the others' says nothing of this one
        others = {untrained_name(other, plan.models) for other in plan.models} - {before}
        curves[tested] = joined.keep([name for name in joined.predictors if name not in others])
    return curves


def _name(part: ContextCurve, cell: MatrixCell, before: str, plan: StudyPlan) -> ContextCurve:
    knows = np.array([cell.tested in cell.trained_on])
    data = part.data.assign_coords(predictor=[cell.row], knows_target=("predictor", knows))
    return ContextCurve(data.assign_attrs(untrained={cell.row: before}))
