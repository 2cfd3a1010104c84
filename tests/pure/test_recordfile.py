"""Files of recordings: what they hold, what is said of those that hold none, and what they show."""

from __future__ import annotations

import dataclasses
import json
import random
import sys
from pathlib import Path
from typing import Any

import pandas
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daftnb.errors import DaftnbError, RecordingError
from daftnb.recordings import Recording, open_recording
from daftnb.settings import SETTINGS
from daftnb.telemetry import codec, recordfile
from daftnb.telemetry import events as e
from tests.helpers import arbitrary, crowd, story
from tests.helpers.recorded import recorded, tiny


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A recording of two queries in a file."""
    path = tmp_path / "run.arrow"
    both = recorded([*story.events(), *tiny(2, story.T + 11)])
    recordfile.write(path, [both.reel(number) for number in both.numbers], "0.1.0", {"A": "1"})
    return path


@given(st.lists(st.tuples(arbitrary.events, arbitrary.times), max_size=8))
def test_any_events_come_back_as_they_were(pairs: list[tuple[e.Event, float]]) -> None:
    events, moments = [event for event, _ in pairs], [moment for _, moment in pairs]
    data, failed = recordfile.encode(events, moments)
    assert (*recordfile.decode(data), failed) == (events, moments, 0)


def test_the_largest_settings_are_recorded_and_shown() -> None:
    most = sys.float_info.max
    values = {setting.env: str(setting.most or most) for setting in SETTINGS.values()}
    events = [
        *story.events()[:5],
        e.SettingsInEffect(story.T, "calm-willow", tuple(values.items())),
        e.HoldBegun(story.T, 1, "below", 9, 1, most),
        *tiny(2, story.T + 1),
    ]
    recorder = recorded(events)
    reels = [recorder.reel(number) for number in recorder.numbers]
    assert [reel.dropped for reel in reels] == [0, 0]
    assert any(isinstance(event, e.WorldKnown) and event.threshold == (story.T, most) for event in reels[1].events)
    shown = Recording(reels, "a test")
    assert shown.snapshot(story.T + 0.5)["backlog"]["threshold"] == most
    assert "not above the threshold 1.79769e+308" in str(shown.snapshot()["decisions"])
    assert "nan" not in shown._repr_html_()


def test_a_file_is_read_by_pyarrow_and_pandas_alone(saved: Path) -> None:
    table = pa.ipc.open_file(saved).read_all()
    assert table.schema.names == ["recording", *codec.COLUMNS]
    about = {key.decode(): value.decode() for key, value in table.schema.metadata.items()}
    assert about["daftnb.format"] == "daftnb recording"
    assert (about["daftnb.format_version"], about["daftnb.version"]) == ("1", "0.1.0")
    assert json.loads(about["daftnb.settings"]) == {"A": "1"}
    frame = pandas.read_feather(saved)
    ended = frame[(frame.event == "QueryFinished") & (frame.recording == 2)]
    assert list(zip(ended["query"], ended["outcome"], ended["t"], strict=True)) == [("q2", "finished", story.T + 11.01)]
    assert json.loads(frame[frame.event == "ScaleRequested"].body.iloc[0]) == {
        "bundles": 2,
        "cpus": 2,
        "pending": 19,
        "capacity": 1,
    }


def test_a_file_is_opened_with_all_its_queries_and_saved_again(saved: Path, tmp_path: Path) -> None:
    recording = open_recording(saved)
    assert [(q.number, q.id, q.runner, q.state, q.rows, q.tasks) for q in recording.queries] == [
        (1, "calm-willow", "ray", "finished", None, 21),
        (2, "q2", "native", "finished", 5, None),
    ]
    assert (recording.start, recording.end) == (story.T, story.T + 11.01)
    assert recording.snapshot(story.T + 5.5)["query"]["id"] == "calm-willow"
    last = recording.snapshot()
    assert (last["query"]["id"], list(last["queries"])) == ("q2", ["1", "2"])
    assert recording.snapshot(query="calm-willow")["query"]["elapsed"] == 10.0
    with pytest.raises(RecordingError, match=r"has no query 'x' \(it has 1, 2\)"):
        recording.snapshot(query="x")
    copy = tmp_path / "copy.arrow"
    recording.save(copy)
    again = open_recording(copy)
    assert again.queries == recording.queries
    assert again.snapshot(story.T + 3.3) == recording.snapshot(story.T + 3.3)


def test_a_recording_as_tables(saved: Path) -> None:
    recording = open_recording(saved)
    operators = recording.operators(1).to_pydict()
    assert operators["name"] == ["ScanTaskSource", "UDF score", "Sort"]
    assert operators["seconds"] == [0.001, 0.003, None]
    assert operators["tasks"] == [20, 20, 1]
    assert recording.operators().num_rows == 4
    workers = recording.workers(1).to_pydict()
    assert list(zip(workers["label"], workers["state"], workers["slots"], strict=True)) == [
        ("head", "no worker", 0),
        ("worker 1", "idle", 1),
        ("worker 2", "retired", 1),
    ]
    crowded = Recording([recorded(crowd.query(tasks=100, workers=2, stages=2)).reel(1)], "a test")
    tasks = crowded.tasks()
    assert tasks.schema.field("started").type == pa.timestamp("us", "UTC")
    assert tasks.num_rows == 100 == sum(crowded.workers()["tasks"].to_pylist())
    busy = sum(crowded.workers()["busy"].to_pylist())
    assert busy == pytest.approx(sum(tasks["seconds"].to_pylist()))


def test_a_recording_shows_itself(saved: Path) -> None:
    recording = open_recording(saved)
    assert repr(recording).splitlines()[1:] == [
        "  Query 1 (calm-willow) on Ray finished after 10.0 s: 21 of 21 tasks done, peak backlog ratio 20 against "
        "threshold 1.5, workers 1 → 2.",
        "  Query 2 (q2) on Daft's native runner finished after 10.0 ms.",
    ]
    assert "<table>" in recording._repr_html_()
    assert "<script" not in recording._repr_html_()


def told(error: BaseException) -> str:
    assert isinstance(error, DaftnbError)
    shown = error._render_traceback_()
    assert len(shown) <= 2
    assert all("\n" not in line for line in shown)
    return error.what


def refused(path: Path | str) -> str:
    with pytest.raises(RecordingError) as caught:
        open_recording(path)
    assert str(path) in caught.value.what
    return told(caught.value)


def test_what_is_not_there_or_not_a_file(tmp_path: Path) -> None:
    assert refused(tmp_path / "no.arrow") == f"There is no file {tmp_path / 'no.arrow'}."
    assert refused(tmp_path) == f"{tmp_path} is a folder."
    (tmp_path / "file").write_text("x")
    assert "Not a directory" in refused(tmp_path / "file" / "x")
    assert "cannot be read" in refused("a\0b")
    assert refused("/dev/null") == "/dev/null is not a file."


def test_what_is_no_recording(tmp_path: Path, saved: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"")
    assert refused(path) == f"{path} is empty."
    path.write_bytes(b"PK\x03\x04 something else")
    assert refused(path) == f"{path} is not an Arrow file."
    pq.write_table(pa.table({"a": [1]}), path)
    assert refused(path) == f"{path} is not an Arrow file."
    pandas.DataFrame({"a": [1]}).to_feather(path)
    assert refused(path) == f"{path} cannot be read: it is an Arrow file, but not a recording of daftnb's."
    path.write_bytes(saved.read_bytes()[:-300])
    assert refused(path) == f"{path} is cut off: its end is missing."
    path.write_bytes(saved.read_bytes()[:100] + b"ARROW1")
    assert "cannot be read" in refused(path)


def rewritten(saved: Path, change: Any) -> Path:
    """The file with its table or metadata changed, and a digest that fits."""
    table = pa.ipc.open_file(saved).read_all()
    about = {key.decode(): value.decode() for key, value in table.schema.metadata.items()}
    table = change(table, about)
    about["daftnb.digest"] = recordfile._digest(table)
    table = table.replace_schema_metadata(about)
    with pa.ipc.new_file(saved, table.schema) as writer:
        writer.write_table(table)
    return saved


def test_a_newer_file(saved: Path) -> None:
    def newer(table: Any, about: dict[str, str]) -> Any:
        about["daftnb.format_version"] = "2"
        return table.select(["t"])

    assert "was written by a newer daftnb: its format has the number 2" in refused(rewritten(saved, newer))


@pytest.mark.parametrize(
    ("key", "text", "reason"),
    [
        ("dropped", "[]", "its counts of what was left out are not an object"),
        ("dropped", '{"1": []}', "int() argument must be"),
        ("dropped", '{"1": Infinity}', "cannot convert float infinity"),
        ("dropped", "[" * 100_000, "maximum recursion depth exceeded"),
        ("dropped", "x", "Expecting value"),
        ("format_version", "one", "invalid literal for int()"),
        ("format", "a book", "but not a recording of daftnb's"),
        ("digest", None, "daftnb.digest"),
    ],
)
def test_what_a_file_says_of_itself_is_checked(saved: Path, key: str, text: str | None, reason: str) -> None:
    table = pa.ipc.open_file(saved).read_all()
    about = {name.decode(): value.decode() for name, value in table.schema.metadata.items()} | {f"daftnb.{key}": text}
    table = table.replace_schema_metadata({name: value for name, value in about.items() if value is not None})
    with pa.ipc.new_file(saved, table.schema) as writer:
        writer.write_table(table)
    assert reason in refused(saved)


def test_other_columns_are_not_a_recordings(saved: Path) -> None:
    def fewer(table: Any, about: dict[str, str]) -> Any:
        return table.drop_columns(["outcome"])

    assert "its columns are not those of a recording" in refused(rewritten(saved, fewer))


def test_no_events_too_many_or_too_large(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recordfile, "MAX_EVENTS", 3)
    assert "it has more than 3 events" in refused(saved)
    monkeypatch.setattr(recordfile, "MAX_FILE", 100)
    assert f"has {saved.stat().st_size} bytes: recordings are smaller." in refused(saved)
    monkeypatch.undo()
    assert "it has no events" in refused(rewritten(saved, lambda table, about: table.slice(0, 0)))


FEW_AND_MANY = [50, pytest.param(10_000, marks=[pytest.mark.slow, pytest.mark.timeout(900)])]


@pytest.mark.parametrize("examples", FEW_AND_MANY)
def test_any_bytes_are_a_recording_or_one_line_says_why_not(saved: Path, examples: int) -> None:
    """Cut off anywhere, bits flipped, parts doubled, and bytes that are foreign between an Arrow file's two ends."""
    good = saved.read_bytes()
    whole = [reel.events for reel in recordfile.read(saved)]
    places = st.integers(0, len(good) - 1)

    def flipped(bits: list[tuple[int, int]]) -> bytes:
        data = bytearray(good)
        for place, bit in bits:
            data[place] ^= 1 << bit
        return bytes(data)

    spoiled = st.one_of(
        places.map(lambda end: good[:end]),
        places.map(lambda end: good[:end] + recordfile.MAGIC),
        st.lists(st.tuples(places, st.integers(0, 7)), min_size=1, max_size=6).map(flipped),
        st.tuples(places, places).map(lambda cut: good[: cut[0]] + good[cut[1] :]),
        st.binary(max_size=200).map(lambda data: recordfile.MAGIC + data + recordfile.MAGIC),
        st.binary(max_size=200),
    )

    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))
    @given(spoiled)
    def read(data: bytes) -> None:
        saved.write_bytes(data)
        try:
            reels = recordfile.read(saved)
        except RecordingError as error:
            told(error)
        else:
            assert [reel.events for reel in reels] == whole

    read()


