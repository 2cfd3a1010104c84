"""Once the user has shut Ray down, no call of daftnb's own starts one; and one change of the cluster at a time."""

from __future__ import annotations

import ast
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import ray
from ray._private import auto_init_hook

import daftnb
from daftnb.commands.cluster import status_text
from daftnb.doctor.engine import ray_address
from daftnb.engine.connection import external, remote, runner_slot, samecluster, standing
from daftnb.engine.connection import link as ray_link
from daftnb.engine.connection.link import Link, asking
from daftnb.engine.embedded.cluster import ClusterSize, EmbeddedCluster
from daftnb.engine.queries import batches
from daftnb.engine.queries.background import OwnQuery
from daftnb.engine.queries.leaving import leave
from daftnb.engine.queries.runner import WatchedFlotillaRunner
from daftnb.engine.queries.runnerdoor import RunnerDoor
from daftnb.engine.rows import raypartitions
from daftnb.engine.rows.partitions import PartitionLost
from daftnb.errors import ClusterError
from daftnb.session import Session
from daftnb.telemetry import events as e
from tests.helpers.queryrunner import plan, unmade
from tests.helpers.releases import needs_token

THERE = Link("127.0.0.1:1", ("127.0.0.1:1", "01"), False)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What Ray would have started: each call of the hook, and each ``ray.init``, while there is no connection."""
    found: list[str] = []

    def hook() -> None:
        if auto_init_hook.enable_auto_connect and not ray.is_initialized():
            found.append("auto_init_ray")
            raise AssertionError("here Ray would have started a cluster")

    assert not ray.is_initialized()
    monkeypatch.setattr(auto_init_hook, "enable_auto_connect", True)
    monkeypatch.setattr(auto_init_hook, "auto_init_ray", hook)
    monkeypatch.setattr(ray, "init", lambda *_arguments, **_options: found.append("ray.init"))
    yield found
    standing.put_back()


@pytest.fixture(autouse=True)
def sessions_end(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Close every session that a test makes: what it put into Daft is for nobody else."""
    made: list[Session] = []
    begin = Session.__init__

    def init(self: Session) -> None:
        begin(self)
        made.append(self)

    monkeypatch.setattr(Session, "__init__", init)
    yield
    for session in made:
        there = session.connection
        there.cluster = there.external = there.link = there.flotilla = None
        session.close()


class Actor:
    """A handle from a connection that has ended. To make a call through it, Ray would connect first."""

    class __ray_call__:  # Ray's name
        @staticmethod
        def remote(*_arguments: Any) -> Any:
            auto_init_hook.auto_init_ray()
            return ray.put(1)


def door() -> RunnerDoor:
    made = RunnerDoor.__new__(RunnerDoor)
    made.actor, made.dead, made.left, made.link = Actor(), False, False, THERE
    made._lock, made._nodes_at, made._seen = threading.Lock(), 0.0, (0, 0)
    made._clock_offset, made._least_delay, made._told_dead = 0.0, 1.0, False
    return made


def runner() -> WatchedFlotillaRunner:
    made: WatchedFlotillaRunner = unmade(
        door(), in_batches=True, _running={"q": 1}, planned=lambda: None, runner=Actor(), _startup_timeout=1
    )
    return made


def partitions() -> raypartitions.RayPartitions:
    made = raypartitions.RayPartitions.__new__(raypartitions.RayPartitions)
    made._link, made._parts, made._spans, made.rows = THERE, ["ref"], raypartitions.Spans([3]), 3
    return made


def a_session(**facts: Any) -> Any:
    made = Session()
    made.connection.link = THERE
    made.connection.flotilla = runner()
    for name, value in facts.items():
        setattr(made.connection, name, value)
    return made


def embedded(answers: bool = True) -> Any:
    made = EmbeddedCluster(ClusterSize())
    made.address, made.client_address = "127.0.0.1:1", "ray://127.0.0.1:2"
    made.answers = lambda: answers  # type: ignore[method-assign]
    return made


def look(session: Any) -> Any:
    try:
        return session.snapshot()
    finally:
        session.close()


def taken(session: Any) -> Any:
    """As a query on Ray begins."""
    try:
        session.connection.adopt()
    finally:
        session.close()


