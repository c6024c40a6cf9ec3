"""Whether profiles of attention follow firing rates: per recording, and over recordings."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from jaxtyping import Float, Float64, Real

from nwbspikegen.core.errors import InputError
from nwbspikegen.explain.maps import AttentionMaps
from nwbspikegen.scoring import correct_by_holm

SIGNIFICANT = 0.01
"""Largest corrected p that counts; source: Shimono 2026."""


def correlate_rates(maps: AttentionMaps, *, seed: int = 0) -> pd.DataFrame:
    """Return how the profiles of a recording's maps follow the population's firing.

    A profile by bin is compared with the number of units that fire in each bin: in the input, and
    in spikes drawn from the model's output (`generated`, which for input bin i are those of the bin
    that follows). A curve by offset is compared with the correlation of the population's firing with
    itself that far apart: input with input, or generated with input. Pearson's r over all bins of
    all windows; a bin has few spikes, so neighbouring bins are not independent, and p is given over
    recordings only (`compare_rate_correlations`).

    Returns
    -------
    DataFrame
        Columns `profile`, `rate` ("input" or "generated"), `correlation` (NaN where either does not
        vary), `num_values`, `num_windows`.
    """
    rng = np.random.default_rng(seed)
    # drawn and not averaged: input and generated spikes are then compared as counts of one kind
    probability = 1 / (1 + np.exp(-maps.log_odds.astype(np.float64)))
    rates = {
        "input": maps.inputs.mean(axis=2, dtype=np.float64),
        "generated": (rng.random(probability.shape) < probability).mean(axis=2),
    }
    rows = []
    for name, profile in maps.series.items():
        rows += [(name, rate, profile, values) for rate, values in rates.items()]
    for name, curve in maps.offset_curves.items():
        rows += [(name, rate, curve, _lagged(rates["input"], values)) for rate, values in rates.items()]
    return pd.DataFrame(
        [
            {
                "profile": name,
                "rate": rate,
                "correlation": _pearson(one.ravel(), other.ravel()),
                "num_values": one.size,
                "num_windows": len(one),
            }
            for name, rate, one, other in rows
        ]
    )


def compare_rate_correlations(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return mean and SD over recordings of each correlation, and whether it differs from 0.

    A two-sided t-test per profile and rate over Fisher's z of the recordings' correlations; p is
    corrected for the number of rows by Holm's method and significant below 0.01.

    Parameters
    ----------
    tables : mapping of name to DataFrame
        What `correlate_rates` returned for each recording; two or more.

    Returns
    -------
    DataFrame
        Columns `profile`, `rate`, `mean`, `sd`, `num_recordings`, `t`, `p`, `p_holm`, `significant`.

    Examples
    --------
    >>> one = pd.DataFrame({"profile": ["key_profile"], "rate": ["input"], "correlation": [0.5]})
    >>> compare_rate_correlations({"a": one, "b": one.assign(correlation=0.3)})["mean"].round(3).tolist()
    [0.4]
    """
    from scipy.stats import ttest_1samp

    if len(tables) < 2:
        raise InputError(f"{len(tables)} recordings to compare", "at least two", "explain more of them")
    every = pd.concat([table.assign(recording=name) for name, table in tables.items()])
    rows = []
    for (profile, rate), group in every.groupby(["profile", "rate"], sort=False):
        found = group.correlation.dropna().to_numpy(dtype=np.float64)
        t, p = np.nan, np.nan
        if len(found) > 1 and np.ptp(found) > 0:
            # Fisher's z is nearly normal where r is not; the bounds keep r = 1 finite
            t, p = ttest_1samp(np.arctanh(np.clip(found, -0.999999, 0.999999)), 0.0)
        rows.append(
            {
                "profile": profile,
                "rate": rate,
                "mean": found.mean() if len(found) else np.nan,
                "sd": found.std(ddof=1) if len(found) > 1 else np.nan,
                "num_recordings": len(found),
                "t": float(t),
                "p": float(p),
            }
        )
    table = pd.DataFrame(rows)
    corrected = correct_by_holm(table.p.to_numpy())
    return table.assign(p_holm=corrected, significant=corrected < SIGNIFICANT)


def _pearson(one: Real[np.ndarray, " value"], other: Real[np.ndarray, " value"]) -> float:
    kept = np.isfinite(one) & np.isfinite(other)
    # the query profile has no value in its first bin
    one, other = one[kept] - one[kept].mean(), other[kept] - other[kept].mean()
    size = np.sqrt((one @ one) * (other @ other))
    # what does not vary but for rounding has no correlation
    return float(one @ other / size) if size > 1e-12 else float("nan")


def _lagged(
    earlier: Float[np.ndarray, "window bin"], later: Float[np.ndarray, "window bin"]
) -> Float64[np.ndarray, "window offset"]:
    """Return, per window, the mean product of the later's and the earlier's deviations by offset."""
    length = earlier.shape[1]
    # zeros behind the values, or the end would be correlated with the start (Wiener-Khinchin)
    size = 2 * length
    one = np.fft.rfft(earlier - earlier.mean(axis=1, keepdims=True), size, axis=1)
    other = np.fft.rfft(later - later.mean(axis=1, keepdims=True), size, axis=1)
    products = np.fft.irfft(other * one.conj(), size, axis=1)[:, :length]
    # over how many pairs lie that far apart: the mean and not the sum, as in the profiles
    return np.asarray(products / np.arange(length, 0, -1))
