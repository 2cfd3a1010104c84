"""A recording as one HTML file: each moment in it is the kernel's own snapshot, and nothing in it is markup."""

from __future__ import annotations

import gzip
import json
import re
from base64 import b64decode
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daftnb.errors import RecordingError
from daftnb.export import page
from daftnb.export.differences import applied, difference
from daftnb.export.forms import writer_of
from daftnb.export.stops import MOST_CHANGES, evenly, stops_of
from daftnb.recordings import Recording, open_recording
from daftnb.telemetry import events as e
from daftnb.telemetry.recorder import Recorder
from tests.helpers import crowd, story
from tests.helpers.recorded import recorded, tiny

EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"
values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a"]) | st.just(1.0),
    lambda inner: st.dictionaries(st.sampled_from("abcd"), inner, max_size=4),
    max_leaves=12,
)
objects = st.dictionaries(st.sampled_from("abcd"), values, max_size=4)


def exact(value: Any) -> str:
    """JSON in which equal objects are the same text, and 1, 1.0 and true are not."""
    return json.dumps(value, sort_keys=True)


def moments_in(text: str) -> list[Mapping[str, Any]]:
    """The snapshots in a file, as its page makes them."""
    found = re.search(r'id="snapshots">([^<]*)</script>', text)
    assert found is not None
    snapshots: list[Mapping[str, Any]] = []
    for change in json.loads(gzip.decompress(b64decode(found[1], validate=True))):
        snapshots.append(applied(snapshots[-1] if snapshots else {}, change))
    return snapshots


def recordings() -> dict[str, Recording]:
    """Recordings of all kinds: on Ray, on the native runner, several queries, one that is cut off, one of 600 tasks."""
    large = recorded(crowd.query(1, 600, 3, 2, 3, 0.05, crowd.T, 1))
    one = recorded(story.events())
    unended = recorded(event for event in story.events() if event.t < story.T + 6)
    both = Recorder()
    recorded([*tiny(1, 1000.0), *tiny(2, 1005.0, EVIL)], both)
    return {
        "many tasks": Recording([large.reel(1)], "large.arrow"),
        "story": Recording([one.reel(1)], "this session"),
        "cut off": Recording([unended.reel(1)], "a.arrow"),
        "two": Recording([both.reel(1), both.reel(2)], "two.arrow"),
    }


@pytest.mark.parametrize("name", ["many tasks", "story", "cut off", "two"])
def test_each_moment_of_the_file_is_the_kernels_snapshot_of_it(name: str) -> None:
    recording = recordings()[name]
    snapshots = moments_in(page.page_of(recording))
    stops = snapshots[0]["replay"]["stops"]
    assert [snapshot["now"] for snapshot in snapshots] == pytest.approx(stops, abs=0)
    assert (stops[0], stops[-1]) == (recording.start, recording.end)
    for stop, snapshot in zip(stops, snapshots, strict=True):
        seen = json.loads(json.dumps(recording.snapshot(stop)))
        assert set(snapshot) <= set(seen), "each topic is one of the kernel's"
        assert {"query", "queries", "plan", "workers", "backlog", "decisions", "settings"} <= set(snapshot)
        for topic in set(snapshot) - {"replay"}:
            assert exact(snapshot[topic]) == exact(seen[topic]), (topic, stop)
        assert snapshot["replay"]["at"] == stop


def test_the_slider_the_decisions_and_the_ends_of_queries_are_moments_of_the_file() -> None:
    recording = recordings()["story"]
    stops = stops_of(recording, [story.T + 1.1], recording.moments())
    step = (recording.end - recording.start) / 200
    (query,) = recording.queries
    wanted = {*(recording.start + place * step for place in range(200)), recording.end}
    wanted |= {story.T + 1.1, query.started, query.started + query.seconds}
    assert wanted | set(recording.moments()) == set(stops), "there are few changes: each is there"


def test_of_very_many_moments_some_are_taken_evenly() -> None:
    assert evenly(range(5), 5) == range(5)
    assert evenly(range(9), 5) == [0, 2, 4, 6, 8]
    assert len(evenly(range(10_000), MOST_CHANGES)) == MOST_CHANGES


@given(objects, objects)
def test_a_difference_makes_exactly_the_other_object(old: dict[str, Any], new: dict[str, Any]) -> None:
    change = difference(old, new)
    before = exact(old)
    assert exact(applied(old, json.loads(json.dumps(change)))) == exact(new)
    assert exact(old) == before and (change is None) == (exact(old) == exact(new))


class Outline(HTMLParser):
    """The tags of a page, and the texts in ``pre`` and ``title``."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_what_others_wrote_is_no_markup_and_the_policy_allows_nothing_else() -> None:
    recorder = Recorder()
    named = e.QueryStarted(1000.0, EVIL, "native", EVIL)
    recorded([named, e.PlanReady(1000.1, EVIL, (e.PlanNode(0, EVIL, "Source", (), EVIL),))], recorder)
    text = page.page_of(Recording([recorder.reel(1)], "run.arrow"))
    outline = Outline()
    outline.feed(text)
    assert [tag for tag, _ in outline.tags] == [
        *("html", "head", "meta", "meta", "meta", "title", "style", "body", "main", "pre", "footer", "script", "script")
    ]
    (policy,) = (attributes["content"] for _, attributes in outline.tags if "http-equiv" in attributes)
    assert policy is not None and policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy and "http:" not in policy and "https:" not in policy and "data:" not in policy
    assert text.isascii() and EVIL not in text and text.startswith(page.MARK)
    assert moments_in(text)[-1]["query"]["name"] == EVIL, "it is all there, as data"


def test_the_ending_says_the_form_and_any_other_is_refused_in_one_line(tmp_path: Path) -> None:
    recording = recordings()["two"]
    size = recording.save(tmp_path / "Run.HTML")
    assert size == (tmp_path / "Run.HTML").stat().st_size
    recording.save(tmp_path / "run.arrow")
    assert [query.number for query in open_recording(tmp_path / "run.arrow").queries] == [1, 2]
    for name in ("run.txt", "run.parquet", "run.html.gz"):
        with pytest.raises(RecordingError) as refused:
            recording.save(tmp_path / name)
        assert "\n" not in refused.value.what and refused.value.what.startswith(f"{name} cannot be written: ")
        assert not (tmp_path / name).exists()
    assert writer_of("plain") is None and writer_of(b"bytes.html") is page.write and writer_of("v1.2/run") is None


def test_a_place_that_is_not_there_and_a_full_disk_leave_what_was(tmp_path: Path) -> None:
    recording = recordings()["two"]
    with pytest.raises(RecordingError, match=r"absent/run\.html cannot be written: No such file or directory\."):
        recording.save(tmp_path / "absent" / "run.html")
    (tmp_path / "folder.html").mkdir()
    with pytest.raises(RecordingError, match=r"folder\.html is a folder\."):
        recording.save(tmp_path / "folder.html")
    kept = tmp_path / "run.html"
    kept.write_text("mine")
    full = OSError(28, "No space left on device")
    with pytest.MonkeyPatch.context() as patch, pytest.raises(RecordingError, match="No space left on device"):
        patch.setattr("os.fsync", lambda handle: (_ for _ in ()).throw(full))
        recording.save(kept)
    assert kept.read_text() == "mine" and [path.name for path in tmp_path.iterdir() if ".part" in path.name] == []


def test_nothing_in_the_script_ends_it_early() -> None:
    from daftnb.built import built

    assert "</script" not in built("runfile.js").lower() and "<!--" not in built("runfile.js")
    assert built("runfile.js").isascii()
