"""Values of a matrix with its axes, in NWB."""
