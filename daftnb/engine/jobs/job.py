"""Submits a script or a cell as a Ray job, follows it, stops it and finds it again.

A job runs wholly on the cluster and outlives the kernel. Inside it ``daft.set_runner_ray()`` without an address
connects to the cluster, because Ray sets RAY_ADDRESS for the job's process. The autoscaling settings travel as the
job's environment variables, which Ray gives to the job's actors too, Daft's scheduler among them.
"""

from __future__ import annotations

import os
import re
import shlex
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from difflib import get_close_matches
from importlib.metadata import version
from typing import Any

from daftnb.engine.jobs.server import JobError, JobServer, server_address
from daftnb.engine.jobs.source import check_working_dir, make_runtime_env, path_inside, read_source
from daftnb.text import spelling
from daftnb.text.cleaning import without_escapes
from daftnb.text.plain import say
from daftnb.text.reasons import reason_of_text
from daftnb.text.redaction import redact
from daftnb.text.shorten import listed, shortened

POLL_SECONDS = 0.5
LONGEST = 2_000  # characters that are looked at of one
BRIEF = 80  # characters of a message in a table
STOP_SECONDS = 20.0  # Ray asks with SIGTERM, and kills after 3 s (RAY_JOB_STOP_WAIT_TIME_S)
QUIET_ENOUGH = 5  # pieces of a log without a text, QUIET_SECONDS each, after a job's end
PREFIX = "raysubmit_"  # of the ids that Ray gives
OVER = ("STOPPED", "SUCCEEDED", "FAILED")


def submit(
    source: str | os.PathLike[str],
    address: str | None = None,
    name: str | None = None,
    working_dir: str | os.PathLike[str] | None = None,
    runtime_env: Mapping[str, Any] | None = None,
    pip: Sequence[str] | str | None = None,
    env: Mapping[str, str] | None = None,
) -> Job:
    """Submit Python source text, or a ``.py`` file, to a cluster's job server.

    The autoscaling settings that are set here hold in the job, unless ``env`` names others. The cluster's nodes must
    have ``python`` on their PATH, as for any Ray job.

    Parameters
    ----------
    source
        Python source text, or the path of a file.
    address
        URL of the job server. None: as :func:`daftnb.engine.jobs.server.server_address` finds it.
    name
        What the job is called in lists. None: its id.
    working_dir
        Where the job runs: a folder, whose content Ray uploads without what .gitignore and .rayignore name (at most 512
        MiB), or a URI. None: an empty folder.
    runtime_env
        Ray's, as a dict; it is not changed. None: nothing beside the other parts.
    pip
        Short for that part of ``runtime_env``: packages, or the path of a requirements file.
    env
        Short for its ``env_vars``: environment variables, texts.

    Returns
    -------
    Job
        The job, as submitted; it need not run yet.

    Raises
    ------
    JobError
        If the source is no Python that can be read, a part is given twice or cannot be, the working directory is
        missing or too large, or the server refuses or is gone.
    SettingError
        For a setting in ``env`` that the engine must not be given.
    """
    program = read_source(source)
    # A pathlib object or a plain path: Ray's client wants text.
    folder = None if working_dir is None else os.fspath(working_dir)
    environment = make_runtime_env(dict(runtime_env or {}), folder, pip, env)
    server = JobServer(address)
    inside = path_inside(program, environment.get("working_dir"))
    check_working_dir(environment, inside)
    if inside is not None:
        # Where it is, it finds its neighbours by __file__ too.
        entrypoint = f"python {shlex.quote(inside)}"
    else:
        # As a package of its own, run with -m. On a command line or in a variable it would have to be shorter than
        # 128 KiB, every list of jobs would repeat it, and a traceback could not show its lines. A folder that was
        # given stays beside it: neither copied nor changed, nor uploaded again for each new version of a cell.
        uri = server.put_module(program.member, program.content)
        if environment.get("working_dir") is None:
            environment["working_dir"] = uri  # or the job would run in the folder where someone once started Ray
        else:
            environment["py_modules"] = [*environment.get("py_modules", ()), uri]
        entrypoint = f"python -m {program.module}"
    try:
        submission_id = server.submit(
            entrypoint=entrypoint, runtime_env=environment, metadata={"job_name": name} if name else {}
        )
    except (ValueError, TypeError) as error:
        raise JobError(
            f"Ray does not take this runtime_env: {error}",
            "Its fields are in Ray's documentation under Environment Dependencies.",
        ) from error
    return Job(server, server.info(submission_id))


