"""The benchmarks as a suite: which are run, what becomes of one that fails, the slope of a curve, the table."""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path

import pytest

from daftnb.recordings import Recording
from daftnb.telemetry import events as e
from tests.benchmarks import bottleneck
from tests.benchmarks.__main__ import listed, main
from tests.benchmarks.figures import Figure, Goal, Missing, Report, Unmeasured, differences, exponent, line
from tests.benchmarks.peers import python_with
from tests.benchmarks.suite import BENCHMARKS, Benchmark, run, run_here, select
from tests.benchmarks.table import table
from tests.helpers.called import PLAN, T, begun, runs
from tests.helpers.called import ended as task_ended
from tests.helpers.recorded import recorded

FIGURE = Figure("area", "before", "s", (1.0,))


def good(report: Report) -> None:
    report.add(Figure("good", "process", "", (float(os.getpid()),)))


def raises(report: Report) -> None:
    report.add(FIGURE)
    raise ValueError("no such\nnumber")


def lacks(report: Report) -> None:
    report.add(FIGURE)
    raise Missing("no Chromium on this machine")


def dies(report: Report) -> None:
    os._exit(3)


def ended(report: Report) -> None:
    report.add(FIGURE)
    os.kill(os.getpid(), signal.SIGTERM)


def hangs(report: Report) -> None:
    threading.Event().wait()


def of(name: str) -> Benchmark:
    return Benchmark(name, 1, f"what {name} does", module=__name__, function=name)


def test_without_a_name_all_that_are_not_long_and_by_name_any() -> None:
    one, two, long = Benchmark("one", 1, ""), Benchmark("two", 1, ""), Benchmark("three", 1, "", long=True)
    assert select([], [one, two, long]) == [one, two]
    assert select(["three", "one", "three"], [one, two, long]) == [long, one]
    with pytest.raises(ValueError, match=r"no benchmark is called four; there are one, two, three"):
        select(["one", "four"], [one, two, long])


def test_every_benchmark_is_there_and_called_by_one_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len({each.name for each in BENCHMARKS}) == len(BENCHMARKS)
    called: list[object] = []
    for each in BENCHMARKS:
        monkeypatch.setattr(f"{each.module or 'tests.benchmarks.' + each.name}.{each.function}", called.append)
        report = Report()
        each.measure(report)
        assert called.pop() is report
    assert sum(each.seconds for each in select([])) <= 900, "those that are run without a name"
    assert all(f"  {each.name} " in listed() for each in BENCHMARKS)


def test_what_raises_is_not_measured_and_keeps_what_it_found(capsys: pytest.CaptureFixture[str]) -> None:
    report = Report()
    assert not run_here(of("raises"), report)
    assert report.figures == [FIGURE]
    assert report.unmeasured == [Unmeasured("raises", "what raises does", "ValueError: no such number")]
    assert "in raises" in capsys.readouterr().err, "where, for who mends it"


def test_what_is_missing_is_not_a_failure() -> None:
    report = Report()
    assert run_here(of("lacks"), report)
    assert report.figures == [FIGURE]
    assert report.unmeasured == [Unmeasured("lacks", "what lacks does", "no Chromium on this machine")]


def test_the_run_goes_on_after_one_that_raises_dies_or_hangs(tmp_path: Path) -> None:
    report = Report()
    assert not run([of("raises"), of("dies"), of("good")], report, tmp_path / "found.json")
    assert [(each.area, each.why) for each in report.unmeasured] == [
        ("raises", "ValueError: no such number"),
        ("dies", "its process ended with 3"),
    ]
    before, last = report.figures
    assert before == FIGURE
    assert last.ours != (float(os.getpid()),), "in a process of its own"
    assert list(report.took) == ["raises", "dies", "good"]
    assert Report.read(tmp_path / "found.json") == report


def test_one_that_is_ended_from_outside_keeps_what_it_found(tmp_path: Path) -> None:
    report = Report()
    assert not run([of("ended")], report, tmp_path / "found.json")
    assert report.figures == [FIGURE]
    assert report.unmeasured == [Unmeasured("ended", "what ended does", "its process ended with 143")]
    report = Report()
    assert not run([of("hangs")], report, tmp_path / "found.json", longest=0.1)
    assert report.unmeasured == [Unmeasured("hangs", "what hangs does", "not over after 0 s")]
    assert run([of("lacks")], Report(), tmp_path / "found.json")


def test_a_slope_is_the_exponent_of_growth() -> None:
    sizes = (1.0, 10.0, 100.0, 1000.0)
    assert exponent(sizes, [3 * size**1.5 for size in sizes]) == pytest.approx(1.5)
    assert exponent(sizes, [7.0] * 4) == pytest.approx(0)
    # Not on a line: ln y of 0, 1, 1 over ln x of 0, 1, 2 has the least squares at 1/2.
    e = 2.718281828459045
    assert exponent((1.0, e, e * e), (1.0, e, e)) == pytest.approx(0.5)
    with pytest.raises(ValueError, match="positive"):
        exponent(sizes, (1.0, 0.0, 1.0, 1.0))


