"""From patch-clamp recordings to cell classes, and from one species to another."""
