"""Why something failed: the reason first, from texts that Daft and Ray gave, and from exceptions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daftnb.errors import DaftnbError, explain
from daftnb.settings import AutoscalingSettings
from daftnb.snapshots.static import headline, static_html, static_text
from daftnb.telemetry import events as e
from daftnb.telemetry.model import State
from daftnb.telemetry.snapshots import select, snapshot_of
from daftnb.telemetry.state import apply
from daftnb.text.reasons import LONGEST_FIRST, Reason, describe_error, reason_of, reason_of_text, told_line
from daftnb.text.tables import clean

# As QueryFinished and the exceptions had them: Daft 0.7.26, Ray 2.59.
TEXTS: list[dict[str, str]] = json.loads((Path(__file__).parent / "enginetexts.json").read_text())
BY_NAME = {(each["runner"], each["what"]): each["text"] for each in TEXTS}


@pytest.mark.parametrize("each", TEXTS, ids=lambda each: f"{each['runner']}: {each['what']}")
def test_the_last_exceptions_type_and_message_lead(each: dict[str, str]) -> None:
    reason = reason_of_text(each["text"])
    assert reason.first == each["first"]
    assert reason_of_text(reason.text).text == reason.text, "told again, it is another"
    assert "\x1b" not in reason.text and "ray::" not in reason.text and "SEKRET" not in reason.text
    if "\n" not in each["text"] or each["text"].count("ray::") or each["text"].startswith("General"):
        assert clean(each["text"])[:300].startswith(each["first"][:200])


def failed(error: str) -> dict[str, Any]:
    state = State()
    for event in (
        e.QueryStarted(1.0, "q", "ray"),
        e.PlanReady(1.1, "q", (e.PlanNode(1, "scan", "", ()),)),
        e.QueryFinished(2.0, "q", "failed", error),
    ):
        apply(event, state)
    return snapshot_of(state, 3.0, "ray", AutoscalingSettings())


def test_every_view_leads_with_it_and_keeps_the_lines_after_it() -> None:
    snapshot = failed(BY_NAME["ray", "several lines"])
    for view in ("cockpit", "plan", "line", "history"):
        part = select(snapshot, view)
        assert headline(part) == "Query 1 (q) on Ray failed after 1.00 s. ValueError: line one"
        text = static_text(part, view).splitlines()
        assert text[1:3] == ["    line two", "      line three"]
        html = static_html(part, view)
        assert "ValueError: line one" in html and "line two<br>  line three" in html
        assert "\ufffd" not in html + "".join(text)
    assert snapshot["queries"]["1"]["error"] == "ValueError: line one\nline two\n  line three"


def test_what_the_rest_says() -> None:
    group = reason_of_text(BY_NAME["ray", "batch, a group"])
    assert group.rest[:2] == ("ValueError: a", "KeyError: 'b'")
    old = reason_of_text(BY_NAME["ray", "old udf"])
    assert old.rest[0].startswith("UDFException: User-defined function `<function old at ")
    rows = "DaftError::ComputeError Error:\n0: DaftError::PyO3Error A: one\n1: DaftError::PyO3Error A: one"
    assert reason_of_text(rows) == Reason("A: one")
    assert reason_of_text(rows + "\n2: DaftError::PyO3Error B: two") == Reason("A: one", ("B: two",))
    causes = "General Exception raised: Generic\n\nCaused by the following errors:\n  1: a b\n  2: c\n  3: d"
    assert reason_of_text(causes) == Reason("a b: d", ("Caused by:", "  a b", "  c", "  d"))


class Unprintable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no")


class UDFException(Exception):
    """As Daft's."""


def test_exceptions() -> None:
    assert describe_error(ValueError("a\nb")) == "ValueError: a ⏎ b"
    assert describe_error(ValueError()) == "ValueError (without a message)"
    assert describe_error(KeyError("k")) == "KeyError: 'k'"
    assert describe_error(Unprintable()) == "Unprintable: its message cannot be read (RuntimeError)"
    assert describe_error(ValueError("lone \ud800, \x1b[31mred\x1b[0m, \x07")) == "ValueError: lone \ufffd, red, \ufffd"
    assert describe_error(ValueError("see https://me:pw@host/")) == "ValueError: see https://***@host/"
    assert len(describe_error(ValueError("x" * 10**6))) == LONGEST_FIRST
    chained = RuntimeError("outer")
    chained.__cause__ = KeyError("inner")
    assert reason_of(chained) == Reason("RuntimeError: outer", ("from KeyError: 'inner'",))
    wrapped = UDFException("User-defined function failed")
    wrapped.__cause__ = ValueError("why")
    assert reason_of(wrapped) == Reason("ValueError: why", ("UDFException: User-defined function failed",))
    looped = RuntimeError("a")
    looped.__cause__ = looped
    assert reason_of(looped).first == "RuntimeError: a"
    assert explain(DaftnbError("what", "Try that")) == "what Try that"


def test_a_group_tells_what_it_holds() -> None:
    group = pytest.importorskip("builtins").__dict__.get("ExceptionGroup")
    if group is None:
        pytest.skip("Python 3.10 has no groups")
    assert reason_of(group("many", [ValueError("a"), KeyError("b")])) == Reason(
        "ExceptionGroup: many (2 sub-exceptions)", ("ValueError: a", "KeyError: 'b'")
    )


class RayTaskError(Exception):
    """As Ray's: its text has frames, ``cause`` the exception."""

    def __init__(self, text: str, cause: BaseException) -> None:
        super().__init__(text)
        self.cause = cause


def test_a_cause_tells_what_rays_text_leaves_out() -> None:
    text = BY_NAME["ray", "batch, what Ray cannot tell"].removeprefix("General Exception raised: ")
    assert reason_of(RayTaskError(text, SyntaxError("invalid syntax"))).first == "SyntaxError: invalid syntax"


@given(st.text() | st.sampled_from(TEXTS).map(lambda each: each["text"]), st.text(max_size=20))
def test_any_text_has_a_first_line_that_can_be_shown(text: str, more: str) -> None:
    reason = reason_of_text(text + more)
    assert reason.first and all(c.isprintable() for c in reason.first + "".join(reason.rest))
    assert len(reason.first) <= LONGEST_FIRST
    assert all(c.isprintable() for c in told_line(text + more))