EVERY_WAY: dict[str, Callable[[], Any]] = {
    "a door's call": lambda: door().call("drain"),
    "a door that is asked what happened": lambda: door().pull(),
    "a door that is closed": lambda: door().close(),
    "a new door": lambda: RunnerDoor(Actor(), frozenset()),
    "a query": lambda: next(runner().stream_plan(plan(), {})),
    "a query's first results": lambda: batches.Line(runner(), lambda: False).send([]),
    "a query that is cancelled": lambda: runner().cancel("q"),
    "a new runner actor": lambda: runner()._call_alive("prepare", 1),
    "the connection": ray_link.link,
    "waiting for workers": lambda: ray_link.await_workers(1, print, lambda: True),
    "pointing Daft at Ray": lambda: runner_slot.use_ray(lambda _timeout: None),
    "asking the runner actor": lambda: external.ask(Actor(), remote.describe),
    "asking a head": lambda: external._describe("127.0.0.1:1", None, print),
    "asking a head's client server": lambda: external._describe("ray://127.0.0.1:1", None, print),
    "notices": lambda: external.ExternalCluster(THERE).notices(Actor()),
    "rows": lambda: partitions().slice(0, 1, [0]),
    "partitions that are looked at": lambda: partitions().check(),
    "partitions of a result": lambda: raypartitions.RayPartitions(SimpleNamespace(values=lambda: [1])),
    "leaving": lambda: leave(external.ExternalCluster(THERE), runner(), Session().monitor),
    "views of the kernel's own cluster": lambda: look(a_session(cluster=embedded())),
    "views of a cluster that does not answer": lambda: look(a_session(cluster=embedded(answers=False))),
    "views of another's cluster": lambda: look(a_session(external=external.ExternalCluster(THERE))),
    "stopping": lambda: a_session(cluster=embedded()).stop(),
    "the next query": lambda: taken(a_session(cluster=embedded())),
    "the next query where the connection was the user's": lambda: taken(a_session()),
    "the doctor": lambda: ray_address(a_session(cluster=embedded())),
}
EXPECTED = (ConnectionError, PartitionLost, ClusterError)


@pytest.mark.parametrize("way", EVERY_WAY)
def test_after_a_users_shutdown_nothing_starts_ray(way: str, started: list[str]) -> None:
    try:
        EVERY_WAY[way]()
    except EXPECTED as error:
        assert "would have started" not in str(error)
    assert started == []
    assert not ray.is_initialized()


def test_a_previews_own_query_starts_nothing_whoever_has_made_the_runner_actor(started: list[str]) -> None:
    """Daft's own runner calls Ray in it, after daftnb has let go of a connection of the user's."""
    with pytest.raises(Exception, match="Ray has not been started yet"), OwnQuery().run():
        Actor().__ray_call__.remote()
    assert started == []


def test_the_stand_in_for_ray_would_tell(started: list[str]) -> None:
    with pytest.raises(AssertionError, match="would have started"):
        ray.get("ref")
    with pytest.raises(AssertionError, match="would have started"):
        Actor().__ray_call__.remote()
    assert started == ["auto_init_ray"] * 2


def test_a_connection_that_ends_between_the_look_and_the_call_starts_nothing(
    started: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_link, "link", lambda: THERE)  # as it was a moment ago
    with pytest.raises(Exception, match="Ray has not been started yet"):
        door().call("drain")
    assert started == []


def test_only_the_thread_that_asks_is_kept_from_starting(started: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_link, "link", lambda: THERE)
    seen: list[bool] = []
    with asking(THERE):
        assert not auto_init_hook.enable_auto_connect
        thread = threading.Thread(target=lambda: seen.append(bool(auto_init_hook.enable_auto_connect)))
        thread.start()
        thread.join()
        with pytest.raises(ConnectionError), asking(Link("10.0.0.1:1", (), False)):
            pass
        assert not auto_init_hook.enable_auto_connect, "still within"
    assert seen == [True], "a user's own call in another thread is as it was"
    assert auto_init_hook.enable_auto_connect
    standing.put_back()
    assert auto_init_hook.enable_auto_connect is True
    standing.never_start()
    with standing.without_starting():
        assert auto_init_hook.enable_auto_connect is False
    standing.put_back()
    assert auto_init_hook.enable_auto_connect is False, "what somebody has set stays"


# Functions that are only called from within one of the guards.
WITHIN = {
    ("external.py", "_describe_by_task"),
    ("raypartitions.py", "cut"),
    ("raypartitions.py", "_task"),
    ("raypartitions.py", "__init__"),
}
CALLS = {"get", "put", "wait", "kill", "cancel", "get_actor", "nodes", "get_runtime_context", "cluster_resources"}
GUARDS = {"asking", "without_starting", "_guarded"}


