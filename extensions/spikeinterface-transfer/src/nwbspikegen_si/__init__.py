"""Spike models on SpikeInterface sortings and analyzers.

Importing this registers the analyzer extension `nwbspikegen_generation`.
"""

from __future__ import annotations

from nwbspikegen_si.analyzers import create_spike_analyzer as create_spike_analyzer
from nwbspikegen_si.extension import ComputeSpikeGeneration as ComputeSpikeGeneration
from nwbspikegen_si.extension import compute_spike_generation as compute_spike_generation
from nwbspikegen_si.generation import SpikeGeneration as SpikeGeneration
from nwbspikegen_si.training import train_spike_model as train_spike_model
from nwbspikegen_si.widget import SpikeGenerationWidget as SpikeGenerationWidget
from nwbspikegen_si.widget import plot_spike_generation as plot_spike_generation

__version__ = "0.1.0"

__all__ = [
    "ComputeSpikeGeneration",
    "SpikeGeneration",
    "SpikeGenerationWidget",
    "compute_spike_generation",
    "create_spike_analyzer",
    "plot_spike_generation",
    "train_spike_model",
]
