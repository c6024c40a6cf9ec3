"""Averages of two predictions over samples, one after the other, compiled."""

from __future__ import annotations

import math

import numba


@numba.njit(cache=True, nogil=True)
def average_rows(  # type: ignore[no-untyped-def]
    before,
    after,
    at,
    unit,
    fired,
    weight,
    prior,
    own_share,
    shared_share,
    memory,
    own,
    read_until,
    shared,
    out,
):
    """Fill out (row) with averaged log odds, and move evidence on; rows are ordered by bin.

    own (unit) and shared (3: evidence, of the bin that is read, which bin that is) are in nats, of `after`
    over `before`; read_until (unit) is the bin that own evidence has faded to. What is kept moves on with
    training rows alone, so that it is the same to the bit whatever else is asked for.
    """
    for row in range(len(before)):
        of, now = unit[row], at[row]
        by_all = shared[0]
        if now > shared[2]:
            # a bin is known as a whole only when the next one begins
            by_all = (shared[0] + shared[1]) * math.exp((shared[2] - now) / memory)
        by_own = own[of] * math.exp((read_until[of] - now) / memory)
        trust = expit(prior + own_share * by_own + shared_share * by_all)
        out[row] = before[row] + trust * (after[row] - before[row])
        if weight[row] > 0:
            if now > shared[2]:
                shared[0], shared[1], shared[2] = by_all, 0.0, now
            gained = weight[row] * (
                log_likelihood(after[row], fired[row]) - log_likelihood(before[row], fired[row])
            )
            own[of], read_until[of] = by_own + gained, now
            shared[1] += gained


@numba.njit(cache=True, nogil=True)
def expit(value):  # type: ignore[no-untyped-def]
    """Return the logistic function, from either side without overflow."""
    if value >= 0:
        return 1.0 / (1.0 + math.exp(-value))
    small = math.exp(value)
    return small / (1.0 + small)


@numba.njit(cache=True, nogil=True)
def log_likelihood(log_odds, fired):  # type: ignore[no-untyped-def]
    """Return the Bernoulli log-likelihood in nats."""
    signed = log_odds if fired > 0 else -log_odds
    return -math.log1p(math.exp(-signed)) if signed > -30 else signed
