"""Jobs without a cluster: what is refused beforehand, the errors' sentences, following where Ray's tail ends early."""

from __future__ import annotations

import http.server
import io
import json
import os
import socket
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from daftnb import magics
from daftnb.commands.job import wait
from daftnb.engine import internals
from daftnb.engine.connection import environment as env
from daftnb.engine.jobs import job as jobs
from daftnb.engine.jobs import server as jobserver
from daftnb.engine.jobs.job import Job, JobList, explain
from daftnb.engine.jobs.server import JobError, JobServer, read_token, server_address
from daftnb.engine.jobs.source import read_source
from daftnb.errors import DaftnbError
from tests.helpers.releases import needs_ray

# -- the address and the token ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "environment", "address"),
    [
        ("http://head:8265/", {"RAY_ADDRESS": "http://other:1"}, "http://head:8265"),
        (None, {"RAY_API_SERVER_ADDRESS": "https://a", "RAY_ADDRESS": "http://b:1"}, "https://a"),
        (None, {"RAY_ADDRESS": "http://b:1"}, "http://b:1"),
        (None, {"RAY_ADDRESS": "127.0.0.1:6379"}, "http://127.0.0.1:8265"),
        (None, {"RAY_ADDRESS": "ray://head:10001"}, "http://127.0.0.1:8265"),
        (None, {"RAY_ADDRESS": "a-svc:6379", "FQ_RAY_IP": "a-svc"}, "http://a-svc:8265"),
        (None, {"RAY_API_SERVER_ADDRESS": "https://a", "FQ_RAY_IP": "a-svc"}, "https://a"),
        (None, {}, "http://127.0.0.1:8265"),
    ],
)
def test_the_address(given: str | None, environment: dict[str, str], address: str) -> None:
    assert server_address(given, environment) == address


@pytest.mark.parametrize(
    ("given", "remedy"),
    [
        ("ray://head:10001", 'Try address="http://head:8265"'),
        ("head:6379", 'Try address="http://head:8265"'),
        ("auto", 'Try address="http://auto:8265"'),
        ("http://head:port", 'Try address="http://head:8265"'),
        ("http://", 'Try address="http://127.0.0.1:8265"'),
    ],
)
def test_not_an_address(given: str, remedy: str) -> None:
    with pytest.raises(JobError) as caught:
        server_address(given, {})
    assert caught.value.what == f"{given!r} is not the address of a job server, which is the URL of Ray's dashboard."
    assert caught.value.remedy == remedy


