"""``daftnb diff``: conditions on two runs, their report, and the exit status for CI."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daftnb import cli
from daftnb.errors import DaftnbError
from daftnb.export.conditions import COMPARED, METRICS, judge, parse
from daftnb.export.report import escaped, markdown_of
from daftnb.recordings import Recording
from daftnb.telemetry import events as e
from tests.helpers.recorded import recorded


def run(folder: Path, name: str, seconds: float, rows: int = 100, outcome: Any = "finished", scan: str = "scan") -> str:
    """The file of a query on the native runner that took so long."""
    events = [
        e.QueryStarted(1000.0, name, "native"),
        e.PlanReady(1000.0, name, (e.PlanNode(0, scan, "Source", ()), e.PlanNode(1, "sink", "Sink", (0,)))),
        e.OperatorStats(1000.1, name, 0, None, rows, None, 8 * rows, round(seconds * 1e6)),
        e.OperatorStats(1000.1, name, 1, rows, rows, 8, 8, 0),
        e.QueryFinished(1000.0 + seconds, name, outcome, "why\nmore" if outcome == "failed" else None, rows),
    ]
    path = folder / f"{name}.arrow"
    Recording([recorded(events).reel(1)], "a test").save(path)
    return str(path)


COMPARISON: dict[str, Any] = {
    "totals": [
        {"total": "seconds", "a": 10.0, "b": 12.0, "ratio": 1.2},
        {"total": "rows", "a": 0, "b": 5, "ratio": None},
        {"total": "tasks", "a": None, "b": None, "ratio": None},
    ],
    "operators": [
        {"in": "both", "name": "scan", "seconds_a": 1.0, "seconds_b": 3.0, "rows_a": 9, "rows_b": 9},
        {"in": "both", "name": "sort", "seconds_a": 2.0, "seconds_b": 2.0, "rows_a": 9, "rows_b": None},
        {"in": "b", "name": "new", "seconds_a": None, "seconds_b": 90.0, "rows_a": None, "rows_b": 9},
    ],
}


@pytest.mark.parametrize(
    ("text", "verdict", "why"),
    [
        ("seconds > 1.2x", "does not hold", "1.2x"),
        ("seconds>=1.2x", "holds", "1.2x"),
        (" seconds > 11 ", "holds", "12"),
        ("seconds < 11", "does not hold", "12"),
        ("rows != 1x", "not known", "the ratio is not known"),
        ("rows == 5", "holds", "5"),
        ("rows != 5", "does not hold", "5"),
        ("tasks > 0", "not known", "the value is not known"),
        ("peak_ratio > 0", "not known", "the value is not known"),
        ("operator.seconds > 2x", "holds", "3x (scan)"),
        ("operator.seconds > 50", "does not hold", "of 2 operators for none"),
        ("operator.rows <= 9", "holds", "9 (scan)"),
    ],
)
def test_a_condition_is_judged_by_what_is_known(text: str, verdict: str, why: str) -> None:
    judged = judge(parse(text), COMPARISON)
    assert (judged.verdict, judged.why) == (verdict, why)


@pytest.mark.parametrize(
    "text",
    [
        *("", "seconds", "seconds > ", "seconds > x", "> 1", "seconds > -1", "seconds => 1", "seconds > 1.2 y"),
        *("second > 1x", "seconds > 1x and rows > 2", "__import__('os') > 1", "seconds > 1e999", "operator.x > 1"),
        *("seconds > 1" + "0" * 200, "seconds > ١"),
    ],
)
def test_what_is_no_condition_is_refused(text: str) -> None:
    with pytest.raises(DaftnbError) as refused:
        parse(text)
    assert "\n" not in refused.value.what


def test_a_slip_is_told_what_was_meant() -> None:
    with pytest.raises(DaftnbError, match="Try seconds"):
        parse("secnds > 2x")


@given(st.sampled_from(METRICS), st.sampled_from([*COMPARED]), st.floats(0, 1e12, allow_nan=False), st.booleans())
def test_each_condition_of_the_grammar_is_read_as_it_was_written(
    metric: str, compared: str, number: float, relative: bool
) -> None:
    found = parse(f"{metric} {compared} {number!r}{'x' * relative}")
    assert (found.metric, found.compared, found.number, found.relative) == (metric, compared, number, relative)


def test_the_status_says_what_came_of_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a, b = run(tmp_path, "a", 1.0), run(tmp_path, "b", 1.5)
    failed = run(tmp_path, "f", 0.5, outcome="failed")

    def status(*arguments: str) -> int:
        return cli.main(["diff", *arguments])

    assert status(a, b) == 0
    assert status(a, b, "--fail-on", "seconds > 2x") == 0
    assert status(a, b, "--fail-on", "seconds > 2x", "--fail-on", "seconds > 1.2x") == 1
    assert status(a, b, "--fail-on", "tasks > 2x") == 2
    assert status(a, b, "--fail-on", "tasks > 2x", "--fail-on", "rows == 100") == 1
    assert status(a, failed) == 0 and status(failed, failed, "--fail-on", "seconds > 2x") == 0
    capsys.readouterr()
    assert status(a, failed, "--fail-on", "seconds > 2x") == 1
    assert capsys.readouterr().err == "the second run failed, and the first did not\n"
    for wrong in ((a, str(tmp_path / "absent.arrow")), (a, b, "--fail-on", "nonsense")):
        assert status(*wrong) == 2
        said = capsys.readouterr()
        assert said.out == "" and said.err.startswith("daftnb: ") and "Traceback" not in said.err


def test_the_report_goes_to_a_file_and_the_conditions_to_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a, b = run(tmp_path, "a", 1.0), run(tmp_path, "b", 1.5)
    report = tmp_path / "report.md"
    assert cli.main(["diff", a, b, "--fail-on", "seconds > 1.2x", "--markdown", str(report)]) == 1
    assert capsys.readouterr().out == "holds: seconds > 1.2x: 1.5x\n"
    lines = report.read_text().splitlines()
    assert "| ❌ holds | seconds \\> 1.2x | 1.5x |" in lines
    assert "| seconds | 1.00 s | 1.50 s | 1.5 × |" in lines
    assert "| scan | 1.00 s | 1.50 s | 1.5 × | 100 | 100 | 1 × |" in lines
    report.unlink()
    assert cli.main(["diff", a, b, "--markdown", str(tmp_path / "absent" / "report.md")]) == 2
    assert "No such file or directory" in capsys.readouterr().err


def test_texts_of_others_are_no_markup(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    evil = "<b>|`x`\n# head [a](http://b)"
    a, b = run(tmp_path, "a", 1.0, scan=evil), run(tmp_path, "b", 1.0, scan=evil)
    assert cli.main(["diff", a, b]) == 0
    lines = capsys.readouterr().out.splitlines()
    (row,) = [line for line in lines if "head" in line]
    assert row.startswith("| \\<b\\>\\|\\`x\\` ⏎ \\# head \\[a\\]\\(http\\://b\\) | 1.00 s |")
    assert len([line for line in lines if line.startswith("#")]) == 1
    assert escaped("plain name") == "plain name"


def test_of_very_many_operators_the_first_are_listed() -> None:
    row = {"in": "a", "name": "n", **{f"{m}_{s}": None for m in ("seconds", "rows") for s in ("a", "b", "ratio")}}
    runs = [{"number": 1, "id": "q", "state": "finished"}] * 2
    text = markdown_of({"runs": runs, "totals": [], "settings": {}, "operators": [row] * 40}, ("a", "b"))
    assert text.count("| n (only in a) |") == 30 and text.endswith("\nand 10 more operators\n")