def jobs(address: str | None = None) -> JobList:
    """Return all jobs that were submitted to the cluster, by whomever, newest first.

    Parameters
    ----------
    address
        URL of the job server. None: as :func:`daftnb.engine.jobs.server.server_address` finds it.

    Returns
    -------
    JobList
        A list that is shown as a table.

    Raises
    ------
    JobError
        If the server cannot be reached.
    """
    server = JobServer(address)
    details = sorted(server.all_jobs(), key=lambda each: each.start_time or 0, reverse=True)
    return JobList(Job(server, each) for each in details)


def find(submission_id: str, address: str | None = None) -> Job:
    """Return the job of an id, also one that another kernel submitted.

    Parameters
    ----------
    submission_id
        Ray's id, in full.
    address
        URL of the job server. None: as :func:`daftnb.engine.jobs.server.server_address` finds it.

    Returns
    -------
    Job
        The job, as it is now.

    Raises
    ------
    JobError
        If there is none, or the server cannot be reached.
    """
    server = JobServer(address)
    return Job(server, server.info(submission_id))


def search(text: str, address: str | None = None) -> Job:
    """Return the job of an id or a name, or the one whose id begins so.

    Parameters
    ----------
    text
        An id, a name, or the beginning of an id; ``raysubmit_`` may be left out of that.
    address
        URL of the job server. None: as :func:`daftnb.engine.jobs.server.server_address` finds it.

    Returns
    -------
    Job
        The only one that fits; a whole id or name goes before a beginning.

    Raises
    ------
    JobError
        With the nearest one if there is none, and with all of them if there are several.
    """
    known = jobs(address)
    exact = [job for job in known if text in (job.id, job.name)]
    begun = [job for job in known if text and (job.id.startswith(text) or job.id[len(PREFIX) :].startswith(text))]
    found = exact or begun
    if len(found) == 1:
        return found[0]
    where = address or (known[0].address if known else server_address(address))
    if found:
        ids = listed([job.id for job in found], 8)
        raise JobError(
            f"{len(found)} jobs at {where} match {spelling.shown(text, 60)}: {ids}.", "Type more of one of these ids."
        )
    near = get_close_matches(text, [word for job in known for word in (job.id, job.name)], n=1, cutoff=0.5)
    raise JobError(
        f"There is no job {spelling.shown(text, 60)} at {where}.",
        f"Did you mean {near[0]}?" if near else "%daft jobs or daftnb.jobs() lists the jobs.",
    )


