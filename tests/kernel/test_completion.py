"""Tab in %daft lines: what is offered, that it is fast and never raises, and that a real kernel gives it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import daft
import pytest
from hypothesis import given
from hypothesis import strategies as st

import daftnb
from daftnb import settings
from daftnb.commands import registry
from daftnb.commands.completion import IDENTIFIER, complete, matcher_of
from daftnb.telemetry import events as e
from tests.helpers.fakesession import FakeSession, native
from tests.helpers.magiclines import LINES


class Known(FakeSession):
    """A session with three queries, of which one runs, that has been at one cluster."""

    addresses = ["ray://head:10001"]

    def __init__(self) -> None:
        super().__init__(*native(1, 0.0, 0.1), *native(2, 1.0, 0.1), *native(3, 2.0, None))

    @property
    def settings(self) -> settings.AutoscalingSettings:
        return settings.current()


@cache
def variables() -> dict[str, Any]:
    """A notebook's; no dataframe is made when the module is read: Daft keeps the runner that a process began with."""
    return {**{name: daft.from_pydict({"a": [1]}) for name in ("df", "horses", "_")}, "count": 3}


@pytest.fixture(scope="module")
def known() -> Iterator[Any]:
    session = Known()
    yield session
    session.monitor.stop()


@pytest.mark.parametrize(
    ("line", "word", "found"),
    [
        ("%daft st", "st", ["start", "stop", "status"]),
        ("  %daft   sto", "sto", ["stop"]),
        ("%daft start --", "--", ["--min", "--max", "--cpus", "--idle-timeout", "--autoscaler", "--gpus"]),
        ("%daft start --min 2 --m", "--m", ["--max"]),
        ("%daft start --min ", "", []),
        ("%daft set th", "th", ["threshold="]),
        ("%daft set threshold=2 ", "", ["downscale=", "idle_seconds=", "survivors=", "linear=", "growth="]),
        ("%daft set growth=", "growth=", ["growth=step", "growth=needed", "growth=double"]),
        ("%daft set threshold=", "threshold=", ["threshold=1.5", "threshold=1.25"]),
        ("%daft set downscale=o", "downscale=o", ["downscale=on", "downscale=off"]),
        ("%daft get threshold d", "d", ["downscale", "default_morsel_size", "dynamic_batching_strategy"]),
        ("%daft set threshold=2 DAFT_ME", "DAFT_ME", ["DAFT_MEMORY_LIMIT="]),
        ("%daft set DAFT_MEMORY_LIMIT=", "DAFT_MEMORY_LIMIT=", []),
        (
            "%daft set DAFT_MAX_ASYNC_UDF_INFLIGHT_TASKS=",
            "DAFT_MAX_ASYNC_UDF_INFLIGHT_TASKS=",
            ["DAFT_MAX_ASYNC_UDF_INFLIGHT_TASKS=64"],
        ),
        ("%daft set maintain_order=", "maintain_order=", ["maintain_order=true", "maintain_order=false"]),
        ("%daft set sample_size_for_sort=", "sample_size_for_sort=", ["sample_size_for_sort=20"]),
        ("%daft set maintain_order=off m", "m", ["max_sources_per_scan_task=", "min_cpu_per_task="]),
        ("%daft reset shuffle_a", "shuffle_a", ["shuffle_aggregation_default_partitions", "shuffle_algorithm"]),
        ("%daft settings -", "-", ["--all"]),
        ("%daft plan ", "", ["df", "horses", "3", "2", "1"]),
        ("%daft plan h", "h", ["horses"]),
        ("%daft plan df ", "", []),
        ("%daft connect ", "", ["auto", "ray://head:10001"]),
        ("%daft connect ray://h", "ray://h", ["ray://head:10001"]),
        ("%daft cancel ", "", ["q3"]),
        ("%daft compare 3 q", "q", ["q3", "q2", "q1"]),
        ("%daft save run.arrow --query ", "", ["3", "2", "1", "q3", "q2", "q1"]),
        ("%daft save run.arrow --query 3 ", "", ["--all"]),
        ("%daft auto ", "", ["on", "off"]),
        ("%daft env --k", "--k", ["--kuberay"]),
        ("%daft help set", "set", ["settings", "set"]),
        ("%%daft --q", "--q", ["--quiet"]),
        ("%%daft --set threshold=2 li", "li", ["linear="]),
        ("%%daft --set threshold=2 --", "--", ["--set", "--name", "--quiet"]),
        ("%%daft --name ", "", []),
        ("%daft nothing ", "", []),
        ("%daft save 'run", "'run", []),
        ("%daft save 'my run", "run", []),
        ("daft.st", "", []),
        ("%daft", "", []),
        ("%%time", "", []),
    ],
)
def test_what_is_offered(
    line: str,
    word: str,
    found: list[str],
    known: Any,
    clean_settings: None,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    settings.set(threshold=1.5)
    assert complete(line, known, variables()) == (word, found)


def test_recordings_are_found_in_their_folders(known: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    for name in ("run.arrow", "other.txt", "runs/old.arrow", "runs/.hidden.arrow", "my run.arrow"):
        (tmp_path / name).touch()
    assert complete("%daft open ", known, {})[1] == ["run.arrow", "runs/"]
    assert complete("%daft open runs/", known, {})[1] == ["runs/old.arrow"]
    assert complete(f"%daft open {tmp_path}/ru", known, {})[1] == [f"{tmp_path}/run.arrow", f"{tmp_path}/runs/"]
    assert complete("%daft open nowhere/", known, {})[1] == []


def test_every_mode_with_a_name_is_offered(known: Any) -> None:
    named = [name for name in registry.modes() if name]
    assert complete("%%daft ", known, {})[1] == [*named, "--set", "--name", "--quiet"]


@given(st.one_of(LINES.map(lambda line: f"%daft {line}"), LINES.map(lambda line: f"%%daft {line}"), st.text()))
def test_no_line_makes_it_raise(known: Any, line: str) -> None:
    word, found = complete(line, known, variables())
    assert all(text.startswith(word) for text in found)


def test_many_variables_and_files_are_offered_too(known: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for number in range(2000):
        (tmp_path / f"run{number}.arrow").touch()
    many = {f"v{number}": number for number in range(20_000)} | variables()
    for line in ("%daft ", "%daft plan ", "%daft set ", "%daft open ", "%daft compare "):
        assert complete(line, known, many)[1], line


def test_what_goes_wrong_is_told_and_offers_nothing() -> None:
    told: list[e.Event] = []
    session: Any = SimpleNamespace(monitor=SimpleNamespace(emit=told.append))  # without what a session has
    matcher = matcher_of(SimpleNamespace(user_ns={}), session)  # type: ignore[arg-type]
    line = "%daft connect "
    given_ = matcher(SimpleNamespace(full_text=line, cursor_line=0, cursor_position=len(line)))
    assert list(given_["completions"]) == []
    (problem,) = told
    assert isinstance(problem, e.ProblemFound)
    assert "Tab in a %daft line failed: AttributeError" in problem.text


# -- in a real kernel, and in the shell that a terminal has -----------------------------------------------------------


@pytest.fixture(scope="module")
def kernel() -> Iterator[Any]:
    from jupyter_client.manager import start_new_kernel

    manager, client = start_new_kernel(kernel_name="python3", env={**os.environ, "DO_NOT_TRACK": "true"})
    try:
        yield client
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


@pytest.fixture(scope="module")
def tab(kernel: Any) -> Callable[[str], list[str]]:
    def ask(code: str) -> list[str]:
        """Each completion as the line it makes."""
        asked = kernel.complete(code, len(code))
        while True:
            reply = kernel.get_shell_msg(timeout=30)
            if reply["parent_header"].get("msg_id") == asked:
                content = reply["content"]
                assert content["cursor_end"] == len(code)
                return [code[: content["cursor_start"]] + match for match in content["matches"]]

    return ask


def test_a_kernel_completes_while_it_is_loaded(kernel: Any, tab: Callable[[str], list[str]]) -> None:
    def run(code: str) -> None:
        reply = kernel.execute_interactive(code, timeout=60, output_hook=lambda message: None)
        assert reply["content"]["status"] == "ok", reply["content"]

    run("%load_ext daftnb\n%reload_ext daftnb\nimport daft\nhorses = daft.from_pydict({'a': [1]})\nother = 1")
    assert tab("%daft sto") == ["%daft stop"]
    assert tab("x = 1\n%daft set threshold=2 downscale=o") == [
        "x = 1\n%daft set threshold=2 downscale=on",
        "x = 1\n%daft set threshold=2 downscale=off",
    ]
    assert tab("%daft plan ") == ["%daft plan horses"]
    assert tab("%daft start --id") == ["%daft start --idle-timeout"]
    assert tab("%%daft --qu") == ["%%daft --quiet"]
    assert "%%daft --set" in tab("%%daft ")
    run("r = horses.limit(1).collect()\nimport daftnb\n_ = daftnb.get_session().snapshot()")
    assert tab("%daft save run.arrow --query ")[0] == "%daft save run.arrow --query 1"
    assert tab("%%daft\nhorses.coll") == ["%%daft\nhorses.collect"]  # the cell's own lines are Python's
    offered = [line for line in tab("daftnb.") if not line.startswith("daftnb.__")]
    assert set(offered) == {f"daftnb.{name}" for name in daftnb.__all__}, "what is for users, and no import of ours"
    run("%unload_ext daftnb")
    assert "%daft stop" not in tab("%daft sto")
    run(
        "shell = get_ipython()\n"
        f"assert {IDENTIFIER!r} not in [m.matcher_identifier for m in shell.Completer.custom_matchers]\n"
        "assert not [t for t in shell.input_transformers_cleanup if getattr(t, '__name__', '') == 'plain_cell']\n"
        "assert 'daft' not in shell.magics_manager.magics['cell']"
    )
