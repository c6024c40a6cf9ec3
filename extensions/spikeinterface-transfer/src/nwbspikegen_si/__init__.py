"""Spike models on SpikeInterface sortings and analyzers."""
