"""Every way in, on real Ray heads that somebody else started: connected to, adopted, checked, and let go of."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil
import pytest

from daftnb.engine.connection.external import NEVER_GROWS
from daftnb.engine.embedded.cluster import ClusterSize, EmbeddedCluster
from tests.cluster.kernels import END, QUERY, RUN, Kernel
from tests.conftest import await_that
from tests.helpers.heads import OTHER_DAFT, Head, listens, shadow_daft
from tests.helpers.processes import called, listeners

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(240)]

GIB = 1024**3
DAFT, RAY = version("daft"), version("ray")

HERE = """
import daftnb, os, time
session = daftnb.get_session()
before = dict(os.environ)
"""
CONNECT = (
    HERE
    + """
said = []
began = time.monotonic()
session.connect({address!r}, said.append)
out = said
"""
)
ABOUT = "shown = session.snapshot(); out = [shown[topic] for topic in ('session', 'query', 'settings', 'workers')]"
LEFT = """
changed = {name for name in {*before, *os.environ} if before.get(name) != os.environ.get(name)}
# Ray sets these two for good: when it is imported, and for its debugger.
out = sorted(changed - {"RAY_CLIENT_MODE", "PYTHONBREAKPOINT"})
"""


@pytest.fixture(scope="module")
def head() -> Iterator[Head]:
    head = Head()
    head.await_client_server()
    yield head
    head.stop()


@pytest.fixture
def kernel(head: Head) -> Iterator[Kernel]:
    kernel = Kernel(head.environment)
    yield kernel
    kernel.end()


def watched(kernel: Kernel, address: str) -> dict[str, Any]:
    """Run a query; all that is shown of it must be there. What is shown of the session."""
    assert kernel.run(QUERY) == {"a": [2, 3]}
    about, query, settings, workers = kernel.run(ABOUT)
    assert about["cluster"]["kind"] == "external"
    assert (about["cluster"]["state"], about["cluster"]["address"]) == ("running", address)
    assert query["state"] == "finished"
    tasks = query["tasks"]
    assert tasks["finished"] == tasks["submitted"] > 0
    assert {row["in_effect"] is not None and not row["pending"] for row in settings["rows"].values()} == {True}
    assert workers["total"] == 1
    return about


def test_connect_stop_and_connect_again_by_every_address(head: Head, kernel: Kernel) -> None:
    for address, where in (
        (head.address, head.address),
        (head.client_address, head.client_address),
        ("auto", head.address),
        (head.client_address, head.client_address),
        (head.address.replace("127.0.0.1", "localhost"), head.address),
    ):
        said = kernel.run(CONNECT.format(address=address))
        assert said[0].startswith(f"reached {where.replace('127.0.0.1', 'localhost') if 'local' in address else where}")
        assert said[1:] == [
            f"connected: 1 node with 2 CPUs, Daft {DAFT}",
            NEVER_GROWS,
            f"queries run on Ray at {where}",
        ]
        about = watched(kernel, where)
        assert list(about["problems"].values()) == [NEVER_GROWS]
        assert kernel.run("out = session.stop()") is True
        assert kernel.run("out = session.snapshot()['session']['cluster']['state']") == "stopped"
        assert kernel.run("import ray; out = ray.is_initialized()") is False
        assert kernel.run(LEFT) == []
        assert "raylet" in {p.name() for p in psutil.process_iter(["name"]) if named(p, head.folder)}, "it runs on"
    assert kernel.run("out = session.stop()") is False


def named(process: psutil.Process, folder: Path) -> bool:
    try:
        return any(str(folder) in part for part in process.cmdline())
    except psutil.Error:
        return False


AGAIN = """
said = []
for address in {addresses!r}:
    session.connect(address, said.append)