def test_the_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    file = tmp_path / "token"
    file.write_text("abc\n")
    assert read_token({"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "t"}) == ("t", "RAY_AUTH_TOKEN")
    assert read_token({"RAY_AUTH_TOKEN_PATH": str(file)}) == ("abc", f"RAY_AUTH_TOKEN_PATH, {file}")
    assert read_token({"RAY_AUTH_MODE": "disabled", "RAY_AUTH_TOKEN": "t"}) == ("", "")
    default = tmp_path / ".ray" / "auth_token"
    with pytest.raises(
        JobError, match=r"There is no token .*auth_token \(the default place\) cannot be read \(No such"
    ):
        read_token({"RAY_AUTH_MODE": "token"})
    default.parent.mkdir()
    default.write_text("home")
    assert read_token({"RAY_AUTH_MODE": "token"}) == ("home", f"the default place, {default}")
    assert read_token({}) == ("", ""), "the home folder's token was shown unasked"


# -- the server's answers ---------------------------------------------------------------------------------------------


@pytest.fixture
def no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH", "RAY_API_SERVER_ADDRESS", "RAY_ADDRESS"):
        monkeypatch.delenv(name, raising=False)


@needs_ray
@pytest.mark.usefixtures("no_token")
def test_nobody_listens() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(JobError) as caught:
            jobs.submit("print(1)", address)
    assert caught.value.what == f"The job server at {address} cannot be reached: connection refused."
    assert "ray start --head --dashboard-port" in caught.value.remedy


@needs_ray
@pytest.mark.usefixtures("no_token")
def test_somebody_listens_and_says_nothing() -> None:
    import ray.job_submission  # noqa: F401  # its import is no part of the wait

    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(JobError, match=r"cannot be reached: (no answer within 3.5 s|timed out)\."):
            jobs.jobs(address)


@pytest.fixture
def web_server() -> Iterator[str]:
    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<html>hello</html>")

        def log_message(self, *arguments: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@needs_ray
@pytest.mark.usefixtures("no_token")
def test_another_server_and_an_explicit_address_that_rays_variables_do_not_replace(
    web_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "http://127.0.0.1:1")
    with pytest.raises(JobError) as caught:
        jobs.find("raysubmit_1", web_server)
    assert caught.value.what == f"{web_server} answers (status 200), but it is not Ray's job server."


@needs_ray
@pytest.mark.usefixtures("no_token")
def test_another_ray_turns_jobs_off_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    assert internals.missing("jobs") == {}
    gone = internals.Internal("jobs", ("jobs",), "ray._private.runtime_env.packaging", "no_such_name", "a test")
    monkeypatch.setattr(internals, "INTERNALS", (gone,))
    monkeypatch.setattr(jobserver, "_client_class", jobserver._client_class.__wrapped__)
    with pytest.raises(JobError, match=r"jobs: off, because ray\._private\.runtime_env\.packaging\.no_such_name"):
        jobs.jobs("http://127.0.0.1:1")


# -- a job, seen through Ray's answers --------------------------------------------------------------------------------


def details(status: str = "RUNNING", **more: Any) -> SimpleNamespace:
    facts = {"submission_id": "raysubmit_1", "message": "", "error_type": None, "driver_exit_code": None}
    facts |= {"metadata": {}, "start_time": 1_700_000_000_000, "end_time": 1_700_000_007_000}
    return SimpleNamespace(**facts | more, status=SimpleNamespace(value=status))


@pytest.mark.parametrize(
    ("failed", "what", "remedy"),
    [
        (
            {"driver_exit_code": 1, "message": "tail:\n  File x\nModuleNotFoundError: No module named 'daft'\n"},
            "raysubmit_1 failed (exit status 1): ModuleNotFoundError: No module named 'daft'",
            'Try daftnb.submit(…, pip=["daft==',
        ),
        (
            {"driver_exit_code": 1, "message": "ValueError: a < b\n(raylet) a line after it\n"},
            "raysubmit_1 failed (exit status 1): ValueError: a < b",
            "print(job.logs()) shows all it printed.",
        ),
        (
            {"driver_exit_code": 127, "message": "/bin/sh: 1: python: not found"},
            "raysubmit_1 failed (exit status 127): /bin/sh: 1: python: not found",
            "The cluster's nodes must have `python` on the PATH",
        ),
        (
            {"error_type": "RUNTIME_ENV_SETUP_FAILURE", "message": "failed:\nOSError: no package"},
            "raysubmit_1 did not start, because its runtime environment could not be made: OSError: no package",
            "print(job.message) shows all of it.",
        ),
        ({"message": None}, "raysubmit_1 failed: no reason given", "print(job.logs())"),
    ],
)
def test_a_failure_is_shown_as_what_it_is(failed: dict[str, Any], what: str, remedy: str) -> None:
    error = explain(details("FAILED", **failed))
    assert isinstance(error, DaftnbError)
    assert error.what == what
    assert remedy in error.remedy


class Server:
    """A job server in memory: the status at each look, and the log so far; ``pieces`` is what Ray's tail gives."""

    address = "http://127.0.0.1:8265"

    def __init__(self, looks: list[tuple[str, str]], pieces: list[str]) -> None:
        self.looks = looks
        self.pieces = pieces
        self.stops = 0

    def info(self, _id: str) -> Any:
        return details(self.looks[0][0])

    def log(self, _details: Any) -> str:
        return (self.looks.pop(0) if len(self.looks) > 1 else self.looks[0])[1]

    def tail(self, _id: str) -> Generator[str, None, None]:
        yield from self.pieces

    def stop(self, _id: str) -> None:
        self.stops += 1
        self.looks = [("STOPPED", "")] if self.stops == 2 else self.looks


def job(server: Server) -> Job:
    return Job(server, details("PENDING"))  # type: ignore[arg-type]


def test_lines_come_whole_whatever_the_pieces() -> None:
    server = Server([("SUCCEEDED", "one\ntwo\nthree")], ["o", "ne\ntw", "o\nth", "ree"])
    assert list(job(server).lines()) == ["one", "two", "three"]


def test_lines_go_on_where_rays_tail_ended_early(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "POLL_SECONDS", 0.0)
    looks = [("RUNNING", "one\ntwo\nthr"), ("RUNNING", "one\ntwo\nthree\n"), ("FAILED", "one\ntwo\nthree\n\nlast")]
    assert list(job(Server(looks, ["one\nt"])).lines()) == ["one", "two", "three", "", "last"]


def test_a_tail_that_goes_quiet_after_the_end_holds_nobody() -> None:
    server = Server([("SUCCEEDED", "one\n")], ["one\n", *[""] * 1000])
    assert list(job(server).lines()) == ["one"]


def test_stop_asks_again_while_there_is_nothing_to_stop_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "POLL_SECONDS", 0.01)
    server = Server([("PENDING", "")], [])
    stopped = job(server)
    monkeypatch.setattr(stopped, "wait", lambda _seconds: None)
    assert (stopped.stop(), server.stops) == ("STOPPED", 2)
    assert (stopped.stop(), server.stops) == ("STOPPED", 2), "a job that is over was stopped again"


def test_a_list_is_a_table_of_text() -> None:
    server: Any = Server([], [])
    named = details("SUCCEEDED", metadata={"job_name": "<b>\x1b[31m\n" + "x" * 60})
    named.message = "Job finished successfully."
    failed = details(
        "FAILED", message="Job entrypoint command failed, last logs:\nTraceback:\nValueError: a\tb" + "b" * 90
    )
    listed = JobList([Job(server, each) for each in (named, details("STOPPED", start_time=None), failed)])
    header, first, second, third = repr(listed).splitlines()
    assert header.split() == ["id", "name", "status", "submitted", "took", "message"]
    assert first.startswith("raysubmit_1  <b>\\x1b[31m\\n" + "x" * 27 + "  SUCCEEDED  2023-11-1")
    assert first.endswith("  7 s   Job finished successfully.")
    assert second.split() == ["raysubmit_1", "raysubmit_1", "STOPPED"]
    assert third[header.index("message") :] == ("ValueError: a\\tb" + "b" * 90)[:80]
    assert repr(JobList()) == "no jobs"


def test_a_quiet_log_calls_back_and_a_busy_one_does_not() -> None:
    called: list[str] = []
    server = Server([("RUNNING", "one\n"), ("SUCCEEDED", "one\n")], ["one\n", "", "", ""])
    followed = job(server)
    assert list(followed.lines(lambda: called.append(followed.status))) == ["one"]
    assert called == ["RUNNING"] * 3


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch) -> None:
    server: Any = Server([], [])
    ids = {"raysubmit_abc1": "nightly", "raysubmit_abd2": "", "raysubmit_xyz3": "twice", "mine": "twice"}
    there = [details(submission_id=id_, metadata={"job_name": name} if name else {}) for id_, name in ids.items()]
    monkeypatch.setattr(jobs, "jobs", lambda address=None: JobList(Job(server, each) for each in there))


@pytest.mark.usefixtures("listed")
@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("raysubmit_abc1", "raysubmit_abc1"),
        ("raysubmit_abc", "raysubmit_abc1"),
        ("abc", "raysubmit_abc1"),
        ("x", "raysubmit_xyz3"),
        ("mine", "mine"),
        ("nightly", "raysubmit_abc1"),
    ],
)
def test_a_job_is_found_by_its_id_the_beginning_of_it_or_its_name(text: str, found: str) -> None:
    assert jobs.search(text).id == found