def unguarded(source: str, file: str) -> Iterator[str]:
    """Calls into Ray that no guard is around, in a module that runs in the kernel."""

    def visit(node: ast.AST, guarded: bool, function: str) -> Iterator[str]:
        if isinstance(node, ast.With):
            guarded |= any(
                isinstance(item.context_expr, ast.Call) and ast.unparse(item.context_expr.func).split(".")[-1] in GUARDS
                for item in node.items
            )
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            function = node.name
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = ast.unparse(node.func.value)
            into_ray = (owner == "ray" and node.func.attr in CALLS) or node.func.attr == "remote"
            if into_ray and not guarded and (file, function) not in WITHIN:
                yield f"{file}: {function}: {ast.unparse(node)[:60]}"
        for child in ast.iter_child_nodes(node):
            yield from visit(child, guarded, function)

    yield from visit(ast.parse(source), False, "")


def test_every_call_into_ray_is_within_a_guard() -> None:
    """In the source, but for what runs in the cluster's processes."""
    package = Path(str(daftnb.__file__)).parent
    files = [
        path
        for path in package.rglob("*.py")
        if not {"frontend", "actor", "meter"}.intersection(path.relative_to(package).parts)
        and path != Path(str(remote.__file__))
    ]
    assert len(files) > 50
    found = [each for path in files for each in unguarded(path.read_text(), path.name)]
    assert found == []
    assert list(unguarded("def f():\n    ray.get(actor.call.remote())\n    with asking(): ray.get(1)", "x.py")) == [
        "x.py: f: ray.get(actor.call.remote())",
        "x.py: f: actor.call.remote()",
    ]


# -- what is said of it -----------------------------------------------------------------------------------------------


def test_status_says_since_when_a_cluster_has_not_answered() -> None:
    session = a_session()
    try:
        session.monitor.emit(e.ClusterChanged(5.0, "external", "not answering", "ray://head:10001", silent_since=2.0))
        text = status_text(session)
        assert "cluster   not answering at ray://head:10001 since 00:00:02 UTC\n" in text
        assert "problem   the Ray at ray://head:10001 has not answered since 00:00:02 UTC" in text
    finally:
        session.close()


def test_status_and_the_next_query_say_that_the_connection_has_ended(started: list[str]) -> None:
    session = a_session(cluster=embedded())
    try:
        text = status_text(session)
        assert (
            "cluster   running at 127.0.0.1:1, but this kernel is no longer connected to it: "
            "%daft stop ends it, %daft start starts a new one\n"
        ) in text
        assert (
            "problem   this kernel was disconnected from its cluster at 127.0.0.1:1 (ray.shutdown() does that)" in text
        )
        assert status_text(session) == text, "told once"
        found = ray_address(session)
        assert (found.rank, found.remedy) == ("problem", "%daft start starts a new one, %daft stop ends it")
        with pytest.raises(ClusterError) as caught:
            next(runner().stream_plan(SimpleNamespace(idx=lambda: 1), {}))
        assert caught.value.what == (
            "This kernel's connection to Ray at 127.0.0.1:1 has ended (ray.shutdown() does that), so this query cannot "
            "run."
        )
        assert caught.value.remedy.startswith("Try %daft start")
        assert session.stop() is True
        assert "cluster   stopped at 127.0.0.1:1" in status_text(session)
    finally:
        session.close()
    assert started == []


# -- one change at a time ---------------------------------------------------------------------------------------------


class SlowCluster(EmbeddedCluster):
    """One that starts when it is told to."""

    begun = threading.Event()
    go_on = threading.Event()
    made: list[SlowCluster] = []

    def start(self, progress: Any, extra_environment: Any = None) -> None:
        self.made.append(self)
        self.begun.set()
        assert self.go_on.wait(30)
        raise ClusterError("This one does not come up.", "")


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[SlowCluster]]:
    from daftnb.engine.embedded import cluster

    SlowCluster.begun, SlowCluster.go_on, SlowCluster.made = threading.Event(), threading.Event(), []
    monkeypatch.setattr(cluster, "EmbeddedCluster", SlowCluster)
    monkeypatch.setattr(runner_slot, "check_runner", lambda: None)
    yield SlowCluster
    SlowCluster.go_on.set()