class Job:
    """One submitted job. What is asked of it is asked of the cluster; only ``repr`` shows what was last seen.

    Attributes
    ----------
    id
        Ray's id of it, the submission id.

    Parameters
    ----------
    server
        The server that has it.
    details
        Ray's JobDetails, as last seen.
    """

    def __init__(self, server: JobServer, details: Any) -> None:
        self._server = server
        self._details = details
        self.id: str = details.submission_id

    @property
    def name(self) -> str:
        """Return the name that the job was given, or its id."""
        return (self._details.metadata or {}).get("job_name") or self.id

    @property
    def address(self) -> str:
        """Return the address of the job's server."""
        return self._server.address

    @property
    def status(self) -> str:
        """Return Ray's word for the status: PENDING, RUNNING, STOPPED, SUCCEEDED or FAILED.

        Raises
        ------
        JobError
            If the server is gone, or has no such job.
        """
        return str(self._look().status.value)

    @property
    def over(self) -> bool:
        """Return True if the job has ended, in whatever way.

        Raises
        ------
        JobError
            If the server is gone, or has no such job.
        """
        return self.status in OVER

    @property
    def message(self) -> str:
        """Return Ray's sentence on the status; for a job that failed, with the last lines of its log.

        Raises
        ------
        JobError
            If the server is gone, or has no such job.
        """
        return self._look().message or ""

    @property
    def failure(self) -> JobError | None:
        """Return why the job failed and what to do, or None if it did not fail.

        Raises
        ------
        JobError
            If the server is gone, or has no such job.
        """
        return explain(self._details) if self.status == "FAILED" else None

    def check(self) -> str:
        """Return the status of a job that has not failed.

        Returns
        -------
        str
            As :attr:`status`.

        Raises
        ------
        JobError
            The failure, if the job failed; or if the server is gone.
        """
        failure = self.failure
        if failure is not None:
            raise failure
        return self.status

    def logs(self) -> str:
        """Return all that the job has printed so far (stdout and stderr, with a line or two of Ray's own).

        Returns
        -------
        str
            Standard output and standard error, with a line or two of Ray's own.

        Raises
        ------
        JobError
            If the server is gone, or has no such job.
        """
        return self._server.log(self._look())

    def lines(self, quiet: Callable[[], None] = lambda: None) -> Iterator[str]:
        """Yield each line of the job's log, without the line end, as it comes; end when the job has ended.

        Works in a notebook's running event loop. A line is late by 3 s at the most, which is Ray's own rhythm.

        Parameters
        ----------
        quiet
            Called about every second in which no line came.

        Yields
        ------
        str
            A line as it was printed, escapes and secrets included.

        Raises
        ------
        JobError
            If the server is gone, or has no such job.
        """
        held, seen = "", 0
        without = 0
        for piece in self._server.tail(self.id):
            if not piece:
                # Says so if the server is gone; and a connection that died without a word must not hold us for ever.
                without = without + 1 if self.over else 0
                if without >= QUIET_ENOUGH:
                    break
                quiet()
                continue
            seen += len(piece)
            *whole, held = (held + piece).split("\n")
            yield from whole
        # The rest: nothing, usually; else all that came after Ray closed the connection (JobServer.tail).
        while True:
            over = self.over
            log = self.logs()
            if not over:
                log = log[: log.rfind("\n") + 1]  # of an unfinished line the last character may be unfinished too
            if len(log) > seen:
                *whole, held = (held + log[seen:]).split("\n")
                seen = len(log)
                yield from whole
            if over:
                break
            time.sleep(POLL_SECONDS)
        if held:
            yield held

    def follow(self) -> str:
        """Print the log as it comes until the job has ended, and why if it failed.

        An interrupt ends the following; the job goes on.

        Returns
        -------
        str
            The status it ended with.

        Raises
        ------
        JobError
            If the server is gone, or has no such job.
        """
        for line in self.lines():
            say(shown(line))
        failure = self.failure
        if failure is not None:
            say("\n".join(failure.lines))
        return self.status

    def wait(self, timeout: float | None = None) -> str:
        """Wait until the job has ended, or until time is up.

        Parameters
        ----------
        timeout
            Seconds. None: as long as it takes.

        Returns
        -------
        str
            The status then; where time was up, that of a job that has not ended.

        Raises
        ------
        JobError
            If the server is gone, or has no such job.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while not self.over:
            left = POLL_SECONDS if deadline is None else deadline - time.monotonic()
            if left <= 0:
                break
            time.sleep(min(POLL_SECONDS, left))
        return self.status

    def stop(self) -> str:
        """End the job and wait until it has ended.

        Returns
        -------
        str
            STOPPED, or the status that it had ended with already.

        Raises
        ------
        JobError
            If it has not ended after STOP_SECONDS, or if the server is gone.
        """
        deadline = time.monotonic() + STOP_SECONDS
        while not self.over:
            if time.monotonic() > deadline:
                raise JobError(
                    f"{self.id} is still {self.status} {STOP_SECONDS:.0f} s after it was asked to stop.",
                    "job.stop() asks again; job.logs() may say what it is doing.",
                )
            # Again each time: a job that is still pending has nothing yet that could be stopped.
            self._server.stop(self.id)
            self.wait(1.0)
        return self.status

    def _look(self) -> Any:
        if self._details.status.value not in OVER:
            self._details = self._server.info(self.id)
        return self._details

    def _took(self) -> str:
        start, end = self._details.start_time, self._details.end_time
        if not start:
            return ""
        seconds = ((end or time.time() * 1000) - start) / 1000
        return f"{max(0.0, seconds):.0f} s"

    def __repr__(self) -> str:
        name = f" {self.name!r}" if self.name != self.id else ""
        return f"<job {self.id}{name}: {self._details.status.value}, {self._took()}, at {redact(self.address)}>"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        # IPython's hook: a person who looks wants to see what is, not what was.
        try:
            self._look()
        except JobError as error:
            printer.text(f"{self!r} when last seen. {error.what}")
        else:
            printer.text(repr(self))


class JobList(list[Job]):
    """Hold jobs, and show them as a table.

    Examples
    --------
    >>> JobList()
    no jobs
    """

    def __repr__(self) -> str:
        if not self:
            return "no jobs"
        rows = [("id", "name", "status", "submitted", "took", "message")]
        for job in self:
            started = job._details.start_time
            when = datetime.fromtimestamp(started / 1000).strftime("%Y-%m-%d %H:%M:%S") if started else ""
            name, brief = _one_line(job.name), _one_line(_brief(job._details))
            rows.append((job.id, name[:40], job._details.status.value, when, job._took(), brief[:BRIEF]))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
        )


def _one_line(text: str) -> str:
    """Return text as one line for a table's cell, without secrets: a name may hold anything."""
    text = redact(text[:LONGEST])
    return text if text.isprintable() else text.encode("unicode_escape").decode()