out = said
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "client", [pytest.param(False, id="direct"), pytest.param(True, id="client", marks=pytest.mark.slow)]
)
def test_connecting_again_to_the_same_ray_by_any_spelling_says_so_and_is_done(
    head: Head, kernel: Kernel, client: bool
) -> None:
    address = head.client_address if client else head.address
    kernel.run("import os; os.environ['RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER'] = '0'")
    names = [head.address, head.client_address]
    spellings = ["auto", *names, *(name.replace("127.0.0.1", "localhost") for name in names)]
    already = f"already connected to Ray at {address}: queries run there"
    # The user's own connection first: Daft is pointed at it, and it stays the user's.
    kernel.run(HERE + INIT.format(address=address))
    assert kernel.run(AGAIN.format(addresses=spellings)) == [already] * 5
    watched(kernel, address)
    assert kernel.run(AGAIN.format(addresses=spellings)) == [already] * 5
    assert kernel.run("out = session.stop()") is True
    assert kernel.run("out = ray.is_initialized()") is True
    kernel.run("ray.shutdown()")
    kernel.run(CONNECT.format(address=address))
    assert kernel.run(AGAIN.format(addresses=spellings)) == [already] * 5
    answer = kernel.answer("session.connect('127.0.0.1:1', said.append)")
    assert answer["error"] == "ClusterError"
    assert f"This kernel is connected to Ray at {address} already." in answer["text"]
    # The user ends the connection that was made for him: said, and nothing else is started.
    text = kernel.run("""
        import ray
        from daftnb.commands.cluster import status_text
        ray.shutdown()
        out = status_text(session)
    """)
    assert f"cluster   no longer connected to Ray at {address}" in text
    assert "Ray has not been started" in kernel.answer("import daft; daft.from_pydict({'a': [1]}).collect()")["text"]
    assert kernel.run("out = ray.is_initialized()") is False
    assert kernel.run("out = session.stop()") is False


def test_the_magic_says_each_step_and_stop_says_what_stays(head: Head, kernel: Kernel) -> None:
    text = kernel.run(f"""
        import contextlib, io
        from IPython.core.interactiveshell import InteractiveShell
        shell = InteractiveShell.instance()
        shell.run_line_magic("load_ext", "daftnb")
        with contextlib.redirect_stdout(io.StringIO()) as out:
            shell.run_line_magic("daft", "connect {head.client_address}")
            shell.run_line_magic("daft", "status")
            shell.run_line_magic("daft", "stop")
        out = out.getvalue()
    """)
    assert f" s  reached {head.client_address}\n" in text
    assert f"cluster   running at {head.client_address}\n" in text
    assert f"problem   {NEVER_GROWS}\n" in text
    assert text.endswith(f"disconnected from Ray at {head.client_address}, which keeps running\n")


INIT = """
import ray
ray.init({address!r}, logging_level="warning")
"""
ORDERS = {
    "init, load": [INIT, "import daft; daft.set_runner_ray()", HERE],
    "load, init": [HERE, INIT, "import daft; daft.set_runner_ray()"],
    "init, load, the documented spelling": [INIT, HERE, "import daft; daft.context.set_runner_ray()"],
    "load, set_runner_ray with the address": [HERE, "import daft; daft.set_runner_ray({address!r})"],
    "set_runner_ray with the address, load": ["import daft; daft.set_runner_ray({address!r})", HERE],
    "a query first": [INIT, "import daft; daft.set_runner_ray()", QUERY, HERE],
    "connect, stop, init": [CONNECT, QUERY, "session.stop()", INIT],
    "init, shutdown, init": [HERE, INIT, "import daft; daft.set_runner_ray()", QUERY, "ray.shutdown()", INIT],
}


BOTH = [
    pytest.param(order, client, id=f"{where}-{order}", marks=() if quick else pytest.mark.slow)
    for number, order in enumerate(ORDERS)
    for client, where in ((False, "direct"), (True, "client"))
    for quick in [number in (1, 6) and client == (number == 1)]
]


