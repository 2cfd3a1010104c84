"""A folder of recordings, one file for each query: kept as queries end, and listed as a table of runs."""
