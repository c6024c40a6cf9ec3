"""Simulated cells with known classes."""
