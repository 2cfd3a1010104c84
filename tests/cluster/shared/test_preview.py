"""Previews of dataframes whose rows are in a real cluster's object stores."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import await_that
from tests.helpers.previewservice import Asked
from tests.helpers.processes import processes_of

if TYPE_CHECKING:
    from daftnb.session import Session

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(240)]
ROWS = 400_000


@pytest.fixture(scope="module")
def frame(session: Session) -> Any:
    import daft
    from daft import col

    frame = daft.range(ROWS, partitions=4).with_column("text", col("id").cast(daft.DataType.string()))
    return frame.with_column("half", col("id") / 2).collect()


def whereabouts(frame: Any) -> list[set[str]]:
    """On which nodes each partition is."""
    import ray.experimental

    refs = [value.partition() for value in frame._result.values()]
    found = ray.experimental.get_object_locations(refs)
    return [set(found[ref]["node_ids"]) for ref in refs]


def test_only_the_rows_of_a_page_come_here(session: Session, frame: Any) -> None:
    import ray

    here = ray.get_runtime_context().get_node_id()
    before = whereabouts(frame)
    assert all(nodes and here not in nodes for nodes in before)
    asked = Asked(frame, session.cancel_on_ray)
    assert asked.service.source.rows is not None and asked.service.source.rows.rows == ROWS
    last = asked.rows(ROWS - 3, 100, [1, 0])
    assert last["v0"] == [ROWS - 3, ROWS - 2, ROWS - 1] and last["v1"] == [str(i) for i in last["v0"]]
    first = asked.rows(99_990, 20, [0])  # of two partitions
    assert first["v0"] == list(range(99_990, 100_010))
    took = []
    for start in range(0, ROWS, 5_000):
        began = time.perf_counter()
        count, series = asked.service.source.rows.slice(start, 100, [0, 1, 2])
        took.append(time.perf_counter() - began)
        assert count == 100 and series[0].to_pylist() == list(range(start, start + 100))
    print("page on Ray, ms:", [round(each * 1000, 1) for each in sorted(took)])
    content, _ = asked.answer(asked.ask("cell", view=0, row=7, column=1))
    assert content["text"] == "7"
    assert whereabouts(frame) == before
    assert not session.snapshot()["session"]["problems"]


def test_the_display_fetches_no_partition(session: Session, frame: Any) -> None:
    from daftnb.previews.source import source_of
    from daftnb.widgets.preview import Preview

    before = whereabouts(frame)
    bundle = Preview(session, source_of(frame))._repr_mimebundle_()[0]
    assert "│ 7" in bundle["text/plain"] and f"(Showing first 8 of {ROWS} rows)" in bundle["text/plain"]
    assert "20 of 400,000 rows" in bundle["text/html"]
    assert whereabouts(frame) == before


def test_what_cells_show_is_found_on_the_cluster(session: Session) -> None:
    import daft
    from daft import col

    some = daft.range(1_000, partitions=4).with_column("half", col("id") / 2)
    nested = some.with_column("day", (col("id") % 365).cast("int32").cast("date"))
    asked = Asked(nested.with_column("parts", col("half").cast("string").split(".")).collect(), session.cancel_on_ray)
    found = {text: asked.view(search=text)["rows"] for text in ("499.5", '"499", "5"', "1970-12-3", "nowhere")}
    assert found == {"499.5": 1, '"499", "5"': 1, "1970-12-3": 4, "nowhere": 0}


def test_views_are_made_on_the_cluster_and_can_be_ended(session: Session, frame: Any) -> None:
    import daft
    from daft import col

    asked = Asked(frame, session.cancel_on_ray)
    queries = len(session.snapshot()["queries"])
    answer = asked.view(
        sort=[{"column": 0, "descending": True}], filters=[{"column": 0, "op": "lt", "value": "250000"}]
    )
    assert answer["state"] == "ready" and answer["rows"] == 250_000
    assert asked.rows(0, 2, [0], view=answer["view"]) == {"v0": [249_999, 249_998]}
    assert len(session.snapshot()["queries"]) == queries, "it is no query of the user"

    @daft.func
    def slow(x: int) -> int:
        time.sleep(1)
        return x

    lazy = daft.range(60, partitions=60).with_column("y", slow(col("id")))
    waiting = Asked(lazy, session.cancel_on_ray)
    id_ = waiting.ask("run")
    assert waiting.changes[-1] == ("running", None)
    await_that(lambda: session.snapshot()["backlog"] and len(waiting.answers(id_)) > 3, "it runs")
    began = time.monotonic()
    waiting.service.take({"type": "cancel", "id": id_})
    assert waiting.answer(id_)[0]["state"] == "cancelled"
    assert time.monotonic() - began < 5 and waiting.changes[-1] == ("lazy", None)
    began = time.monotonic()
    assert daft.from_pydict({"a": [1]}).where(col("a") > 0).to_pydict() == {"a": [1]}
    assert time.monotonic() - began < 20, "the cluster is free again"


def test_a_page_does_not_wait_behind_a_backlog(session: Session, frame: Any) -> None:
    import daft
    from daft import col

    @daft.func
    def slow(x: int) -> int:
        time.sleep(1)
        return x

    busy = Asked(daft.range(40, partitions=40).with_column("y", slow(col("id"))), session.cancel_on_ray)
    id_ = busy.ask("run")
    await_that(lambda: (session.snapshot()["backlog"] or {}).get("pending"), "a backlog", 60)
    asked = Asked(frame, session.cancel_on_ray)
    began = time.monotonic()
    assert asked.rows(200_000, 1, [0]) == {"v0": [200_000]}
    took = time.monotonic() - began
    pending = (session.snapshot()["backlog"] or {}).get("pending")
    busy.service.take({"type": "cancel", "id": id_})
    assert busy.answer(id_)[0]["state"] == "cancelled"
    assert pending and took < 5, (pending, took)


def test_summaries_by_aggregations(session: Session, frame: Any) -> None:
    found = Asked(frame, session.cancel_on_ray).summary([0, 1, 2])
    assert found[0]["rows"] == {"value": ROWS, "how": "exact"} and found[0]["nulls"] == {"value": 0, "how": "exact"}
    assert found[0]["min"] == {"value": 0, "how": "exact"} and found[0]["max"] == {"value": ROWS - 1, "how": "exact"}
    assert found[2]["mean"]["value"] == pytest.approx((ROWS - 1) / 4)
    assert found[0]["histogram"]["how"] == "sampled" and len(found[0]["histogram"]["counts"]) == 20
    assert abs(found[1]["distinct"]["value"] / ROWS - 1) < 0.1 and found[1]["distinct"]["how"] == "approximate"


def test_the_first_rows_of_a_frame_that_has_not_run(session: Session, frame: Any) -> None:
    from daft import col

    asked = Asked(frame.where(col("id") >= 10), session.cancel_on_ray)
    assert asked.answer(asked.ask("run"))[0]["state"] == "ready"
    assert asked.service.source.limit == 1000 and len(asked.rows(0, 500, [0])["v0"]) == 500


@pytest.mark.slow
def test_a_partition_that_is_lost_is_said_and_made_again(session: Session) -> None:
    import daft
    from daft import col

    # What is smaller than 100 kB Ray keeps with its owner, not in a node's store.
    frame = daft.range(100_000, partitions=2).with_column("b", col("id") + 1).collect()
    asked = Asked(frame, session.cancel_on_ray)
    assert asked.rows(0, 1, [1]) == {"v1": [1]}
    [*_, where] = whereabouts(frame)
    end_node(session, where)
    # The view that is sorted needs them too, and fails in the engine's words; what has become of the rows is looked at.
    sorting = asked.ask("view", sort=[{"column": 0, "descending": True}], filters=[], search="", columns=[])
    content, _ = asked.answer(sorting, 120)
    assert content["type"] == "error" and "are lost" in content["message"], content
    assert asked.changes[-1][0] == "lost"
    content = await_that(lambda: lost(asked), "the loss is told", 120)
    assert isinstance(content, dict) and "are lost" in content["message"] and "Run it again" in content["message"]
    assert asked.changes[-1][0] == "lost"
    ran = asked.answer(asked.ask("run"), 120)[0]
    assert ran["type"] == "run" and ran["state"] == "ready", ran
    assert asked.service.state == "ready" and asked.rows(0, 2, [1]) == {"v1": [1, 2]}


def end_node(session: Session, where: set[str]) -> None:
    """Kill the raylet, and with it the object store, of the one node on which something is."""
    import ray

    [node] = [node for node in ray.nodes() if node["NodeID"] in where]
    assert session.cluster is not None
    port = str(node["NodeManagerPort"])
    for process in processes_of(str(session.cluster.folder)):
        if any(each.laddr.port == int(port) and each.status == "LISTEN" for each in process.net_connections()):
            process.kill()
            return
    raise AssertionError(f"no process listens on {port}")


def lost(asked: Asked) -> dict[str, Any] | None:
    content, _ = asked.answer(asked.ask("page", view=0, start=70_000, count=1, columns=[1]), 60)
    return content if content["type"] == "error" and "lost" in content["message"] else None
