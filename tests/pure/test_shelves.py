"""A shelf of runs: what is listed, from the index or without it, what is removed, and which runs were slower."""

from __future__ import annotations

import json
import os
import shutil
import threading
from pathlib import Path
from typing import Any

import pytest

from daftnb.errors import RecordingError
from daftnb.recordings import open_recording
from daftnb.shelves import index
from daftnb.shelves.index import INDEX, list_shelf
from daftnb.shelves.keeper import OURS, Keeper
from daftnb.shelves.runs import COLUMNS, MARKS, ROW, are_runs, fingerprint, marked
from daftnb.shelves.tables import problems_of, shelf_text, table_of
from daftnb.telemetry import events as e
from daftnb.telemetry import recordfile
from daftnb.telemetry.model import Query
from daftnb.telemetry.recordfile import Reel
from daftnb.text.spelling import shown
from tests.helpers.recorded import recorded, tiny

VERSIONS = {"daft": "0.7.26", "ray": "2.59.0"}


def reel(t: float, name: str = "", seconds: float = 0.01, outcome: Any = "finished", scan: str = "scan") -> Reel:
    """The recording of a query that began at ``t``."""
    id_ = f"q{t}"
    return recorded(
        [
            e.QueryStarted(t, id_, "native", name),
            e.PlanReady(t, id_, (e.PlanNode(0, scan, "Source", ()),)),
            e.QueryFinished(t + seconds, id_, outcome, "why" if outcome == "failed" else None, 5),
        ]
    ).reel(1)


@pytest.fixture
def keeper(tmp_path: Path) -> Keeper:
    return Keeper(tmp_path / "runs", VERSIONS)


def listed(folder: Path) -> list[dict[str, Any]]:
    """The runs in the order in which they began."""
    return marked(list_shelf(folder).rows)