@pytest.mark.slow
@pytest.mark.parametrize(("order", "client"), BOTH)
def test_what_the_user_connected_himself_is_adopted(head: Head, kernel: Kernel, order: str, client: bool) -> None:
    address = head.client_address if client else head.address
    kernel.run("import os; os.environ['RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER'] = '0'")  # as for any loopback head
    for step in ORDERS[order]:
        kernel.run(step.format(address=address) if "{address" in step else step)
    watched(kernel, address)
    problems = await_that(lambda: kernel.run(ABOUT)[0]["problems"], "the notice of the autoscaler")
    assert list(problems.values()) == [NEVER_GROWS]
    assert kernel.run("out = session.stop()") is True
    assert kernel.run("out = ray.is_initialized() if 'ray' in globals() else __import__('ray').is_initialized()")
    assert kernel.run(QUERY) == {"a": [2, 3]}, "the connection is the user's, and stands"
    watched(kernel, address)
    kernel.run("__import__('ray').shutdown()")
    await_that(lambda: kernel.run(ABOUT)[0]["cluster"]["state"] == "stopped", "the end of the connection is noticed")
    assert kernel.run("out = __import__('ray').is_initialized()") is False, "and nothing else was started"


SLOW = """
import daft
from daft import col

@daft.func
def slow(x: int) -> int:
    import time
    time.sleep({seconds})
    return x

def query(tasks):
    return daft.from_pydict({{"a": list(range(tasks))}}).into_partitions(tasks).with_column("b", slow(col("a")))
"""


@pytest.mark.slow
def test_a_query_over_a_ray_client_is_interrupted_as_any(head: Head, kernel: Kernel) -> None:
    kernel.run(CONNECT.format(address=head.client_address))
    kernel.run(SLOW.format(seconds=1.0))
    kernel.run(QUERY)
    out = kernel.run("""
        import threading, time
        def interrupt():
            while True:
                query = session.snapshot()["query"]
                if query["state"] == "running" and query["tasks"] and query["tasks"]["finished"] >= 12:
                    session.cancel(query["id"])
                    return
                time.sleep(0.1)
        threading.Thread(target=interrupt).start()
        try:
            query(200).collect()
            out = "it ran to its end"
        except KeyboardInterrupt:
            out = "interrupted"
        interrupted = time.monotonic()
    """)
    assert out == "interrupted"
    seconds = kernel.run(QUERY.replace("out = ", "") + "\nout = time.monotonic() - interrupted")
    assert seconds < 15, "the next query waited for the interrupted one"
    assert [query["state"] for query in kernel.run("out = list(session.snapshot()['queries'].values())")] == [
        "finished",
        "cancelled",
        "finished",
    ]
    assert list(kernel.run(ABOUT)[0]["problems"].values()) == [NEVER_GROWS]


def refusal(kernel: Kernel, address: str) -> tuple[str, float]:
    """What connect says, and after how many seconds; Ray must not be connected after it."""
    kernel.run("import ray")
    began = time.monotonic()
    answer = kernel.answer(CONNECT.format(address=address))
    seconds = time.monotonic() - began
    assert answer.get("error") == "ClusterError", answer
    assert kernel.run("out = ray.is_initialized()") is False
    assert kernel.run(LEFT) == []
    return answer["text"], seconds


@pytest.mark.parametrize("client", [False, True], ids=["direct", "client"])
def test_a_token_that_is_missing_or_wrong_is_said_in_time(head: Head, kernel: Kernel, client: bool) -> None:
    address = head.client_address if client else head.address
    for source, what in (
        ("del os.environ['RAY_AUTH_MODE'], os.environ['RAY_AUTH_TOKEN']", "wants a token, and this kernel sends none"),
        (
            "os.environ.update(RAY_AUTH_MODE='token', RAY_AUTH_TOKEN='0' * 64)",
            "does not take this kernel's token (from",
        ),
        ("os.environ.update(RAY_AUTH_TOKEN='', RAY_AUTH_TOKEN_PATH='/no/such/file')", "cannot be opened or is empty"),
    ):
        kernel.run(f"import os; {source}")
        text, seconds = refusal(kernel, address)
        assert what in text
        assert "RAY_AUTH" in text.partition("Try ")[2]
        assert seconds < 5
    kernel.run(f"os.environ.pop('RAY_AUTH_TOKEN_PATH'); os.environ['RAY_AUTH_TOKEN'] = {head.token!r}")
    kernel.run(CONNECT.format(address=address))
    watched(kernel, address)


