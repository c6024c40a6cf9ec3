"""How fast scores are: exact areas against scikit-learn, and all scores of one large cell.

One core, printing Markdown:

    OMP_NUM_THREADS=1 python benchmarks/metrics.py > docs/benchmarks/metrics.md
"""

from __future__ import annotations

import platform
import time
from datetime import date

import numpy as np
from sklearn import metrics

from nwbspikegen.scoring import rank_pooled, score_predictions

NUM_PAIRS = 10_000_000
CELL = (150_000, 128)
BIN_SIZE = 0.001


def draw_cell(shape: tuple[int, ...], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return probabilities with a mean near 2 %, all different, and spikes drawn from them."""
    rng = np.random.default_rng(seed)
    probability = (rng.random(shape, dtype=np.float32) ** 4 * 0.1).astype(np.float32)
    return probability, (rng.random(shape, dtype=np.float32) < probability).astype(np.uint8)


def measure_areas() -> None:
    """Print the time of the three pooled areas, ours and scikit-learn's, and how far they differ."""
    probability, spikes = draw_cell((NUM_PAIRS,), seed=0)
    started = time.perf_counter()
    ours = rank_pooled(probability, spikes)
    ours_took = time.perf_counter() - started
    started = time.perf_counter()
    precision, recall, _ = metrics.precision_recall_curve(spikes, probability)
    theirs = (
        metrics.roc_auc_score(spikes, probability),
        metrics.average_precision_score(spikes, probability),
        metrics.auc(recall, precision),
    )
    theirs_took = time.perf_counter() - started
    difference = np.abs(np.subtract(theirs, (ours.roc_auc, ours.average_precision, ours.pr_auc))).max()
    print(f"ROC-AUC, average precision and PR-AUC of {NUM_PAIRS:,} pairs, {spikes.mean():.1%} spikes:")
    print(f"ours {ours_took:.2f} s, scikit-learn {theirs_took:.2f} s: {theirs_took / ours_took:.1f} times.")
    print(f"Largest difference {difference:.1e}.\n")


def measure_cell() -> None:
    """Print the time of every score of one predictor with 200 resamples."""
    probability, spikes = draw_cell(CELL, seed=1)
    null = np.broadcast_to(spikes.mean(axis=0, dtype=np.float32), CELL)
    started = time.perf_counter()
    table = score_predictions(
        {"model": probability}, spikes, bin_size=BIN_SIZE, nulls={"mean_rate": null}, resamples=200
    )
    took = time.perf_counter() - started
    print(f"All {len(table)} scores of {CELL[0]:,} bins x {CELL[1]} units, 200 resamples: {took:.2f} s.")


if __name__ == "__main__":
    print("# Scores\n")
    print(f"`python benchmarks/metrics.py`, {date.today()}, one core, {platform.machine()}.\n")
    measure_areas()
    measure_cell()
