"""Any ``%daft`` line and any ``%%daft`` cell, carried out: a result or one of our errors, and nothing else happens.

Ray is not started, no process is, nothing is connected to, and no file is opened for writing: an audit hook looks on.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daftnb import magics
from daftnb.commands import registry
from daftnb.engine.connection.address import parse
from daftnb.errors import DaftnbError
from daftnb.session import close_session
from daftnb.settings import SETTINGS, AutoscalingSettings
from daftnb.telemetry.followers import Followers
from daftnb.telemetry.recorder import Recorder
from tests.helpers.fakesession import FakeSession, native
from tests.helpers.magiclines import LINES

FORBIDDEN = ("socket.connect", "subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork")
FORBIDDEN += ("os.remove", "os.rename", "os.mkdir", "os.rmdir", "shutil.rmtree", "os.kill", "signal.pthread_kill")
_seen: list[str] | None = None


def _look(event: str, arguments: tuple[Any, ...]) -> None:
    if _seen is None:
        return
    if event in FORBIDDEN:
        _seen.append(f"{event}{arguments!r}"[:200])
    if event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
        _seen.append(f"open{arguments!r}"[:200])


sys.addaudithook(_look)  # for good, as hooks are: it does nothing while nobody looks


@contextmanager
def looked_at() -> Iterator[list[str]]:
    """What happens meanwhile that must not."""
    global _seen
    seen: list[str] = []
    _seen = seen
    try:
        yield seen
    finally:
        _seen = None


class Session(FakeSession):
    """As much of a session as any verb needs; what would start or reach a Ray is noted."""

    def __init__(self) -> None:
        super().__init__(*native(1, 0.0, 0.1), *native(2, 1.0, 2.0))
        self.recorder = Recorder()
        self.followers = Followers()
        self.external = None
        self.off: dict[str, str] = {}
        self.addresses: list[str] = []
        self.lines = SimpleNamespace(on=True, switch=lambda on: None, own=lambda widget: widget.close())
        self.did: list[str] = []

    @property
    def settings(self) -> AutoscalingSettings:
        return AutoscalingSettings.read()

    def start(self, size: Any, progress: Any) -> None:
        self.did.append(f"start {size.min_workers}")

    def connect(self, address: str | None, progress: Any) -> None:
        self.did.append(f"connect {parse(address)}")

    def native(self) -> None:
        self.did.append("native")

    def stop(self) -> bool:
        return False

    def cancel(self, query_id: str | None = None) -> str | None:  # type: ignore[override]
        return None

    def set(self, **values: object) -> None:
        from daftnb import settings

        settings.set(**values)


NUMBERS = st.sampled_from(["0", "-1", "1e9", "nan", "inf", "9" * 4_400, "٣", "1_000", "0x1", "1.5", "²", ""])
VALUES = st.one_of(
    NUMBERS,
    st.text(max_size=20),
    st.sampled_from(
        ["ray://h:10001", "h:99999", f"h:{'9' * 4_400}", "http://h", "ray://[::1]:1", "a\0b", "..", "/", "~"]
    ),
    st.sampled_from(["1 2", "q1 q2", "q1", "'a b'", "df", "_df", "1/0", "(", "lambda: 0", "on", "\ud800", "%d", "{x}"]),
)
OPTIONS = st.sampled_from(
    sorted(
        {
            option
            for each in (*registry.verbs().values(), *registry.modes().values())
            for action in each.parser()._actions
            for option in action.option_strings
        }
    )
)
VERBS = st.sampled_from(sorted(registry.verbs()))
SETTING = st.builds("{}={}".format, st.sampled_from(sorted(SETTINGS)), VALUES)
WORDS = st.lists(st.one_of(OPTIONS, VALUES, SETTING, st.builds("{}={}".format, OPTIONS, VALUES)), max_size=5)
ANY_LINE = st.one_of(LINES, st.builds("{} {}".format, VERBS, WORDS.map(" ".join)))
MODES = st.sampled_from(["", "sql", "job"])
ANY_CELL = st.one_of(LINES, st.builds("{} {}".format, MODES, WORDS.map(" ".join)))
BODIES = st.sampled_from(["", "1", "x = ", "select 1", "select '", "{x}", "\0"]) | st.text(max_size=30)


@pytest.fixture
def session(clean_settings: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    from daftnb import runs
    from daftnb.doctor import page as probe
    from daftnb.engine.jobs import job as jobs
    from daftnb.export import otel

    def nowhere(*_arguments: Any, **_options: Any) -> Any:
        raise DaftnbError("No job server answers.", "Start one.")

    for name in ("jobs", "search", "submit"):  # each goes to a server, which tests/kernel/test_jobs.py has
        monkeypatch.setattr(jobs, name, nowhere)
    monkeypatch.setattr(probe, "show", lambda session: print("examined"))  # tests/kernel/test_doctor.py does it
    monkeypatch.setattr(otel, "send", nowhere)  # tests/pure/test_otel.py has a receiver
    monkeypatch.setattr(runs, "Keeper", nowhere)  # it makes its folder: tests/pure/test_shelves.py
    made = Session()
    yield made
    made.followers.close()
    made.monitor.stop()
    close_session()  # the kernel's own, which a preview opens


def carried_out(action: Any, session: Session, capsys: pytest.CaptureFixture[str]) -> None:
    """Do it: what it raises is ours and says what to do, or is the user's own expression's."""
    ray = sys.modules.get("ray")
    with looked_at() as seen:
        try:
            action()
        except DaftnbError as slip:
            assert slip.remedy and slip.what
            shown = slip._render_traceback_()
            assert all("Traceback" not in line for line in shown) and len("".join(shown)) < 2_000
        except Exception as error:
            frames = []
            trace = error.__traceback__
            while trace is not None:
                frames.append(trace.tb_frame.f_code.co_filename)
                trace = trace.tb_next
            if not {"<%daft preview>", "<%daft plan>"} & {*frames}:  # what the user's code raises is his
                raise
    assert seen == []
    assert ray is not None or "ray" not in sys.modules or not sys.modules["ray"].is_initialized()
    captured = capsys.readouterr()
    assert "Traceback" not in captured.out + captured.err
    session.monitor.listeners.clear()


EXAMPLES = [100, pytest.param(6_000, marks=[pytest.mark.slow, pytest.mark.timeout(900)])]


@pytest.mark.parametrize("examples", EXAMPLES)
def test_any_line_is_carried_out_or_is_told_what_is_wrong(
    examples: int, session: Session, capsys: pytest.CaptureFixture[str]
) -> None:
    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))
    @given(ANY_LINE)
    def line(text: str) -> None:
        carried_out(lambda: magics.run(text, session), session, capsys)  # type: ignore[arg-type]

    line()


@pytest.mark.parametrize("examples", EXAMPLES)
def test_any_cell_is_carried_out_or_is_told_what_is_wrong(
    examples: int, session: Session, capsys: pytest.CaptureFixture[str]
) -> None:
    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))
    @given(ANY_CELL, BODIES)
    def cell(text: str, body: str) -> None:
        carried_out(lambda: magics.run_cell(text, body, session), session, capsys)  # type: ignore[arg-type]

    cell()


def test_the_audit_sees_what_it_forbids(tmp_path: Any) -> None:
    with looked_at() as seen:
        (tmp_path / "x").write_text("y")
        (tmp_path / "x").rename(tmp_path / "z")
        (tmp_path / "z").read_text()
    assert [each.partition("(")[0] for each in seen] == ["open", "os.rename"]
