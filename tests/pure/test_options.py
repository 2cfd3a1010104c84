"""Daft's options beside the settings: what is set, refused and told, and that the engine acts on it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import daft
import pytest

from daftnb import magics, options, settings
from daftnb.commands.tuning import env_text
from daftnb.engine import executionconfig
from daftnb.engine.executionconfig import Field
from daftnb.errors import SettingError
from daftnb.options.known import FIELDS, INITIAL, NOT_KNOWN, VARIABLES
from daftnb.options.listing import OptionTable
from daftnb.settings import SETTINGS, AutoscalingSettings

LIMIT = "DAFT_MEMORY_LIMIT"


@pytest.fixture(autouse=True)
def put_back(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    config, kept = daft.context.get_context().daft_execution_config, dict(os.environ)
    for name in [name for name in os.environ if name.startswith("DAFT_") or name in VARIABLES]:
        del os.environ[name]
    yield
    monkeypatch.undo()
    daft.set_execution_config(config=config)
    os.environ.clear()
    os.environ.update(kept)


def told(name: str) -> object:
    """A field as Daft has it."""
    return getattr(daft.context.get_context().daft_execution_config, name)


# -- what there is ----------------------------------------------------------------------------------------------------


def test_every_variable_that_is_named_is_in_the_installed_daft() -> None:
    package = Path(daft.__file__).parent
    binary = next(package.glob("daft*.so")).read_bytes()
    names = [*(name for name in VARIABLES if not name.startswith("DAFTNB_")), *INITIAL.values()]
    assert [name for name in names if name.encode() not in binary] == []


def test_what_is_known_of_fields_is_of_fields_that_the_installed_daft_has() -> None:
    fields = executionconfig.fields()
    assert {*INITIAL, *FIELDS} <= {*fields}
    assert {name for name, field in fields.items() if field.kind == "not known"} == set()
    for name, field in fields.items():
        assert field.value is None or type(field.value[0]) is type(getattr(field.default, "__getitem__", id)(0)), name


class Warp:
    """A kind of value that nobody knows."""


def test_a_field_that_nobody_knows_is_shown_and_cannot_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    class Config:
        known = 3
        speed = "fast"

        @property
        def get_hidden(self) -> int:
            return 7

    def set_execution_config(
        config: Any = None, known: Any = None, speed: Any = None, hidden: Any = None, mystery: Warp | None = None
    ) -> None:
        raise AssertionError("nothing is set")

    monkeypatch.setattr(daft, "set_execution_config", set_execution_config)
    context = SimpleNamespace(daft_execution_config=Config())
    monkeypatch.setattr(daft.context, "get_context", lambda: context)
    assert executionconfig.fields() == {
        "known": Field("known", "whole number", (3,), (3,)),
        "speed": Field("speed", "text", ("fast",), ("fast",)),
        "hidden": Field("hidden", "whole number", (7,), (7,)),
        "mystery": Field("mystery", "not known", None, None),
    }
    row = next(row for row in options.table().groups["Fields of daft.set_execution_config"] if row.name == "mystery")
    assert (row.now, row.default, row.where, row.when) == (NOT_KNOWN,) * 4
    with pytest.raises(SettingError, match=r"What kind of value mystery takes is not known here\."):
        options.set(mystery="1")


def test_a_daft_without_the_function_has_no_fields(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(daft, "set_execution_config")
    assert executionconfig.fields() == {}
    assert "Fields of daft.set_execution_config" not in options.table().groups


# -- setting ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("default_morsel_size", "1000", 1000),
        ("DEFAULT-MORSEL-SIZE", 1000, 1000),
        ("maintain_order", "off", False),
        ("hash_join_partition_size_leniency", "0.25", 0.25),
        ("shuffle_algorithm", "map_reduce", "map_reduce"),
        ("flight_shuffle_compression", "none", None),
        ("flight_shuffle_compression", None, None),
    ],
)
def test_a_field_is_set_by_its_kind_and_reset(name: str, text: object, value: object) -> None:
    options.set(**{name: text})
    field = name.lower().replace("-", "_")
    assert told(field) == value
    options.reset(name)
    assert executionconfig.fields()[field].value == executionconfig.fields()[field].default


def test_what_daft_does_not_tell_is_set_and_not_reset() -> None:
    options.set(native_parquet_writer="off", flight_shuffle_dirs=["/a", "/b"])
    assert options.check(flight_shuffle_dirs="/a, /b") == ({}, {"flight_shuffle_dirs": ["/a", "/b"]})
    assert options.value("native_parquet_writer") is None
    with pytest.raises(SettingError, match=r"native_parquet_writer cannot be reset: Daft does not tell its default\."):
        options.reset("native_parquet_writer")


@pytest.mark.parametrize(
    ("line", "what", "remedy"),
    [
        ("default_morsel_size=many", "default_morsel_size cannot be 'many': it is not a whole number.",
         "Try %daft set default_morsel_size=131072"),
        ("default_morsel_size=-1", "default_morsel_size cannot be '-1': it must be at least 0.",
         "Try %daft set default_morsel_size=131072"),
        ("default_morsel_size=99999999999999999999",
         "default_morsel_size cannot be '99999999999999999999': it must be at most 9223372036854775807.",
         "Try %daft set default_morsel_size=131072"),
        ("maintain_order=maybe", "maintain_order cannot be 'maybe': it is neither 1/true nor 0/false.",
         "Try %daft set maintain_order=true"),
        ("parquet_inflation_factor=nan", "parquet_inflation_factor cannot be 'nan': it is not a finite number.",
         "Try %daft set parquet_inflation_factor=3.0"),
        ("native_parquet_writer=7", "native_parquet_writer cannot be '7': it is neither 1/true nor 0/false.",
         "Try %daft set native_parquet_writer=true"),
        ("flight_shuffle_dirs=/a,", "flight_shuffle_dirs cannot be '/a,': a part of it is empty.",
         "Try %daft set flight_shuffle_dirs=/tmp"),
        ("shuffle_algorithm=", "shuffle_algorithm cannot be '': it is empty.", "Try %daft set shuffle_algorithm=auto"),
        ("DAFT_MEMORY_LIMIT=8GB", "DAFT_MEMORY_LIMIT cannot be '8GB': it is not a whole number.",
         "Try %daft set DAFT_MEMORY_LIMIT=8000000000"),
        ("daft_max_async_udf_inflight_tasks=0",
         "DAFT_MAX_ASYNC_UDF_INFLIGHT_TASKS cannot be '0': it must be at least 1.",
         "Try %daft set DAFT_MAX_ASYNC_UDF_INFLIGHT_TASKS=64"),
        ("DAFT_S3_RETRY_ERROR_MSGS=", "DAFT_S3_RETRY_ERROR_MSGS cannot be '': it is empty.",
         "Try %daft set DAFT_S3_RETRY_ERROR_MSGS=…"),
        ("AUTOSCALER_UPDATE_INTERVAL_S=1",
         "AUTOSCALER_UPDATE_INTERVAL_S cannot be set from here: Daft reads it in a process that Ray starts.",
         "Try export AUTOSCALER_UPDATE_INTERVAL_S=1 before Ray starts there"),
        ("DAFT_SHUFFLE_ALGORITHM=auto", "DAFT_SHUFFLE_ALGORITHM is read once, when Daft is first used: "
         "for the next query there is the field shuffle_algorithm.", "Try %daft set shuffle_algorithm=…"),
        ("default_morsel_sise=1", "There is no setting 'default_morsel_sise'.", "Try %daft set default_morsel_size=…"),
        ("treshold=2", "There is no setting 'treshold'.", "Try %daft set threshold=…"),
        ("qqqq=1", "There is no setting 'qqqq'.", "Try %daft settings --all"),
        ("maintain_order", "'maintain_order' is not NAME=VALUE.", "Try %daft set maintain_order=…"),
    ],
)  # fmt: skip
def test_a_slip_is_one_line_and_sets_nothing(line: str, what: str, remedy: str, clean_settings: None) -> None:
    before = options.table().groups
    with pytest.raises(Exception) as slip:
        magics.run(f"set sample_size_for_sort=5 threshold=2 {LIMIT}=5 {line}", Host())  # type: ignore[arg-type]
    assert (slip.value.what, slip.value.remedy) == (what, remedy)  # type: ignore[attr-defined]
    assert options.table().groups == before


def test_what_daft_refuses_is_told_in_its_words_and_nothing_is_set() -> None:
    with pytest.raises(SettingError) as slip:
        options.set(shuffle_algorithm="magic", DAFT_MEMORY_LIMIT=5)
    assert slip.value.what.startswith(
        "Daft does not take shuffle_algorithm='magic': ValueError: shuffle_algorithm must"
    )
    with pytest.raises(SettingError, match="default_morsel_size must be positive and non-zero"):
        options.set(default_morsel_size=0)
    assert LIMIT not in os.environ and told("shuffle_algorithm") == "auto"


# -- the engine acts on it --------------------------------------------------------------------------------------------


def test_fields_act_on_the_next_query_on_the_native_runner() -> None:
    @daft.func.batch(return_dtype=daft.DataType.int64())
    def sizes(x: Any) -> Any:
        return daft.Series.from_pylist([len(x)] * len(x))

    def batches(size: int) -> list[int]:
        options.set(default_morsel_size=size)
        found: list[int] = next(iter(numbers.select(sizes(daft.col("a"))).to_pydict().values()))
        return found

    numbers = daft.from_pydict({"a": list(range(10))})
    assert batches(4) == [4] * 8 + [2] * 2
    assert batches(7) == [7] * 7 + [3] * 3


# -- what is shown ----------------------------------------------------------------------------------------------------


class Host:
    """What the verbs ask of a session."""

    names: tuple[str, ...] = ()

    @property
    def settings(self) -> AutoscalingSettings:
        return settings.current()

    def set(self, **values: object) -> None:
        settings.keep(**values)

    def snapshot(self) -> Any:
        rows = {name: {"label": s.label, "kind": s.kind, "set": "", "in_effect": None} for name, s in SETTINGS.items()}
        return {"settings": {"rows": rows, "number": None}}


def run(line: str, capsys: pytest.CaptureFixture[str]) -> list[str]:
    capsys.readouterr()
    magics.run(line, Host())  # type: ignore[arg-type]  # all that these verbs ask for
    return capsys.readouterr().out.splitlines()


def test_set_get_and_reset_in_lines(clean_settings: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(f"set {LIMIT}=1000 maintain_order=off", capsys) == [
        f"{LIMIT}=1000  # new workers; native runner: the kernel's first query",
        "maintain_order=false  # next query",
        "Workers that run keep what they have. For new ones: %daft stop, then %daft start or %daft connect.",
    ]
    assert os.environ[LIMIT] == "1000" and told("maintain_order") is False
    assert run(f"get maintain_order {LIMIT} threshold native_parquet_writer", capsys) == [
        "maintain_order=false", f"{LIMIT}=1000", "threshold=1.25", "# native_parquet_writer: not known",
    ]  # fmt: skip
    settings.set(threshold=2)
    assert run(f"reset {LIMIT} maintain_order", capsys)[:2] == [
        f"# {LIMIT} is not set  # new workers; native runner: the kernel's first query",
        "maintain_order=true  # next query",
    ]
    assert settings.current().threshold == 2.0, "only what is named is reset"
    assert run("set threshold=3 sample_size_for_sort=4", capsys)[-1] == "sample_size_for_sort=4  # next query"
    run("reset", capsys)
    assert settings.current().threshold == 1.25 and told("sample_size_for_sort") == 4


def test_the_table_has_every_option_with_what_is_known_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    options.set(DAFT_MEMORY_LIMIT=1000, default_morsel_size=7)
    lines = run("settings --all", capsys)
    for name in (*SETTINGS, *VARIABLES, *executionconfig.fields()):
        assert any(line.startswith(name) for line in lines), name
    shown = {line.split()[0]: re.split(r"  +", line)[1:] for line in lines if "  " in line}
    assert shown[LIMIT] == [
        "1000 *", "the machine's memory", "workers", "new workers; native runner: the kernel's first query"
    ]  # fmt: skip
    assert shown["default_morsel_size"] == ["7 *", "131072", "workers", "next query"]
    assert shown["native_parquet_writer"][:2] == [NOT_KNOWN, NOT_KNOWN]
    assert shown["AUTOSCALER_UPDATE_INTERVAL_S"][0] == NOT_KNOWN, "it is the runner actor's"
    assert shown["DAFT_PROCESS_MONITOR_ENABLED"][0] == "not set"


@pytest.mark.parametrize(
    ("name", "text", "now"),
    [
        (LIMIT, "8000", "8000 *"),
        (LIMIT, "8GB", "8GB (Daft ignores it)"),
        (LIMIT, " 8000", "8000 (Daft ignores it)"),
        ("DAFT_MAX_ASYNC_UDF_INFLIGHT_TASKS", "64", "64"),
        ("DAFT_PROCESS_MONITOR_ENABLED", "on", "on (Daft ignores it)"),
        ("DAFT_PROCESS_MONITOR_ENABLED", "True", "True *"),
    ],
)
def test_what_daft_does_not_understand_is_told(
    name: str, text: str, now: str, capsys: pytest.CaptureFixture[str]
) -> None:
    os.environ[name] = text
    [line] = [line for line in run("settings --all", capsys) if line.startswith(name)]
    assert re.split(r"  +", line)[1].strip() == now


def test_no_secret_and_no_markup_is_in_the_table() -> None:
    environment = {
        "DAFT_S3_TOKEN": "hunter2",
        "DAFT_NEW_THING": "<script>alert(1)</script>",
        "DAFT_S3_RETRY_ERROR_MSGS": "https://me:hunter2@host/x",
        "DAFT_SHUFFLE_ALGORITHM": "map_reduce",
        "DAFT_RUNNER": "ray",
        "PATH": "hunter2",
    }
    shown = OptionTable.read(environment, executionconfig.fields())
    html, text = shown._repr_html_(), repr(shown)
    assert "hunter2" not in html + text and "<script" not in html and "&lt;script&gt;" in html
    rows = {row.name: row for row in shown.groups["Other variables of Daft's that are set"]}
    assert [*rows] == ["DAFT_NEW_THING", "DAFT_RUNNER", "DAFT_S3_TOKEN", "DAFT_SHUFFLE_ALGORITHM"]
    assert (rows["DAFT_NEW_THING"].where, rows["DAFT_NEW_THING"].when) == (NOT_KNOWN, NOT_KNOWN)
    assert rows["DAFT_SHUFFLE_ALGORITHM"].when == "next kernel: when Daft is first used"
    field = next(row for row in shown.groups["Fields of daft.set_execution_config"] if row.name == "shuffle_algorithm")
    assert field.when == "next query (DAFT_SHUFFLE_ALGORITHM: next kernel: when Daft is first used)"


def test_env_prints_what_was_set_and_quotes_it(clean_settings: None, capsys: pytest.CaptureFixture[str]) -> None:
    before = run("env", capsys)
    options.set(DAFT_S3_RETRY_ERROR_MSGS="slow down; $HOME", maintain_order=False, sample_size_for_sort=3)
    added = [line for line in run("env", capsys) if line not in before]
    assert added == ["export DAFT_S3_RETRY_ERROR_MSGS='slow down; $HOME'", "export DAFT_MAINTAIN_ORDER=0"]
    assert 'os.environ["DAFT_S3_RETRY_ERROR_MSGS"] = "slow down; $HOME"' in run("env --python", capsys)
    assert env_text({"A": 'x"y'}, "python").endswith('os.environ["A"] = "x\\"y"')


def test_only_what_workers_read_goes_to_them() -> None:
    environment = {LIMIT: "1", "DAFT_SHUFFLE_ALGORITHM": "auto", "AWS_SECRET_ACCESS_KEY": "x"}
    assert options.for_workers(environment) == {LIMIT: "1"}
    os.environ[LIMIT] = "2"
    assert options.for_workers() == {LIMIT: "2"}
