"""NWB files with what was measured of cells, and their reader."""
