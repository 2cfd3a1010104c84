"""Each notebook runs from top to bottom, and shows what it says it shows."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.notebooks.running import Ran, run

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(400)]


def ran(name: str, folder: Path) -> Ran:
    notebook = run(name, folder)
    print(f"{name}: {notebook.seconds:.0f} s")
    return notebook


def values(text: str) -> dict[str, float]:
    """A dict that a cell shows, NumPy's numbers and all."""
    found: dict[str, float] = ast.literal_eval(re.sub(r"np\.\w+\(([^)]*)\)", r"\1", text[text.index("{") :]).strip())
    return found


def test_quickstart(tmp_path: Path) -> None:
    notebook = ran("quickstart", tmp_path)
    assert "queries run on Ray at 127.0.0.1" in notebook.text("%daft start")
    assert "not" in notebook.html("scale=0.1"), "a dataframe that has not run says so"
    assert "1-URGENT" not in notebook.html("urgent = ")
    counts = ast.literal_eval(notebook.text("%daft cockpit").splitlines()[-1])
    assert counts["score"] == list(range(7))
    assert sum(counts["orders"]) == 400
    assert re.search(r"threshold +1000", notebook.text("%daft set threshold=1000"))
    # Each view is of its cell's query.
    watched = notebook.text("%daft cockpit")
    assert re.match(r"Query 2 .* against threshold 1\.25, workers 1 → 2", watched)
    assert "threshold 1.25, peak" in watched and "threshold 1000" not in watched
    assert "Backlog: nothing runs;" in watched
    assert "count(o_orderkey" in watched and "max(o_orderkey" not in watched
    assert re.search(r"Query 3 .* against threshold 1000", notebook.text("%daft set threshold=1000"))
    assert "asked" in notebook.text("%daft decisions")
    assert "finished" in notebook.text("daftnb.history()")


def test_autoscaling(tmp_path: Path) -> None:
    notebook = ran("autoscaling", tmp_path)
    high = values(notebook.text("%daft set threshold=1000\nsleepy(20)"))
    assert (high["workers_from"], high["workers_to"]) == (1, 1)
    assert high["peak_ratio"] > 10
    low = values(notebook.text("%daft set threshold=1.25"))
    assert low["workers_to"] == 2
    assert "asked" in notebook.text("%daft decisions")
    [median] = re.findall(r"median (\d+) ms", notebook.text("ten tiny queries"))
    assert int(median) < 500, "plain Daft: about 3,000"
    [(before, after, seconds)] = re.findall(r"(\d) workers, and (\d) after ([\d.]+) s", notebook.text("survivors=1"))
    assert (before, after) == ("2", "1")
    assert float(seconds) < 10
    [(tasks, overlaps)] = re.findall(r"(\d+) tasks, (\d+) that began before", notebook.text("linear=on"))
    assert (int(tasks) >= 6, overlaps) == (True, "0")
    assert re.search(r"Scale-up threshold +2 +2", notebook.text('"DAFT_AUTOSCALING_THRESHOLD"').replace("2.0", "2"))


def test_plans(tmp_path: Path) -> None:
    notebook = ran("plans", tmp_path)
    assert "Join" in notebook.text("%daft plan revenue")
    assert "Sort" in notebook.text("revenue.collect()")
    slow = notebook.text("operators.sort_values").splitlines()
    assert "looks_innocent" in slow[1] or "UDF" in slow[1] or "Project" in slow[1], slow
    assert "longest task" in notebook.html("skewed = ") + notebook.text("skewed = "), "skew is pointed out"
    assert "longest task" in notebook.html("sometimes(x") + notebook.text("sometimes(x"), "the straggler too"
    longest = notebook.text("tasks.sort_values").splitlines()
    assert float(longest[1].split()[-1]) > 2.9


def test_previews(tmp_path: Path) -> None:
    notebook = ran("previews", tmp_path)
    assert "l_quantity" in notebook.html('lineitem.where(col("l_quantity") > 45)')
    assert "600" in notebook.html("collected = ")
    assert re.search(r"600,?\d\d\d", notebook.text("view.df.count_rows()"))
    assert "data:image/png" in notebook.html("skimage") or "×" in notebook.html("skimage")
    types = notebook.html("Decimal(")
    for shown in ("9007199254740993", "NaN", "12345678901234.567", "2024-02-29"):
        assert shown in types
    assert "<b>tag</b>" not in types
    assert "Pune" in notebook.html("%daft preview frame")


def test_sql_and_jobs(tmp_path: Path) -> None:
    notebook = ran("sql-and-jobs", tmp_path)
    assert "2-HIGH" in notebook.html("--as busy") + notebook.text("--as busy")
    assert "mean" in notebook.html("busy.with_column")
    assert "o_totalprice" in notebook.text("o_totalprise"), "the nearest name"
    job = notebook.text("%%daft job")
    assert "{'city': ['Lima', 'Oslo'], 'price': [5, 7]}" in job
    assert "SUCCEEDED" in notebook.text("%daft jobs")
    assert "'price': [5, 7]" in notebook.text("%daft job logs totals")


def test_connecting(tmp_path: Path) -> None:
    notebook = ran("connecting", tmp_path)
    assert "Nothing can be reached at 127.0.0.1:1" in notebook.text("%daft connect 127.0.0.1:1")
    assert "cannot be looked up" in notebook.text("no-such-host")
    assert "ray://head:10001" in notebook.text("%daft connect ray:/head")
    assert "wants a token" in notebook.text("os.environ.pop(name, None)")
    assert "does not take this kernel's token" in notebook.text('"0" * 64')
    assert "queries run on Ray at" in notebook.text("str(server.token_path)")
    assert "no autoscaler: it will never grow" in notebook.text("%daft status")
    assert "{'a': [1, 2, 3]}" in notebook.text("threshold=2")
    assert "kind: RayCluster" in notebook.text("--kuberay")
