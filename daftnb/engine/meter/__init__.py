"""Counts what a query does in the user's own functions, in every process that calls them.

Daft tells little of its UDFs: on Ray nothing before a task ends, and of class UDFs nothing at all. This package is
loaded into each process that calls one: the kernel, workers, the actors of a pool, and the processes that Daft starts
for UDFs (``use_process``). There it stands in for a few names that Daft looks up at each call; a call then costs two
readings of the clock more, and less elsewhere, so that it is no slower than without.

It is sent to other processes by value, as these need not have daftnb: of daftnb it imports only :mod:`daftnb.clock`.
"""
