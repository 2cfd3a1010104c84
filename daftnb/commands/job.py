"""The verbs for Ray jobs: ``%%daft job`` submits a cell, ``%daft jobs`` and ``%daft job`` find it again."""

from __future__ import annotations

import time
from argparse import Namespace
from typing import TYPE_CHECKING, Any

from daftnb.commands.parsing import Parser, Place
from daftnb.commands.verb import Mode, Verb
from daftnb.errors import DaftnbError

if TYPE_CHECKING:
    from daftnb.engine.jobs.job import Job
    from daftnb.session import Session

SECONDS = 1.0  # between two looks at a job that is waited for
ACTIONS = ("logs", "status", "stop")
_seen: dict[str, None] = {}  # ids, in order, for Tab: asking the server takes too long there


def _address_option(parser: Parser) -> None:
    parser.add_argument(
        "--address", metavar="URL",
        help="the cluster's job server (RAY_API_SERVER_ADDRESS, or http://127.0.0.1:8265)",
    )  # fmt: skip


def _job_options(parser: Parser) -> None:
    _address_option(parser)
    parser.add_argument("--name", metavar="NAME", help="the job's name in the list of jobs")
    parser.add_argument(
        "--pip", nargs="+", action="extend", metavar="PKG", help="packages that the job needs: daft==0.7.26"
    )
    parser.add_argument("--working-dir", metavar="DIR", help="a folder that Ray uploads, and in which the job runs")
    waiting = parser.add_mutually_exclusive_group()
    waiting.add_argument("--wait", action="store_true", help="show the job's log until it ends (the default)")
    waiting.add_argument("--detach", action="store_true", help="do not wait for the job")


def _submit(arguments: Namespace, body: str, session: Session) -> None:
    from daftnb.engine.jobs import job as jobs

    # The magic's own line counts, so that a traceback has the numbers of the cell's lines.
    source = "\n" + body if body.strip() else body
    job = jobs.submit(source, arguments.address, arguments.name, arguments.working_dir, pip=arguments.pip)
    _seen[job.id] = None
    if arguments.detach:
        print(f"{job!r}\n{_commands(job, arguments.address)}")
    else:
        wait(job, arguments.address)


def wait(job: Job, address: str | None = None) -> None:
    """Show a job's status and its log until it has ended; raise JobError if it failed or was stopped.

    An interrupt ends the waiting alone, and raises a DaftnbError that says how to end the job: what was handed to a
    cluster outlives the cell, as it outlives the kernel.
    """
    from daftnb.engine.jobs.job import shown as of_log

    line = _StatusLine()
    shown = 0.0

    def look() -> None:
        nonlocal shown
        if time.monotonic() - shown >= SECONDS:
            line.show(job)
            shown = time.monotonic()

    lines = job.lines(look)
    try:
        look()
        for text in lines:
            print(of_log(text), flush=True)
            look()
        line.show(job)
    except KeyboardInterrupt:
        lines.close()  # type: ignore[attr-defined]  # a generator, which lets go of its connection now
        raise DaftnbError(
            f"No longer waiting for {job.id}, which keeps running.", f"{_commands(job, address)}"
        ) from None
    if job.check() == "STOPPED":
        from daftnb.engine.jobs.server import JobError

        raise JobError(f"{job.id} was stopped before its end.", "If you did not mean to stop it, run the cell again.")


def _commands(job: Job, address: str | None) -> str:
    where = f" --address {address}" if address else ""
    return f"%daft job stop {job.id}{where} ends it; type logs or status in place of stop to see it."


class _StatusLine:
    """One line that is kept up to date in a notebook; elsewhere one for each new status."""

    def __init__(self) -> None:
        from IPython.core.getipython import get_ipython

        self._in_place = getattr(get_ipython(), "kernel", None) is not None
        self._handle: Any = None
        self._status = ""

    def show(self, job: Job) -> None:
        status = job.status
        text = repr(job).strip("<>")
        if self._handle is not None:
            self._handle.update({"text/plain": text}, raw=True)
        elif self._in_place:
            from IPython.display import display

            self._handle = display({"text/plain": text}, raw=True, display_id=True)
        elif status != self._status:
            print(text, flush=True)
        self._status = status


def _list(arguments: Namespace, session: Session) -> None:
    from daftnb.engine.jobs import job as jobs

    listed = jobs.jobs(arguments.address)
    _seen.update(dict.fromkeys(job.id for job in listed))
    print(listed)


def _one_options(parser: Parser) -> None:
    parser.add_argument("action", choices=ACTIONS, metavar="|".join(ACTIONS), help="what to do")
    parser.add_argument("id", metavar="ID", help="the job's id, the beginning of its id, or its name")
    _address_option(parser)
    parser.add_argument("--follow", action="store_true", help="with logs: print new lines until the job ends")
    parser.sources["id"] = _ids


def _ids(place: Place) -> list[str]:
    return list(_seen)


def _one(arguments: Namespace, session: Session) -> None:
    from daftnb.engine.jobs import job as jobs

    if arguments.follow and arguments.action != "logs":
        raise DaftnbError("--follow works with logs only.", f"Try %daft job logs {arguments.id} --follow")
    job = jobs.search(arguments.id, arguments.address)
    _seen[job.id] = None
    if arguments.action == "stop":
        was_over = job.over
        status = job.stop()
        print(f"{job.id}: {status}" + ("; it had ended before the stop" if was_over or status != "STOPPED" else ""))
    elif arguments.action == "status":
        failure = job.failure
        print(f"{repr(job).strip('<>')}\n{failure.what if failure is not None else jobs.shown(job.message)}".rstrip())
    elif arguments.follow:
        wait(job, arguments.address)
    else:
        print(jobs.shown(job.logs()), end="")


VERBS = (
    Verb(
        "jobs", "jobs", "list all jobs of a cluster, newest first, also those of other kernels",
        _list, _address_option, ("%daft jobs", "%daft jobs --address http://head:8265"),
    ),
    Verb(
        "job", "jobs", "show a job's log or status, or stop it: %daft job logs ID",
        _one, _one_options,
        ("%daft job logs raysubmit_2Yx", "%daft job logs nightly --follow", "%daft job stop nightly"),
    ),
)  # fmt: skip

MODES = (
    Mode(
        "job", "run the cell as a Ray job, which outlives the kernel; its log shows under the cell",
        _submit, _job_options,
        (
            "%%daft job --name nightly\nimport daft\ndaft.set_runner_ray()\ndaft.read_parquet(…).write_parquet(…)",
            "%%daft job --detach --pip daft==0.7.26 --working-dir .\nimport my_module",
        ),
    ),
)  # fmt: skip
