"""What a gain is worth: in seconds of a recording's own past, and as a share of another gain."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float64
from scipy.optimize import isotonic_regression

from nwbspikegen.scoring.blocks import estimate

WORTH = "worth_seconds"
"""Name of the seconds that a gain is worth, in tables."""

# bits per spike: sums of log-likelihoods taken in another order differ by less
_ROUND_OFF = 1e-9


def find_worth(
    reference: Float64[np.ndarray, "context draw"],
    gain: Float64[np.ndarray, "context draw"],
    seconds: Float64[np.ndarray, " context"],
) -> Float64[np.ndarray, "context draw"]:
    """Return from how many seconds on a reference does as well as it does from each context plus a gain.

    Parameters
    ----------
    reference : array (context, draw)
        Log-likelihood of the reference, bits per spike.
    gain : array (context, draw)
        By how much another predictor is better with the same context, bits per spike.
    seconds : array (context,)
        Of each context, increasing.

    Returns
    -------
    array (context, draw)
        Seconds; infinite where the reference never does as well, -infinite where it does better from
        the shortest context, NaN where a draw has no spike.

    Examples
    --------
    >>> known = np.array([[0.0], [1.0], [2.0]])
    >>> found = find_worth(known, np.array([[1.0], [0.0], [0.5]]), np.array([0.0, 1.0, 3.0]))
    >>> found.ravel().tolist()
    [1.0, 1.0, inf]
    """
    out = np.full(gain.shape, np.nan)
    place = np.log1p(seconds)
    for draw in np.flatnonzero(np.isfinite(reference).all(axis=0)):
        reached = _follow(_make_monotone(reference[:, draw], place), gain[:, draw], place)
        # expm1 of minus infinity is -1
        out[:, draw] = np.where(np.isneginf(reached), -np.inf, np.expm1(reached))
    # what a predictor without gain is worth, to the last digit
    return np.where(gain == 0.0, np.broadcast_to(seconds[:, None], gain.shape), out)


class _Monotone(NamedTuple):
    """Knots of an increasing curve; before the first and behind the last it is flat."""

    place: Float64[np.ndarray, " knot"]
    value: Float64[np.ndarray, " knot"]


def _make_monotone(
    values: Float64[np.ndarray, " context"], place: Float64[np.ndarray, " context"]
) -> _Monotone:
    """Return a curve that increases, through the means of contexts that isotonic regression pools."""
    fitted = isotonic_regression(values)
    begin = fitted.blocks[:-1]
    # a pooled block is one knot, at its mean: a plateau would have no one place for its value
    counts = np.diff(fitted.blocks)
    return _Monotone(np.add.reduceat(place, begin) / counts, fitted.x[begin])


def _follow(
    curve: _Monotone, gain: Float64[np.ndarray, " context"], place: Float64[np.ndarray, " context"]
) -> Float64[np.ndarray, " context"]:
    """Return where a curve reaches its value at each place plus a gain."""
    wanted = np.interp(place, *curve) + gain
    reached = np.interp(wanted, curve.value, curve.place)
    reached = np.where(wanted > curve.value[-1] + _ROUND_OFF, np.inf, reached)
    return np.where(wanted < curve.value[0] - _ROUND_OFF, -np.inf, reached)


def summarise_worth(
    drawn: Float64[np.ndarray, "context draw"], seconds: Float64[np.ndarray, " context"]
) -> pd.DataFrame:
    """Return ``worth_seconds, ci_low, ci_high, bound, gained_seconds, measured_up_to`` by context.

    The first draw is the value, the others give the interval.
    """
    shortest, longest = float(seconds[0]), float(seconds[-1])
    rows = []
    for values, own in zip(drawn, seconds, strict=True):
        of_draws = values[1:][~np.isnan(values[1:])]
        ends = [np.nan, np.nan]
        if len(of_draws):
            # a quantile between a number and infinity would be NaN: one of the values is taken
            ends = np.quantile(of_draws, [0.025, 0.975], method="inverted_cdf").tolist()
        value, low, high = np.maximum([values[0], *ends], shortest)
        rows.append(
            {
                "worth_seconds": value,
                "ci_low": low,
                "ci_high": high,
                "bound": _tell_bound(float(values[0])),
                "gained_seconds": value - own,
                "measured_up_to": longest,
            }
        )
    return pd.DataFrame(rows)


def _tell_bound(value: float) -> str:
    return {np.inf: ">", -np.inf: "<"}.get(value, "")


def say_seconds(value: float, bound: str, measured_up_to: float) -> str:
    """Return a worth as it is printed: ``12 s``, ``> 350 s`` where it was not reached, ``-`` for none.

    Examples
    --------
    >>> say_seconds(np.inf, ">", 350.0), say_seconds(0.0, "<", 350.0), say_seconds(7.26, "", 350.0)
    ('> 350 s', '< 0 s', '7.3 s')
    """
    if np.isnan(value):
        return "-"
    if np.isposinf(value):
        return f"> {measured_up_to:.3g} s"
    # nothing lies below no past at all: "< 0 s" says that the reference knew more before it read anything
    return f"{f'{bound} ' if bound else ''}{f'{value:.2g}' if value < 100 else f'{value:.0f}'} s"


def share_of_gain(
    gain: Float64[np.ndarray, " draw"], own_gain: Float64[np.ndarray, " draw"]
) -> dict[str, float]:
    """Return a gain as a share of another, with its interval; NaN where the other is not above 0.

    Parameters
    ----------
    gain, own_gain : array (draw,)
        Of the starts as they are, first, and of the same draws of them.

    Examples
    --------
    >>> drawn = np.array([2.0, 1.0, 3.0])
    >>> share_of_gain(drawn / 2, drawn)["transfer_share"], share_of_gain(drawn, drawn - 2.0)["transfer_share"]
    (0.5, nan)
    """
    own = estimate(own_gain)
    # undefined without draws, too: then nobody knows whether there is anything to share
    is_defined: Bool[np.ndarray, ""] | bool = own.ci_low > 0
    with np.errstate(divide="ignore", invalid="ignore"):
        share = estimate(np.where(is_defined, gain / own_gain, np.nan))
    return {
        "transfer_share": share.value,
        "ci_low": share.ci_low,
        "ci_high": share.ci_high,
        "own_gain": own.value,
        "own_gain_low": own.ci_low,
        "own_gain_high": own.ci_high,
    }
