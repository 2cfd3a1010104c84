"""What the tests of this folder send to their kernels, and how long a kernel may take to answer."""

from __future__ import annotations

from typing import Any

from tests.cluster.kernels import QUERY, RUN, Kernel

LONGEST = 10.0  # seconds that a call may take
CONNECT = """
import daftnb, time
from daftnb.commands.cluster import status_text
session = daftnb.get_session()

def timed(call):
    began = time.monotonic()
    found = call()
    calls.append(time.monotonic() - began)
    return found

calls = []
said = []
session.connect({address!r}, said.append)
out = said
"""
SHOWN = """
seen = timed(session.snapshot)
text = timed(lambda: status_text(session))
out = {
    "cluster": seen["session"]["cluster"],
    "problems": list(seen["session"]["problems"].values()),
    "query": seen["query"]["state"],
    "tasks": seen["query"]["tasks"],
    "workers": {row["label"]: row["state"] for row in seen["workers"]["rows"].values() if not row["head"]},
    "total": seen["workers"]["total"],
    "status": text,
    "longest": max(calls),
}
"""


def shown(kernel: Kernel) -> dict[str, Any]:
    """What is shown now; none of the calls so far has taken too long."""
    found: dict[str, Any] = kernel.run(SHOWN)
    assert found["longest"] < LONGEST, found
    return found


def begun(kernel: Kernel, tasks: int = 24) -> None:
    """A query under way, with so many tasks of 0.3 s."""
    assert kernel.run(QUERY) == {"a": [2, 3]}
    assert kernel.run(RUN.replace("24", str(tasks))) is True