def test_the_wrong_port_of_the_right_cluster_names_the_right_spelling(head: Head, kernel: Kernel) -> None:
    gcs, client = head.address, head.client_address.removeprefix("ray://")
    text, seconds = refusal(kernel, client)
    assert text == f"What listens at {client} is a Ray Client server, or no Ray. Try %daft connect ray://{client}"
    assert seconds < 5
    text, seconds = refusal(kernel, f"ray://{gcs}")
    assert text == f"What listens at ray://{gcs} is a Ray head's own port, or no Ray. Try %daft connect {gcs}"
    assert seconds < 5


@pytest.mark.slow
@pytest.mark.parametrize("client", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["direct", "client"])
def test_another_version_of_ray_is_said_in_time(head: Head, kernel: Kernel, client: bool) -> None:
    address = head.client_address if client else head.address
    kernel.run("import ray; ray.__version__ = '2.45.9'")  # the kernel's own; the cluster is what it is
    text, seconds = refusal(kernel, address)
    assert "2.45.9" in text
    assert RAY in text
    # Over a Ray Client the cluster tells its versions in a session only, and to open one takes Ray 3 to 9 s by itself.
    assert seconds < (15 if client else 5)
    kernel.run(f"ray.__version__ = {RAY!r}")
    kernel.run(CONNECT.format(address=address))
    watched(kernel, address)


@pytest.mark.slow
def test_another_python_is_said_in_time_and_another_patch_of_it_is_no_matter(kernel: Kernel) -> None:
    head = Head(token=False)
    try:
        head.await_client_server()  # it comes after the head's node
        kernel.run("import os; os.environ['RAY_AUTH_MODE'] = 'disabled'; del os.environ['RAY_AUTH_TOKEN']")
        # What the head says of itself, and what Ray itself compares; one Python is all there is here.
        publish = """
            import json
            from ray.core.generated import gcs_service_pb2, gcs_service_pb2_grpc
            import grpc
            channel = grpc.insecure_channel({address!r})
            stub = gcs_service_pb2_grpc.InternalKVGcsServiceStub(channel)
            stub.InternalKVPut(gcs_service_pb2.InternalKVPutRequest(
                namespace=b"cluster", key=b"CLUSTER_METADATA", overwrite=True,
                value=json.dumps({{"ray_version": {ray!r}, "python_version": {version!r}}}).encode()), timeout=5)
            channel.close()
        """
        minor = f"{sys.version_info[0]}.{sys.version_info[1] + 1}"
        kernel.run(publish.format(address=head.address, ray=RAY, version=f"{minor}.2"))
        text, seconds = refusal(kernel, head.address)
        assert f"runs Python {minor}.2, this kernel has Python " in text
        assert seconds < 5
        patch = f"{sys.version_info[0]}.{sys.version_info[1]}.99"
        kernel.run(publish.format(address=head.address, ray=RAY, version=patch))
        said = kernel.run(CONNECT.format(address=head.address))
        assert said[0] == f"reached {head.address}: Ray {RAY}, Python {patch}"
        watched(kernel, head.address)
    finally:
        head.stop()


NO_DAFT = "raise ImportError('there is no Daft here')"


