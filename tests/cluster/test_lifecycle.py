"""Starting and ending: what was started is ended, however the owner ends; what cannot start says why."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import psutil
import pytest

from tests.cluster.kernels import QUERY, START, Kernel
from tests.conftest import await_that
from tests.helpers.processes import listeners, processes_of

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(240)]


def test_a_cluster_is_loopback_only_with_a_token_and_a_killed_kernel_leaves_nothing(kernel: Kernel) -> None:
    address, folder, said = kernel.run(START)
    assert said[0] == f"starting a Ray head on {address}"
    assert said[-1] == f"queries run on Ray at {address}: 1 to 2 workers of 1 CPU"
    assert kernel.run(QUERY) == {"a": [2, 3]}
    owned = processes_of(folder)
    assert [process.name() for process in owned].count("raylet") >= 2, "a head and at least one worker node"
    assert listeners([*owned, psutil.Process(kernel.process.pid)]) == {"127.0.0.1"}
    intruder = subprocess.run(
        [sys.executable, "-c", f"import ray; ray.init({address!r})"],
        env={k: v for k, v in os.environ.items() if not k.startswith("RAY_")}
        | {
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": "0" * 64,
            "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
            "RAY_gcs_rpc_server_connect_timeout_s": "3",
        },
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert intruder.returncode != 0, "a wrong token was accepted"
    kernel.process.kill()
    killed = time.monotonic()
    await_that(lambda: not processes_of(folder) and not os.path.exists(folder), "all ended and removed", 30)
    assert time.monotonic() - killed < 30


@pytest.mark.parametrize("autoscaler", ["v1", pytest.param("v2", marks=pytest.mark.slow)])
def test_nodes_that_are_just_starting_are_ended_with_the_cluster(kernel: Kernel, autoscaler: str) -> None:
    _, folder, _ = kernel.run(START.replace("(1, 2, 1, 30.0)", f"(1, 5, 1, 30.0, {autoscaler!r})"))
    kernel.run("from ray.autoscaler.sdk import request_resources; request_resources(bundles=[{'CPU': 1}] * 5)")
    await_that(lambda: len(raylets(folder)) > 2, "more than the head's and the first node's", 60)
    assert kernel.run("out = session.stop()") is True
    assert processes_of(folder) == []
    assert not os.path.exists(folder)


def raylets(folder: str) -> list[psutil.Process]:
    return [process for process in processes_of(folder) if process.name() == "raylet"]


def test_stop_ends_exactly_it_and_start_works_again(kernel: Kernel) -> None:
    _, folder, _ = kernel.run(START)
    assert kernel.run(QUERY) == {"a": [2, 3]}
    kernel.run("""
        held = daft.range(4000, partitions=4).select(daft.col("id") + 1).iter_partitions()
        next(held)  # a query that nobody reads to its end
    """)
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    assert kernel.run("out = session.stop()") is True
    assert processes_of(folder) == []
    assert not os.path.exists(folder)
    assert bystander.poll() is None
    bystander.kill()
    assert kernel.run("out = session.stop()") is False
    kernel.run("del held")
    assert kernel.run("out = session.snapshot()['session']['problems']") == {}
    left = kernel.run("import os; out = [name for name in os.environ if name.startswith('RAY_')]")
    assert set(left) <= {"RAY_CLIENT_MODE"}, "Ray sets this one itself"
    _, again, _ = kernel.run(START)
    assert again != folder
    assert kernel.run(QUERY) == {"a": [2, 3]}
    assert kernel.run("out = session.snapshot()['query']['tasks']['finished'] > 0") is True
    kernel.end()  # an ordinary end of the interpreter, with the cluster running
    await_that(lambda: not processes_of(again), "all ended with the kernel", 30)


def test_a_runner_that_is_native_already_is_said_before_anything_starts(kernel: Kernel) -> None:
    kernel.run(QUERY)
    answer = kernel.answer(START)
    assert answer["error"] == "ClusterError"
    assert answer["text"] == (
        "This kernel's queries run on Daft's native runner already, and Daft cannot change runners in a process. "
        "Restart the kernel, and run %daft start or %daft connect before the first dataframe (daft.from_pydict, "
        "daft.read_parquet, …)."
    )
    assert kernel.run(QUERY) == {"a": [2, 3]}
    assert kernel.run("import ray; out = ray.is_initialized()") is False


def test_loading_does_nothing_but_load(kernel: Kernel) -> None:
    out = kernel.run("""
        import sys, threading, psutil
        from IPython.core.interactiveshell import InteractiveShell
        shell = InteractiveShell.instance()
        threads, sockets = threading.active_count(), len(psutil.Process().net_connections())
        from daft.dataframe.preview import PreviewFormatter
        before = PreviewFormatter._generate_interactive_html
        shell.run_line_magic("load_ext", "daftnb")
        shell.run_line_magic("load_ext", "daftnb")
        shell.run_line_magic("reload_ext", "daftnb")
        out = [threading.active_count() - threads, len(psutil.Process().net_connections()) - sockets,
               "ray" in sys.modules, PreviewFormatter._generate_interactive_html is before,
               "daft" in shell.magics_manager.magics["line"]]
        shell.run_line_magic("unload_ext", "daftnb")
        out += [PreviewFormatter._generate_interactive_html is before, "daft" in shell.magics_manager.magics["line"]]
    """)
    assert out == [0, 0, False, False, True, True, False]


def test_the_native_plan_is_live(kernel: Kernel) -> None:
    out = kernel.run("""
        import threading, time
        import daft, daftnb
        session = daftnb.get_session()
        snapshots = []

        class Page:
            looking = True
            def publish(self, snapshot):
                snapshots.append(snapshot)

        session.monitor.listeners.append(Page())

        @daft.func
        def slow(x: int) -> int:
            time.sleep(0.01)
            return x

        table = daft.from_pydict({"a": list(range(150))}).with_column("b", slow(daft.col("a")))
        table.where(daft.col("b") > 4).collect()
        last = session.snapshot()
        running = [snapshot for snapshot in snapshots if snapshot["query"] and snapshot["query"]["state"] == "running"]
        out = {
            "running": len(running),
            "runner": last["query"]["runner"],
            "state": last["query"]["state"],
            "operators": [[o["name"], o["state"], o["rows_out"]] for o in last["plan"]["operators"].values()],
            "problems": last["session"]["problems"],
        }
    """)
    assert out["running"] >= 4, "snapshots while the query ran (1.5 s)"
    assert (out["runner"], out["state"], out["problems"]) == ("native", "finished", {})
    assert out["operators"][0] == ["In Memory Scan", "finished", 150]
    assert out["operators"][-1] == ["Filter", "finished", 145]


def test_a_failing_query_fails_as_it_would_without_us(kernel: Kernel) -> None:
    answer = kernel.answer("""
        import daft, daftnb
        session = daftnb.get_session()
        @daft.func
        def bad(x: int) -> int:
            raise ValueError("no such thing")
        daft.from_pydict({"a": [1]}).with_column("b", bad(daft.col("a"))).collect()
    """)
    assert "no such thing" in answer["trace"]
    out = kernel.run("query = session.snapshot()['query']; out = [query['state'], 'no such thing' in query['error']]")
    assert out == ["failed", True]


@pytest.mark.slow
def test_a_cluster_whose_head_dies_is_told_and_can_be_started_again(kernel: Kernel) -> None:
    _, folder, _ = kernel.run(START)
    head = next(p for p in processes_of(folder) if "gcs_server" in p.name())
    head.kill()
    about = kernel.run("""
        import time
        deadline = time.monotonic() + 40
        while session.snapshot()["session"]["cluster"]["state"] != "stopped" and time.monotonic() < deadline:
            time.sleep(0.1)
        out = session.snapshot()["session"]
    """)
    assert about["cluster"]["state"] == "stopped"
    assert "the Ray head at" in " ".join(about["problems"].values())
    kernel.run(START)
    assert kernel.run(QUERY) == {"a": [2, 3]}
