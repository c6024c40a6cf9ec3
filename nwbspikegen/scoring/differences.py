"""How much better the model of a table is than each other predictor of it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from nwbspikegen.scoring.metrics import BITS_PER_SPIKE

MEAN = "mean_rate"


def compare_predictors(scores: pd.DataFrame, model: str = "") -> pd.DataFrame:
    """Return how many bits per spike a model is above each other predictor of a table of scores.

    Where the table counts bits from that predictor they are the stored ones, with the interval of paired
    draws. Of other predictors the stored values are subtracted, and the interval is NaN: two intervals
    do not say how wide that of their difference is.

    Parameters
    ----------
    scores : DataFrame
        As `score` returns it; intervals are reliable where it does not say.
    model : str, optional
        By default the predictor of the first row.

    Returns
    -------
    DataFrame
        Columns `predictor, value, ci_low, ci_high, ci_reliable`, in the order of the table.

    Examples
    --------
    >>> rows = [("a", "mean_rate", 0.5, 0.4, 0.6), ("a", "b", 0.2, 0.1, 0.3), ("b", "mean_rate", 0.3, 0, 1)]
    >>> table = pd.DataFrame(rows, columns=["predictor", "null", "value", "ci_low", "ci_high"])
    >>> compare_predictors(table.assign(metric="bits_per_spike", ci_reliable=True)).values.tolist()
    [['b', 0.2, 0.1, 0.3, True]]
    """
    rows = scores[scores["metric"] == BITS_PER_SPIKE.name]
    if "ci_reliable" not in rows:
        rows = rows.assign(ci_reliable=True)
    model = model or (str(scores["predictor"].iloc[0]) if len(scores) else "")
    own = rows[rows["predictor"] == model].set_index("null")
    above_mean = rows[rows["null"] == MEAN].set_index("predictor")
    found = []
    for name in dict.fromkeys(rows["predictor"]):
        if name == model:
            continue
        if name in own.index:
            one = own.loc[name]
            found.append((name, one.value, one.ci_low, one.ci_high, bool(one.ci_reliable)))
        elif name in above_mean.index and MEAN in own.index:
            value = own.loc[MEAN].value - above_mean.loc[name].value
            found.append((name, value, np.nan, np.nan, bool(own.loc[MEAN].ci_reliable)))
    return pd.DataFrame(found, columns=["predictor", "value", "ci_low", "ci_high", "ci_reliable"])
