"""Learn on one species, predict another: alignment and conditions."""
