"""Relative paths in Daft's own plans, and what is said of them where the tasks run in another folder."""

from __future__ import annotations

import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import daft
import pytest
from daft.context import get_context
from daft.runners.native_runner import NativeRunner

from daftnb.engine.queries.relative import Whereabouts, relative_paths, warning
from daftnb.telemetry import events as e
from tests.helpers.queryrunner import unmade

LONG = "rel/new folder/out-with-a-very-long-name-that-goes-on-and-on/and-on-and-on-and-on/until-it-wraps"


@pytest.fixture
def texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts of the plans that would have gone to Ray."""
    monkeypatch.chdir(tmp_path)
    found: list[str] = []
    run = NativeRunner.run
    config = get_context().daft_execution_config

    def noted(self: Any, builder: Any, *arguments: Any, **options: Any) -> Any:
        plan = daft.daft.DistributedPhysicalPlan.from_logical_plan_builder(
            builder.optimize(config)._builder, "plan", config
        )
        found.append(plan.repr_ascii(False))
        return run(self, builder, *arguments, **options)

    monkeypatch.setattr(NativeRunner, "run", noted)
    return found


def test_what_plans_name(texts: list[str], tmp_path: Path) -> None:
    frame = daft.from_pydict({"a": [1, 2], "b": ["x", "y"]})
    frame.write_parquet(LONG)
    frame.write_csv("./csv", partition_cols=["b"])
    frame.write_json(f"{tmp_path}/json")
    frame.write_parquet(f"file://{tmp_path}/url")
    assert list(map(relative_paths, texts)) == [[(LONG, True)], [("./csv", True)], [], []]
    texts.clear()
    daft.read_parquet(f"{LONG}/*.parquet").where(daft.col("a") > 1).collect()
    daft.read_json(f"{tmp_path}/json").collect()
    daft.read_parquet(f"file://{tmp_path}/url/*.parquet").collect()
    daft.from_glob_path("csv/**").collect()
    daft.from_glob_path(f"{tmp_path}/csv/**").collect()
    frame.sort("a").collect()
    (part,) = [path.name for path in Path(LONG).iterdir()]
    assert list(map(relative_paths, texts)) == [[(f"{LONG}/{part}", False)], [], [], [("csv/**", False)], [], []]


@pytest.mark.parametrize(
    "path", ["/a", "s3://b/c", "file:///a", "gs://x", "hf://datasets/x", "C:\\x", "~/x", "az://a/b"]
)
def test_what_is_not_relative(path: str) -> None:
    assert relative_paths(f"* Sink: Parquet\n|   Root dir = {path}\n|   IOConfig = x\n") == []


OUT = [("out", True)]


def test_what_is_said() -> None:
    assert warning([], "/here", "me", Whereabouts("/there", ("me",))) is None
    assert warning(OUT, "/here", "me", Whereabouts("/here", ("me",))) is None
    assert warning(OUT, "/here", "me", Whereabouts("/there", ("me",))) == (
        "'out' is a relative path: Daft on Ray writes it in /there, the folder that the cluster was started in, not in "
        "/here. Try the absolute path '/here/out'"
    )
    reads = [("in/a.parquet", False), ("in/b.parquet", False)]
    assert warning(reads, "/here", "me", Whereabouts("/there", ("me",))) == (
        "'in' (and 1 more) is a relative path: Daft on Ray looks for it in /there, the folder that the cluster was "
        "started in, not in /here. Try the absolute path '/here/in'"
    )
    assert warning(OUT, "/here", "me", Whereabouts("/here", ("me", "other"))) == (
        "'out' is a relative path: Daft on Ray writes it in /here of the machine that runs the task, which need not be "
        "this one. Try a path that all machines have, such as 's3://bucket/folder'"
    )
    said = warning([("x" * 500, True)], "/here", "me", Whereabouts("/there", ("me",)))
    assert said is not None and len(said) < 500


class Plan:
    def __init__(self, path: str) -> None:
        self.path = path

    def idx(self) -> str:
        return "1"

    def repr_ascii(self, simple: bool) -> str:
        if not self.path:
            raise RuntimeError("no text")
        return f"* Sink: Parquet\n|   Root dir = {self.path}\n"


@pytest.mark.parametrize("strict", [False, True])
def test_a_query_says_it_once_it_is_planned(strict: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("socket.gethostname", lambda: "me")
    told: list[e.Event] = []
    asked: list[str] = []

    def call(method: str) -> tuple[str, list[str]]:
        asked.append(method)
        return "/there", ["me"]

    runner = unmade(SimpleNamespace(call=call, whereabouts=None), told.append)
    with warnings.catch_warnings(record=not strict) as caught:
        warnings.simplefilter("error" if strict else "always")
        for path in ("/absolute", "out", "more", ""):
            runner._announced(Plan(path))
    texts = [event.text for event in told if isinstance(event, e.ProblemFound)]
    assert [text.partition(" is ")[0] for text in texts] == [
        "'out'",
        "'more'",
        "the plan was not understood: RuntimeError: no text",
    ]
    assert texts[0].endswith(f"Try the absolute path '{tmp_path}/out'")
    assert asked == ["whereabouts"]
    assert strict or [str(each.message) for each in caught or ()] == texts[:2]