def shown(line: str) -> str:
    """Return a line of a log as it is printed: without secrets, and without what moves a terminal's cursor about.

    Parameters
    ----------
    line
        As the job printed it.

    Returns
    -------
    str
        Text that can be printed anywhere.
    """
    return redact(without_escapes(line))


def _brief(details: Any) -> str:
    """Return what a table says of the job's status: of a failure the cause."""
    if details.status.value == "FAILED":
        return _cause(details)
    lines = (details.message or "").strip().splitlines()
    return lines[0] if lines else ""


def _cause(details: Any) -> str:
    """Return the exception that ended the job, or the last thing that Ray says."""
    lines = [line.strip() for line in without_escapes(details.message or "").splitlines() if line.strip()]
    last = next((place for place in reversed(range(len(lines))) if _EXCEPTION.match(lines[place])), None)
    if last is None:
        return shortened(redact(lines[-1] if lines else "no reason given"), 400)
    if "DaftError::" in lines[last]:  # what Daft wraps is in the lines after it
        return reason_of_text("\n".join(lines[last:])).first
    return shortened(redact(lines[last]), 400)


_EXCEPTION = re.compile(r"^[A-Za-z_][\w.]*(?:Error|Exception|Interrupt|Exit|Warning)(?::.*)?$")


def explain(details: Any) -> JobError:
    """Return the failure of a job that Ray says has failed, from its message and its exit status.

    Parameters
    ----------
    details
        Ray's JobDetails of a job with the status FAILED.

    Returns
    -------
    JobError
        Not raised: the cause, and what to do.
    """
    cause = _cause(details)
    if details.error_type == "RUNTIME_ENV_SETUP_FAILURE":
        return JobError(
            f"{details.submission_id} did not start, because its runtime environment could not be made: {cause}",
            "print(job.message) shows all of it. Check pip, conda and the URIs: the cluster's nodes must reach them.",
        )
    status = details.driver_exit_code
    ended = f"{details.submission_id} failed" + ("" if status is None else f" (exit status {status})") + f": {cause}"
    absent = re.search(r"No module named '([\w.]+)'", cause)
    if absent:
        module = absent[1].partition(".")[0]
        package = f"daft=={version('daft')}" if module == "daft" else module
        return JobError(
            ended,
            f'The cluster\'s Python does not have it. Try daftnb.submit(…, pip=["{package}"]) or %%daft job --pip '
            f"{package}; a module of your own goes along in working_dir.",
        )
    if status == 127:
        return JobError(ended, "The cluster's nodes must have `python` on the PATH with which Ray was started.")
    return JobError(ended, "print(job.logs()) shows all it printed.")
