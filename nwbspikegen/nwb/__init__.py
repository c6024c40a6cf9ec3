"""The one door to NWB files: guarded opening, groups, units tables, derived files."""
