"""The register of scores: ours by name, and those that `metric` or an installed package adds."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, TypeVar, get_args

from nwbspikegen.core.errors import InputError
from nwbspikegen.core.plugins import find_named, load_announced
from nwbspikegen.scoring.metrics.average_precision_pooled import AVERAGE_PRECISION_POOLED
from nwbspikegen.scoring.metrics.bin_mean import measure_bins
from nwbspikegen.scoring.metrics.bits_per_spike import BITS_PER_SPIKE
from nwbspikegen.scoring.metrics.calibration_error import CALIBRATION_ERROR
from nwbspikegen.scoring.metrics.isi_distance import ISI_DISTANCE
from nwbspikegen.scoring.metrics.pr_auc_pooled import PR_AUC_POOLED
from nwbspikegen.scoring.metrics.rate_correlation import RATE_CORRELATION
from nwbspikegen.scoring.metrics.rate_log_ratio import RATE_LOG_RATIO
from nwbspikegen.scoring.metrics.record import Better, BinFunction, Metric
from nwbspikegen.scoring.metrics.roc_auc_per_unit import ROC_AUC_PER_UNIT
from nwbspikegen.scoring.metrics.roc_auc_pooled import ROC_AUC_POOLED

# what installed packages name in their pyproject.toml; it cannot change without breaking them
GROUP = "nwbspikegen.metrics"
"""The group of entry points in which packages announce their scores."""

METRICS: dict[str, Metric] = {
    each.name: each
    for each in (
        *(BITS_PER_SPIKE, ROC_AUC_PER_UNIT, ROC_AUC_POOLED, AVERAGE_PRECISION_POOLED, PR_AUC_POOLED),
        *(CALIBRATION_ERROR, RATE_LOG_RATIO, RATE_CORRELATION, ISI_DISTANCE),
    )
}
"""Every score known so far, by name, in the order of tables; `list_metrics` adds those of packages."""

_Function = TypeVar("_Function", bound=BinFunction)


def metric(
    name: str, *, title: str, better: Better, unit: str, chance: float | None = None
) -> Callable[[_Function], _Function]:
    """Enter a function of recorded spikes and predicted probabilities as a score.

    The function is called with `y` and `p`, float64 arrays (time, unit) of one block of time: 1 where a
    spike was recorded and 0 where none was, and the predicted probability. It returns one number per bin
    and unit. The score is the mean over observed bins; its interval comes from the blocks that all scores
    of a table share. From then on it stands in the tables of `score`, in files, figures, transfer studies
    and sweeps. What it returns for a bin must depend on that block alone, and is ignored where nothing was
    observed (`p` may be NaN there).

    Parameters
    ----------
    name : str
        In tables: letters, digits and underscores.
    title : str
        On figures, such as "Brier score".
    better : {"higher", "lower", "nearer_zero"}
        Which values are better.
    unit : str
        "1" for a pure number.
    chance : float, optional
        What a prediction that knows nothing has, drawn as a line.

    Raises
    ------
    InputError
        The name is that of another score, or no name. While scoring: the function returns another shape,
        or a number that is not finite in a bin that was observed.

    Examples
    --------
    >>> @metric("absolute_error", title="Absolute error", better="lower", unit="1")
    ... def absolute_error(y, p):
    ...     return abs(p - y)
    >>> find_metric("absolute_error").title
    'Absolute error'
    >>> del METRICS["absolute_error"]
    """
    require_described(name, better)

    def enter(function: _Function) -> _Function:
        _require_free(name, function)
        METRICS[name] = Metric(
            name,
            title,
            title,
            better,
            unit,
            meaning=_describe(function, title),
            measure=measure_bins(name, function),
            chance=chance,
            is_main=True,
            function=function,
        )
        return function

    return enter


def list_metrics() -> list[Metric]:
    """Return every score: ours, those entered with `metric`, and those of installed packages.

    Packages announce theirs as entry points of the group `nwbspikegen.metrics`; they are imported when
    scores are first listed. One that cannot be imported is left out, with a warning.

    Raises
    ------
    InputError
        Two scores of one name.

    Examples
    --------
    >>> list_metrics()[0].title
    'Bits per spike'
    """
    _load_installed(tuple(sys.path))
    return list(METRICS.values())


def find_metric(name: str, *, is_typed: bool = False) -> Metric:
    """Return the score of a name: one that `list_metrics` lists, or ``package.module:name``.

    Parameters
    ----------
    name : str
        As in tables, or where its function lies.
    is_typed : bool, default: False
        As for `nwbspikegen.core.plugins.find_named`.

    Raises
    ------
    InputError
        There is no such score.

    Examples
    --------
    >>> find_metric("calibration_error").better
    'lower'
    """
    list_metrics()
    found = find_named(name, METRICS, group=GROUP, called="score", is_typed=is_typed)
    return found if isinstance(found, Metric) else _metric_of(found, name)


def list_added(among: Iterable[str]) -> list[Metric]:
    """Return of some names the scores that are not ours: those made with `metric`.

    Examples
    --------
    >>> list_added(["calibration_error"])
    []
    """
    list_metrics()
    there = set(map(str, among))
    return [each for each in METRICS.values() if each.function is not None and each.name in there]


# keyed by the path: a test, or a session that adds a folder, finds what came with it
@cache
def _load_installed(path: tuple[str, ...]) -> None:
    """Import what packages announce, once for every path that Python looks along."""
    for name, found in load_announced(GROUP, called="score"):
        entered = _metric_of(found, name)
        if entered.name != name:
            raise InputError(
                f"an entry point {name!r} for the score {entered.name!r}",
                "one name",
                f"call the entry point {entered.name!r} in its package",
            )


def _metric_of(found: Any, name: str) -> Metric:
    """Return the score that a function was entered as."""
    for entered in METRICS.values():
        if entered.function is found:
            return entered
    raise InputError(
        f"{name!r}, which is not a score", "a function below nwbspikegen.scoring.metric", "decorate it"
    )


def require_described(name: str, better: str) -> None:
    """Raise `InputError` for a name that cannot be a column's, or a direction that nobody knows."""
    if not name.isidentifier():
        raise InputError(f"a score called {name!r}", "letters, digits and underscores", "rename it")
    if better not in get_args(Better):
        raise InputError(
            f"better={better!r} of the score {name!r}", f"one of {', '.join(get_args(Better))}", "choose one"
        )


def _require_free(name: str, function: BinFunction) -> None:
    """Raise `InputError` for a name that is taken; running a cell or a file again replaces its own score."""
    if name not in METRICS:
        return
    old = METRICS[name].function
    # a notebook's cell that is run twice defines the function anew: the same place, another object
    if old is None or _place(old) != _place(function):
        holder = "nwbspikegen" if old is None else _place(old)
        raise InputError(
            f"two scores called {name!r}, of {holder} and of {_place(function)}",
            "one of each name",
            "rename one, or remove its package",
        )


def _place(function: BinFunction) -> str:
    """Return where a function was written."""
    return f"{function.__module__}.{getattr(function, '__qualname__', function)}"


def _describe(function: BinFunction, title: str) -> str:
    """Return the first line of a function's docstring, else the title."""
    lines = (function.__doc__ or "").strip().splitlines()
    return lines[0] if lines else f"{title}, averaged over observed bins."
