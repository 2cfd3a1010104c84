"""What UDFs ask of a node, as Daft's own plans say it, and what is said where no node has it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import daft
import pytest
from daft import col
from daft.context import get_context

from daftnb.engine.actor.tap import Tap
from daftnb.engine.queries.lacking import Asked, asked, gpus_of_tasks, reason, runs_on, warning
from daftnb.telemetry import decisions
from daftnb.telemetry import events as e
from tests.helpers.queryrunner import unmade


def text_of(frame: Any) -> str:
    config = get_context().daft_execution_config
    plan = daft.daft.DistributedPhysicalPlan.from_logical_plan_builder(
        frame._builder.optimize(config)._builder, "plan", config
    )
    return str(plan.repr_ascii(False))


def of_class(**options: Any) -> str:
    @daft.cls(**options)
    class Model:
        def __call__(self, x: int) -> int:
            return x

    return text_of(daft.from_pydict({"a": [1]}).select(Model()(col("a")).alias("b")))


def of_function(**options: Any) -> str:
    @daft.func(**options)
    def embed(x: int) -> int:
        return x

    frame = daft.from_pydict({"a": [1]}).select(embed(col("a")).alias("a"))
    return text_of(frame.join(daft.from_pydict({"a": [1], "c": [2]}), on="a"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (lambda: of_class(gpus=1), [Asked("Model", {"GPU": 1}, in_tasks=True)]),
        (lambda: of_class(gpus=1, max_concurrency=2), [Asked("Model", {"GPU": 1})]),
        (lambda: of_class(cpus=8), [Asked("Model", {"CPU": 8}, in_tasks=True)]),
        (lambda: of_class(cpus=8, gpus=0.5, max_concurrency=1), [Asked("Model", {"CPU": 8, "GPU": 0.5})]),
        (lambda: of_class(ray_options={"resources": {"TPU": 1}}), [Asked("Model", {"TPU": 1})]),
        (lambda: of_class(cpus=1, max_concurrency=2), []),
        (lambda: of_class(max_concurrency=2), []),
    ],
)
def test_what_a_class_asks_for(text: Callable[[], str], expected: list[Asked]) -> None:
    assert asked(text()) == expected


def test_what_a_function_asks_for() -> None:
    assert asked(of_function(cpus=8)) == [Asked("embed", {"CPU": 8}, in_tasks=True)]
    assert asked(of_function(gpus=2)) == [Asked("embed", {"GPU": 2}, in_tasks=True)]
    assert asked(of_function()) == []


def test_what_a_udf_of_before_asks_for() -> None:
    with pytest.warns(DeprecationWarning):

        @daft.udf(return_dtype=daft.DataType.int64(), num_cpus=8, num_gpus=2, memory_bytes=2**50)
        def old(x: Any) -> Any:
            return x

    for udf in (old, old.with_concurrency(2)):
        (one,) = asked(text_of(daft.from_pydict({"a": [1]}).select(udf(col("a")))))
        assert one.resources == {"CPU": 8, "GPU": 2, "memory": 2**50}
        assert one.name.endswith("old")
        assert one.in_tasks == (udf is old)


SMALL = {"CPU": 1.0, "memory": 2.0**31, "object_store_memory": 1e8}
HEAD = {"memory": 2.0**31, "node:__internal_head__": 1.0}


def test_a_name_that_goes_on_in_the_next_line() -> None:
    name = "* ActorUDF:\n|     tests.module.function.<locals>.Model.__cal\n|     l__\n"
    assert asked(f"{name}|   Resource request = {{ num_gpus = 1 }}\n") == [Asked("Model", {"GPU": 1})]


def test_what_is_said() -> None:
    eight = Asked("Model", {"CPU": 8})
    assert warning(eight, [HEAD, {"CPU": 8.0}], None, False) is None
    assert warning(eight, [HEAD, SMALL], [{"CPU": 1}], True) == (
        "Model asks for 8 CPUs, and no node has that: the largest has 1 CPU, and the cluster can start none that does. "
        "Try %daft stop and %daft start --cpus 8, or ask for fewer CPUs"
    )
    gpu = Asked("Model", {"CPU": 1, "GPU": 1})
    assert warning(gpu, [HEAD, SMALL], [{"CPU": 1}], True) == (
        "Model asks for 1 CPU, 1 GPU, and no node has that: the largest has 0 logical GPUs, and the cluster can start "
        "none that does. Try %daft stop and %daft start --gpus 1 (logical GPUs), or ask for fewer GPUs"
    )
    half = Asked("Model", {"CPU": 2, "GPU": 0.5})
    assert str(warning(half, [SMALL], [{"CPU": 1}], True)).endswith(
        "Try %daft stop and %daft start --cpus 2 --gpus 1 (logical GPUs), or ask for fewer CPUs and GPUs"
    )
    assert warning(half, [{"CPU": 2, "GPU": 1.0}], None, True) is None
    assert warning(gpu, [SMALL], None, False) == (
        "Model asks for 1 CPU, 1 GPU, and no node has that: the largest has 0 GPUs. daftnb does not know whether the "
        "cluster can start one that does. Try a cluster with GPUs, or ask for less"
    )
    assert warning(gpu, [SMALL], [{"CPU": 4, "GPU": 2}], False) == (
        "Model asks for 1 CPU, 1 GPU, and no node has that: the largest has 0 GPUs. The cluster can start one that "
        "does; until then the query may wait, or fail"
    )
    both = Asked("Model", {"CPU": 8, "memory": 2**33})
    assert warning(both, [{"CPU": 8}, {"CPU": 1, "memory": 2**33}], [], False) == (
        "Model asks for 8 CPUs, 8 GiB of memory, and no node has all of it: the largest has 8 CPUs, 8 GiB of memory, "
        "and the cluster can start none that does. Try a cluster with nodes of 8 CPUs and larger nodes, or ask for less"
    )
    tpu = Asked("Model", {"TPU": 1})
    assert "Model asks for 1 of TPU, and no node has that: the largest has 0 of TPU" in str(
        warning(tpu, [SMALL], [], False)
    )
    assert "there is no node" in str(warning(tpu, [], [], False))


class Plan:
    def __init__(self, text: str) -> None:
        self.text = text

    def idx(self) -> str:
        return "7"

    def repr_ascii(self, simple: bool) -> str:
        return self.text


def test_tasks_run_on_less_than_they_ask_for() -> None:
    three = Asked("score", {"CPU": 1, "GPU": 3, "memory": 2**33}, in_tasks=True)
    assert warning(three, [HEAD, {"CPU": 1, "GPU": 2.0}], [], True) == (
        "score asks for 1 CPU, 3 GPUs, 8 GiB of memory, and no node has that: the largest has 2 logical GPUs, 2 GiB of "
        "memory. Its tasks run all the same, as Daft looks only whether a worker has any GPU free"
    )
    large = Asked("score", {"CPU": 2, "memory": 2**33}, in_tasks=True)
    assert str(warning(large, [{"CPU": 2, "memory": 2**30}], [], False)).endswith(
        "Its tasks run all the same, as Daft looks at CPUs and GPUs, and not at memory"
    )
    for node in (HEAD, {"CPU": 1.0}, {"CPU": 0.0, "GPU": 8.0}):
        assert not runs_on(node, three), node
        assert "all the same" not in str(warning(three, [node], [], False)), node
    assert runs_on({"CPU": 1, "GPU": 1}, three) and not runs_on({"CPU": 1, "GPU": 1}, replace(three, in_tasks=False))
    assert not runs_on({"CPU": 9}, Asked("f", {"TPU": 1}, in_tasks=True))


PLAN = """* Sort
|   Sort by: col(0: a)
|
* BroadcastJoin
|\\
| * UDF __main__.plain:
| |   Expr = __main__.plain-1-0(col(0: a)) as b
| |   Resource request = { num_gpus = 0 }
| |
| * InMemorySource:
|
* ActorUDF: __main__.Model.__call__
|   Resource request = { num_gpus = 1 }
|
* Builtin UDF daft.functions.embed:
|   Expr = LONG
|   Resource request = { num_cpus = 8, memory_bytes = 1000000,
|     num_gpus = 0.5 }
|
* UDF __main__.none:
|   Resource request = None
|
* InMemorySource:
"""
OPERATORS = tuple(
    e.PlanNode(id_, name, "", inputs)
    for id_, name, inputs in [
        (1, "InMemorySource", ()), (2, "UDF none", (1,)), (3, "UDF embed", (2,)), (4, "ActorUDF", (3,)),
        (5, "InMemorySource", ()), (6, "UDF plain", (5,)), (7, "BroadcastJoin", (4, 6)), (9, "Sort", (7,)),
    ]
)  # fmt: skip


def test_the_gpus_that_operators_ask_for_in_their_tasks() -> None:
    text = PLAN.replace("LONG", "x" * 5000)  # which cuts an operator's detail short
    assert gpus_of_tasks(text, OPERATORS) == {2: 0.0, 3: 0.5, 6: 0.0}
    assert gpus_of_tasks(PLAN.replace("num_gpus = 0.5", "num_gpus = 0"), OPERATORS) == {}, "an actor's are not a task's"
    assert gpus_of_tasks(PLAN, OPERATORS[:-1]) is None
    swapped = (*OPERATORS[:6], replace(OPERATORS[6], inputs=(6, 4)), OPERATORS[7])
    assert gpus_of_tasks(PLAN, swapped) is None, "not the same plan: nothing is known"


def test_a_query_says_it_and_the_log_of_decisions_too() -> None:
    tap, told = Tap(), []
    tap.announce(7, "q", {})

    def call(method: str, *arguments: Any) -> Any:
        assert (method, arguments) == ("resources", ())
        return [HEAD, SMALL]

    runner = unmade(SimpleNamespace(call=call), told.append, kinds=lambda: ([{"CPU": 1}], True))
    assert runner._announced(Plan("* Sort\n|   Sort by: a\n")).lacks == ""
    assert told == []
    with pytest.warns(UserWarning, match="Model asks for 8 CPUs"):
        tap.query(7).lacks = runner._announced(Plan(of_class(cpus=8))).lacks
    (problem,) = told
    assert isinstance(problem, e.ProblemFound)
    assert problem.text.startswith("Model asks for 8 CPUs, and no node has that: the largest has 1 CPU")

    tap.worker_started("w", 4, 1)
    tap.submitted(7 << 32 | 1, "udf")
    (hold,) = [facts for kind, _, *facts in tap.drain(0, 0)["events"] if kind == "hold"]
    event = e.HoldBegun(0.0, *hold)
    assert event.reason == reason(Asked("Model", {"CPU": 8}))
    assert decisions.not_asked(event).endswith("no node has 8 CPUs, which Model asks for")
    tap.announce(8, "other", {})
    tap.submitted(8 << 32 | 1, "scan")  # another query has a backlog that workers can take
    (hold,) = [facts for kind, _, *facts in tap.drain(0, 0)["events"] if kind == "hold"][1:]
    assert e.HoldBegun(0.0, *hold).reason == "below"
