"""%daft: every command is told, and a slip gets one line, if it is not long, and no traceback."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from daftnb import magics
from daftnb.demo.headless import judge
from daftnb.engine import internals
from daftnb.errors import DaftnbError
from daftnb.telemetry.host import Still
from daftnb.widgets.views import Plan


@pytest.fixture
def session() -> Any:
    started = []
    return SimpleNamespace(
        start=lambda size, progress: started.append(size), started=started, stop=lambda: False, off={}
    )


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("strat", "%daft has no verb 'strat'."),
        ("start --min two", "%daft start: --min cannot be 'two': it is not a whole number."),
        ("start --min 5 --max 2", "--min 5 is more than --max 2."),
        ("start --cpus 0", "--cpus must be at least 1 (got 0)."),
        ("start --idle-timeout nan", "--idle-timeout must be at least 1 (got nan)."),
        ("start --idle-timeout inf", "--idle-timeout must be at least 1 (got inf)."),
        ("start --gpus -1", "--gpus must be a whole number from 0 to 64 (got -1)."),
        ("start --gpus 1000000000", "--gpus must be a whole number from 0 to 64 (got 1000000000)."),
        ("start --gpus 0.5", "%daft start: --gpus cannot be '0.5': it is not a whole number."),
        ("set threshold", "'threshold' is not NAME=VALUE."),
        ("set treshold=2", "There is no setting 'treshold'"),
        ("set 'threshold=2", "no closing quotation"),
        ("workers now", "%daft workers does not take 'now'."),
        ("plan now", "there is no dataframe called 'now' in this notebook."),
    ],
)
def test_a_slip_is_told_with_what_to_type_next(session: Any, line: str, what: str) -> None:
    with pytest.raises(DaftnbError) as caught:
        magics.run(line, session)
    assert what in caught.value.what
    (shown,) = caught.value._render_traceback_()
    assert shown == f"daftnb: {caught.value.what} {caught.value.remedy}"
    assert "Try" in caught.value.remedy
    assert session.started == []


def test_start_takes_its_options(session: Any) -> None:
    magics.run("start --min 2 --max 3 --cpus 2 --idle-timeout 12.5 --gpus 4", session)
    size = session.started[0]
    assert (size.min_workers, size.max_workers, size.cpus, size.idle_timeout, size.gpus) == (2, 3, 2, 12.5, 4)


def test_help_names_every_command_and_setting(session: Any, capsys: pytest.CaptureFixture[str]) -> None:
    magics.run("help", session)
    magics.run("help start", session)
    text = capsys.readouterr().out
    words = "start stop status cockpit plan workers backlog decisions history controls settings set auto save open"
    for word in (*words.split(), "compare", "--idle-timeout", "DAFT_AUTOSCALING_THRESHOLD", "DAFT_SCHEDULER_LINEAR"):
        assert word in text


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("df", "df is of type int, not a Daft dataframe: it has no plan."),
        ("none", "there is no dataframe called 'none' in this notebook."),
        ("df + 4", "df + 4 is of type int, not a Daft dataframe: it has no plan."),
    ],
)
def test_the_plan_of_a_name_that_is_no_dataframe(
    session: Any, name: str, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell = SimpleNamespace(user_ns={"df": 3, "none": None})
    monkeypatch.setattr("IPython.core.getipython.get_ipython", lambda: shell)
    with pytest.raises(DaftnbError) as caught:
        magics.run(f"plan {name}", session)
    assert caught.value.what == what
    assert caught.value.remedy == "Try %daft plan df"


def test_without_the_names_it_needs_there_is_no_plan_of_a_dataframe() -> None:
    off = f"{internals.PLANS}: off, because …"
    with pytest.raises(DaftnbError) as caught:
        Plan.of(Still({}), {internals.PLANS: off}, None, "df")
    assert caught.value._render_traceback_() == [f"daftnb: {off} Use Daft's own: df.explain(show_all=True)."]


def seen(**changes: Any) -> dict[str, Any]:
    query = {
        "state": "finished",
        "runner": "ray",
        "elapsed": 1.0,
        "tasks": 9,
        "peak_ratio": 9.0,
        "workers_from": 1,
        "workers_to": 4,
    }
    base = {
        "session": {"problems": {}},
        "queries": {str(i): {**query, "number": i} for i in range(1, 6)},
        "settings": {"rows": {"threshold": {"in_effect": "2.0"}}},
    }
    return {**base, **changes}


def test_the_headless_demo_is_judged_by_what_happened(capsys: pytest.CaptureFixture[str]) -> None:
    assert judge(seen()) == 0
    assert judge(seen(session={"problems": {"0": "x"}})) == 1
    assert judge(seen(settings={"rows": {"threshold": {"in_effect": "1.25"}}})) == 1
    few = seen()
    for query in few["queries"].values():
        query["workers_to"] = 1
    assert judge(few) == 1
    few["queries"] = {}
    assert judge(few) == 1
    assert "NO   workers went from 1 to at least 2" in capsys.readouterr().out
    assert judge(seen(), on_ray=False) == 1
    native = seen()
    for query in native["queries"].values():
        query["runner"] = "native"
    assert judge(native, on_ray=False) == 0
    assert judge(native) == 1
