"""``python -m tests.benchmarks.connect``: from the wish to connect to the first result, and until a refusal is told.

On one head (2 CPUs, loopback, a token), in turn: ``ray.init`` and ``daft.set_runner_ray`` and a query, as plain Daft
does it, against ``daftnb.connect`` and the same query; each in a new process that has imported Daft and nothing of
Ray, directly and over a Ray Client. Then how long ``daftnb.connect`` takes to say what is wrong, in a process that has
imported Ray, and in one that has not.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.cluster.heads import Head, shadow_daft

ROUNDS = 5
ROOT = Path(__file__).resolve().parent.parent.parent
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
REFUSED = """
import json, os, time
import daft, daftnb
{before}
began = time.perf_counter()
try:
    daftnb.connect({address!r})
    text = "connected"
except daftnb.ClusterError as error:
    text = error.what
print("RESULT " + json.dumps([time.perf_counter() - began, text]), flush=True)
"""


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


def first_results(head: Head, rounds: int) -> dict[str, dict[str, list[list[float]]]]:
    """Way in → who → for each round [seconds to connect, seconds to the first result]."""
    found: dict[str, dict[str, list[list[float]]]] = {}
    for way, address in (("host:port", head.address), ("ray://", head.client_address)):
        sources = {
            "plain": MEASURE.format(imports="", connect=PLAIN.format(address=address), query=QUERY),
            "daftnb": MEASURE.format(imports="import daftnb", connect=OURS.format(address=address), query=QUERY),
        }
        seconds: dict[str, list[list[float]]] = {who: [] for who in sources}
        for turn in range(rounds):
            for who in sorted(sources, reverse=turn % 2 == 0):  # who goes first changes, as caches and clocks do
                seconds[who].append(run(sources[who], head.environment))
        found[way] = seconds
        for who, values in seconds.items():
            connected, first = ([value[i] for value in values] for i in (0, 1))
            print(
                f"  {way:<9} {who:<6} connected {statistics.median(connected):5.2f} s, first result "
                f"{statistics.median(first):5.2f} s ({min(first):.2f} to {max(first):.2f})",
                flush=True,
            )
        medians = {who: statistics.median(value[1] for value in values) for who, values in seconds.items()}
        print(f"  {way:<9} daftnb ÷ plain: {medians['daftnb'] / medians['plain']:.2f}", flush=True)
    return found


def refusals(head: Head, without: Head, other: Head) -> dict[str, dict[str, Any]]:
    """What is wrong → seconds with Ray imported before and not, and what was said."""
    ray = "import ray"
    cases = {
        "nothing listens": ("127.0.0.1:1", head, ""),
        "no such host": ("no-such-host.invalid:6379", head, ""),
        "no token": (head.address, head, "os.environ.pop('RAY_AUTH_MODE'); os.environ.pop('RAY_AUTH_TOKEN')"),
        "no token, ray://": (head.client_address, head, "os.environ.pop('RAY_AUTH_MODE')"),
        "wrong token": (head.address, head, "os.environ['RAY_AUTH_TOKEN'] = '0' * 64"),
        "wrong token, ray://": (head.client_address, head, "os.environ['RAY_AUTH_TOKEN'] = '0' * 64"),
        "another Ray": (head.address, head, "import ray; ray.__version__ = '2.58.1'"),
        "another Ray, ray://": (head.client_address, head, "import ray; ray.__version__ = '2.58.1'"),
        "no Daft": (without.address, without, ""),
        "no Daft, ray://": (without.client_address, without, ""),
        "another Daft": (other.address, other, ""),
        "another Daft, ray://": (other.client_address, other, ""),
    }
    found: dict[str, dict[str, Any]] = {}
    for what, (address, of, before) in cases.items():
        warm, said = run(REFUSED.format(address=address, before=f"{ray}\n{before}"), of.environment)
        cold, _ = run(REFUSED.format(address=address, before=before), of.environment)
        found[what] = {"ray imported": warm, "ray not imported": cold, "said": said}
        print(f"  {what:<21} {warm:5.2f} s ({cold:5.2f} s with the import of Ray)  {said[:90]}", flush=True)
    return found


NO_DAFT = "raise ImportError('there is no Daft here')"


def main() -> int:
    """Measure, print, and leave the figures in artifacts/connect-*.json; of ``results`` or ``refusals`` alone."""
    from tests.cluster.test_connect import OTHER_DAFT

    parts = sys.argv[1:] or ["results", "refusals"]
    artifacts = ROOT / "artifacts"
    artifacts.mkdir(exist_ok=True)
    heads: list[Head] = []
    with tempfile.TemporaryDirectory() as folder:
        try:
            heads.append(Head())
            heads[0].await_client_server()
            if "results" in parts:
                print(f"from the wish to connect to the first result, medians of {ROUNDS}, {os.cpu_count()} cores")
                (artifacts / "connect-results.json").write_text(json.dumps(first_results(heads[0], ROUNDS), indent=1))
            if "refusals" in parts:
                for name, source in (("without", NO_DAFT), ("other", OTHER_DAFT)):
                    heads.append(Head(environment=shadow_daft(Path(folder) / name, source)))
                    heads[-1].await_client_server()
                print("until it is said what is wrong")
                (artifacts / "connect-refusals.json").write_text(json.dumps(refusals(*heads), indent=1))
        finally:
            for head in heads:
                head.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
