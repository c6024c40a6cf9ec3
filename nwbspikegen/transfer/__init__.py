"""Every recording against every other: the study, its matrix, its layout."""
