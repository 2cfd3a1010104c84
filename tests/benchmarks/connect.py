"""From the wish to connect to the first result.

On one head (2 CPUs, loopback, a token), in turn: ``ray.init`` and ``daft.set_runner_ray`` and a query, as plain Daft
does it, against ``daftnb.connect`` and the same query; each in a new process that has imported Daft and nothing of
Ray, directly and over a Ray Client.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

from daftnb.engine import releases
from tests.benchmarks.figures import Figure, Report
from tests.benchmarks.suite import ROOT
from tests.helpers.heads import Head
from tests.helpers.releases import is_before

AREA = "connect"
ROUNDS = 2
QUERY = "daft.from_pydict({'a': [1, 2, 3]}).into_partitions(2).where(daft.col('a') > 1).sort('a').to_pydict()"
PLAIN = """
began = time.perf_counter()
import ray
ray.init({address!r}, logging_level="error")
daft.set_runner_ray()
connected = time.perf_counter() - began
"""
OURS = """
began = time.perf_counter()
daftnb.connect({address!r})
connected = time.perf_counter() - began
"""
MEASURE = """
import json, time
import daft
{imports}
{connect}
assert {query} == {{"a": [2, 3]}}
print("RESULT " + json.dumps([connected, time.perf_counter() - began]), flush=True)
"""


def measure(report: Report) -> None:
    """Seconds until connected, and to the first result."""
    head = Head(token=not is_before("ray", releases.TOKENS_SINCE))
    try:
        head.await_client_server()
        for way, address in (("host:port", head.address), ("ray://", head.client_address)):
            seconds = first_results(head, address)
            for index, what in enumerate(("connected", "to the first result")):
                ours, theirs = (tuple(value[index] for value in seconds[who]) for who in ("daftnb", "plain"))
                report.add(Figure(AREA, f"{what}, {way}", "s", ours, "Daft", theirs))
    finally:
        head.stop()


def run(source: str, environment: dict[str, str]) -> Any:
    """What a new process printed after RESULT."""
    done = subprocess.run(
        [sys.executable, "-c", source],
        env={**os.environ, "DO_NOT_TRACK": "true", "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    for line in done.stdout.splitlines():
        if line.startswith("RESULT "):
            return json.loads(line.removeprefix("RESULT "))
    raise RuntimeError(done.stderr[-2000:])


def first_results(head: Head, address: str) -> dict[str, list[list[float]]]:
    """Who → for each round [seconds to connect, seconds to the first result]."""
    sources = {
        "plain": MEASURE.format(imports="", connect=PLAIN.format(address=address), query=QUERY),
        "daftnb": MEASURE.format(imports="import daftnb", connect=OURS.format(address=address), query=QUERY),
    }
    seconds: dict[str, list[list[float]]] = {who: [] for who in sources}
    for turn in range(ROUNDS):
        for who in sorted(sources, reverse=turn % 2 == 0):  # who goes first changes, as caches and clocks do
            seconds[who].append(run(sources[who], head.environment))
    return seconds