def unread(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files that are read from now on, instead of being found in the index."""
    found: list[Path] = []

    def read(path: Path) -> Any:
        found.append(path)
        return open_recording(path)

    monkeypatch.setattr(index, "open_recording", read)
    return found


def test_what_is_kept_is_listed_from_the_index_alone(keeper: Keeper, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [keeper.keep(reel(1_800_000_000.0 + place, f"night {place}")) for place in range(3)]
    assert all(OURS.fullmatch(path.name) for path in paths)
    assert paths[0].name.startswith("20270115T080000000Z-night-0-")
    read = unread(monkeypatch)
    runs = listed(keeper.folder)
    assert read == []
    assert [(run["name"], run["rows"], run["status"], run["file"]) for run in runs] == [
        (f"night {place}", 5, "finished", paths[place].name) for place in range(3)
    ]
    assert runs[0].keys() == {*COLUMNS, *MARKS, "file"}
    assert (runs[0]["daft"], runs[0]["ray"], runs[0]["started"]) == ("0.7.26", "2.59.0", 1_800_000_000.0)
    assert open_recording(paths[1]).queries[0].name == "night 1"


@pytest.mark.parametrize(
    "spoiled", ["missing", "empty", "cut off", "not JSON", "another version", "wrong types", "a folder"]
)
def test_the_list_is_the_same_whatever_became_of_the_index(
    keeper: Keeper, monkeypatch: pytest.MonkeyPatch, spoiled: str
) -> None:
    for place in range(3):
        keeper.keep(reel(1000.0 + place, "a"))
    runs, path = listed(keeper.folder), keeper.folder / INDEX
    data = path.read_bytes()
    path.unlink()
    if spoiled == "a folder":
        path.mkdir()
    elif spoiled != "missing":
        path.write_bytes(
            {
                "empty": b"",
                "cut off": data[: len(data) * 2 // 3],
                "not JSON": b"\xff\x00]]" + data[:50] + b"\n[1,2]\nnull\n{}\n",
                "another version": data.replace(b'"v":1', b'"v":9'),
                "wrong types": data.replace(b',5,"finished"', b',"5","finished"'),
            }[spoiled]
        )
    read = unread(monkeypatch)
    assert listed(keeper.folder) == runs
    assert len(read) == {"cut off": 1}.get(spoiled, 3)
    read.clear()
    again = list_shelf(keeper.folder)
    assert (len(read), again.problem is None) == ((3, False) if spoiled == "a folder" else (0, True))


def test_a_file_that_has_changed_is_read_anew_and_one_that_is_gone_is_not_listed(keeper: Keeper) -> None:
    first, second = keeper.keep(reel(1000.0, "a")), keeper.keep(reel(1001.0, "b"))
    shutil.copyfile(keeper.keep(reel(1002.0, "other")), first)
    second.unlink()
    assert [run["name"] for run in listed(keeper.folder)] == ["other", "other"]


def test_the_index_is_written_anew_where_it_is_mostly_about_files_that_are_gone(
    keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "SPARE", 3)
    for path in [keeper.keep(reel(1000.0 + place)) for place in range(6)][:5]:
        path.unlink()
    assert len(listed(keeper.folder)) == 1
    assert len((keeper.folder / INDEX).read_bytes().split()) == 1
    assert len(listed(keeper.folder)) == 1


def test_foreign_and_broken_files_are_named_once_and_left_as_they_are(
    keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = keeper.keep(reel(1000.0, "a"))
    (keeper.folder / "mine.arrow").write_bytes(b"my own")
    (keeper.folder / "cut.arrow").write_bytes(kept.read_bytes()[:-20])
    (keeper.folder / "notes.txt").write_text("mine")
    (keeper.folder / "folder.arrow").mkdir()
    recordfile.write(
        keeper.folder / "two.arrow", [recorded([*tiny(1, 50.0), *tiny(2, 60.0)]).reel(n) for n in (1, 2)], "0", {}
    )
    shelf = list_shelf(keeper.folder)
    assert sorted(row[-1] for row in shelf.rows) == [kept.name, "two.arrow", "two.arrow"]
    assert sorted(shelf.left_out) == ["cut.arrow", "folder.arrow", "mine.arrow"]
    (line,) = problems_of(shelf, keeper.folder)
    assert line.startswith(f"3 files in {keeper.folder} are no recordings and are left out, such as cut.arrow: ")
    assert "\n" not in line
    read = unread(monkeypatch)
    assert list_shelf(keeper.folder).left_out == shelf.left_out and read == []
    Keeper(keeper.folder, {}, most_runs=1).keep(reel(2000.0))
    assert not kept.exists()
    assert (keeper.folder / "mine.arrow").read_bytes() == b"my own" and (keeper.folder / "notes.txt").exists()
    assert (keeper.folder / "two.arrow").exists(), "daftnb has not put it there"


def test_a_file_of_a_newer_daftnb_is_left_out_and_says_so(keeper: Keeper) -> None:
    path = keeper.keep(reel(1000.0))
    import pyarrow as pa

    with pa.ipc.open_file(path) as reader:
        table = reader.read_all()
    table = table.replace_schema_metadata({**table.schema.metadata, b"daftnb.format_version": b"99"})
    with pa.ipc.new_file(path, table.schema) as writer:
        writer.write_table(table)
    shelf = list_shelf(keeper.folder)
    assert shelf.rows == [] and "was written by a newer daftnb" in shelf.left_out[path.name]


def test_the_oldest_are_removed_by_number_and_by_bytes(tmp_path: Path) -> None:
    few = Keeper(tmp_path / "few", {}, most_runs=3)
    for place in range(5):
        few.keep(reel(1000.0 + place, str(place)))
    assert [run["name"] for run in listed(few.folder)] == ["2", "3", "4"]
    size = max(path.stat().st_size for path in few.folder.glob("*.arrow"))
    small = Keeper(tmp_path / "small", {}, most_bytes=2 * size + size // 2)
    for place in range(5):
        small.keep(reel(1000.0 + place, str(place)))
    assert [run["name"] for run in listed(small.folder)] == ["3", "4"]
    tight = Keeper(tmp_path / "tight", {}, most_bytes=1)
    tight.keep(reel(1000.0, "only"))
    assert [run["name"] for run in listed(tight.folder)] == ["only"], "the latest is kept, however large"


def test_several_kernels_keep_at_once_and_nothing_is_lost(tmp_path: Path) -> None:
    folder = tmp_path / "runs"
    folder.mkdir()
    begin = threading.Barrier(4)
    problems: list[BaseException] = []

    def kernel(number: int) -> None:
        try:
            mine = Keeper(folder, {})
            begin.wait()
            for place in range(10):
                mine.keep(reel(1000.0 + 100 * number + place, f"{number}-{place}"))
                list_shelf(folder)
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=kernel, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert {run["name"] for run in listed(folder)} == {f"{n}-{p}" for n in range(4) for p in range(10)}
    lines = [json.loads(line) for line in (folder / INDEX).read_bytes().split(b"\n") if line]
    assert {line["file"] for line in lines} == {path.name for path in folder.glob("*.arrow")}


def test_a_place_that_cannot_be_is_one_line(tmp_path: Path, keeper: Keeper, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    for wrong in (tmp_path / "file", tmp_path / "absent" / "below", "", "a\0b", "~nobody-of-that-name/x"):
        with pytest.raises(RecordingError) as refused:
            Keeper(wrong, {})
        assert "\n" not in refused.value.what, shown(str(wrong))
    with pytest.raises(RecordingError, match="absent cannot be read: No such file or directory"):
        list_shelf(tmp_path / "absent")
    with pytest.raises(RecordingError, match="at least one run"):
        Keeper(tmp_path / "runs", {}, most_runs=0)
    kept = keeper.keep(reel(1000.0, "a"))
    full = OSError(28, "No space left on device")
    with monkeypatch.context() as patch, pytest.raises(RecordingError, match="No space left on device"):
        patch.setattr(os, "fsync", lambda handle: (_ for _ in ()).throw(full))
        keeper.keep(reel(1001.0))
    with monkeypatch.context() as patch, pytest.raises(RecordingError, match="is kept, but the folder's index"):
        patch.setattr(index.os, "write", lambda *_: (_ for _ in ()).throw(full))
        keeper.keep(reel(1002.0, "c"))
    assert [run["name"] for run in listed(keeper.folder)] == ["a", "c"] and kept.exists()


# -- the same plan, and slower ----------------------------------------------------------------------------------------


def planned(*nodes: e.PlanNode) -> str | None:
    query = Query("q", 1, "native", 0.0)
    query.plans["logical"] = nodes
    return fingerprint(query)


def test_a_fingerprint_leaves_numbers_and_quoted_texts_out() -> None:
    scan = e.PlanNode(0, "Source", "Logical", (), "Num partitions = 3, path = s3://bucket/2026-01-01")
    filtered = e.PlanNode(1, "Filter", "Logical", (0,), 'col(day) > lit("2026-01-01") & col(n) == lit(7)')
    other = e.PlanNode(5, "Source", "Logical", (), "Num partitions = 40, path = s3://bucket/2026-02-11")
    same = e.PlanNode(9, "Filter", "Logical", (5,), 'col(day) > lit("2026-02-\\"1") & col(n) == lit(900)')
    assert planned(scan, filtered) == planned(other, same) is not None
    column = e.PlanNode(1, "Filter", "Logical", (0,), 'col(date) > lit("2026-01-01") & col(n) == lit(7)')
    assert len({planned(scan, filtered), planned(scan, column), planned(scan), planned(filtered, scan)}) == 4
    assert planned() is None


def run(place: int, seconds: float, **more: Any) -> list[Any]:
    """A run as it is listed."""
    row: dict[str, Any] = dict.fromkeys(COLUMNS)
    row |= {"started": float(place), "seconds": seconds, "plan": "p", "status": "finished", "runner": "ray"}
    return [*({**row, **more}[name] for name in COLUMNS), f"{place}.arrow"]


def test_a_run_is_a_regression_beside_the_median_of_those_before_it() -> None:
    rows = marked([run(place, 2.0) for place in range(4)] + [run(4, 3.0), run(5, 3.1), run(6, 2.0)])
    assert [row["regression"] for row in rows] == [None, None, None, False, False, True, False]
    assert (rows[5]["median_before"], rows[5]["slower"]) == (2.0, 1.55)
    assert [row["regression"] for row in marked([run(place, 0.1) for place in range(3)] + [run(3, 0.5)])][-1] is False
    mixed = [
        run(0, 1.0),
        run(1, 1.0, plan="other"),
        run(2, 1.0, runner="native"),
        run(3, 1.0, status="failed"),
        run(4, 9.0),
    ]
    assert all(row["regression"] is None for row in marked(mixed)), "none of them is like another"
    grown = marked([run(place, 1.0 + place) for place in range(20)])
    assert grown[-1]["median_before"] == 14.5, "of the last ten"
    assert [row["started"] for row in marked([run(2, 1.0), run(1, 1.0)])] == [1.0, 2.0]


def test_the_table_has_its_types_also_where_there_is_nothing() -> None:
    empty = table_of([])
    assert empty.num_rows == 0 and empty.column_names == [*COLUMNS, *MARKS, "file"]
    full = table_of([run(0, 1, name="half \ud800", rows=5)])
    assert full.schema == empty.schema
    assert full.to_pylist()[0]["name"] == "half ?" and full.to_pylist()[0]["regression"] is None


@pytest.mark.parametrize(
    ("change", "well"),
    [
        *(({}, True), ({"rows": True}, False), ({"started": None}, False), ({"seconds": float("nan")}, False)),
        *(({"started": 1e300}, False), ({"rows": 2**70}, False), ({"name": 3}, False), ({"seconds": None}, False)),
        *(({"tasks": None, "error": "x"}, True), ({"peak_ratio": float("inf")}, False)),
    ],
)
def test_what_an_index_says_is_checked(change: dict[str, Any], well: bool) -> None:
    row = run(0, **{"seconds": 1.0, **change})
    assert are_runs([row[:-1]]) is well
    assert are_runs([run(1, 1.0)[:-1], row[:-1]]) is well
    assert not are_runs([row]) and not are_runs([{}]) and are_runs([])
    assert len(row) == len(ROW)


def test_the_text_marks_what_was_slower_and_escapes_what_others_wrote(keeper: Keeper) -> None:
    for place in range(4):
        keeper.keep(reel(1_800_000_000.0 + place * 10, "evil \x1b[31m\n<b>", seconds=4.0 if place == 3 else 1.0))
    lines = shelf_text(keeper.folder, most=3).splitlines()
    assert lines[0].split() == ["started", "(UTC)", "name", "plan", "status", "time", "÷", "usual", "rows", "file"]
    assert "▲ 4.00 s" in lines[1] and "4 ×" in lines[1] and "\x1b" not in "".join(lines)
    assert "▲" not in lines[2] and "—" in lines[2]
    assert lines[4] == "and 1 earlier"
    assert lines[5] == "▲ 1 run more than 1.5 × as long as the runs of the same plan before it"
    assert shelf_text(Keeper(keeper.folder / "empty", {}).folder) == f"No runs in {keeper.folder / 'empty'} yet."
