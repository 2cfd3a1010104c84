"""Queries over a Ray Client to a cluster that is far away: daftnb against plain Daft, in turn.

One head on this machine, whose client server stands behind a proxy that delays each way; for each delay a process with
plain Daft and one with daftnb stay connected and run the same queries.
"""

from __future__ import annotations

from tests.benchmarks.figures import Figure, Goal, Report
from tests.benchmarks.kernel import Kernel
from tests.helpers.faraway import FarAway
from tests.helpers.heads import Head

AREA = "wan"
ROUND_TRIPS = (0.0, 0.010, 0.050, 0.150)
ROUNDS = 5
MANY = 200
SETUP = """
import json, os, time
os.environ.update({environment})
os.environ.update(DO_NOT_TRACK="true", DAFT_AUTOSCALING_DOWNSCALE_ENABLED="0", DAFT_PROGRESS_BAR="0")
import daft
from daft import col
{connect}

def query(partitions):
    began = time.perf_counter()
    frame = daft.from_pydict({{"x": list(range(1000))}}).into_partitions(partitions).with_column("y", col("x") + 1)
    assert len(frame.collect()) == 1000
    return time.perf_counter() - began

query(2)
query(2)
"""
PLAIN = """
import ray
ray.init({address!r}, logging_level="error")
daft.set_runner_ray()
"""
OURS = """
import daftnb
daftnb.connect({address!r})
"""


def measure(report: Report) -> None:
    """Seconds of a small query and of one with many partitions, for each round trip."""
    head = Head()
    try:
        head.await_client_server()
        host, _, port = head.client_address.removeprefix("ray://").rpartition(":")
        for seconds in ROUND_TRIPS:
            far = FarAway(host, int(port), seconds)
            try:
                at(report, head, f"ray://{far.address}", seconds)
            finally:
                far.stop()
    finally:
        head.stop()


def at(report: Report, head: Head, address: str, round_trip: float) -> None:
    """Measure at one round trip."""
    kernels: dict[str, Kernel] = {}
    took: dict[tuple[str, int], list[float]] = {(who, n): [] for who in ("Daft", "daftnb") for n in (2, MANY)}
    try:
        for who, connect in (("Daft", PLAIN), ("daftnb", OURS)):
            kernels[who] = Kernel()
            connected = connect.format(address=address)
            kernels[who].run(SETUP.format(environment=head.environment, connect=connected))
        for turn in range(ROUNDS):
            for who in sorted(kernels, reverse=turn % 2 == 0):
                took[who, 2].append(kernels[who].run("print('RESULT ' + json.dumps(query(2)))"))
                if turn < 2:  # it takes plain Daft long
                    took[who, MANY].append(kernels[who].run(f"print('RESULT ' + json.dumps(query({MANY})))"))
    finally:
        for kernel in kernels.values():
            kernel.end()
    for partitions in (2, MANY):
        name = f"a query of {partitions} partitions, {round_trip * 1000:.0f} ms away"
        ours, theirs = tuple(took["daftnb", partitions]), tuple(took["Daft", partitions])
        report.add(Figure(AREA, name, "s", ours, "Daft", theirs, Goal("ratio", 1.0)))
