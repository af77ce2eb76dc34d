"""Reviews on a Dask cluster."""