@pytest.mark.usefixtures("listed")
@pytest.mark.parametrize(
    ("text", "what", "remedy"),
    [
        ("ab", "2 jobs at http://127.0.0.1:8265 match 'ab': raysubmit_abc1, raysubmit_abd2.", "Type more of one"),
        ("twice", "2 jobs at http://127.0.0.1:8265 match 'twice': raysubmit_xyz3, mine.", "Type more of one"),
        ("nigthly", "There is no job 'nigthly' at http://127.0.0.1:8265.", "Did you mean nightly?"),
        ("", "There is no job '' at http://127.0.0.1:8265.", "%daft jobs"),
        ("zzz", "There is no job 'zzz' at http://127.0.0.1:8265.", "%daft jobs"),
    ],
)
def test_no_job_or_several(text: str, what: str, remedy: str) -> None:
    with pytest.raises(JobError) as caught:
        jobs.search(text)
    assert caught.value.what == what
    assert caught.value.remedy.startswith(remedy)


# -- the magics -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "body", "what"),
    [
        ("job", "  \n", "There is nothing to run: the source is empty."),
        ("job", "print(1)\n%pip install x\n", "The source is not Python: line 3, invalid syntax: %pip install x"),
        ("job --wait --detach", "print(1)", "%%daft job: --detach: not allowed with argument --wait."),
        ("job --address ray://head:10001", "print(1)", "'ray://head:10001' is not the address of a job server"),
        ("jobb", "print(1)", "%%daft has no mode 'jobb'"),
    ],
)
def test_slips_of_a_job_cell(line: str, body: str, what: str) -> None:
    with pytest.raises(DaftnbError) as caught:
        magics.run_cell(line, body, None)  # type: ignore[arg-type]  # no session is needed
    assert caught.value.what.startswith(what)


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("job", "%daft job: the following arguments are required: logs|status|stop, ID."),
        ("job log x", "%daft job: logs|status|stop cannot be 'log': it must be one of logs, status, stop."),
        ("job stop x --follow", "--follow works with logs only."),
        ("jobs now", "%daft jobs does not take 'now'."),
    ],
)
def test_slips_of_the_job_verbs(line: str, what: str) -> None:
    with pytest.raises(DaftnbError) as caught:
        magics.run(line, None)  # type: ignore[arg-type]  # no session is needed
    assert caught.value.what == what