def replaced(column: str, row: int, value: Any) -> Any:
    def change(table: Any, about: dict[str, str]) -> Any:
        index = table.schema.get_field_index(column)
        values = table.column(column).to_pylist()
        values[row] = value
        array = pa.array(values, table.column(column).type.value_type).dictionary_encode() if column in (
            "event", "query", "worker", "outcome") else pa.array(values, table.column(column).type)  # fmt: skip
        return table.set_column(index, column, array.cast(table.column(column).type))

    return change


@pytest.mark.parametrize(
    ("column", "event", "value", "reason"),
    [
        ("event", "PlanReady", "PlanChanged", "by a newer daftnb: it holds events of the kind 'PlanChanged'"),
        ("body", "ScaleRequested", '{"bundles":1,"cpus":1,"pending":1,"tpus":1}', "ScaleRequested has 'tpus'"),
        ("body", "ScaleRequested", '{"bundles":1.5}', "bundles of a ScaleRequested is 1.5"),
        ("body", "ScaleRequested", '{"bundles":1}', "a ScaleRequested has no cpus"),
        ("body", "ScaleRequested", '{"bundles":', "a body is not JSON"),
        ("body", "ScaleRequested", '{},{}', "a body is not one JSON object"),
        ("body", "ScaleRequested", '[]', "a body is not one JSON object"),
        ("body", "ScaleRequested", '{"bundles":NaN}', "a body is not JSON"),
        ("body", "ScaleRequested", "[" * 100_000, "a body is not JSON"),
        ("t", "ScaleRequested", float("inf"), "t of a ScaleRequested is inf"),
        ("t", "ScaleRequested", -1.0, "t of a ScaleRequested is -1.0"),
        ("body", "PlanReady", '{"operators":[1]}', "operators of a PlanReady is 1, not an object"),
        ("body", "PlanReady", '{"operators":[{"id":1}]}', "operators of a PlanReady has no inputs"),
        ("body", "PlanReady", '{"operators":[{"id":1,"new":2}]}', "by a newer daftnb: PlanNode has 'new'"),
        ("body", "WorldKnown", '{"queries":0,"workers":0,"hold":[1,0,0]}', "is not in its log"),
        ("t", "ScaleRequested", None, "t of a ScaleRequested is None"),
        ("query", "QueryStarted", None, "query_id of a QueryStarted is None"),
        ("task", "QueryStarted", 5, "a QueryStarted has no task"),
        ("outcome", "QueryFinished", "great", "outcome of a QueryFinished is 'great'"),
        ("recording", "QueryStarted", 9, "the events of its recordings are mixed"),
        ("came", "ScaleRequested", 5.0, "not in the order in which they came"),
        ("body", "PlanReady", '{"operators":[{"id":1,"name":"a","kind":"","inputs":[1]}]}', "come after their inputs"),
        ("body", "SettingsInEffect", '{"values":[["DAFT_AUTOSCALING_THRESHOLD","x"]]}', "is 'x', not a threshold"),
    ],
)  # fmt: skip
def test_values_are_checked(saved: Path, column: str, event: str, value: Any, reason: str) -> None:
    row = pandas.read_feather(saved).event.tolist().index(event)
    assert reason in refused(rewritten(saved, replaced(column, row, value)))


