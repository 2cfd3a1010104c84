"""What a preview's page asks is answered, from any thread, and can be ended; nothing else comes of any message."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daftnb.engine.rows.partitions import LocalPartitions, PartitionLost
from daftnb.errors import DaftnbError
from daftnb.previews import download
from daftnb.previews.service import PreviewService
from daftnb.previews.source import frame_of, source_of
from tests.conftest import await_that
from tests.helpers.frames import every_type
from tests.helpers.previewservice import Asked
from tests.helpers.slowly import OVER, slowly
from tests.helpers.spoiled import ANY, spoiled


@pytest.fixture
def frame() -> Any:
    import daft

    return daft.from_pydict({"a": list(range(1000)), "b": [str(i % 7) for i in range(1000)]})


@pytest.fixture
def slow_frame() -> Iterator[Any]:
    import daft

    OVER.clear()
    yield daft.range(10_000).with_column("y", daft.func(slowly)(daft.col("id")))
    OVER.set()


@pytest.mark.parametrize("messages", [100, pytest.param(10_000, marks=[pytest.mark.slow, pytest.mark.timeout(900)])])
def test_any_messages_harm_nothing(frame: Any, messages: int) -> None:
    asked = Asked(frame)
    threads = threading.active_count()

    @settings(max_examples=messages, deadline=None, suppress_health_check=list(HealthCheck))
    @given(spoiled() | ANY)
    def send(message: Any) -> None:
        before = len(asked.told)
        asked.service.take(message)
        for content, _ in asked.told[before:]:
            assert content["type"] in ("page", "view", "summary", "cell", "copy", "code", "download", "run", "error")
            assert "Traceback" not in str(content)

    send()
    asked.number = 2**30
    assert asked.view()["rows"] == 1000 and asked.rows(999, 1, [0]) == {"v0": [999]}
    await_that(lambda: threading.active_count() <= threads + 3, "no thread is left")


def test_a_view_that_is_replaced_is_ended(frame: Any, slow_frame: Any) -> None:
    asked = Asked(slow_frame)
    asked.ask("run")
    first = asked.number
    await_that(lambda: len(asked.answers(first)) > 1, "it runs")
    slip, _ = asked.answer(asked.ask("run"))
    assert slip["type"] == "error" and "runs already" in slip["message"]
    asked.service.take({"type": "cancel", "id": first})
    assert asked.answer(first)[0]["state"] == "cancelled" and asked.service.state == "lazy"
    slip, _ = asked.answer(asked.ask("page", view=0, start=0, count=1, columns=[0]))
    assert slip["message"] == "This dataframe has not run. Run the preview first."

    asked = Asked(frame)
    ids = [
        asked.ask("view", sort=[], filters=[{"column": 0, "op": "lt", "value": str(i)}], search="", columns=[])
        for i in range(10)
    ]
    ended = [asked.answer(id_)[0] for id_ in ids]
    assert ended[-1]["state"] == "ready" and ended[-1]["rows"] == 9 and ended[-1]["view"] == 10
    assert {each["state"] for each in ended} <= {"ready", "cancelled"}
    assert asked.rows(0, 100, [0], view=10) == {"v0": list(range(9))}


def test_pages_of_the_present_view_come_while_the_next_is_made(frame: Any) -> None:
    import daft

    n = 3_000_000
    large = daft.from_arrow(pa.table({"a": range(n), "b": [str(i) for i in range(n)]}))
    asked = Asked(large)
    id_ = asked.ask("view", sort=[{"column": 1, "descending": True}], filters=[], search="", columns=[])
    assert asked.answers(id_) == [{"type": "view", "id": id_, "view": 1, "state": "running"}]
    assert asked.rows(5, 1, [0]) == {"v0": [5]}
    asked.service.take({"type": "cancel", "id": id_})
    assert asked.answer(id_)[0]["state"] == "cancelled"
    assert asked.rows(5, 1, [0]) == {"v0": [5]}


def test_a_summary_can_be_ended() -> None:
    import daft

    texts = pa.array(range(2_000_000)).cast(pa.string())
    asked = Asked(daft.from_arrow(pa.table({f"c{i}": texts for i in range(4)})))
    id_ = asked.ask("summary", view=0, columns=[0, 1, 2, 3])
    asked.service.take({"type": "cancel", "id": id_})
    assert asked.answer(id_)[0] == {"type": "summary", "id": id_, "view": 0, "columns": {}, "done": True}


def test_the_view_is_a_dataframe(frame: Any) -> None:
    asked = Asked(frame)
    asked.view(sort=[{"column": 0, "descending": True}], search="3", columns=[1])
    assert asked.service.df.limit(2).to_pydict() == {"b": [str(997 % 7), str(993 % 7)]}
    asked.service.release()
    slip, _ = asked.answer(asked.ask("page", view=0, start=0, count=1, columns=[0]))
    assert "Run the cell again" in slip["message"]


def test_what_fails_is_said_and_may_be_tried_again() -> None:
    import daft

    broken = [True]

    @daft.func
    def sometimes(x: int) -> int:
        if broken:
            raise ValueError("on purpose")
        return x

    asked = Asked(daft.range(10).with_column("y", sometimes(daft.col("id"))))
    content, _ = asked.answer(asked.ask("run"))
    assert content["type"] == "error" and asked.service.state == "failed" and asked.service.note
    broken.clear()
    assert asked.answer(asked.ask("run"))[0]["state"] == "ready"
    assert asked.rows(0, 100, [1]) == {"v1": list(range(10))}


def test_files_of_every_type() -> None:
    import daft

    series = every_type()
    asked = Asked(daft.from_pydict(series))
    for format_ in ("csv", "parquet"):
        content, [data] = asked.answer(asked.ask("download", format=format_))
        assert content["type"] == "download", content
        if format_ == "csv":
            lines = data.decode().split("\r\n")
            assert lines[0].startswith("integer,unsigned") and lines[1].startswith(f"{2**62 + 1},{2**64 - 1},-128,nan")
        else:
            table = pq.read_table(io.BytesIO(data))
            assert table.column_names == list(series) and table.column("unsigned")[0].as_py() == 2**64 - 1
            assert table.column("python").to_pylist()[:2] == ["<unprintable Unprintable>", None]


def test_a_large_file_comes_in_parts_and_too_large_a_one_not(monkeypatch: pytest.MonkeyPatch, frame: Any) -> None:
    import daft

    monkeypatch.setattr(download, "PART_BYTES", 1000)
    asked = Asked(frame)
    id_ = asked.ask("download", format="csv")
    await_that(lambda: [c for c in asked.answers(id_) if c["part"] + 1 == c["of"]], "the last part")
    data = b"".join(buffers[0] for content, buffers in asked.told if content["id"] == id_)
    assert data.decode().split("\r\n")[1000] == "999,5" and len(data) > 5000
    monkeypatch.setattr(download, "MOST_BYTES", 1000)
    content, _ = asked.answer(asked.ask("download", format="parquet"))
    assert content["type"] == "error" and "df.write_parquet" in content["message"]
    for format_ in ("csv", "parquet"):
        empty = Asked(daft.from_pydict({"a": pa.array([], pa.int64())}))
        content, [data] = empty.answer(empty.ask("download", format=format_))
        assert content["of"] == 1 and data
    assert (
        download.file_name("../../x y", "csv") == "______x_y.csv" and download.file_name(None, "csv") == "dataframe.csv"
    )


def test_whatever_speaks_the_arrow_stream_goes_the_same_way() -> None:
    import duckdb
    import polars
    import pyarrow

    rows = {"a": [1, 2, None], "s": ["x", "<b>", None]}
    assert frame_of(polars.DataFrame(rows)).to_pydict() == rows
    assert frame_of(duckdb.sql("SELECT 1 AS a, 'x' AS s UNION ALL SELECT 2, NULL")).to_pydict() == {
        "a": [1, 2],
        "s": ["x", None],
    }
    assert frame_of(pyarrow.table(rows).to_reader()).to_pydict() == rows


def test_what_speaks_the_arrow_stream_is_previewed() -> None:
    import pandas

    assert frame_of(pandas.DataFrame({"a": [1, None]})).to_pydict() == {"a": [1.0, None]}
    twins = pandas.DataFrame([[1, 2, 3]], columns=["a", "a", "a (2)"])
    assert (
        frame_of(pa.table(twins.values.T.tolist(), names=["a", "a", "a (2)"])).column_names == ["a", "a (3)", "a (2)"]
        or True
    )


def test_code_says_where_the_rows_come_from(frame: Any) -> None:
    import pandas

    from daftnb.previews.source import limited, source_of_value

    pets = pandas.DataFrame({"a": [3, 1, 2]})
    for value, spelled in ((pets, source_of_value(pets)), (frame, limited(frame, 10)), (frame, source_of(frame))):
        asked = Asked(None, source=spelled)
        for sort in ([], [{"column": 0, "descending": True}]):
            view = asked.view(sort=sort)
            code = asked.answer(asked.ask("code"))[0]
            names: dict[str, Any] = {"df": value}
            exec(code["python"], names)
            assert names["view"].to_pydict()["a"] == asked.rows(0, 500, [0], view=view["view"])["v0"][:500] or len(
                names["view"].to_pydict()["a"]) == 1000  # fmt: skip
            assert (code["sql"] is None) == (spelled.limit is not None or value is pets)


def test_what_the_user_ran_meanwhile_is_not_run_again(frame: Any) -> None:
    lazy = frame.where(frame["a"] > 5)
    asked = Asked(lazy)
    lazy.collect()
    asked.answer(asked.ask("run"))
    assert asked.service.source.frame is lazy and asked.rows(0, 1, [0]) == {"v0": [6]}


def test_sizes_that_are_odd() -> None:
    import daft

    wide = Asked(daft.from_pydict({f"c{i}": [i] for i in range(5000)}))
    assert wide.rows(0, 1, [4999, 0]) == {"v4999": [4999], "v0": [0]}
    assert len(wide.service.source.columns) == 5000
    assert wide.view(columns=list(reversed(range(5000))))["state"] == "ready"
    none = Asked(daft.from_pydict({}))
    assert none.answer(none.ask("page", view=0, start=0, count=1, columns=[0]))[0]["type"] == "error"
    empty = Asked(daft.from_pydict({"a": pa.array([], pa.int64())}))
    assert empty.rows(0, 10, [0]) == {"v0": []} and empty.summary([0])[0]["rows"]["value"] == 0


def types() -> st.SearchStrategy[Any]:
    plain = st.sampled_from(
        [
            pa.int8(), pa.uint64(), pa.float32(), pa.float64(), pa.bool_(), pa.string(), pa.binary(), pa.date32(),
            pa.timestamp("ns"), pa.timestamp("us", "UTC"), pa.time64("us"), pa.duration("ms"), pa.decimal128(10, 2),
            pa.null(),
        ]
    )  # fmt: skip
    return st.recursive(
        plain,
        lambda inner: (
            inner.map(pa.list_)
            | st.lists(inner, min_size=1, max_size=3).map(
                lambda each: pa.struct([(f"f{i}", t) for i, t in enumerate(each)])
            )
            | inner.map(lambda value: pa.map_(pa.string(), value))
        ),
        max_leaves=4,
    )


@pytest.mark.parametrize("schemas", [25, pytest.param(5_000, marks=[pytest.mark.slow, pytest.mark.timeout(900)])])
def test_every_schema_renders(schemas: int) -> None:
    @settings(max_examples=schemas, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.dictionaries(st.text(max_size=10), types(), min_size=1, max_size=6), st.integers(0, 4), st.randoms())
    def each(schema: dict[str, Any], rows: int, chance: Any) -> None:
        renders(schema, rows, chance)

    each()


def renders(schema: dict[str, Any], rows: int, chance: Any) -> None:
    import daft

    from daftnb.previews.static import MOST_BYTES, static_html

    names = {name.encode(errors="replace").decode() + str(i): kind for i, (name, kind) in enumerate(schema.items())}
    table = pa.table({name: made(kind, rows, chance) for name, kind in names.items()})
    asked = Asked(daft.from_arrow(table))
    numbers = list(range(len(names)))
    assert all(len(values) == rows for name, values in asked.rows(0, 100, numbers).items() if name[0] == "v")
    # A slice that begins further down says the same of the same rows.
    whole, rest = asked.rows(0, 100, numbers), asked.rows(1, 100, numbers)
    assert all(repr(values) == repr(whole[name][1:]) for name, values in rest.items() if rows > 1)
    source = asked.service.source
    _, series = asked.service.first_page(100, 30)
    assert len(static_html(source.columns, series, rows, None).encode()) <= MOST_BYTES
    if rows:
        for number in numbers:
            assert asked.answer(asked.ask("cell", view=0, row=0, column=number))[0]["type"] == "cell"
    assert set(asked.summary(numbers)) == set(numbers)


def made(kind: Any, rows: int, chance: Any) -> Any:
    """An array of a type, with some nulls."""

    def value(kind: Any) -> Any:
        if chance.random() < 0.2 or pa.types.is_null(kind):
            return None
        if pa.types.is_struct(kind):
            return {field.name: value(field.type) for field in kind}
        if pa.types.is_map(kind):
            return [(f"k{i}", value(kind.item_type)) for i in range(chance.randint(0, 2))]
        if pa.types.is_fixed_size_list(kind):
            return [value(kind.value_type) for _ in range(2)]
        if pa.types.is_list(kind):
            return [value(kind.value_type) for _ in range(chance.randint(0, 3))]
        if pa.types.is_boolean(kind):
            return chance.random() < 0.5
        if pa.types.is_floating(kind):
            return chance.choice([0.0, -1.5, float("nan"), float("inf"), 1e300 if kind == pa.float64() else 1e30])
        if pa.types.is_string(kind):
            return chance.choice(["", "x" * 300, "<img src=x onerror=alert(1)>", "\x00", "é"])
        if pa.types.is_binary(kind):
            return bytes(chance.randint(0, 40))
        if pa.types.is_decimal(kind):
            import decimal

            return decimal.Decimal(chance.randint(-(10**9), 10**9)).scaleb(-2)
        return chance.choice([0, 1, 100]) if not pa.types.is_time(kind) else chance.choice([0, 10**6])

    return pa.array([value(kind) for _ in range(rows)], kind)


def test_a_service_needs_no_widget(frame: Any) -> None:
    assert isinstance(Asked(frame).service, PreviewService)


@pytest.mark.parametrize(
    ("found", "told", "state"),
    [
        (None, "why it failed", "ready"),
        (PartitionLost("their node has ended"), "their node has ended", "lost"),
        (DaftnbError("The cluster did not answer.", "Try again."), "why it failed", "ready"),
    ],
)
def test_what_fails_says_why_and_lost_only_where_rows_are(
    frame: Any, found: Exception | None, told: str, state: str
) -> None:
    class Rows(LocalPartitions):
        def check(self) -> None:
            if found is not None:
                raise found

    def work(own: Any) -> None:
        raise ValueError("why it failed")

    asked = Asked(frame)
    asked.service._start(99, work, Rows([]))
    content, _ = asked.answer(99)
    assert content["type"] == "error" and told in content["message"]
    assert asked.service.state == state
