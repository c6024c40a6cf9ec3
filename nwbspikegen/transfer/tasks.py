"""Which work a study still needs, as tasks that wait for one another."""

from __future__ import annotations

import itertools
import logging
import os
from collections.abc import Mapping, Sequence
from typing import Any

from nwbspikegen.core.progress import show_progress
from nwbspikegen.core.tasks import Outcome, Task, run_tasks
from nwbspikegen.transfer.cell_files import (
    cell_file,
    column_file,
    curve_file,
    model_folder,
    state_folder,
    training_file,
)
from nwbspikegen.transfer.evaluate import evaluate_cells, evaluate_column, has_model
from nwbspikegen.transfer.evaluate_curves import evaluate_curves
from nwbspikegen.transfer.plan import MatrixCell, StudyPlan
from nwbspikegen.transfer.training_rows import train_row

_LOG = logging.getLogger("nwbspikegen")
# cells of one task, which share one reading of the past: a task is what is told of progress, and what other
# workers cannot take over
_MOST_TOGETHER = 16
# while the last tasks run, who is done first has another; more would read the past more often for nothing
_TASKS_PER_WORKER = 2
# above every weight: a day of 1 ms bins of 10,000 units is 9e11
_TRAINING_FIRST = 1e15
# a probe's
_MANY_UNITS = 384


def plan_tasks(
    study: str,
    plan: StudyPlan,
    *,
    columns: Sequence[str] | None = None,
    workers: int = 1,
    device: str = "auto",
    only_trained: bool = False,
) -> list[Task]:
    """Return the tasks for what is not there yet: training, controls of columns, cells.

    Parameters
    ----------
    study : str
        Folder of the study.
    plan : StudyPlan
        What it consists of.
    columns : sequence of str, optional
        Columns to fill; all sessions by default.
    workers : int
        How many share the work: with more, fewer cells of a column make one task.
    device : str
        Where models are trained.
    only_trained : bool
        Leave out what needs a model that is not there.
    """
    columns = plan.names if columns is None else list(columns)
    cells = list(plan.cells(columns))
    if only_trained:
        cells = [cell for cell in cells if _is_trained(study, plan, cell.model, cell.trained_on)]
    weights = {name: _weigh(plan, name) for name in {*columns, *plan.names}}
    rows = dict.fromkeys((cell.model, cell.trained_on) for cell in cells)
    training = [
        Task(
            _training_key(plan, model, names),
            train_row,
            (study, model, names, device),
            cost=_TRAINING_FIRST + sum(weights[name] for name in names),
            # only training: scoring is bound by reading the past, which is done on the CPU
            takes_gpu=True,
        )
        for model, names in rows
        if not _is_trained(study, plan, model, names)
        or state_folder(model_folder(study, plan, model, names)).is_dir()
    ]
    controls = [
        Task(f"controls-{plan.find(name).slug}", evaluate_column, (study, name), cost=2 * weights[name])
        for name in columns
        if not column_file(study, plan, name).is_file()
    ]
    missing = [cell for cell in cells if not cell_file(study, plan, cell).is_file()]
    in_columns = [
        (name, list(group)) for name, group in itertools.groupby(missing, key=lambda cell: cell.tested)
    ]
    # every task reads the past of its column: no more pieces than keep the workers busy to the end
    # rounded up, as below: -(-a // b)
    pieces = -(-_TASKS_PER_WORKER * workers // max(1, len(in_columns)))
    scoring = []
    for name, column in in_columns:
        together = -(-len(column) // max(pieces, -(-len(column) // _MOST_TOGETHER)))
        for start in range(0, len(column), together):
            title = f"{plan.find(name).slug}-{start // together}"
            few = tuple(column[start : start + together])
            scoring.append(_scoring_task(study, plan, few, title, weights[name]))
    curves = _curve_tasks(study, plan, columns, cells, weights) if plan.contexts else []
    # all training has the higher cost, hence comes before what waits for it
    return sorted([*training, *controls, *scoring, *curves], key=lambda task: -task.cost)


def run_plan(tasks: Sequence[Task], client: Any = None) -> list[Outcome]:
    """Run tasks, say how far they are, and return those that failed."""
    failed = []
    with show_progress("tasks of the study", len(tasks), at_once=True) as work:
        for number, outcome in enumerate(run_tasks(tasks, client), start=1):
            if outcome.error is None:
                _LOG.info("%d of %d tasks: %s", number, len(tasks), outcome.task.key)
            else:
                failed.append(outcome)
                _LOG.warning("%s failed: %s", outcome.task.key, outcome.error)
            work.advance()
    return failed


def _scoring_task(
    study: str, plan: StudyPlan, cells: tuple[MatrixCell, ...], title: str, weight: float
) -> Task:
    after = dict.fromkeys(_training_key(plan, cell.model, cell.trained_on) for cell in cells)
    return Task(
        f"cells-{title}",
        evaluate_cells,
        (study, cells),
        after=tuple(after),
        # reading the past of a column costs about as much as three models do on top of it
        cost=weight * (1 + len(cells) / 3),
        # a task whose training failed still scores its other cells
        goes_on=True,
    )


def _curve_tasks(
    study: str,
    plan: StudyPlan,
    columns: Sequence[str],
    cells: Sequence[MatrixCell],
    weights: Mapping[str, float],
) -> list[Task]:
    """Return one task for each column whose curves are not all there: its rows read each context together."""
    tasks = []
    for name in columns:
        missing = tuple(
            cell for cell in cells if cell.tested == name and not curve_file(study, plan, cell).is_file()
        )
        if missing or not curve_file(study, plan, name).is_file():
            after = dict.fromkeys(_training_key(plan, cell.model, cell.trained_on) for cell in missing)
            tasks.append(
                Task(
                    f"curves-{plan.find(name).slug}",
                    evaluate_curves,
                    (study, name, missing),
                    after=tuple(after),
                    # some twenty starts read a minute or two each, and all of the window is read once
                    cost=weights[name] * (2 + len(missing) / 3),
                    goes_on=True,
                )
            )
    return tasks


def _training_key(plan: StudyPlan, model: str, names: tuple[str, ...]) -> str:
    return f"train-{model}-{plan.row_slug(names)}"


def _is_trained(study: str | os.PathLike[str], plan: StudyPlan, model: str, names: tuple[str, ...]) -> bool:
    return has_model(study, plan, model, names) and training_file(study, plan, model, names).is_file()


def _weigh(plan: StudyPlan, name: str) -> float:
    """Return how much work a session is: pairs of bin and unit, at most."""
    session = plan.find(name)
    start, stop = session.about["window"]
    # how many units it has, and what was observed, is not known without opening it
    return float((stop - start) / session.options.bin_size * (session.options.take_units or _MANY_UNITS))
