"""When Daft reads its variables on the native runner, as the table of ``%daft settings --all`` has it."""

from __future__ import annotations

import subprocess
import sys

import pytest

LIMIT = """
import os, warnings, daft
warnings.simplefilter("ignore")

@daft.udf(return_dtype=daft.DataType.int64(), memory_bytes=5_000)
def same(x):
    return x

def run():
    try:
        daft.from_pydict({"a": [1]}).select(same(daft.col("a"))).collect()
        return "ran"
    except Exception as error:
        return str(error).splitlines()[-1]

told = []
for text in ("%s", "%s"):
    os.environ["DAFT_MEMORY_LIMIT"] = text
    told.append(run())
print(told)
"""


@pytest.mark.parametrize(
    ("first", "then", "told"), [("6000", "1000", ["ran", "ran"]), ("1000", "6000", ["only 1000 available"] * 2)]
)
def test_the_memory_limit_is_read_by_the_kernels_first_query(first: str, then: str, told: list[str]) -> None:
    code = LIMIT % (first, then)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    for text, part in zip(eval(done.stdout), told, strict=True):
        assert part in text


FIELDS = """
import os, daft, daftnb
told = []
os.environ["DAFT_SHUFFLE_ALGORITHM"] = "map_reduce"
told.append(daft.context.get_context().daft_execution_config.shuffle_algorithm)
os.environ["DAFT_SHUFFLE_ALGORITHM"] = "pre_shuffle_merge"
told.append(daft.context.get_context().daft_execution_config.shuffle_algorithm)
daftnb.options.set(shuffle_algorithm="flight_shuffle")
told.append(daft.context.get_context().daft_execution_config.shuffle_algorithm)
print(*told)
"""


def test_a_fields_variable_is_read_when_daft_is_first_used() -> None:
    done = subprocess.run([sys.executable, "-c", FIELDS], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["map_reduce", "map_reduce", "flight_shuffle"]
