"""Recovering planted connections: how well a map ranks true pairs above others, beside plainer maps."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float64, UInt8

from nwbspikegen.scoring import rank_pooled
from nwbspikegen.views.history import exponential_traces

CORRELATION_BINS = 30
OWN_TAUS = (2.0, 5.0, 12.0, 30.0, 80.0, 200.0, 500.0, 1000.0)
# three of the four of `in_context`, without the fastest
OTHER_TAUS = (4.0, 10.0, 60.0)
# beside every spike: silence is plenty, and each bin of it tells little
_SILENT_BINS = 8_000

_Spikes = UInt8[np.ndarray, "time unit"]
_Map = Float64[np.ndarray, "target source"]


def recover_connections(
    found: Float[np.ndarray, "target source"], coupling: Float[np.ndarray, "target source"]
) -> float:
    """Return the ROC-AUC of telling coupled ordered pairs from uncoupled ones; chance is 0.5.

    Parameters
    ----------
    found : array (target, source)
        Larger is more surely a connection; the diagonal is not looked at.
    coupling : array (target, source)
        The truth, such as `Simulation.coupling`: 0 where there is no connection.

    Examples
    --------
    >>> truth = np.array([[0.0, 1.5], [0.0, 0.0]])
    >>> recover_connections(np.array([[9.0, 0.8], [0.1, 9.0]]), truth)
    1.0
    """
    pairs = ~np.eye(len(coupling), dtype=bool)
    return rank_pooled(found[pairs].astype(np.float64), coupling[pairs] != 0).roc_auc


def cross_correlate(
    spikes: _Spikes, lag_bins: int = CORRELATION_BINS
) -> Float64[np.ndarray, "target source lag"]:
    """Return z of the number of target spikes so many bins after a source's, if units were independent.

    z = (count - expected) / sqrt(expected + 1), with the expected count from both rates.

    Examples
    --------
    >>> spikes = np.zeros((100, 2), np.uint8)
    >>> spikes[::10, 0], spikes[3::10, 1] = 1, 1
    >>> int(cross_correlate(spikes, 5)[1, 0].argmax()) + 1
    3
    """
    trains = (spikes > 0).astype(np.float32)
    both = np.outer(trains.mean(axis=0), trains.mean(axis=0))
    scores = []
    for lag in range(1, lag_bins + 1):
        expected = (len(trains) - lag) * both
        # expected + 1 in the root: pairs that hardly ever meet would have a large z by one spike
        scores.append((trains[lag:].T @ trains[:-lag] - expected) / np.sqrt(expected + 1))
    return np.stack(scores, axis=2).astype(np.float64)


def map_cross_correlation(spikes: _Spikes) -> _Map:
    """Return the largest |z| of the plain cross-correlation over lags of 1 to 30 bins."""
    return np.asarray(np.abs(cross_correlate(spikes)).max(axis=2))


def map_corrected_correlation(spikes: _Spikes) -> _Map:
    """Return |mean z at 1-15 bins - mean z at 31-60 bins|: slow shared activity is subtracted."""
    z = cross_correlate(spikes, 60)
    # bursts raise all lags alike, a coupling the first ones
    return np.asarray(np.abs(z[:, :, :15].mean(axis=2) - z[:, :, 30:].mean(axis=2)))


def map_coupling_glm(spikes: _Spikes, *, ridge: float = 300.0, seed: int = 0) -> _Map:
    """Return the couplings of a GLM per target on its own and all other units' exponential traces.

    logit p = b + own history (8 traces, 2-1000 bins) + coupling (3 traces per other unit, 4-60 bins),
    all standardised, with a ridge; fitted with scikit-learn to all spikes and 8,000 weighted silent
    bins. A pair's score is the norm of its weights: the size of the coupling in log odds.

    Parameters
    ----------
    spikes : uint8 array (time, unit)
        The recording.
    ridge : float
        Penalty: half of it times the sum of squared weights, in nats.
    seed : int
        Of the sampled silent bins.
    """
    others = _standard(exponential_traces(spikes, 0, OTHER_TAUS))
    rng = np.random.default_rng(seed)
    num_units = spikes.shape[1]
    found = np.zeros((num_units, num_units))
    for target in range(num_units):
        if spikes[:, target].any():
            found[target] = _fit_target(spikes, others, target, ridge, rng)
    return found


def _standard(traces: Float[np.ndarray, "time unit tau"]) -> Float[np.ndarray, "time unit tau"]:
    spread = traces.std(axis=0)
    traces -= traces.mean(axis=0)
    traces /= np.where(spread > 0, spread, 1)
    return traces


def _fit_target(
    spikes: _Spikes,
    others: Float[np.ndarray, "time unit tau"],
    target: int,
    ridge: float,
    rng: np.random.Generator,
) -> Float64[np.ndarray, " source"]:
    from sklearn.linear_model import LogisticRegression

    fired = np.flatnonzero(spikes[:, target])
    silent = np.flatnonzero(spikes[:, target] == 0)
    kept = rng.choice(silent, min(_SILENT_BINS, len(silent)), replace=False)
    bins = np.concatenate([fired, kept])
    own = _standard(exponential_traces(np.ascontiguousarray(spikes[:, [target]]), 0, OWN_TAUS))[bins, 0]
    coupling = others[bins]
    # the target's own past is in `own`, and is no coupling
    coupling[:, target] = 0.0
    # sampled silence stands for all of it, so that the intercept is that of all bins
    weight = np.concatenate([np.ones(len(fired)), np.full(len(kept), len(silent) / len(kept))])
    label = np.arange(len(bins)) < len(fired)
    # near the optimum is near enough for a ranking
    model = LogisticRegression(C=1 / ridge, max_iter=300, tol=1e-3)
    model.fit(np.column_stack([own, coupling.reshape(len(bins), -1)]), label, sample_weight=weight)
    slopes = model.coef_[0, own.shape[1] :].reshape(spikes.shape[1], -1)
    return np.asarray(np.sqrt((slopes**2).sum(axis=1)), dtype=np.float64)
