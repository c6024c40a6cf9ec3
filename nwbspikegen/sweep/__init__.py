"""One training per combination of settings, and what they are worth on validation."""
