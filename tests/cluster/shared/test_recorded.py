"""What a real cluster tells task by task, and that a query's recording says the same in a process without Ray."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import daftnb
from daftnb import magics
from daftnb.session import Session
from tests.cluster.scaling import demand, sleepy, tiny
from tests.conftest import await_that
from tests.helpers.terminals import Screen, screen

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(240)]

ELSEWHERE = """
import json, sys
import daftnb
run = daftnb.open_recording(sys.argv[1])
snapshot = run.snapshot()
assert not {"ray", "daft", "IPython"} & sys.modules.keys()
json.dump({name: snapshot[name] for name in ("query", "plan", "queries", "decisions")}, sys.stdout)
"""


def uneven() -> Any:
    """24 tasks of 0.2 s, and one of 2 s."""
    import daft
    from daft import col

    @daft.func
    def slow(x: int) -> int:
        time.sleep(2.0 if x == 7 else 0.2)
        return x

    return daft.from_pydict({"a": list(range(25))}).into_partitions(25).with_column("b", slow(col("a")))


def test_each_task_of_a_query_is_seen_and_its_recording_is_exact(session: Session, tmp_path: Path) -> None:
    tiny()
    began = time.time()
    uneven().collect()
    number = session.snapshot()["query"]["number"]
    await_that(lambda: demand() == [], "what was asked is withdrawn", 10)
    live = session.snapshot()
    counted = live["query"]["tasks"]["finished"]
    path = tmp_path / "run.arrow"
    daftnb.save(path, number)

    tasks = daftnb.open_recording(path).tasks()
    assert tasks.num_rows == counted
    assert set(tasks["outcome"].to_pylist()) == {"finished"}
    workers = {row["id"]: row for row in live["workers"]["rows"].values()}
    assert set(tasks["worker"].to_pylist()) <= workers.keys()
    assert sum(row["finished"] for row in workers.values()) >= counted

    udf = next(o for o in live["plan"]["operators"].values() if "UDF" in o["name"])
    assert "slow" in udf["detail"], "an operator on Ray has its expressions"
    longest = udf["skew"]["longest"][0]
    assert longest["seconds"] >= 2.0
    assert udf["skew"]["median"] < 1.5
    assert set(live["plan"]["plans"]) == {"logical", "optimised"}

    said = json.loads(subprocess.run(
        [sys.executable, "-c", ELSEWHERE, path], capture_output=True, text=True, check=True, timeout=60
    ).stdout)  # fmt: skip
    told = json.loads(json.dumps({name: live[name] for name in ("query", "plan", "queries")}))
    for name in ("query", "plan"):
        assert said[name] == told[name], name
    assert said["queries"][str(number)] == told["queries"][str(number)]
    of_it = [entry["kind"] for entry in live["decisions"].values() if entry["t"] >= began]
    assert [entry["kind"] for entry in said["decisions"].values()][-len(of_it) :] == of_it
    assert "sweep" in of_it, "what came after its end is in it"


def test_a_cells_name_is_in_the_history_and_on_the_terminal(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    terminal = Screen()
    monkeypatch.setattr(sys, "stderr", terminal)
    shell = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
    magics.register(shell, session)
    try:
        shell.push({"query": sleepy(40, 0.4)})  # on up to three workers: the line is seen for some seconds
        shell.run_cell('%%daft --name "orders of May" --set threshold=2\n_ = query.collect()').raise_error()
        shell.run_cell("_ = query.limit(1).collect()").raise_error()
    finally:
        magics.unregister(shell)
        InteractiveShell.clear_instance()
    named, other = (row for _, row in daftnb.history().iloc[-2:].iterrows())
    assert (named["name"], named["runner"], named["state"]) == ("orders of May", "ray", "finished")
    assert named["threshold"] == 2.0
    assert (other["name"], other["threshold"]) == (None, 1.25)
    number = named["number"]
    lines = re.findall(rf"\rQuery {number} \(orders of May\) running: (.*?\d s) ", terminal.getvalue())
    assert len(lines) >= 2
    form = r"\d+/\d+ tasks, (?:.* rows, )?\d workers?, ratio [\d.]+/2, \d+\.\d+ s"
    assert re.fullmatch(form, lines[-1]), lines
    said = f"Query {number} (orders of May) on Ray finished after "
    assert sum(line.startswith(said) for line in screen(terminal.getvalue())) == 1, "at the beginning of a line"


def test_nodes_have_usage_and_actors_of_udfs_are_counted(session: Session) -> None:
    import daft
    from daft import col

    sleepy(6, 0.3).collect()

    @daft.cls(max_concurrency=1)
    class Adder:
        def __init__(self, more: int) -> None:
            self.more = more

        @daft.method(return_dtype=daft.DataType.int64())
        def add(self, x: int) -> int:
            time.sleep(0.4)
            return x + self.more

    seen: list[dict[str, Any]] = []
    publish = session.monitor._snapshot

    def noted(state: Any, now: float) -> Any:
        snapshot = publish(state, now)
        seen.append(snapshot["plan"]["udfs"] if snapshot["plan"] else {})
        return snapshot

    query = daft.from_pydict({"a": list(range(6))}).into_partitions(3).with_column("b", Adder(10).add(col("a")))
    session.monitor._snapshot = noted  # type: ignore[method-assign]
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.1):
            session.snapshot()

    looking = threading.Thread(target=look)
    looking.start()
    try:
        assert sorted(query.to_pydict()["b"]) == list(range(10, 16))
    finally:
        over.set()
        looking.join()
        session.monitor._snapshot = publish  # type: ignore[method-assign]
    waits = [(udf["awaited"], udf["limit"]) for udfs in seen for name, udf in udfs.items() if "Adder.add" in name]
    assert (1, 120) in waits, "while it starts, with the engine's own limit"
    assert waits[-1] == (0, 120)
    counts = [udf["count"] for udfs in seen for name, udf in udfs.items() if "Adder.add" in name]
    assert 1 in counts, "while it runs there is one actor"
    await_that(lambda: not any(u["count"] for u in session.snapshot()["plan"]["udfs"].values()), "it is gone", 10)

    def usage() -> list[dict[str, Any]]:
        rows = session.snapshot()["workers"]["rows"].values()
        return [row["usage"] for row in rows if row["state"] in ("idle", "warm", "busy") and row["usage"]]

    await_that(lambda: any(row["memory_used"] for row in usage()), "a worker's memory", 10)
    for row in usage():
        assert 10**7 < (row["memory_used"] or 10**8) < row["memory_total"]
        assert 0 <= row["store_used"] <= row["store_total"]
