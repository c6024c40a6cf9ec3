"""Trivial and classical predictors that stand beside every model, with the same interface."""

from nwbspikegen.scoring.baselines.coupled_glm import CoupledGLM
from nwbspikegen.scoring.baselines.glm import HistoryGLM
from nwbspikegen.scoring.baselines.rates import MeanRate
from nwbspikegen.scoring.baselines.registry import (
    BASELINES,
    Baseline,
    make_baseline,
    register_baseline,
    require_baselines,
)
from nwbspikegen.scoring.baselines.untrained import OnlineHazard, RunningRate

__all__ = [
    "BASELINES",
    "Baseline",
    "CoupledGLM",
    "HistoryGLM",
    "MeanRate",
    "OnlineHazard",
    "RunningRate",
    "make_baseline",
    "register_baseline",
    "require_baselines",
]
