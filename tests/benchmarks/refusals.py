"""Until it is said why a cluster cannot be connected to, in a process that has imported Ray and in one that has not."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.benchmarks.connect import run
from tests.benchmarks.figures import Figure, Report
from tests.helpers.heads import Head, shadow_daft

AREA = "refusals"
NO_DAFT = "raise ImportError('there is no Daft here')"
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


def measure(report: Report) -> None:
    """Seconds of each refusal; what was said is the figure's note."""
    from tests.helpers.heads import OTHER_DAFT

    heads: list[Head] = []
    with tempfile.TemporaryDirectory() as folder:
        try:
            heads.append(Head())
            for name, source in (("without", NO_DAFT), ("other", OTHER_DAFT)):
                heads.append(Head(environment=shadow_daft(Path(folder) / name, source)))
            for head in heads:
                head.await_client_server()
            refused(report, *heads)
        finally:
            for head in heads:
                head.stop()


def refused(report: Report, head: Head, without: Head, other: Head) -> None:
    """Each thing that can be wrong."""
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
    for what, (address, of, before) in cases.items():
        seconds, said = run(REFUSED.format(address=address, before=f"{ray}\n{before}"), of.environment)
        report.add(Figure(AREA, what, "s", (seconds,), note=said[:90]))
        seconds, _ = run(REFUSED.format(address=address, before=before), of.environment)
        report.add(Figure(AREA, f"{what}, with the import of Ray", "s", (seconds,)))
