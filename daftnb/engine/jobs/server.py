"""Finds a cluster's job server and its token, asks it, and explains its answers and refusals.

Ray's own JobSubmissionClient does the talking. Three things are ours: an explicit address is the one used (Ray's
client lets RAY_ADDRESS override it), every request has an end (Ray's wait for ever), and the token is read when it is
needed (Ray reads its mode once, at import). The addresses and the token follow Ray's own variables:
``ray/_private/ray_constants.py`` and the token authentication in Ray's documentation.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import logging
import os
import queue
import re
import threading
import time
import zipfile
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from daftnb.engine import internals, raynames
from daftnb.engine.connection import environment as env
from daftnb.engine.connection.address import JOBS_PORT
from daftnb.errors import NO_RAY, DaftnbError
from daftnb.text.reasons import first_line
from daftnb.text.shorten import shortened
from daftnb.text.spelling import shown

DEFAULT_ADDRESS = "http://127.0.0.1:8265"
CONTACT_SECONDS = 3.5  # until a server that does not answer is given up; importing Ray comes on top
ANSWER_SECONDS = 60.0  # the first job of a cluster waits for Ray's agent, 8 s on a busy machine
UPLOAD_SECONDS = 600.0
NO_AGENT = "No available agent to submit job"  # Ray's words (``ray/dashboard/modules/job/job_head.py``)
AGENT_SECONDS = 30.0
AGENT_PAUSE_SECONDS = 0.5
QUIET_SECONDS = 1.0


class JobError(DaftnbError):
    """A job cannot be submitted, found or followed, or it failed.

    Examples
    --------
    >>> issubclass(JobError, DaftnbError)
    True
    """


def server_address(address: str | None = None, environment: Mapping[str, str] | None = None) -> str:
    """Return the job server's URL, without a slash at its end.

    RAY_ADDRESS counts only where it is a URL of a job server: it may also name the cluster itself. The variables and
    the default port are Ray's (``ray/_private/ray_constants.py``). In a worker's pod of KubeRay, the server is on the
    head, whose name KubeRay gives (FQ_RAY_IP, ``ray-operator/controllers/ray/common/pod.go``).

    Parameters
    ----------
    address
        A URL. None: RAY_API_SERVER_ADDRESS, else RAY_ADDRESS, else the head of this pod's cluster, else
        DEFAULT_ADDRESS.
    environment
        Variables and their texts. None: ``os.environ``.

    Returns
    -------
    str
        It begins with ``http://`` or ``https://``.

    Raises
    ------
    JobError
        If it is not the URL of a server.

    Examples
    --------
    >>> server_address(None, {"RAY_ADDRESS": "ray://head:10001"})
    'http://127.0.0.1:8265'
    """
    variables = os.environ if environment is None else environment
    if address is None:
        address = variables.get("RAY_API_SERVER_ADDRESS") or variables.get("RAY_ADDRESS") or ""
        if not address.startswith(("http://", "https://")):
            head = variables.get("FQ_RAY_IP")
            address = variables.get("RAY_API_SERVER_ADDRESS") or (f"http://{head}:{JOBS_PORT}" if head else "")
            address = address or DEFAULT_ADDRESS
    try:
        parts = urlsplit(address)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # a port that is no number, a bracket that is not closed
        good = False
    if not good:
        host = re.sub(r"^\w+://", "", address).partition("/")[0].partition(":")[0] or "127.0.0.1"
        raise JobError(
            f"{shown(address, 80)} is not the address of a job server, which is the URL of Ray's dashboard.",
            f'Try address="http://{host}:8265"',
        )
    return address.rstrip("/")


def read_token(environment: Mapping[str, str] | None = None) -> tuple[str, str]:
    """Return the token to show the server, and where it came from.

    With RAY_AUTH_MODE unset a token is shown only if a variable names it: the one in the home folder belongs to some
    cluster, and need not go to every address.

    Parameters
    ----------
    environment
        Variables and their texts. None: ``os.environ``.

    Returns
    -------
    tuple[str, str]
        Two empty texts where Ray's variables do not ask for a token.

    Raises
    ------
    JobError
        If a token is asked for and there is none.
    """
    variables = os.environ if environment is None else environment
    mode = variables.get("RAY_AUTH_MODE", "").lower()
    path = variables.get("RAY_AUTH_TOKEN_PATH")
    if mode not in ("", "token"):
        return "", ""
    if variables.get("RAY_AUTH_TOKEN"):
        return variables["RAY_AUTH_TOKEN"].strip(), "RAY_AUTH_TOKEN"
    if path is None and mode == "":
        return "", ""
    where = "RAY_AUTH_TOKEN_PATH" if path else "the default place"
    file = Path(path) if path else Path.home() / ".ray" / "auth_token"
    try:
        token = file.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise JobError(
            f"There is no token for the job server: {file} ({where}) cannot be read ({reason}).",
            'Put the cluster\'s token there, or try os.environ["RAY_AUTH_TOKEN_PATH"] = "<its token file>"',
        ) from error
    return token, f"{where}, {file}"


@cache
def _client_class() -> type[Any]:
    """Make Ray's client, with an end to every request. It is made when it is first needed, because it imports Ray.

    JobError where Ray, or a private name of it, is missing.
    """
    if not internals.is_installed("ray"):
        raise JobError(*NO_RAY)
    off = internals.missing("jobs").get(internals.JOBS)
    if off is not None:
        raise JobError(off, 'Try: pip install -U "daftnb[ray]" and restart the kernel.')
    from ray.dashboard.modules.dashboard_sdk import SubmissionClient
    from ray.job_submission import JobSubmissionClient

    # Each upload and each end of a log is a line there; people asked for neither.
    for name in ("ray.dashboard.modules.job.sdk", "ray.dashboard.modules.dashboard_sdk"):
        logging.getLogger(name).setLevel(logging.WARNING)

    class Client(JobSubmissionClient):  # type: ignore[misc]  # Ray's classes are untyped
        def __init__(self, address: str, token: str) -> None:
            # Not JobSubmissionClient's own: it would take RAY_ADDRESS instead of the address.
            # A header is given in any case: without one Ray looks for a token by what it read at its import.
            SubmissionClient.__init__(self, address=address, headers={"Authorization": f"Bearer {token}"})
            if not token:
                self._headers.clear()
            import ray

            self._client_ray_version = ray.__version__

        def _do_request(self, method: str, endpoint: str, **arguments: Any) -> Any:
            answer = UPLOAD_SECONDS if method == "PUT" else ANSWER_SECONDS
            return super()._do_request(method, endpoint, **{"timeout": (CONTACT_SECONDS, answer), **arguments})

    return Client


class JobServer:
    """A job server that has answered. Every method raises JobError where it refuses or is gone.

    Attributes
    ----------
    ray_version
        Ray's version there.

    Parameters
    ----------
    address
        URL of the server. None: as :func:`server_address` finds it.

    Raises
    ------
    JobError
        If nothing answers there within CONTACT_SECONDS, or what answers is not Ray's job server.
    """

    def __init__(self, address: str | None = None) -> None:
        self.address = server_address(address)
        # The token of the cluster that this kernel has started, or is connected to, is nobody else's.
        token, self._token_source = read_token(env.for_host(urlsplit(self.address).hostname))
        self._client: Any = _client_class()(self.address, token)
        version = self._within(CONTACT_SECONDS, lambda: self._client._do_request("GET", "/api/version"))
        try:
            self.ray_version = str(version.json()["ray_version"])
        except (ValueError, KeyError, TypeError) as error:
            raise JobError(
                f"{self.address} answers (status {version.status_code}), but it is not Ray's job server.",
                f"Give the address of Ray's dashboard: address={DEFAULT_ADDRESS!r} is the usual one.",
            ) from error

    def submit(self, **request: Any) -> str:
        """Submit a job (the arguments are those of Ray's ``submit_job``); return its submission id.

        A head that has just begun refuses until its agent is there; that is waited for, AGENT_SECONDS at the most.

        Parameters
        ----------
        request
            The arguments of Ray's ``submit_job`` (``ray/dashboard/modules/job/sdk.py``, JobSubmissionClient).

        Returns
        -------
        str
            Ray's id of the job.

        Raises
        ------
        JobError
            If the server refuses or is gone.
        """
        deadline = time.monotonic() + AGENT_SECONDS
        while True:
            with self._told():
                try:
                    return str(self._client.submit_job(**request))
                except RuntimeError as error:
                    if NO_AGENT not in str(error) or time.monotonic() > deadline:
                        raise
            time.sleep(AGENT_PAUSE_SECONDS)

    def info(self, submission_id: str) -> Any:
        """Return Ray's JobDetails of a job that was submitted.

        Parameters
        ----------
        submission_id
            Ray's id of the job.

        Returns
        -------
        ray.job_submission.JobDetails
            As it is now.

        Raises
        ------
        JobError
            If there is no such job, if it was not submitted but connected by itself, or if the server is gone.
        """
        # The id becomes part of the URL's path.
        if not re.fullmatch(r"[\w.-]+", submission_id):
            raise self._no_such(submission_id)
        with self._told(submission_id):
            details = self._client.get_job_info(submission_id)
        if details.submission_id is None:
            raise JobError(
                f"{submission_id} is a driver that connected to the cluster by itself, not a job that was submitted.",
                "daftnb.jobs() lists the submitted jobs.",
            )
        return details

    def all_jobs(self) -> list[Any]:
        """Return Ray's JobDetails of all jobs that were submitted, in no order.

        Raises
        ------
        JobError
            If the server refuses or is gone.
        """
        with self._told():
            return [details for details in self._client.list_jobs() if details.submission_id is not None]

    def stop(self, submission_id: str) -> None:
        """Ask for a job's end, which comes a moment later.

        Parameters
        ----------
        submission_id
            Ray's id of the job.

        Raises
        ------
        JobError
            If there is no such job, or the server is gone.
        """
        with self._told(submission_id):
            self._client.stop_job(submission_id)

    def log(self, details: Any) -> str:
        r"""Return all that a job has printed so far, as text; bytes that are not UTF-8 are shown as U+FFFD.

        Parameters
        ----------
        details
            Ray's JobDetails of it.

        Returns
        -------
        str
            Line ends are ``\n``.

        Raises
        ------
        JobError
            If there is no such job, or the server is gone.
        """
        with self._told(details.submission_id):
            try:
                return self._client.get_job_logs(details.submission_id)
            except RuntimeError as error:
                if "UnicodeDecodeError" not in str(error) or details.driver_node_id is None:
                    raise
        # Ray's job server reads the log as strict UTF-8; its log service has the same file as bytes.
        name = f"job-driver-{details.submission_id}.log"
        with self._told(details.submission_id):
            answer = self._client._do_request(
                "GET", f"/api/v0/logs/file?node_id={details.driver_node_id}&filename={name}&lines=-1"
            )
            if answer.status_code != 200:
                raise RuntimeError(f"Request failed with status code {answer.status_code}: {answer.text}")
        text = answer.content.decode("utf-8", errors="replace")
        # As Ray's server does with the log as text, so that both count the same characters.
        return text.replace("\r\n", "\n").replace("\r", "\n")

    def tail(self, submission_id: str) -> Generator[str, None, None]:
        """Yield pieces of a job's log as they come, from its start.

        It may end before the job does (Ray closes the connection at a byte that is not UTF-8), and does not say so.
        Ray's client is asynchronous, and a notebook's thread runs an event loop already, so a thread has a loop here.

        Parameters
        ----------
        submission_id
            Ray's id of the job.

        Yields
        ------
        str
            A piece of any length; an empty one after QUIET_SECONDS without any.
        """
        pieces: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        loop = asyncio.new_event_loop()

        async def pump() -> None:
            async for piece in self._client.tail_job_logs(submission_id):
                if piece:
                    pieces.put(piece)

        task = loop.create_task(pump())

        def run() -> None:
            try:
                # However it ends, the caller reads the rest with log(), which says what is wrong, if anything is.
                loop.run_until_complete(asyncio.wait([task]))
                if not task.cancelled():
                    task.exception()
                loop.run_until_complete(loop.shutdown_asyncgens())
            finally:
                loop.close()
                pieces.put(None)

        thread = threading.Thread(target=run, name="daftnb job log", daemon=True)
        thread.start()
        try:
            while True:
                try:
                    piece = pieces.get(timeout=QUIET_SECONDS)
                except queue.Empty:
                    piece = ""
                if piece is None:
                    return
                yield piece
        finally:
            if thread.is_alive():
                with suppress(RuntimeError):  # the loop closed by itself meanwhile
                    loop.call_soon_threadsafe(task.cancel)
                thread.join(CONTACT_SECONDS)

    def put_module(self, name: str, content: bytes) -> str:
        """Store one file as a package of Ray's.

        The package is made in memory and under a name that is its content's: nothing is left in temporary folders, and
        the same content travels once.

        Parameters
        ----------
        name
            The file's path in the package.
        content
            What is in the file.

        Returns
        -------
        str
            The URI for ``py_modules``.

        Raises
        ------
        JobError
            If the server refuses or is gone.
        """
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(zipfile.ZipInfo(name), content)  # ZipInfo's date is a constant
        package = buffer.getvalue()
        file = f"_ray_pkg_{hashlib.sha256(package).hexdigest()[:32]}.zip"
        uri = f"gcs://{file}"
        with self._told():
            # Asking also keeps the package for the moments until the job holds it.
            if not self._client._package_exists(uri):
                answer = self._client._do_request("PUT", f"/api/packages/gcs/{file}", data=package)
                if answer.status_code != 200:
                    raise RuntimeError(f"Request failed with status code {answer.status_code}: {answer.text}")
        return uri

    def _within(self, seconds: float, call: Callable[[], Any]) -> Any:
        """Return ``call``'s result within ``seconds``: looking a name up and a second address have no timeout."""
        outcome: queue.SimpleQueue[tuple[Any, BaseException | None]] = queue.SimpleQueue()

        def run() -> None:
            try:
                outcome.put((call(), None))
            except BaseException as error:  # handed to the caller
                outcome.put((None, error))

        threading.Thread(target=run, name="daftnb job server", daemon=True).start()
        with self._told():
            try:
                value, error = outcome.get(timeout=seconds)
            except queue.Empty:
                raise TimeoutError(f"no answer within {seconds:g} s") from None
            if error is not None:
                raise error
        return value

    def _no_such(self, submission_id: str) -> JobError:
        return JobError(
            f"There is no job {shown(submission_id, 60)} at {self.address}.", "daftnb.jobs() lists the jobs."
        )

    @contextmanager
    def _told(self, submission_id: str = "") -> Generator[None, None, None]:
        """Raise JobError in place of Ray's errors, within this context."""
        import requests

        refusals = raynames.authentication_errors()
        try:
            yield
        except refusals as error:
            raise self._token_error() from error
        except (requests.exceptions.RequestException, ConnectionError, TimeoutError) as error:
            raise JobError(
                f"The job server at {self.address} cannot be reached: {_reason(error)}.",
                "It listens where Ray's head runs, on port 8265 unless another was given "
                f"(ray start --head --dashboard-port). Try address={DEFAULT_ADDRESS!r}, or open a tunnel to it.",
            ) from error
        except RuntimeError as error:
            status, text = _refusal(error)
            if status == 404 and submission_id:
                raise self._no_such(submission_id) from error
            raise JobError(
                f"The job server at {self.address} refused: {_last_line(text)}",
                "That sentence comes from Ray; logs/dashboard_JobHead.log on its head has more.",
            ) from error

    def _token_error(self) -> JobError:
        if not self._token_source:
            return JobError(
                f"The job server at {self.address} asks for a token, and this kernel sent none.",
                'Try os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": "<the cluster\'s token file>"}',
            )
        return JobError(
            f"The token ({self._token_source}) is not the one of the job server at {self.address}.",
            'Try os.environ["RAY_AUTH_TOKEN_PATH"] = "<the cluster\'s token file>"',
        )


def _reason(error: BaseException) -> str:
    """Return the innermost cause in a few words: the libraries wrap it four times over."""
    text = str(error)
    for pattern in (r"Connection refused", r"Name or service not known", r"[Tt]imed? ?out", r"No route to host"):
        found = re.search(pattern, text)
        if found:
            return found[0].lower()
    return first_line(error)


def _refusal(error: RuntimeError) -> tuple[int, str]:
    """Return the status and text of Ray's error "Request failed with status code N: TEXT."; 0 and all of any other."""
    found = re.search(r"status code (\d+): (.*)", str(error), re.DOTALL)
    return (int(found[1]), found[2].removesuffix(".")) if found else (0, str(error))


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip(" .")]
    return shortened(lines[-1], 400) if lines else "no reason given"