def test_a_curve_is_said_point_by_point_and_compared_by_its_exponent() -> None:
    one = Figure("growth", "memory, by tasks", "kB", (3.0, 30.0, 300.0), at=(10.0, 1000.0, 100_000.0))
    assert line(one) == "memory, by tasks: 10: 3, 1k: 30, 100k: 300 kB; exponent 0.50"
    two = Figure("growth", "memory, by tasks", "kB", (3.0, 3.0, 3.0), at=one.at)
    (said,) = differences(Report([one], machine={}), Report([two], machine={}))
    assert said == (
        "growth, memory, by tasks: 10: 3, 1k: 30, 100k: 300 → 10: 3, 1k: 3, 100k: 3 kB, exponent 0.50 → 0.00"
    )


def test_the_table_says_what_is_beside_what_is_missed_and_what_is_not_measured() -> None:
    report = Report(machine={"cores": 2}, took={"first": 61.2})
    report.figures = [
        Figure("first", "a query", "s", (2.0, 3.0, 2.0), "Daft", (4.0, 4.0, 4.0), Goal("p95", 3), "generated"),
        Figure("first", "memory", "MiB", (12.0,), goal=Goal("median", 10), note="generated"),
        Figure("second", "frames", "1/s", (60.0,), goal=Goal("median", 50, "least")),
        Figure("second", "time", "s", (2.0, 2.0), at=(1.0, 1000.0)),
    ]
    report.unmeasured = [Unmeasured("second", "pixels", "no Chromium on this machine")]
    assert table(report).splitlines() == [
        "cores 2",
        "  figure   ours                          beside         ratio           goal",
        "first (61 s)",
        "  a query  2 (2–3) s, p95 3              Daft: 4 (4–4)  0.5 (0.5–0.75)  p95 at most 3, met",
        "  memory   12 MiB                                                       median at most 10, NOT MET",
        "    generated",
        "second",
        "  frames   60 1/s                                                       median at least 50, met",
        "  time     1: 2, 1k: 2 s; exponent 0.00",
        "goals met: 2 of 3; not met:",
        "  first, memory: 12 MiB, median at most 10, NOT MET",
        "not measured:",
        "  second, pixels: no Chromium on this machine",
    ]


def test_a_peer_is_looked_for_in_the_environments_that_were_given(tmp_path: Path) -> None:
    assert python_with((str(tmp_path / "no-python"), sys.executable), "json", "pytest") == sys.executable
    with pytest.raises(Missing, match="no_such_module not installed"):
        python_with((sys.executable,), "no_such_module")


def test_the_command_lists_compares_and_refuses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list"]) == 0
    assert listed() in capsys.readouterr().out
    with pytest.raises(SystemExit) as exit_:
        main(["no-such-benchmark"])
    assert exit_.value.code == 2
    assert "no benchmark is called no-such-benchmark" in capsys.readouterr().err
    for name, value in (("one", 1.0), ("two", 2.0)):
        Report([Figure("a", "b", "s", (value,))], machine={}).write(tmp_path / f"{name}.json")
    assert main(["compare", str(tmp_path / "one.json"), str(tmp_path / "two.json")]) == 0
    assert capsys.readouterr().out == "a, b: 1 → 2 s (+100.0%), ranges apart\n"


def test_who_leads_is_judged_once_the_operator_has_taken_a_second() -> None:
    """A scan of 4 s, then 6 s of sorting: the sort takes the most in the end, and leads once it has taken 4 s."""
    plan = (e.PlanNode(1, "ScanTaskSource", "", ()), e.PlanNode(2, "Sort", "", (1,)))
    steps = [event for t in range(1, 11) for event in runs(t, 1 if t <= 4 else 2, *([0.0] if t <= 4 else [4.0]))]
    events = [
        *begun(plan=plan)[:3],
        *steps[:8],
        task_ended(0, 4, 1),
        e.OperatorStats(T + 4, "q", 1, duration_us=4_000_000),
        *steps[8:],
        task_ended(4, 10, 2, 1),
        e.OperatorStats(T + 10, "q", 2, duration_us=6_000_000),
        e.QueryFinished(T + 10, "q", "finished"),
    ]
    (judged,) = bottleneck.judge(Recording([recorded(events).reel(1)], "a test"))
    assert (judged.operator, judged.moments) == ("Sort", 100), "from 5 s on, of 10"
    assert (judged.leads, judged.then) == (39, 100), "after 8 s; until then the scan had taken more"


def test_an_operator_of_which_nobody_tells_the_time_never_leads() -> None:
    pool = (PLAN[0], e.PlanNode(2, "ActorUDF", "", (1,)))
    events = [*begun(plan=pool)[:3], *runs(1, 2, 0.5), task_ended(0.5, 9, 2), *runs(9, 2, finished=1)]
    events += [e.OperatorStats(T + 9, "q", 1, duration_us=50), e.QueryFinished(T + 10, "q", "finished")]
    (judged,) = bottleneck.judge(Recording([recorded(events).reel(1)], "a test"))
    assert (judged.operator, judged.moments, judged.leads) == (bottleneck.UNKNOWN, bottleneck.MOMENTS, 0)
