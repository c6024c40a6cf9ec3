"""Spike times in the Aggregate Spike Data Format, ASDF (MATLAB)."""
