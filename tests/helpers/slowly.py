"""What takes its time: a function, until it is told to hurry, and cells of a notebook."""

from __future__ import annotations

import threading

OVER = threading.Event()  # hurry: a query that is ended still ends the batch it is in

# A notebook's first cell: run(rows) is a query of 20 ms for each row.
SETUP = """
%load_ext daftnb
import time
import daft
daft.set_runner_native()

@daft.func
def slow(x: int) -> int:
    time.sleep(0.02)
    return x

def run(rows):
    daft.from_pydict({"x": list(range(rows))}).into_batches(10).select(slow(daft.col("x"))).collect()
"""


def slowly(x: int) -> int:
    """The same number, 10 ms later."""
    OVER.wait(0.01)
    return x
