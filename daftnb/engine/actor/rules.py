"""Daft's rules of scaling as pure functions: who may be retired, when, and why Ray is not asked for more.

Sources, in Daft's ``daft-distributed``: ``RayWorkerManager::retire_idle_workers`` and ``try_autoscale``
(``python/ray/worker_manager.rs``), ``needs_autoscaling`` of the two schedulers (``scheduling/scheduler``), and where
Daft has a reaper of its own ``plan_reap`` (``scheduling/downscale.rs``). Sent to the runner actor by value, with
:mod:`daftnb.engine.actor.tap`; nothing here has a clock of its own.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NamedTuple

from daftnb.engine.actor.counts import Worker
from daftnb.engine.actor.growing import GROWTH, STEP

AUTOSCALER_SECONDS = 5.0  # the engine's own default for AUTOSCALER_UPDATE_INTERVAL_S
EXCLUDE_SECONDS = 120.0  # likewise for DAFT_AUTOSCALING_PENDING_RELEASE_EXCLUDE_SECONDS
REAPER_SECONDS = 5.0  # likewise for DAFT_AUTOSCALING_REAPER_INTERVAL_SECONDS, at least 1
# The last time that can be recorded (daftnb.telemetry.codec): what would end later is told to have no end.
LATEST = 2.5e11


class Rules(NamedTuple):
    """What the scheduler and daftnb go by: the settings in their process's environment, which were checked."""

    downscale: bool
    idle_seconds: float
    survivors: int
    threshold: float
    linear: bool
    interval: float
    exclude_seconds: float
    reaper_interval: float = REAPER_SECONDS
    growth: str = STEP


def read(environment: Mapping[str, str] | None = None) -> Rules:
    """Return the rules in ``environment`` (default: this process's); what is not there has the engine's default."""
    environment = os.environ if environment is None else environment

    def number(name: str, default: float) -> float:
        try:
            return float(environment[name])
        except (KeyError, ValueError):
            return default

    def switch(name: str) -> bool:
        return environment.get(name, "").lower() in ("1", "true")

    return Rules(
        switch("DAFT_AUTOSCALING_DOWNSCALE_ENABLED"),
        number("DAFT_AUTOSCALING_DOWNSCALE_IDLE_SECONDS", 60.0),
        int(number("DAFT_AUTOSCALING_MIN_SURVIVOR_WORKERS", 1)),
        number("DAFT_AUTOSCALING_THRESHOLD", 1.25),
        switch("DAFT_SCHEDULER_LINEAR"),
        number("AUTOSCALER_UPDATE_INTERVAL_S", AUTOSCALER_SECONDS),
        number("DAFT_AUTOSCALING_PENDING_RELEASE_EXCLUDE_SECONDS", EXCLUDE_SECONDS),
        max(1.0, number("DAFT_AUTOSCALING_REAPER_INTERVAL_SECONDS", REAPER_SECONDS)),
        environment.get(GROWTH, STEP),
    )


class Outlook(NamedTuple):
    """What is to become of a worker: when it is ended if nothing uses it (None: not), and by which rule."""

    retires_at: float | None
    rule: str


def outlook(workers: Mapping[str, Worker], rules: Rules, head: str | None, reaper: bool = False) -> dict[str, Outlook]:
    """Return the outlook of each worker that lives.

    The longest idle go first, ``survivors`` stay, the head's worker stays always. ``reaper``: Daft's own retires them.
    It takes a worker whose idle seconds are over out of service first, and ends it when it looks again and the worker
    is still idle: an interval later, or up to two.
    """
    alive = {worker_id: worker for worker_id, worker in workers.items() if worker.alive}
    found = {worker_id: Outlook(None, "") for worker_id in alive}
    idle = [item for item in alive.items() if item[1].idle_since is not None and item[0] != head]
    if head in alive:
        found[str(head)] = Outlook(None, "head node")
    if not rules.downscale:
        return {**found, **{worker_id: Outlook(None, "downscale is off") for worker_id, _ in idle}}
    may_go = max(0, len(alive) - rules.survivors)
    for rank, (worker_id, worker) in enumerate(sorted(idle, key=lambda item: item[1].idle_since or 0.0)):
        if rank < may_go:
            ends = (worker.idle_since or 0.0) + rules.idle_seconds + (rules.reaper_interval if reaper else 0.0)
            found[worker_id] = Outlook(ends if ends <= LATEST else None, idle_rule(rules))
        else:
            found[worker_id] = Outlook(None, "survivor")
    return found


def idle_rule(rules: Rules) -> str:
    """Return the rule of the idle seconds in words."""
    return f"after {rules.idle_seconds:g} s idle"


def hold_reason(
    pending: int,
    capacity: int,
    workers: int,
    rules: Rules,
    since_request: float | None,
    most_asked: int,
    lacks_gpus: bool = False,
) -> str | None:
    """Return why the scheduler requests no workers from Ray with this backlog; None if it has none, or requests them.

    ``since_request``: seconds since the last request, None if there was none; ``most_asked``: the CPUs that the engine
    itself asked for in it, whatever was made of it (:mod:`daftnb.engine.actor.growing`).
    A task counts as one CPU, as tasks do unless they say otherwise. ``lacks_gpus``: the backlog asks for more GPUs than
    the workers have and than were asked for.
    """
    if not pending:
        return None
    if workers:
        if rules.linear:
            return "linear"
        if pending / max(capacity, 1) <= rules.threshold:
            return "below"
    if since_request is not None and since_request < rules.interval:
        return "interval"
    if since_request is not None and pending <= max(most_asked, capacity) and not lacks_gpus:
        return "not larger"
    return None
