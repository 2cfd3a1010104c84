"""History, saving and comparing the runs of a session, from Python and as magics."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas
import pytest

import daftnb
from daftnb import magics, runs
from daftnb.errors import RecordingError
from daftnb.settings import AutoscalingSettings
from daftnb.telemetry import events as e
from daftnb.telemetry.followers import Followers
from daftnb.telemetry.monitor import Monitor
from daftnb.telemetry.recorder import Recorder
from daftnb.telemetry.snapshots import snapshot_of
from daftnb.widgets.views import History
from tests.conftest import ROOT
from tests.helpers import crowd, story


def session_of(events: Iterable[e.Event]) -> Any:
    """As much of a Session as the runs need: these events have come."""
    recorder = Recorder()
    pulled = [list(events)]
    monitor = Monitor(
        lambda: pulled.pop() if pulled else [],
        lambda state, now: snapshot_of(state, now, "ray", AutoscalingSettings()),
        lambda: story.T + 30,
        recorder,
    )
    return SimpleNamespace(
        recorder=recorder,
        monitor=monitor,
        snapshot=monitor.refresh,
        settings=AutoscalingSettings(),
        cluster=None,
        lines=None,
        followers=Followers(),
    )


def changed_story(begin: float) -> list[e.Event]:
    """The story's query again, later, with a projection more and without a sort; twice as fast, another threshold."""
    plan = (story.PLAN[0], e.PlanNode(7, "Project", "Physical", (1,)), e.PlanNode(2, "UDF score", "Physical", (7,)))
    return [
        e.QueryStarted(begin, "second", "ray"),
        e.SettingsInEffect(begin, "second", tuple(AutoscalingSettings(threshold=2.0).environment().items())),
        e.PlanReady(begin + 0.1, "second", plan),
        e.StageCounts(begin + 1, "second", 2, "Scan->UDF", e.TaskCounts(10, 0, 0, 10, 0, 0)),
        e.TaskEnded(begin + 1, "second", 2, "a", 1, begin + 0.5, "finished"),
        e.TaskEnded(begin + 1.5, "second", 2, "a", 2, begin + 0.5, "finished"),
        e.OperatorStats(begin + 2, "second", 2, 200, 75, 1600, 600, 1500),
        e.QueryFinished(begin + 5, "second", "finished"),
    ]


@pytest.fixture
def session() -> Any:
    return session_of([*story.events(), *changed_story(story.T + 20)])


def test_the_history_is_a_dataframe(session: Any) -> None:
    table = runs.history(session)
    assert list(table.columns) == [
        "number", "id", "name", "runner", "state", "started", "seconds", "rows", "tasks", "workers_from", "workers_to",
        "peak_ratio", "node_seconds", "threshold", "downscale", "idle_seconds", "survivors", "linear", "growth",
        "recorded", "error",
    ]  # fmt: skip
    first, second = table.to_dict("records")
    assert first["started"] == pandas.Timestamp(story.T, unit="s", tz="UTC")
    assert first["started"].utcoffset() == timedelta(0)
    assert {k: first[k] for k in ("number", "id", "seconds", "tasks", "workers_from", "workers_to", "peak_ratio",
                                  "node_seconds", "threshold", "downscale", "idle_seconds", "recorded", "error")} == {
        "number": 1, "id": "calm-willow", "seconds": 10.0, "tasks": 21, "workers_from": 1, "workers_to": 2,
        "peak_ratio": 20.0, "node_seconds": 11.9, "threshold": 1.5, "downscale": True, "idle_seconds": 60,
        "recorded": True, "error": None,
    }  # fmt: skip
    assert table["rows"].isna().tolist() == [True, False]
    assert (second["rows"], second["threshold"], second["tasks"]) == (75, 2.0, 10), "rows are those of the plan's root"
    assert str(table.dtypes["rows"]) == "Int64"
    assert table.attrs["dropped"] == 0


