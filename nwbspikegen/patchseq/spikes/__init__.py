"""Action potentials of a sweep."""