@needs_token
def test_a_second_start_a_stop_and_a_connect_meanwhile_say_that_a_start_is_under_way(slow: type[SlowCluster]) -> None:
    session = Session()
    outcome: list[str] = []

    def start() -> None:
        try:
            session.start(ClusterSize(), lambda text: None)
        except ClusterError as error:
            outcome.append(error.what)

    thread = threading.Thread(target=start)
    thread.start()
    try:
        assert slow.begun.wait(30)
        for what, change in {
            "start": lambda: session.start(ClusterSize(), print),
            "stop": session.stop,
            "connect": lambda: session.connect("127.0.0.1:1", print),
        }.items():
            with pytest.raises(ClusterError) as caught:
                change()
            assert caught.value.what == "A start is already under way in another thread of this kernel."
            assert caught.value.remedy == f"Wait until it is done, then try %daft {what} again."
        assert session.snapshot()["session"]["cluster"] is None, "views go on"
        assert len(slow.made) == 1
        slow.go_on.set()
        thread.join(30)
        assert outcome == ["This one does not come up."]
        assert session.stop() is False, "all is free again"
    finally:
        slow.go_on.set()
        thread.join(30)
        session.close()


def test_a_change_within_a_change_of_the_same_thread_is_refused_too(slow: type[SlowCluster]) -> None:
    session = Session()
    with session.connection.change_of("start"), pytest.raises(ClusterError) as caught:
        session.stop()
    assert caught.value.what == "A start is already under way."
    session.close()


