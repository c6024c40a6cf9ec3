"""Patch-clamp sweeps from NWB files, with what is wrong with them."""