def test_a_recording_without_its_query(saved: Path) -> None:
    row = pandas.read_feather(saved).event.tolist().index("QueryStarted")

    def without(table: Any, about: dict[str, str]) -> Any:
        return pa.concat_tables([table.slice(0, row), table.slice(row + 1)]).slice(0, 10).combine_chunks()

    assert "does not say when it began" in refused(rewritten(saved, without))


def test_damage_anywhere_is_found(saved: Path, tmp_path: Path) -> None:
    """Never another error, and never another content."""
    good = saved.read_bytes()
    events = [reel.events for reel in recordfile.read(saved)]
    path = tmp_path / "damaged.arrow"
    rng = random.Random(3)
    found = 0
    for _ in range(600):
        bad = bytearray(good)
        for _ in range(rng.choice([1, 1, 1, 4, 40])):
            bad[rng.randrange(len(bad))] = rng.randrange(256)
        path.write_bytes(bad)
        try:
            recording = recordfile.read(path)
        except RecordingError as error:
            told(error)
            found += 1
        else:
            assert [reel.events for reel in recording] == events
    assert found > 300


def test_a_file_is_written_whole_or_not_at_all(saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = saved.read_bytes()
    reel = recorded(tiny(1, 0.0)).reel(1)

    def full(*arguments: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(RecordingError) as caught:
        recordfile.write(saved, [reel], "0", {})
    assert told(caught.value) == f"{saved} cannot be written: No space left on device."
    monkeypatch.undo()
    assert saved.read_bytes() == before
    assert list(tmp_path.iterdir()) == [saved]
    recordfile.write(saved, [reel], "0", {})
    assert open_recording(saved).queries[0].id == "q1"


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    reel = recorded(tiny(1, 0.0)).reel(1)
    (tmp_path / "file").write_text("x")
    places = [
        (tmp_path, "is a folder"),
        (tmp_path / "no" / "x", "No such file"),
        (tmp_path / "file" / "x", "cannot be"),
    ]
    for path, reason in places:
        with pytest.raises(RecordingError) as caught:
            recordfile.write(path, [reel], "0", {})
        assert reason in told(caught.value)


def test_every_kind_of_event_has_a_shape() -> None:
    for kind in codec.KINDS.values():
        make, _, _ = codec._readers(kind)
        assert [name for name, *_ in make] == [f.name for f in dataclasses.fields(kind)]
        columns = [codec.COLUMN_OF[name] for name, *_ in make if name in codec.COLUMN_OF]
        assert len(columns) == len(set(columns)), f"two fields of {kind.__name__} in one column"
