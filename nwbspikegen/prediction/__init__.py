"""From a model and observed spikes to probabilities and free runs, and the NWB files that hold them."""
