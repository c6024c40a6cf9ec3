"""The dask client that long work runs on, or none."""