@pytest.mark.parametrize(
    ("source", "what"),
    [
        pytest.param(
            NO_DAFT,
            "Daft cannot be imported on the cluster at {}: ImportError: there is no Daft here. ",
            id="none",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            OTHER_DAFT,
            f"The cluster at {{}} has Daft 0.7.1, and this kernel has Daft {DAFT}: neither reads the other's plans. ",
            id="another",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_cluster_without_this_daft_is_told_by_every_way_in(tmp_path: Path, source: str, what: str) -> None:
    head = Head(environment=shadow_daft(tmp_path, source))
    kernel = Kernel(head.environment)
    try:
        head.await_client_server()
        for address in (head.address, head.client_address):
            text, seconds = refusal(kernel, address)
            assert text.startswith(what.format(address)), text
            assert f'daftnb.connect("{address}", runtime_env={{"pip": ["daft=={DAFT}"]}})' in text
            # A process has to start there and import what it finds (and over a Ray Client, a session before it).
            assert seconds < 15
        # A runtime_env that puts this Daft before the other one.
        import daft

        site = str(Path(inspect.getfile(daft)).parent.parent)
        kernel.run(
            HERE
            + f"""
said = []
session.connect({head.address!r}, said.append, runtime_env={{"env_vars": {{"PYTHONPATH": {site!r}}}}})
"""
        )
        watched(kernel, head.address)
        assert kernel.run("out = session.stop()") is True
        answer = kernel.answer(
            f"session.connect({head.address!r}, said.append, runtime_env={{'conda': 'no-such-environment'}})"
        )
        assert "could not set up the runtime_env {'conda': 'no-such-environment'}" in answer["text"]
    finally:
        kernel.end()
        head.stop()


@pytest.mark.slow
def test_an_autoscaling_cluster_of_somebody_elses_is_left_without_demand() -> None:
    cluster = EmbeddedCluster(ClusterSize(min_workers=1, max_workers=3, cpus=1, idle_timeout=60))
    cluster.start(print)
    await_that(lambda: listens(cluster.client_address), "the head has its node", 90)
    token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(cluster.token_path)}
    standing = f"""
        from ray.core.generated import gcs_service_pb2, gcs_service_pb2_grpc
        import grpc, json
        channel = grpc.insecure_channel({cluster.address!r})
        reply = gcs_service_pb2_grpc.InternalKVGcsServiceStub(channel).InternalKVGet(
            gcs_service_pb2.InternalKVGetRequest(key=b"autoscaler_resource_request"), timeout=5,
            metadata=(("authorization", "Bearer " + {cluster.token_path.read_text()!r}),))
        channel.close()
        out = json.loads(reply.value) if reply.value else []
    """
    observer = Kernel()
    try:
        for end in ("out = session.stop()", None):
            kernel = Kernel({**token, "DAFT_AUTOSCALING_DOWNSCALE_ENABLED": "0"})
            kernel.run(CONNECT.format(address=cluster.address))
            await_that(lambda: kernel.run(CPUS) >= 1, "a worker node", 60)  # noqa: B023  # called at once
            kernel.run(SLOW.format(seconds=0.5))
            kernel.run("query(30).collect()")
            about = kernel.run(ABOUT)[0]
            assert about["problems"] == {}, "it grows"
            assert len(observer.run(standing)) >= 2, "with downscaling off, Daft leaves its demand standing"
            if end:
                assert kernel.run(end) is True
                texts = [line["text"] for line in kernel.run("out = list(session.snapshot()['decisions'].values())")]
                assert "what was asked of Ray is withdrawn" in texts
            kernel.end()
            assert observer.run(standing) == []
            assert cluster.answers(), "it runs on"
    finally:
        observer.end()
        cluster.stop()


CPUS = "import ray; out = int(ray.cluster_resources().get('CPU', 0))"


@pytest.mark.slow
def test_with_no_address_ray_starts_one_on_loopback_and_stop_ends_it(tmp_path: Path) -> None:
    home = {"HOME": str(tmp_path), "RAY_AUTH_TOKEN": "", "RAY_ADDRESS": ""}
    environment = {k: v for k, v in os.environ.items() if not k.startswith("RAY_AUTH")}
    kernel = Kernel({**environment, **home})
    try:
        said = kernel.run(CONNECT.format(address=None))
        assert said[0] == "starting a Ray on this machine"
        assert said[1] == f"connected: 1 node with {os.cpu_count()} CPUs, Daft {DAFT}"
        assert said[2] == NEVER_GROWS
        assert kernel.run(QUERY) == {"a": [2, 3]}
        about = kernel.run(ABOUT)[0]
        assert about["cluster"]["cpus"] == os.cpu_count()
        processes = psutil.Process(kernel.process.pid).children(recursive=True)
        assert "gcs_server" in {process.name() for process in processes}
        assert listeners([*processes, psutil.Process(kernel.process.pid)]) == {"127.0.0.1"}
        assert kernel.run("out = session.stop()") is True
        assert kernel.run(LEFT) == []
        left = psutil.wait_procs(processes, 30)[1]
        assert [process for process in left if process.status() != psutil.STATUS_ZOMBIE] == []
    finally:
        kernel.end()


@pytest.mark.slow
def test_a_head_with_the_second_autoscaler_and_no_configuration_never_grows() -> None:
    head = Head(environment={"RAY_enable_autoscaler_v2": "1"})
    kernel = Kernel(head.environment)
    try:
        head.await_client_server()
        kernel.run(CONNECT.format(address=head.address))
        problems = await_that(lambda: kernel.run(ABOUT)[0]["problems"], "the notice of the autoscaler", 60)
        assert list(problems.values()) == [NEVER_GROWS]
        watched(kernel, head.address)
    finally:
        kernel.end()
        head.stop()


@pytest.mark.slow
def test_a_head_that_dies_is_let_go_of_and_the_kernel_lives() -> None:
    head = Head()
    kernel = Kernel(head.environment)
    try:
        head.await_client_server()
        kernel.run(CONNECT.format(address=head.address))
        watched(kernel, head.address)
        next(p for p in psutil.process_iter() if named(p, head.folder) and p.name() == "gcs_server").kill()
        await_that(lambda: kernel.run(ABOUT)[0]["cluster"]["state"] == "stopped", "it is told", 60)
        assert "does not answer, and this kernel no longer uses it" in " ".join(
            kernel.run(ABOUT)[0]["problems"].values()
        )
    finally:
        head.stop()
    again = Head()
    try:
        again.await_client_server()
        kernel.run(f"os.environ['RAY_AUTH_TOKEN'] = {again.token!r}")
        kernel.run(CONNECT.format(address=again.address))
        watched(kernel, again.address)
    finally:
        kernel.end()
        again.stop()


@pytest.mark.slow
def test_a_runner_that_rays_memory_monitor_has_ended_is_followed_by_another() -> None:
    """A process outside of Ray takes the memory; Ray ends first what asks for no resources: Daft's runner."""
    memory = psutil.virtual_memory()
    most = (memory.total - memory.available + 3 * GIB) / memory.total
    head = Head(environment={"RAY_memory_usage_threshold": f"{most:.3f}", "RAY_memory_monitor_refresh_ms": "100"})
    kernel = Kernel(head.environment)
    hog = None
    try:
        head.await_client_server()
        kernel.run(CONNECT.format(address=head.address))
        assert kernel.run(QUERY) == {"a": [2, 3]}
        (runner,) = called(str(head.folder), "RemoteFlotillaRunner")
        assert kernel.run(RUN.replace("24", "400")) is True
        hog = subprocess.Popen([sys.executable, "-c", f"import time; held = b'x' * {4 * GIB}; time.sleep(600)"])
        await_that(lambda: not runner.is_running(), "the monitor ends the runner", 60)
        hog.kill()
        hog.wait()
        hog = None
        end = kernel.run(END)
        assert end["over"]
        assert "memory" in end["outcome"]["error"], end
        assert end["state"] == "failed"
        for _ in range(2):
            assert kernel.run(QUERY) == {"a": [2, 3]}
        workers = kernel.run(ABOUT)[3]
        assert (workers["total"], workers["busy"]) == (1, 0), "none is busy for ever"
    finally:
        if hog is not None:
            hog.kill()
            hog.wait()
        kernel.end()
        head.stop()


HANGS_ONCE = """
import os, sys, time
if "--mode=specific-server" in sys.orig_argv:
    try:
        os.close(os.open({marker!r}, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        pass
    else:
        time.sleep(600)
"""


@pytest.mark.slow
def test_a_ray_client_server_that_hangs_is_given_up_and_another_asked_for(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(HANGS_ONCE.format(marker=str(tmp_path / "hung")))
    head = Head(environment={"PYTHONPATH": str(tmp_path)})
    kernel = Kernel(head.environment)
    try:
        head.await_client_server()
        said = kernel.run(CONNECT.format(address=head.client_address))
        assert (tmp_path / "hung").exists()
        assert said[1] == "the head opened no Ray Client session; trying again"
        watched(kernel, head.client_address)
    finally:
        kernel.end()
        head.stop()
