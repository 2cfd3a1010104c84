"""Opens a Ray Client session, and never waits for ever.

For each client Ray's proxy forks a server process on the head. gRPC does not survive every fork: seen in one of three
attempts on a fresh head (gRPC 1.85: ``Check failed: next_worker->state == KICKED`` in ``ray_client_server.err``), the
server dies or hangs, and ``ray.init`` waits for it without a limit. A new session is a new server, so trying again
helps. A head started with ``GRPC_ENABLE_FORK_SUPPORT=0`` in its environment does not have the fault.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from daftnb.aside import aside

Found = TypeVar("Found")
SLACK_SECONDS = 0.5  # that an answer may be on its way once time is up at the server
SESSION_SECONDS = 15.0  # a session is opened in 2 to 6
ATTEMPTS = 3
ABORT_SECONDS = 5.0


def open_session(
    address: str, options: dict[str, Any], progress: Callable[[str], None], limit: float = SESSION_SECONDS
) -> None:
    """Call ``ray.init(address, **options)``, and try again where the head opens no session within ``limit`` seconds.

    Raises what ``ray.init`` raises, or TimeoutError. An interrupt ends the attempt.
    """
    for attempt in range(1, ATTEMPTS + 1):
        if attempt > 1:
            _forget()
        try:
            _attempt(address, options, limit)
            return
        except (TimeoutError, ConnectionAbortedError) as error:
            if attempt == ATTEMPTS or not (isinstance(error, TimeoutError) or "server failed" in str(error)):
                raise
            progress("the head opened no Ray Client session; trying again")


def _attempt(address: str, options: dict[str, Any], limit: float) -> None:
    import ray

    raised: list[BaseException] = []
    done = threading.Event()

    def connect() -> None:
        try:
            ray.init(address, **options)
        except BaseException as error:
            raised.append(error)
        finally:
            done.set()

    # It warns that a thread cannot handle SIGTERM; a driver behind a Ray Client has nothing to handle it for.
    logger = logging.getLogger("ray._private.worker")
    level = logger.level
    logger.setLevel(logging.ERROR)
    thread = threading.Thread(target=connect, name="daftnb-ray-client", daemon=True)
    deadline = time.monotonic() + limit
    thread.start()
    try:
        while not done.wait(0.2):
            if time.monotonic() > deadline:
                raise TimeoutError(f"no session within {limit:.0f} s")
    except BaseException:
        _abort(thread)
        raise
    finally:
        logger.setLevel(level)
    if raised:
        raise raised[0]


def _forget() -> None:
    """Drop what an aborted attempt has left behind.

    An attempt whose session opens after all, once it was given up, counts as a connection for Ray, and Ray then refuses
    another one (``ray/client_builder.py``, ``num_connected_contexts``).
    """
    from ray.util import client

    if not client.ray.is_connected() and client.num_connected_contexts():
        client.ray.disconnect()


def hang_up() -> Any:
    """Make all calls of this process's Ray Client session fail, if it has one, and those to come; return its worker.

    Ray waits for a server that does not answer any more for ten minutes (``GRPC_KEEPALIVE_TIMEOUT_MS``), in each call,
    whatever its timeout, which the server keeps, and when the session is ended.
    """
    from ray.util.client import ray as client

    worker = client.get_context().client_worker
    if worker is not None:
        worker._in_shutdown = True  # no attempt to reconnect
        worker.channel.close()
    return worker


def within(seconds: float, call: Callable[[], Found]) -> Found:
    """Return what ``call`` returns; raise what it raises, or TimeoutError where that takes longer.

    For calls over a Ray Client, whose timeouts its server keeps. A call that takes longer goes on in its thread, until
    the server answers or :func:`hang_up` ends it.
    """
    returned: list[Found] = []
    raised: list[BaseException] = []

    def run() -> None:
        try:
            returned.append(call())
        except BaseException as error:
            raised.append(error)

    aside(run, "daftnb-ray-client-call", seconds + SLACK_SECONDS)
    if raised:
        raise raised[0]
    if not returned:
        raise TimeoutError(f"no answer within {seconds:g} s")
    return returned[0]


def _abort(thread: threading.Thread) -> None:
    """Make the waiting ``ray.init`` fail: its calls end with the channel, and it cleans up after itself."""
    from ray.util.client import ray as client

    worker = hang_up()
    thread.join(ABORT_SECONDS)
    if client.get_context().client_worker is worker:
        client.get_context().client_worker = None
