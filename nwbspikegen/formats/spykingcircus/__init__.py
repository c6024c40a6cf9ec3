"""Results of SpyKING CIRCUS."""
