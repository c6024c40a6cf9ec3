"""A transfer study whose scores are planted: two preparations, a shared subject, a mixture, a gap."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

SESSIONS = ["slice-1", "slice-2", "slice-3", "mouse-1", "mouse-2", "mouse-3"]
ROWS = [*SESSIONS, "slice-1+mouse-1"]
PREDICTORS = ["in_context", "untrained", "mean_rate", "running_rate", "online_hazard"]
SCORES = [
    ("bits_per_spike", "mean_rate"),
    ("bits_per_spike", "running_rate"),
    ("roc_auc_pooled", ""),
    ("roc_auc_per_unit", ""),
]
_SUBJECTS = ["s1", "s2", "s3", "m1", "m2", "m2"]
_DIMS = ("train_session", "test_session", "predictor", "metric", "null")


def planted_sessions() -> pd.DataFrame:
    """Return one row for each recording of the study."""
    return pd.DataFrame(
        {
            "session": SESSIONS,
            "identifier": [f"id-{name}" for name in SESSIONS],
            "source_sha256": [format(number, "064x") for number in range(len(SESSIONS))],
            "session_id": SESSIONS,
            "subject_id": _SUBJECTS,
            "species": "Mus musculus",
            "lab": ["Slices"] * 3 + ["Mice"] * 3,
            "preparation": ["in_vitro"] * 3 + ["in_vivo"] * 3,
            "session_start_time": [f"2024-01-0{day}T10:00:00+00:00" for day in (3, 2, 4, 5, 6, 7)],
            "file_name": [f"{name}.nwb" for name in SESSIONS],
            "sex": ["U", "U", "U", "F", "F", "F"],
            "age": ["P3W/P5W"] * 3 + ["P90D"] * 3,
        }
    )


def planted_study(seed: int = 0) -> xr.Dataset:
    """Return scores in the shape of `TransferStudy.scores`; mouse-3 to slice-3 was never computed."""
    scores = xr.Dataset(
        coords={
            "train_session": ROWS,
            "test_session": SESSIONS,
            "predictor": PREDICTORS,
            "metric": list(dict.fromkeys(metric for metric, _ in SCORES)),
            "null": ["mean_rate", "running_rate", ""],
        }
    )
    scores = scores.assign_coords(_describe_pairs())
    shape = tuple(scores.sizes[dim] for dim in _DIMS)
    value = np.full(shape, np.nan)
    for predictor in range(len(PREDICTORS)):
        for metric, null in SCORES:
            where = (scores.indexes["metric"].get_loc(metric), scores.indexes["null"].get_loc(null))
            value[:, :, predictor, *where] = plant_values(PREDICTORS[predictor], metric, seed)
    value[ROWS.index("mouse-3"), SESSIONS.index("slice-3")] = np.nan
    there = np.isfinite(value)
    scores["value"] = (_DIMS, value)
    scores["ci_low"], scores["ci_high"] = scores["value"] - 0.1, scores["value"] + 0.05
    for name, number in (("num_units", 28.0), ("num_spikes", 4321.0), ("num_silent_units", 1.0)):
        scores[name] = (_DIMS, np.where(there, number, np.nan))
    scores["num_blocks"] = (_DIMS, np.where(there, 40.0, np.nan))
    scores["ci_reliable"] = (_DIMS, there)
    own = np.arange(len(SESSIONS))
    training = np.full((len(ROWS), *shape[2:]), np.nan)
    training[own] = value[own, own] + 0.07
    scores["training_value"] = (tuple(dim for dim in _DIMS if dim != "test_session"), training)
    scores.attrs.update(
        context="warm",
        bin_size=0.001,
        headline_metric="bits_per_spike",
        headline_null="mean_rate",
        models=["in_context"],
    )
    return scores


def plant_values(predictor: str, metric: str, seed: int) -> np.ndarray:
    """Return a score of every cell: high within a preparation, less across, the same for baselines."""
    rng = np.random.default_rng(seed)
    ease = np.array([0.25, 0.3, 0.2, 0.5, 0.6, 0.55])
    noise = rng.normal(0.0, 0.01, (len(ROWS), len(SESSIONS)))
    kind = np.repeat([0, 1], 3)
    across = np.vstack([kind[:, None] != kind, np.zeros((1, len(SESSIONS)), dtype=bool)])
    own = np.vstack([np.eye(len(SESSIONS)), np.zeros((1, len(SESSIONS)))])
    trained = ease - 0.18 * across + 0.08 * own + noise
    bits = {"in_context": trained, "untrained": 0.5 * ease, "online_hazard": 0.6 * ease, "running_rate": 0.05}
    shown = np.broadcast_to(bits.get(predictor, 0.0), noise.shape)
    return shown.copy() if metric == "bits_per_spike" else 0.55 + 0.5 * shown


def planted_draws(scores: xr.Dataset, *, num_draws: int = 60, spread: float = 0.01) -> xr.Dataset:
    """Return bootstrap draws around the scores; what moves all rows of a column moves them together."""
    rng = np.random.default_rng(1)
    together = rng.normal(0.0, 0.03, (num_draws, 1, scores.sizes["test_session"], 1, 1, 1))
    shape = (num_draws, *(scores.sizes[dim] for dim in _DIMS))
    apart = rng.normal(0.0, spread, shape[:4]).reshape(*shape[:4], 1, 1)
    values = scores["value"].transpose(*_DIMS).values + together + apart
    coords = {dim: scores[dim].values for dim in _DIMS}
    return xr.Dataset({"value": (("draw", *_DIMS), values.astype(np.float32))}, coords)


def _describe_pairs() -> dict[str, tuple[object, object]]:
    table = planted_sessions()
    members = [name.split("+") for name in ROWS]
    subject = dict(zip(SESSIONS, _SUBJECTS, strict=True))
    lab = dict(zip(SESSIONS, table["lab"], strict=True))
    preparation = dict(zip(SESSIONS, table["preparation"], strict=True))
    kinds = [{preparation[each] for each in row} for row in members]
    same_session = np.array([[test in row for test in SESSIONS] for row in members])
    same_subject = np.array(
        [[subject[test] in {subject[each] for each in row} for test in SESSIONS] for row in members]
    )
    same_lab = np.array([[lab[test] in {lab[each] for each in row} for test in SESSIONS] for row in members])
    shared = np.where(same_session, "session, subject", np.where(same_subject, "subject", ""))
    pair = ("train_session", "test_session")
    return {
        "train_preparation": ("train_session", [kind.pop() if len(kind) == 1 else "mixed" for kind in kinds]),
        "test_preparation": ("test_session", table["preparation"].to_numpy().astype(str)),
        "train_subject": ("train_session", ["+".join(subject[each] for each in row) for row in members]),
        "test_subject": ("test_session", _SUBJECTS),
        "same_session": (pair, same_session),
        "same_subject": (pair, same_subject),
        "same_lab": (pair, same_lab),
        "overlap_s": (pair, np.zeros(same_lab.shape)),
        "independent": (pair, ~same_subject),
        "shared": (pair, shared),
    }
