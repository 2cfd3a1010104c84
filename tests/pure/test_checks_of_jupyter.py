"""What doctor looks at of Jupyter and of the environment: each kind of finding is provoked, and no secret is shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from daftnb.doctor import jupyter, variables
from daftnb.doctor import page as probe
from daftnb.doctor.page import Answer
from daftnb.text.masking import MASK, masked
from tests.helpers.findings import SECRET, one

# -- Jupyter ----------------------------------------------------------------------------------------------------------

DEFAULT: dict[str, dict[str, Any]] = {jupyter.KERNELS: {}, jupyter.NOTEBOOKS: {}, jupyter.WIDGETS: {}}


@pytest.mark.parametrize(
    ("plugin", "values", "name"),
    [
        (jupyter.KERNELS, {"commsOverSubshells": "disabled"}, "comms over subshells"),
        (jupyter.NOTEBOOKS, {"windowingMode": "full"}, "windowing mode"),
        (jupyter.WIDGETS, {"saveState": True}, "saving widget state"),
    ],
)
def test_a_setting_of_the_page_that_costs_something(plugin: str, values: dict[str, Any], name: str) -> None:
    assert {finding.rank for finding in jupyter.judge_settings(DEFAULT)} == {"ok"}
    found = jupyter.judge_settings(DEFAULT | {plugin: values})
    assert [finding.name for finding in found if finding.rank == "warning"] == [name]
    assert one(found, name).remedy


def test_settings_are_read_with_their_comments_on_top_of_overrides(tmp_path: Path) -> None:
    user, data = tmp_path / "user", tmp_path / "data"
    (data / "lab" / "settings").mkdir(parents=True)
    overrides = {jupyter.NOTEBOOKS: {"windowingMode": "none", "a": "http://x/*no comment*/"}}
    (data / "lab" / "settings" / "overrides.json").write_text(json.dumps(overrides))
    assert jupyter.setting(jupyter.NOTEBOOKS, user, [data]) == overrides[jupyter.NOTEBOOKS]
    own = user / "@jupyterlab" / "notebook-extension" / "tracker.jupyterlab-settings"
    own.parent.mkdir(parents=True)
    own.write_text('{\n  // Notebook\n  /* two\n lines */ "windowingMode": "full", // "x"\n}\n')
    assert jupyter.setting(jupyter.NOTEBOOKS, user, [data])["windowingMode"] == "full"
    own.write_text("{nothing")
    with pytest.raises(ValueError):
        jupyter.setting(jupyter.NOTEBOOKS, user, [data])


def test_settings_that_cannot_be_read_are_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "@jupyterlab" / "notebook-extension" / "tracker.jupyterlab-settings"
    own.parent.mkdir(parents=True)
    own.write_text("[]")
    monkeypatch.setenv("JUPYTERLAB_SETTINGS_DIR", str(tmp_path))
    (found,) = jupyter.settings()
    assert (found.rank, found.detail) == ("warning", f"{jupyter.NOTEBOOKS} cannot be read: it is not an object")


def test_limits_of_the_server() -> None:
    python = "# c.ServerApp.iopub_msg_rate_limit = 5\nc.ServerApp.iopub_data_rate_limit = 1e7\n"
    assert jupyter.read_limits([python]) == jupyter.LIMITS | {"iopub_data_rate_limit": 1e7}
    as_json = json.dumps({"ZMQChannelsWebsocketConnection": {"iopub_msg_rate_limit": 0}, "version": 1})
    line = f"jupyter-lab\n--IdentityProvider.token={SECRET}\n--ServerApp.iopub_data_rate_limit=50_000"
    found = jupyter.read_limits([python, as_json, line])
    assert found == {"iopub_msg_rate_limit": 0.0, "iopub_data_rate_limit": 50_000.0}
    messages, data = jupyter.judge_limits(found)
    assert (messages.rank, messages.detail) == ("ok", "no limit")
    assert (data.rank, data.detail) == (
        "warning",
        "50,000 bytes a second: above that the server drops output, the views' too",
    )
    assert [finding.rank for finding in jupyter.judge_limits(jupyter.LIMITS)] == ["ok", "ok"]
    assert jupyter.judge_limits(jupyter.LIMITS | {"iopub_msg_rate_limit": 20.0})[0].rank == "warning"


def test_extensions_and_subshells() -> None:
    assert jupyter.judge_extensions({"a": True, "b": True}).rank == "ok"
    lacking = jupyter.judge_extensions({"a": True, "anywidget": False})
    assert (lacking.rank, lacking.detail) == ("warning", "anywidget not found in this environment")
    assert [jupyter.judge_subshells(there).rank for there in (True, False)] == ["ok", "warning"]
    assert jupyter.subshells() == []  # no kernel here


@pytest.mark.parametrize(
    ("answer", "waited", "by_a_page", "subshells", "rank", "words"),
    [
        (Answer(0.05, "JupyterLab 4.6.6", True), True, True, True, "ok",
         "JupyterLab 4.6.6 answered after 50.0 ms, while the cell ran: live views work"),
        (Answer(2.0, "", False), True, False, False, "ok",
         "a page answered after 2.00 s, once the cell was over: live views work"),
        (None, False, True, True, "warning", "none within 1.5 s while the cell runs, so daftnb cannot tell yet"),
        (None, False, True, False, "warning",
         "this kernel cannot hear it while the cell runs, so daftnb cannot tell yet"),
        (None, True, True, True, "problem",
         "none within 5 s after the cell: live views do not work in this page"),
        (None, True, False, True, "ok",
         "what runs this notebook is not a page (it names no cell), so views are static: HTML and text"),
    ],
)  # fmt: skip
def test_the_page_s_answer(
    answer: Answer | None, waited: bool, by_a_page: bool, subshells: bool, rank: str, words: str
) -> None:
    finding = probe.judge(answer, waited, by_a_page, subshells)
    assert (finding.rank, finding.detail) == (rank, words)
    assert bool(finding.remedy) == (rank != "ok")


# -- the environment --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("RAY_ADDRESS", "10.0.0.7:6379", "10.0.0.7:6379"),
        ("RAY_ADDRESS", "https://me:hunter2@host:1", "https://…@host:1"),
        ("RAY_AUTH_TOKEN", "short", MASK),
        ("RAY_AUTH_TOKEN", "", "(empty)"),
        ("RAY_AUTH_TOKEN_PATH", "/home/me/.ray/auth_token", "/home/me/.ray/auth_token"),
        ("RAY_AUTH_TOKEN_PATH", SECRET, MASK),
        ("RAY_REDIS_PASSWORD", "hunter2", MASK),
        ("RAY_JOB_HEADERS", "hunter2", MASK),
        ("DAFT_S3_KEY", "hunter2", MASK),
        ("DAFT_ANYTHING", SECRET, MASK),
        ("RAY_JOB_CONFIG_JSON_ENV_VAR", "{}", MASK),
        ("RAY_SOMETHING", '{"env_vars": {"PASSWORD": "hunter2"}}', MASK),
        ("DAFT_LONG", "a b " * 50, ("a b " * 50)[:99] + "…"),
    ],
)
def test_no_secret_is_shown(name: str, value: str, expected: str) -> None:
    assert masked(name, value) == expected


def test_variables_that_are_wrong_or_that_nobody_reads() -> None:
    environment = {
        "DAFT_AUTOSCALING_THRESHOLD": "0.5",
        "DAFT_AUTOSCALING_TRESHOLD": "2",
        "DAFT_SCHEDULER_LINEAR": "1",
        "DAFT_PROGRESS_BAR": "0",
        "RAY_AUTH_TOKEN": SECRET,
        "PATH": "/bin",
    }
    found = variables.variables(environment)
    assert [(finding.name, finding.rank) for finding in found] == [
        ("DAFT_AUTOSCALING_THRESHOLD", "warning"),
        ("DAFT_AUTOSCALING_TRESHOLD", "warning"),
        ("DAFT_SCHEDULER_LINEAR", "ok"),
        ("RAY_AUTH_TOKEN", "ok"),
    ]
    assert "it must be at least 1.0" in found[0].detail
    assert found[1].remedy == "Did you mean DAFT_AUTOSCALING_THRESHOLD?"
    assert SECRET not in str(found)
    assert [finding.name for finding in variables.variables({})] == ["DAFT_*, RAY_*"]
    many = variables.variables({f"DAFT_{i:03}": "x" for i in range(variables.MAX_VARIABLES + 7)})
    assert many[-1].detail == "7 further variables"


@pytest.mark.parametrize(
    ("lines", "environment", "rank", "words"),
    [
        (False, {}, "ok", "not set: Daft shows them"),
        (True, {"DAFT_PROGRESS_BAR": "0"}, "ok", "DAFT_PROGRESS_BAR is 0: daftnb's lines under cells take their place"),
        (True, {"DAFT_PROGRESS_BAR": "1"}, "warning", "beside daftnb's lines under cells"),
        (False, {"DAFT_PROGRESS_BAR": "true"}, "warning", "Daft's Ray runner takes a number there"),
    ],
)
def test_progress_bars(lines: bool, environment: dict[str, str], rank: str, words: str) -> None:
    finding = one(variables.habits(lines, environment), "Daft's progress bars")
    assert finding.rank == rank
    assert words in finding.detail


@pytest.mark.parametrize(
    ("environment", "rank", "words"),
    [
        ({}, "ok", "on: Daft reports its use"),
        ({"DO_NOT_TRACK": "true"}, "ok", "off: DO_NOT_TRACK is true"),
        ({"DAFT_ANALYTICS_ENABLED": "0"}, "ok", "off: DAFT_ANALYTICS_ENABLED is 0"),
        ({"DO_NOT_TRACK": "True"}, "warning", "on: DO_NOT_TRACK is True, which Daft does not understand"),
    ],
)
def test_telemetry_is_read_as_daft_reads_it(
    environment: dict[str, str], rank: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from daft.scarf_telemetry import opted_out

    finding = one(variables.habits(False, environment), "Daft's telemetry")
    assert finding.rank == rank
    assert finding.detail.startswith(words)
    for name in variables.DECLINES:
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert opted_out() == finding.detail.startswith("off")
