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


KEPT = """
import warnings
import daft, daftnb
from daftnb import magics
session = daftnb.get_session()
def query(name, least=1):
    with daftnb.watch(name, quiet=True):
        daft.from_pydict({"a": [1, 2, 3]}).where(daft.col("a") > least).collect()
magics.run("keep", session)
query("before")
magics.run("keep runs --most 3", session)
for place in range(4):
    query(f"night {place}", place % 3)
magics.run("keep", session)
magics.run("history", session)
magics.run("keep off", session)
query("after")
magics.run("keep off", session)
found = daftnb.shelf("runs").select("name", "plan", "rows", "status", "daft", "regression", "file").to_pydict()
print(found["name"], found["rows"], found["status"], set(found["daft"]) == {daft.__version__}, found["regression"])
print(len(set(found["plan"])), None in found["plan"])
magics.run("shelf runs --last 1", session)
print(daftnb.open_recording("runs/" + found["file"][0]).queries[0].name)
print(daftnb.compare("runs/" + found["file"][0], "runs/" + found["file"][1]).totals.loc["rows", ["a", "b"]].to_list())
open("runs/mine.arrow", "w").write("mine")
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    count = daftnb.shelf("runs").count_rows()
print(count, [str(each.message)[:60] for each in told if "left out" in str(each.message)])
session.close()
"""


def test_each_query_is_kept_and_listed(tmp_path: Path) -> None:
    lines = python(KEPT, tmp_path).splitlines()
    told = lines.index("the runs of other sessions are in runs: %daft shelf lists them")
    del lines[3 : told + 1]  # the history itself
    assert lines[:5] == [
        "runs are not kept",
        "each query is kept in runs once it is over: %daft shelf lists them",
        "runs are kept in runs",
        "runs are no longer kept",
        "runs were not kept",
    ]
    assert (
        lines[5]
        == "['night 1', 'night 2', 'night 3'] [2, 1, 3] ['finished', 'finished', 'finished'] True [None, None, None]"
    )
    assert lines[6] == "1 False", "one plan, with other literals"
    assert lines[7].startswith("started (UTC)") and "night 3" in lines[8] and lines[9] == "and 2 earlier"
    assert lines[10:12] == ["night 1", "[2.0, 1.0]"]
    assert lines[12] == "3 ['1 file in runs is no recording and is left out, such as mine']"


CLOSED = """
import daft, daftnb
daftnb.keep("runs")
daft.from_pydict({"a": [1, 2, 3]}).where(daft.col("a") > 1).collect()
"""


def test_a_script_that_ends_at_once_leaves_its_run_on_the_shelf(tmp_path: Path) -> None:
    python(CLOSED, tmp_path)
    assert len(list((tmp_path / "runs").glob("*.arrow"))) == 1


SECRET = """
import base64, gzip, re
import daft, daftnb
from daftnb import magics
session = daftnb.get_session()
url = "postgres://me:hunter2secret@host/db"
with daftnb.watch(url, quiet=True):
    daft.from_pydict({"a": [url]}).where(daft.col("a") == url).collect()
for name in ("run.html", "run.trace.json", "run.arrow"):
    magics.run(f"save {name}", session)
page = open("run.html").read()
packed = gzip.decompress(base64.b64decode(re.search('id="snapshots">([^<]*)<', page)[1])).decode()
held = [page, packed, open("run.trace.json").read(), str(daftnb.open_recording("run.arrow").query())]
print([("hunter2secret" in text, "postgres://" in text) for text in held])
"""


def test_a_secret_is_in_no_form_of_a_recording(tmp_path: Path) -> None:
    lines = python(SECRET, tmp_path).splitlines()
    assert [line.partition(":")[0] for line in lines[:3]] == ["run.html", "run.trace.json", "run.arrow"]
    assert lines[3] == str([(False, True)] * 4)


BURST = """
import daft, daftnb
from pathlib import Path
session = daftnb.get_session()
daftnb.keep("runs")
for number in range(300):
    daft.from_pydict({"a": [1, 2, 3]}).where(daft.col("a") > 1).collect()
daftnb.keep(None)
print(len(list(Path("runs").glob("*.arrow"))), session.snapshot()["session"]["problems"])
session.close()
"""


def test_of_many_quick_queries_each_is_kept(tmp_path: Path) -> None:
    assert python(BURST, tmp_path).splitlines()[-1] == "300 {}"