def test_no_query_has_run() -> None:
    session = session_of([])
    assert len(runs.history(session)) == 0
    assert str(runs.history(session).dtypes["started"]) == "datetime64[us, UTC]"
    for action in (lambda: runs.recording(session), lambda: runs.save(session, "x")):
        with pytest.raises(RecordingError, match="No query has run yet"):
            action()


def test_a_recording_of_the_session(session: Any) -> None:
    assert runs.recording(session).queries[0].id == "second"
    for name in (1, "1", "calm-willow"):
        assert runs.recording(session, name).queries[0].id == "calm-willow"
    assert runs.recording(session, 1).snapshot(story.T + 5.5)["backlog"]["ratio"] == 6.0


def test_two_runs_side_by_side(session: Any) -> None:
    compared = runs.compare(session, 1, "second")
    table = compared.operators
    assert list(zip(table["depth"], table["name"], table["in"], strict=True)) == [
        (0, "Sort", "a"),
        (1, "UDF score", "both"),
        (1, "Project", "b"),
        (2, "ScanTaskSource", "both"),
    ]
    udf = table.iloc[1]
    assert (udf.rows_a, udf.rows_b, udf.rows_ratio) == (150, 75, 0.5)
    assert (udf.seconds_a, udf.seconds_b, udf.seconds_ratio) == (0.003, 0.0015, 0.5)
    assert (udf.tasks_a, udf.tasks_b, udf.tasks_ratio) == (20, 10, 0.5)
    assert udf.skew_b == pytest.approx(2.0, rel=0.05)
    totals = compared.totals
    assert totals.loc["seconds"].tolist() == [10.0, 5.0, 0.5]
    assert totals.loc["peak_ratio"].tolist()[0] == 20.0
    assert compared.settings == {"threshold": ("1.5", "2.0")}
    plain = json.loads(json.dumps(compared.as_dict()))
    assert plain["runs"] == [
        {"number": 1, "id": "calm-willow", "state": "finished"},
        {"number": 2, "id": "second", "state": "finished"},
    ]
    assert plain["operators"][1]["rows_ratio"] == 0.5
    assert plain["settings"] == {"threshold": ["1.5", "2.0"]}
    assert [line.split() for line in repr(compared).splitlines()[1:4]] == [
        ["a", "b", "b", "÷", "a"],
        ["seconds", "10.0", "s", "5.00", "s", "0.5", "×"],
        ["rows", "—", "75", "—"],
    ]
    assert "[a only] Sort" in repr(compared)
    assert compared._repr_html_().count("<tr>") == 1 + 6 + 1 + 1 + 4


def test_a_run_compared_with_itself_is_the_same() -> None:
    session = session_of(crowd.query(tasks=100, workers=2))
    compared = runs.compare(session, 1, 1)
    assert set(compared.operators["in"]) == {"both"}
    for name in ("rows", "bytes", "seconds", "tasks"):
        assert set(compared.operators[f"{name}_ratio"].dropna()) == {1.0}
    assert compared.settings == {}


def test_plans_with_markup_and_a_thousand_operators_are_compared_safely() -> None:
    def run(id_: str, begin: float) -> list[e.Event]:
        nodes = [
            e.PlanNode(i, f"<b>{'x' * 10_000 if i == 5 else i}</b>", "", (i - 1,) if i else ()) for i in range(1000)
        ]
        return [e.QueryStarted(begin, id_, "ray"), e.PlanReady(begin, id_, tuple(nodes))]

    compared = runs.compare(session_of([*run("a", 1.0), *run("b", 2.0)]), 1, 2)
    assert set(compared.operators["in"]) == {"both"}
    assert "<b>" not in compared._repr_html_()
    assert "and 800 more" in compared._repr_html_()