def waited(server: Server, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What is shown in a terminal of waiting for a job."""
    wait(job(server))
    return capsys.readouterr().out.splitlines()


def test_waiting_shows_each_status_once_and_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    server = Server([("RUNNING", ""), ("SUCCEEDED", "one\ntwo\n")], ["one\n", ""])
    first, *log, last = waited(server, capsys)
    assert first.startswith("job raysubmit_1: RUNNING, 7 s, at http://127.0.0.1:8265")
    assert log == ["one", "two"]
    assert last.startswith("job raysubmit_1: SUCCEEDED, ")


@pytest.mark.parametrize(
    ("status", "what"),
    [("FAILED", "raysubmit_1 failed: no reason given"), ("STOPPED", "raysubmit_1 was stopped before its end.")],
)
def test_a_job_that_did_not_succeed_fails_its_cell(status: str, what: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(JobError) as caught:
        waited(Server([(status, "log\n")], []), capsys)
    assert caught.value.what == what
    assert "log" in capsys.readouterr().out


def test_an_interrupt_ends_the_waiting_and_says_how_to_end_the_job() -> None:
    closed: list[bool] = []

    class Interrupted(Server):
        def tail(self, _id: str) -> Generator[str, None, None]:
            try:
                yield "one\n"
                raise KeyboardInterrupt
            finally:
                closed.append(True)

    with pytest.raises(DaftnbError) as caught:
        wait(job(Interrupted([("RUNNING", "one\n")], [])), "http://head:8265")
    assert caught.value.what == "No longer waiting for raysubmit_1, which keeps running."
    assert caught.value.remedy.startswith("%daft job stop raysubmit_1 --address http://head:8265 ends it")
    assert closed == [True]


@needs_ray
def test_a_package_holds_the_source_alone_and_is_named_by_it() -> None:
    stored: dict[str, bytes] = {}

    class Client:
        def _package_exists(self, uri: str) -> bool:
            return uri in stored

        def _do_request(self, method: str, endpoint: str, data: bytes) -> Any:
            assert method == "PUT"
            stored["gcs://" + endpoint.removeprefix("/api/packages/gcs/")] = data
            return SimpleNamespace(status_code=200)

    server = JobServer.__new__(JobServer)
    server.address, server._client = "http://127.0.0.1:8265", Client()
    program = read_source("print(1)")
    uri = server.put_module(program.member, program.content)
    assert server.put_module(program.member, program.content) == uri
    assert list(stored) == [uri]
    with zipfile.ZipFile(io.BytesIO(stored[uri])) as archive:
        assert archive.namelist() == [program.member]
        assert archive.read(program.member) == b"print(1)"


def test_the_modules_of_jobs_do_not_import_ray() -> None:
    source = "import sys, daftnb.engine.jobs.job; print('ray' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", source], text=True) == "False\n"


# -- whose token it is ------------------------------------------------------------------------------------------------


@needs_ray
@pytest.mark.usefixtures("no_token")
@pytest.mark.parametrize(("seconds", "handed_in"), [(30.0, True), (0.0, False)])
def test_a_head_whose_agent_is_not_there_yet_is_asked_again(
    listening: Any, monkeypatch: pytest.MonkeyPatch, seconds: float, handed_in: bool
) -> None:
    monkeypatch.setattr(jobserver, "AGENT_SECONDS", seconds)
    monkeypatch.setattr(jobserver, "AGENT_PAUSE_SECONDS", 0.0)
    server = jobserver.JobServer(listening(None)[0])
    asked: list[str] = []

    def refuse_twice(*, entrypoint: str) -> str:
        asked.append(entrypoint)
        if len(asked) <= 2:
            text = "Request failed with status code 500: No available agent to submit job, please try again later.."
            raise RuntimeError(text)
        return "raysubmit_1"

    monkeypatch.setattr(server._client, "submit_job", refuse_twice)
    if handed_in:
        assert server.submit(entrypoint="x") == "raysubmit_1"
        assert asked == ["x"] * 3
    else:
        with pytest.raises(JobError, match="No available agent"):
            server.submit(entrypoint="x")
    asked[:] = []

    def refuse(**_request: Any) -> str:
        asked.append("once")
        raise RuntimeError("Request failed with status code 400: no entrypoint.")

    monkeypatch.setattr(server._client, "submit_job", refuse)
    with pytest.raises(JobError, match="no entrypoint"):
        server.submit()
    assert asked == ["once"], "another refusal stays one"


@pytest.fixture
def listening() -> Iterator[Callable[[str | None], tuple[str, list[str | None]]]]:
    """Make a job server on loopback: its address, and the Authorization of each request; it may send people on."""
    servers: list[http.server.ThreadingHTTPServer] = []

    def make(elsewhere: str | None) -> tuple[str, list[str | None]]:
        shown: list[str | None] = []

        class Server(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                shown.append(self.headers.get("Authorization"))
                if elsewhere is not None:
                    self.send_response(307)
                    self.send_header("Location", elsewhere + self.path)
                    self.end_headers()
                    return
                self.send_response(200)
                self.end_headers()
                body = {"ray_version": "2.59.0", "version": "4", "ray_commit": "", "session_name": "s"}
                self.wfile.write(json.dumps([] if self.path == "/api/jobs/" else body).encode())

            def log_message(self, *arguments: Any) -> None:
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_address[1]}", shown

    yield make
    for server in servers:
        server.shutdown()
        server.server_close()


@needs_ray
@pytest.mark.usefixtures("no_token")
def test_the_token_of_the_embedded_cluster_is_shown_to_no_job_server(
    listening: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(env, "read_again", lambda: None)  # Ray may be imported, and connected
    token = tmp_path / "token"
    token.write_text("of the embedded cluster")
    address, shown = listening(None)
    before = env.apply({"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(token)})
    try:
        assert jobs.jobs(address) == [] and shown and set(shown) == {None}
        monkeypatch.setenv("RAY_AUTH_TOKEN", "of the other cluster")  # the user's own, for that address
        monkeypatch.setenv("RAY_AUTH_MODE", "token")
        shown.clear()
        assert jobs.jobs(address) == [] and set(shown) == {"Bearer of the other cluster"}
    finally:
        env.restore(before)
    assert "RAY_AUTH_TOKEN_PATH" not in os.environ and env.for_host("127.0.0.1") == dict(os.environ)


@needs_ray
@pytest.mark.usefixtures("no_token")
def test_the_users_own_token_is_shown_as_before_while_a_cluster_runs(
    listening: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(env, "read_again", lambda: None)
    for name in ("mine", "ours"):
        (tmp_path / name).write_text(name)
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(tmp_path / "mine"))
    address, shown = listening(None)
    before = env.apply({"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(tmp_path / "ours")})
    try:
        assert jobs.jobs(address) == [] and set(shown) == {"Bearer mine"}
    finally:
        env.restore(before)


@pytest.mark.usefixtures("no_token")
def test_a_mode_that_was_set_for_a_cluster_holds_for_its_host_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(env, "read_again", lambda: None)
    before = env.apply({"RAY_AUTH_MODE": "token"}, "head.example")
    try:
        assert "RAY_AUTH_MODE" not in env.for_host("elsewhere.example")
        assert env.for_host("head.example")["RAY_AUTH_MODE"] == "token"
    finally:
        env.restore(before)


@needs_ray
@pytest.mark.usefixtures("no_token")
def test_who_is_sent_on_does_not_take_the_token_along(listening: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.setenv("RAY_AUTH_TOKEN", "secret")
    other, shown_there = listening(None)
    address, shown = listening(other)
    assert jobs.jobs(address) == []
    assert set(shown) == {"Bearer secret"} and set(shown_there) == {None}


def test_what_is_printed_of_jobs_has_no_secret() -> None:
    assert jobs.shown("\x1b[31mHF_TOKEN=hf_SEKRETSEKRET\x1b[0m") == "HF_TOKEN=***"
    message = "last logs:\nray::f() (pid=1)\ndaft.exceptions.DaftCoreException: DaftError::ComputeError rows:\n"
    message += "0: DaftError::PyO3Error MyErr: https://u:SEKRET@h"
    failure = explain(details("FAILED", message=message, driver_exit_code=1))
    assert failure.what == "raysubmit_1 failed (exit status 1): MyErr: https://***@h"
