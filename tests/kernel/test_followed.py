"""What is done with each query once it is over, in a real session on the native runner."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT


def python(source: str, folder: Path) -> str:
    """What a script prints, in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "DAFT_RUNNER": "native"}
    command = [sys.executable, "-c", source]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    return done.stdout


SENT = """
import daft, daftnb
from daftnb import magics
from tests.helpers.otlp import receiving, values
session = daftnb.get_session()
def query(name):
    with daftnb.watch(name, quiet=True):
        daft.from_pydict({"a": [1, 2, 3]}).where(daft.col("a") > 1).collect()
with receiving() as receiver:
    magics.run(f"otel {receiver.address}", session)
    query("one")
    query("two")
    magics.run("otel off", session)
    print(sorted(span.name for span in receiver.spans if span.name.startswith("query")))
    rows = [point.as_int for point in receiver.points["daft.query.rows"]]
    print(rows)
    query("three")
    magics.run("otel off", session)
    print(len(receiver.traces))
    magics.run(f"export otel {receiver.address} --query 1", session)
    away = receiver.address
magics.run(f"otel {away}", session)
query("four")
magics.run("otel off", session)
print([text for text in session.snapshot()["session"]["problems"].values() if "OpenTelemetry" in text][0][:60])
print(daftnb.history()["state"].tolist())
session.close()
"""


def test_each_query_is_sent_and_a_receiver_that_is_away_harms_none(tmp_path: Path) -> None:
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http.trace_exporter")
    lines = python(SENT, tmp_path).splitlines()
    assert lines[0].startswith("each query is sent to http://127.0.0.1:")
    assert lines[1:6] == [
        "queries are no longer sent",
        "['query one', 'query two']",
        "[2, 2]",
        "queries were not sent",
        "2",
    ]
    assert lines[6].endswith(" spans sent")
    assert lines[9].startswith("OpenTelemetry: query 4 was left out: http://127.0.0.1")
    assert lines[10] == str(["finished"] * 4)