@needs_token
def test_an_interrupt_in_the_midst_of_a_start_leaves_nothing(
    slow: type[SlowCluster], monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[EmbeddedCluster] = []

    def interrupted(self: Any, progress: Any, extra: Any = None) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(SlowCluster, "start", interrupted)
    monkeypatch.setattr(SlowCluster, "stop", lambda self: ended.append(self))
    session = Session()
    try:
        with pytest.raises(KeyboardInterrupt):
            session.start(ClusterSize(), print)
        assert len(ended) == 1
        assert session.cluster is None
        assert session.stop() is False
    finally:
        session.close()


@needs_token
@pytest.mark.parametrize(("ends", "said"), [(1, ["the head ended as it came up; starting another"]), (9, None)])
def test_a_head_that_ends_as_it_comes_up_is_followed_by_another(
    slow: type[SlowCluster], monkeypatch: pytest.MonkeyPatch, ends: int, said: list[str] | None
) -> None:
    stopped: list[EmbeddedCluster] = []
    monkeypatch.setattr(SlowCluster, "start", lambda self, progress, extra: setattr(self, "folder", Path("/nowhere")))
    monkeypatch.setattr(SlowCluster, "stop", lambda self: stopped.append(self))

    def connects(address: str, environment: dict[str, str], ready: Any) -> dict[str, str | None]:
        if len(stopped) < ends:
            raise ClusterError("It ended.", "")
        raise KeyboardInterrupt  # it is far enough

    monkeypatch.setattr(ray_link, "connect", connects)
    session, told = Session(), []
    try:
        with pytest.raises(KeyboardInterrupt if said else ClusterError):
            session.start(ClusterSize(), told.append)
        assert told == (said or ["the head ended as it came up; starting another"] * 2)
    finally:
        session.close()


@pytest.mark.parametrize(
    ("address", "ended"), [("127.0.0.1:1", True), ("ray://127.0.0.1:2", True), ("10.0.0.1:6379", False)]
)
def test_stop_ends_a_connection_to_its_own_cluster_and_no_other(
    address: str, ended: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also one that an interrupted start has just made, of which the session does not know yet."""
    disconnected: list[bool] = []
    session = a_session(cluster=embedded(), _flotilla=None, _link=None)
    try:
        monkeypatch.setattr(ray_link, "link", lambda: Link(address, (address,), False))
        monkeypatch.setattr(runner_slot, "disconnect", lambda: disconnected.append(True))
        assert session.stop() is True
        assert disconnected == [True] * ended
    finally:
        monkeypatch.undo()
        session.close()


def test_a_runner_that_became_native_meanwhile_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_link, "link", lambda: THERE)
    monkeypatch.setattr("daft.runners._get_runner", lambda: SimpleNamespace(name="native"))
    with pytest.raises(ClusterError, match="native runner already"):
        runner_slot.use_ray(lambda _timeout: pytest.fail("it is not Ray's"))


# -- the same cluster by another name ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "known", "same"),
    [
        ("127.0.0.1:6379", {"127.0.0.1:6379"}, True),
        ("localhost:6379", {"127.0.0.1:6379"}, True),
        ("127.0.0.1:6380", {"127.0.0.1:6379"}, False),
        ("ray://localhost:10001", {"127.0.0.1:6379", "ray://127.0.0.1:10001"}, True),
        ("ray://localhost", {"127.0.0.1:6379", "ray://127.0.0.1:10001"}, True),
        ("ray://127.0.0.1:6379", {"127.0.0.1:6379"}, False),
        ("[::1]:6379", {"127.0.0.1:6379"}, True),
        ("no-such-host.invalid:6379", {"127.0.0.1:6379"}, False),
        ("no-such-host.invalid:6379", {"no-such-host.invalid:6379"}, True),
        (None, {"127.0.0.1:6379"}, False),
    ],
)
def test_the_same_ray_is_known_by_every_spelling(
    text: str | None, known: set[str], same: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    assert samecluster.is_same(text, known, local=False) is same


def test_auto_and_no_address_are_what_ray_takes_them_for(monkeypatch: pytest.MonkeyPatch) -> None:
    from ray._private import services

    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    cleared = SimpleNamespace(cache_clear=lambda: None)

    def finds(*addresses: str, latest: str | None = None) -> None:
        found: Any = lambda: frozenset(addresses)  # noqa: E731  # it needs an attribute
        found.cache_clear = cleared.cache_clear
        monkeypatch.setattr(services, "find_gcs_addresses", found)
        monkeypatch.setattr(services, "find_bootstrap_address", lambda _folder: latest)

    here = {"127.0.0.1:6379"}
    finds("127.0.0.1:6379")
    assert samecluster.is_same("auto", here, local=False)
    finds("127.0.0.1:6379", "127.0.0.1:7000")
    assert samecluster.is_same("auto", here, local=False), "one of those that Ray may take"
    finds("127.0.0.1:6379", "127.0.0.1:7000", latest="127.0.0.1:7000")
    assert not samecluster.is_same("auto", here, local=False), "the last `ray start` was another"
    finds()
    assert not samecluster.is_same("auto", here, local=False)
    assert samecluster.is_same(None, here, local=True), "a Ray of this kernel's own is there"
    monkeypatch.setenv("RAY_ADDRESS", "localhost:6379")
    assert samecluster.is_same("auto", here, local=False)
    assert samecluster.is_same(None, here, local=False)
    monkeypatch.setenv("RAY_ADDRESS", "localhost:7000")
    assert not samecluster.is_same("auto", here, local=False)
    assert not samecluster.is_same(None, here, local=True)


def test_a_client_server_of_this_machine_is_known_by_the_cluster_that_it_serves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words = ["python", "-m", "ray.util.client.server", "--address=127.0.0.1:6379", "--port=10001", "--mode=proxy"]
    others = ["tail", "ray.util.client.server", "--port=10002"]
    processes = [SimpleNamespace(cmdline=lambda words=words: words) for words in (words, others)]
    monkeypatch.setattr(samecluster.psutil, "process_iter", lambda: iter(processes))
    assert samecluster.is_same("ray://localhost:10001", {"127.0.0.1:6379"}, local=False)
    assert samecluster.is_same("localhost:6379", {"ray://127.0.0.1:10001"}, local=False)
    assert not samecluster.is_same("ray://localhost:10002", {"127.0.0.1:6379"}, local=False)
    assert not samecluster.is_same("ray://localhost:10001", {"127.0.0.1:7000"}, local=False)
    assert not samecluster.is_same("ray://no-such-host.invalid:10001", {"127.0.0.1:6379"}, local=False)


def test_connecting_to_where_the_kernel_is_already_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    session = a_session(cluster=embedded(), flotilla=None)
    try:
        monkeypatch.setattr(ray_link, "link", lambda: THERE)
        monkeypatch.setattr(runner_slot, "runner_name", lambda: "ray")
        for address in ("127.0.0.1:1", "localhost:1", "ray://localhost:2"):
            session.connect(address, said.append)
        assert said == ["already connected to Ray at 127.0.0.1:1: queries run there"] * 3
        for address, environment in (("127.0.0.1:9", None), ("127.0.0.1:1", {"pip": ["x"]})):
            with pytest.raises(ClusterError, match="This kernel's own cluster is running"):
                session.connect(address, said.append, environment)
    finally:
        session.connection.cluster = None
        session.close()


def test_nothing_here_has_connected() -> None:
    assert "ray" in sys.modules and not ray.is_initialized()
