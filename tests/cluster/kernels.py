"""Kernels of their own, as processes that a test sends statements to; and the statements that several tests send."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Sequence
from typing import Any

from tests.conftest import ROOT


class Kernel:
    """A Python process that runs statements sent to it, and answers with one line of JSON each.

    ``enter``: the beginning of its command line, where it runs elsewhere (:attr:`tests.helpers.hosts.Host.enter`).
    """

    def __init__(self, environment: dict[str, str] | None = None, enter: Sequence[str] = ()) -> None:
        loop = textwrap.dedent("""
            import json, sys, traceback
            space = {}
            for line in sys.stdin:
                try:
                    exec(json.loads(line), space)
                    answer = {"ok": space.get("out")}
                except BaseException as error:
                    answer = {"error": type(error).__name__, "text": str(error), "trace": traceback.format_exc()}
                print("ANSWER " + json.dumps(answer), flush=True)
        """)
        self.process = subprocess.Popen(
            [*enter, sys.executable, "-c", loop],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, **(environment or {})},
        )

    def run(self, source: str) -> Any:
        """Run a statement; what it put into ``out``. An exception there is an AssertionError here."""
        answer = self.answer(source)
        assert "ok" in answer, answer.get("trace")
        return answer["ok"]

    def answer(self, source: str) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(textwrap.dedent(source)) + "\n")
        self.process.stdin.flush()
        for line in self.process.stdout:
            if line.startswith("ANSWER "):
                return json.loads(line.removeprefix("ANSWER "))
        raise AssertionError("the kernel ended")

    def end(self) -> None:
        if self.process.poll() is None:
            assert self.process.stdin is not None
            self.process.stdin.close()
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                raise


START = """
import daftnb
session = daftnb.get_session()
from daftnb.engine.embedded.cluster import ClusterSize
said = []
session.start(ClusterSize(1, 2, 1, 30.0), said.append)
out = [session.cluster.address, str(session.cluster.folder), said]
"""
QUERY = """
import daft
out = daft.from_pydict({"a": [1, 2, 3]}).into_partitions(2).where(daft.col("a") > 1).sort("a").to_pydict()
"""


RUN = """
import threading, time, daft
from daft import col

@daft.func
def slow(x: int) -> int:
    time.sleep(0.3)
    return x

outcome = {}

def work():
    try:
        table = daft.from_pydict({"a": list(range(24))}).into_partitions(24).with_column("b", slow(col("a")))
        outcome["rows"] = sorted(table.to_pydict()["b"])
    except BaseException as error:
        outcome["error"] = f"{type(error).__name__}: {error}"[:300]

thread = threading.Thread(target=work)
thread.start()
deadline = time.monotonic() + 60
while time.monotonic() < deadline:
    query = session.snapshot()["query"]
    if query and query["state"] == "running" and query["tasks"] and query["tasks"]["finished"] >= 2:
        break
    time.sleep(0.05)
out = query["tasks"]["finished"] >= 2
"""
END = """
import sys, traceback
thread.join(120)
frame = sys._current_frames().get(thread.ident)
snapshot = session.snapshot()
out = {
    "over": not thread.is_alive(),
    "where": traceback.format_stack(frame) if thread.is_alive() else [],
    "outcome": outcome,
    "state": snapshot["query"]["state"],
    "tasks": snapshot["query"]["tasks"],
    "decisions": [entry["kind"] for entry in snapshot["decisions"].values()],
    "workers": [[row["label"], row["state"]] for row in snapshot["workers"]["rows"].values()],
    "problems": list(snapshot["session"]["problems"].values()),
    "cluster": snapshot["session"]["cluster"]["state"],
}
"""
