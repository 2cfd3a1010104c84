"""What ``daftnb`` is to its users: every name there is, what its functions give and raise among them."""

from __future__ import annotations

import builtins
import inspect
import re
import subprocess
import sys
import typing

import pytest

import daftnb


@pytest.mark.parametrize("name", daftnb.__all__)
def test_every_name_is_there(name: str) -> None:
    value = getattr(daftnb, name)
    if inspect.isclass(value) or inspect.isfunction(value):
        assert value.__doc__, name


def functions() -> list[str]:
    return [name for name in daftnb.__all__ if inspect.isfunction(getattr(daftnb, name))]


@pytest.mark.parametrize("name", functions())
def test_what_a_function_gives_and_raises_can_be_imported(name: str) -> None:
    function = getattr(daftnb, name)
    source = inspect.getsource(function)
    named = set(re.findall(r"\b([A-Z]\w*Error|QueryCancelled)\b", function.__doc__ or "")) - set(dir(builtins))
    given = re.search(r"\) -> (.+?):\n", source)
    assert given, source
    named |= {
        word for word in re.findall(r"\b[A-Z]\w+\b", given[1]) if word not in ("None", "Any", "DataFrame", "Expression")
    }
    assert named <= {*daftnb.__all__}, named


def test_the_types_that_are_imported_late_are_those_that_a_type_checker_sees() -> None:
    seen = set(re.findall(r"\b[A-Z]\w+\b", inspect.getsource(daftnb).split("if TYPE_CHECKING:")[1].split("__all__")[0]))
    assert set(daftnb._TYPES) <= seen
    assert sorted(daftnb.__all__, key=lambda name: (not name[0].isupper(), name)) == daftnb.__all__


def test_a_name_that_is_not_there() -> None:
    with pytest.raises(AttributeError, match="module 'daftnb' has no attribute 'nothing'"):
        typing.cast("typing.Any", daftnb).nothing  # noqa: B018


def test_the_module_is_the_command() -> None:
    done = subprocess.run([sys.executable, "-m", "daftnb", "--help"], capture_output=True, text=True, check=True)
    assert "{lab,demo,doctor,view,export,diff}" in done.stdout


LOGGED = """
import logging, sys
logging.basicConfig(stream=sys.stdout, format="%(name)s %(levelname)s %(message)s")
logging.getLogger("daftnb").setLevel(logging.DEBUG)
import daft, daftnb
session = daftnb.get_session()
daft.from_pydict({"a": [1]}).where(daft.col("a") > 0).collect()
session.close()
"""


def test_the_logger_says_what_started_and_what_ended() -> None:
    done = subprocess.run([sys.executable, "-c", LOGGED], capture_output=True, text=True, check=True)
    said = [line for line in done.stdout.splitlines() if line.startswith("daftnb ")]
    assert [re.sub(r"query \S+$", "query", line) for line in said] == [
        "daftnb DEBUG QueryStarted of query",
        "daftnb DEBUG QueryFinished of query",
    ]