def test_the_magics(session: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "my run.arrow"
    magics.run(f"save '{path}' --all", session)
    assert capsys.readouterr().out == f"{path}: {path.stat().st_size:,} bytes\n"
    magics.run(f"open '{path}'", session)
    opened = capsys.readouterr().out
    assert opened.startswith("Query 2 (second) on Ray finished after 5.00 s")
    replay = daftnb.open(path)
    assert repr(replay) == "<daftnb cockpit view>"
    replay.show()
    assert opened == capsys.readouterr().out == f"{replay}\n", "the same, as text where there is no page"
    assert replay.snapshot["replay"]["title"] == "2 queries, my run.arrow"
    assert [query.number for query in runs.open_recording(path).queries] == [1, 2]
    magics.run(f"save '{path}'", session)
    assert [query.number for query in runs.open_recording(path).queries] == [2]
    magics.run(f"save '{path}' --query calm-willow", session)
    assert [query.number for query in runs.open_recording(path).queries] == [1]
    capsys.readouterr()
    magics.run("history", session)
    assert capsys.readouterr().out == f"{History(session)}\n"
    session.recorder.dropped = 3
    magics.run("history", session)
    assert capsys.readouterr().out.endswith(
        "recordings of 3 older queries are gone: daftnb keeps the last 100, within 64 MB\n"
    )
    magics.run(f"compare '{path}' 2", session)
    assert capsys.readouterr().out.startswith("a: query 1 (calm-willow, finished) and b: query 2 (second, finished)")
    with pytest.raises(RecordingError, match="There is no recording of query '9'"):
        magics.run("compare 1 9", session)
    with pytest.raises(RecordingError) as caught:
        magics.run("save x --query calm-wilow", session)
    assert caught.value.remedy == "Try calm-willow"
    for asked in (lambda: magics.run("open nothing.arrow", session), lambda: daftnb.open("nothing.arrow")):
        with pytest.raises(RecordingError, match="There is no file nothing"):
            asked()


RUN = """
import os
import daft, daftnb
from daft import col
session = daftnb.get_session()
daft.from_pydict({"a": list(range(1000))}).where(col("a") % 2 == 0).sort("a").collect()
daft.from_pydict({"a": [1, 2, 3]}).with_column("b", col("a") * 2).collect()
table = daftnb.history()
assert table["rows"].tolist() == [500, 3], table
assert table["state"].tolist() == ["finished"] * 2 and table["runner"].tolist() == ["native"] * 2
assert table["recorded"].all() and table["threshold"].isna().all()
assert daftnb.save("run.arrow", all=True) == os.stat("run.arrow").st_size
for query in session.recorder.numbers:
    names = daftnb.recording(query).operators().column("name").to_pylist()
    assert names == [["In Memory Scan", "Filter", "Sort"], ["In Memory Scan", "(a * 2) as b"]][query - 1], names
assert session.snapshot()["session"]["problems"] == {}
print(session.snapshot()["plan"]["operators"]["1"]["rows_out"])
"""
ELSEWHERE = """
import sys
import pandas, pyarrow
frame = pandas.read_feather("run.arrow")
assert frame["event"].value_counts()["QueryFinished"] >= 2
assert pyarrow.ipc.open_file("run.arrow").read_all().num_rows == len(frame)
assert "daftnb" not in sys.modules
import daftnb
recording = daftnb.open_recording("run.arrow")
assert [query.rows for query in recording.queries] == [500, 3], recording.queries
assert recording.snapshot(query=1)["plan"]["operators"]["1"]["rows_out"] == 500
print(recording)
assert not {"ray", "daft", "IPython"} & set(sys.modules), "a recording needs no engine"
"""


def test_real_queries_are_recorded_and_opened_elsewhere(tmp_path: Path) -> None:
    def python(source: str) -> str:
        command = [sys.executable, "-c", source]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "DAFT_RUNNER": "native"}
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=200)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert python(RUN) == "3\n"
    lines = python(ELSEWHERE).splitlines()
    assert lines[0] == "Recording of 2 queries (run.arrow)"
    assert "on Daft's native runner finished after" in lines[2]


def test_the_old_names_still_work(session: Any) -> None:
    recording = runs.recording(session, 1)
    with pytest.warns(DeprecationWarning, match=r"snapshot\(\)"):
        assert recording.frame(story.T + 5.5) == recording.snapshot(story.T + 5.5)
