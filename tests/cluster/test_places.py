"""Where the tasks of a query run on a real cluster, and with what: folders, resources, settings of its own block."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import daft
import pytest
from daft import col

import daftnb
from daftnb.errors import QueryCancelled
from daftnb.session import Session
from tests.conftest import await_that

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder that the cluster is started in."""
    before, made = os.getcwd(), tmp_path_factory.mktemp("started")
    os.chdir(made)
    yield made
    os.chdir(before)


@pytest.fixture(scope="module")
def session(folder: Path) -> Iterator[Session]:
    from daftnb.engine.embedded.cluster import ClusterSize
    from daftnb.session import close_session, open_session

    session = open_session()
    session.start(ClusterSize(min_workers=1, max_workers=2), print)
    yield session
    close_session()


def problems(session: Session) -> list[str]:
    return list(session.snapshot()["session"]["problems"].values())


def test_a_relative_path_is_one_of_the_folder_that_the_cluster_was_started_in(
    session: Session, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = daft.from_pydict({"a": [1, 2]})
    frame.write_parquet("same")
    frame.write_parquet(str(tmp_path / "absolute"))
    assert problems(session) == []
    assert list((folder / "same").glob("*.parquet"))
    monkeypatch.chdir(tmp_path)
    with pytest.warns(UserWarning, match="'out' is a relative path"):
        frame.write_parquet("out")
    assert list((folder / "out").glob("*.parquet"))
    assert not (tmp_path / "out").exists()
    written = (
        f"'out' is a relative path: Daft on Ray writes it in {folder}, the folder that the cluster was started in, not "
        f"in {tmp_path}. Try the absolute path '{tmp_path}/out'"
    )
    assert problems(session) == [written]
    with pytest.warns(UserWarning, match="looks for it in"), pytest.raises(Exception, match="No such file"):
        daft.read_parquet("absolute/*.parquet").collect()
    assert f"Try the absolute path '{tmp_path}/absolute'" in problems(session)[-1]
    count = len(problems(session))
    daft.read_parquet(f"{tmp_path}/absolute/*.parquet").collect()
    assert len(problems(session)) == count


def test_more_cpus_than_any_node_has(session: Session) -> None:
    @daft.func(cpus=8)
    def heavy(x: int) -> int:
        return x

    ended: list[BaseException] = []

    def query() -> None:
        try:
            daft.from_pydict({"a": [1]}).select(heavy(col("a"))).collect()
        except BaseException as error:
            ended.append(error)

    thread = threading.Thread(target=query)
    thread.start()
    said = "heavy asks for 8 CPUs, and no node has that: the largest has 1 CPU"
    await_that(lambda: any(text.startswith(said) for text in problems(session)), "a problem is told", 60)
    reasons = lambda: [row["text"] for row in session.snapshot()["decisions"].values()]  # noqa: E731  # read again each time
    await_that(
        lambda: any("no node has 8 CPUs, which heavy asks for" in text for text in reasons()),
        "a decision is logged",
        60,
    )
    assert any("%daft start --cpus 8" in text for text in problems(session))
    session.cancel()
    thread.join(60)
    assert [type(error) for error in ended] == [QueryCancelled]
    assert daft.from_pydict({"a": [1]}).sort("a").to_pydict() == {"a": [1]}


@pytest.mark.parametrize(
    ("options", "asked"), [({"gpus": 1}, "1 GPU"), ({"ray_options": {"resources": {"TPU": 1}}}, "1 of TPU")]
)
def test_actors_that_no_node_can_have(session: Session, options: dict[str, Any], asked: str) -> None:
    @daft.cls(max_concurrency=1, **options)
    class Model:
        def __call__(self, x: int) -> int:
            return x

    before = daft.context.get_context().daft_execution_config.actor_udf_ready_timeout
    daft.set_execution_config(actor_udf_ready_timeout=3)
    try:
        with pytest.raises(Exception, match="UDF"):
            daft.from_pydict({"a": [1]}).select(Model()(col("a")).alias("b")).collect()
    finally:
        daft.set_execution_config(actor_udf_ready_timeout=before)
    assert any(f"Model asks for {asked}" in text and "no node has that" in text for text in problems(session))


def test_blocks_that_overlap_run_with_their_own_settings(session: Session) -> None:
    inside, one_out = threading.Barrier(2), threading.Event()

    def block(name: str, threshold: float) -> None:
        with daftnb.watch(name, quiet=True, threshold=threshold):
            inside.wait(60)
            if name == "second":
                one_out.wait(60)
            daft.from_pydict({"a": [1, 2]}).sort("a").collect()
        one_out.set()

    threads = [threading.Thread(target=block, args=each) for each in (("first", 2.0), ("second", 3.0))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    rows = daftnb.history().set_index("name")["threshold"]
    assert (rows["first"], rows["second"]) == (2.0, 3.0)
    daft.from_pydict({"a": [1, 2]}).sort("a").collect()
    assert daftnb.history()["threshold"].iloc[-1] == 1.25
