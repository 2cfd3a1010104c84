"""Tells Daft's runner actor what a process on Ray has counted: workers, and the actors of a pool.

A process tells by itself, as it may be busy in the user's code for long, and answer nobody. It tells what has changed,
twice a second at most, and less often where many do: the runner's answer says how often.
"""

from __future__ import annotations

import logging
import threading
from operator import methodcaller
from typing import Any

from daftnb.engine.meter.children import Children
from daftnb.engine.meter.meter import Meter, install, installed
from daftnb.engine.meter.queues import Queues
from daftnb.engine.meter.travel import Call, Plain, Process, plain

log = logging.getLogger("daftnb")

REPORT_SECONDS = 0.5
ANSWER_SECONDS = 30.0  # a runner that starts workers answers nobody for as long
FAILURES = 20  # in a row, after which the runner is not told any more
DOOR = "_daftnb_call"  # of the runner actor (daftnb.engine.actor.door)
REPORTER = "reporter"  # attribute of a meter

Told = tuple[tuple[str, ...], Plain, bool]
# What processes counted, what went wrong in the meter, and the batches that wait for each actor, by its id in Ray.
Report = tuple[list[Told], dict[str, int], dict[str, int]]


class Reporter:
    """Tells the runner actor of this process; its thread ends with the meter, or when the runner is gone."""

    def __init__(self, meter: Meter, process: Process, runner: Any) -> None:
        self.meter, self.process, self.runner = meter, process, runner
        self.children: Children | None = None
        self.queues = Queues()
        self.told_before: Any = None
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.run, name="daftnb-meter", daemon=True)

    def told(self) -> Report:
        """Return what this process and its children have counted."""
        found: list[Told] = [(tuple(self.process), plain(self.meter.rows()), False)]
        if self.children is not None:
            found.extend((tuple(process), plain(rows), ended) for process, rows, ended in self.children.told())
        return found, dict(self.meter.faults), self.queues.counts.copy()

    def run(self) -> None:
        """Report until stopped."""
        import ray

        pause, failures = REPORT_SECONDS, 0
        while not self.stopping.wait(pause):
            try:
                pause = self.report() or pause
                failures = 0
            except ray.exceptions.GetTimeoutError:
                continue  # it starts workers, and answers later; counts are totals, so that none is lost
            except Exception as error:  # Ray's own, of many kinds: the runner is gone or away, or this process leaves
                log.debug("the runner actor cannot be told: %r", error)
                failures += 1
                if failures == FAILURES or isinstance(error, ray.exceptions.ActorDiedError):
                    return

    def report(self) -> float | None:
        """Tell what has changed; return how long to wait until the next time, None where nothing has."""
        import ray

        told = self.told()
        if told == self.told_before:
            return None
        call = self.runner.__ray_call__.remote(methodcaller(DOOR, "report", *told))
        pause: float = ray.get(call, timeout=ANSWER_SECONDS)
        self.told_before = told
        return pause


def packed(call: Call) -> bytes:
    """Pickle a call in a process on Ray, where our code is there by value, and goes on so."""
    from ray import cloudpickle

    return bytes(cloudpickle.dumps(call))


def begin(kind: str, runner: tuple[str, str]) -> Reporter:
    """Put a meter into this process on Ray, once, and have it tell ``runner``, by that actor's name and namespace."""
    import ray

    meter = install()
    reporter: Reporter | None = getattr(meter, REPORTER, None)
    if reporter is None:
        context = ray.get_runtime_context()
        process = Process(meter.id, kind, context.get_actor_id() or str(meter.pid), context.get_node_id())
        reporter = Reporter(meter, process, ray.get_actor(runner[0], namespace=runner[1]))
        setattr(meter, REPORTER, reporter)
        if kind == "worker":
            from ray._private import worker

            # Ray would warn the user that a method of an actor must not wait; it is a thread of ours that does.
            worker.blocking_get_inside_async_warned = True
            reporter.children = Children(meter, packed, process.worker_id)
            reporter.children.listen()
            reporter.queues.listen(meter)
        reporter.thread.start()
    return reporter


def begin_in_worker(_actor: Any, runner: tuple[str, str]) -> None:
    """Put a meter into a worker of Daft's, before it gets a task."""
    begin("worker", runner)


def begin_in_actor(content: Any, runner: tuple[str, str]) -> Any:
    """Put a meter into an actor of a pool, as it gets its function; return what Daft sent to it."""
    try:
        begin("actor", runner)  # its thread tells; the runner, which may be busy, is not waited for
    except Exception as error:  # the function runs without it
        log.warning("this actor's calls are not counted: %r", error)
    return content


def told_now(_actor: Any) -> Report:
    """Return what this process has counted; nothing where it has no meter."""
    reporter: Reporter | None = getattr(installed(), REPORTER, None)
    return ([], {}, {}) if reporter is None else reporter.told()
