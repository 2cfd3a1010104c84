"""Events of the backlog and of the requests to Ray. Part of :mod:`daftnb.telemetry.events`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

# Any finite number from 0: larger than all times, which daftnb.telemetry.codec checks numbers for.
Amount = Annotated[float, "finite"]
Threshold = Amount
Growth = Literal["needed", "double"]


@dataclass(frozen=True, slots=True)
class BacklogSample:
    """A moment of the backlog.

    ``capacity``: CPUs of the workers the scheduler has; ``pending``: the highest since the sample before (so that a
    short peak is not lost), ``pending_now`` at this moment; ``observed``: CPUs of all workers that run, the warm ones
    too. ``pending_gpus``: what the pending tasks ask for; ``gpus``: of the workers the scheduler has. None: not known.
    """

    t: float
    pending: int
    pending_now: int
    running: int
    capacity: int
    workers: int
    observed: int = 0
    pending_gpus: float | None = None
    gpus: float | None = None


@dataclass(frozen=True, slots=True)
class ScaleRequested:
    """The scheduler asked Ray for ``bundles`` of resources, ``cpus`` in all, with this backlog before it.

    ``sent_bundles``, ``sent_cpus``: what of them went out, where that was more than the cluster may have; None: all.
    ``gpus``: those in all of them, ``sent_gpus``: those that went out; None: none, or not told. ``growth``: the setting
    by which this is more than the engine's ``step_cpus``; None: it is what the engine asked for.
    """

    t: float
    bundles: int
    cpus: int
    pending: int
    capacity: int
    sent_bundles: int | None = None
    sent_cpus: int | None = None
    gpus: int | None = None
    sent_gpus: int | None = None
    growth: Growth | None = None
    step_cpus: int | None = None

    @property
    def size(self) -> tuple[int | None, ...]:
        """Return the CPUs and GPUs that were asked for, and those that were sent where they are fewer."""
        return self.cpus, self.sent_cpus, self.gpus, self.sent_gpus


@dataclass(frozen=True, slots=True)
class HoldBegun:
    """The scheduler looked at this backlog and did not ask Ray for workers. ``number`` counts such decisions.

    ``reason``: below (the threshold), interval (one request per autoscaler interval), not larger (than what is asked
    for already), linear (that scheduler asks only where there is no worker). ``pending_gpus``: what the backlog asks
    for; ``gpus``: of the workers the scheduler has; None: none, or not known.
    """

    t: float
    number: int
    reason: str
    pending: int
    capacity: int
    threshold: Threshold
    pending_gpus: float | None = None
    gpus: float | None = None


@dataclass(frozen=True, slots=True)
class HoldCounted:
    """How often, so far, the scheduler has come to the decision ``number`` in a row."""

    t: float
    number: int
    count: int


@dataclass(frozen=True, slots=True)
class DemandCleared:
    """What had been asked of Ray was withdrawn."""

    t: float


@dataclass(frozen=True, slots=True)
class Coming:
    """Nodes of one kind that Ray has asked for, or that start and have not joined yet."""

    name: str
    count: int


@dataclass(frozen=True, slots=True)
class LaunchesSeen:
    """What Ray's autoscaler reports while workers are wanted.

    ``coming``: nodes on their way, by kind (None: not told). ``dropped_cpus``: the CPUs of our request where the
    autoscaler drops it as a whole, because the cluster can never have all of it; else 0. ``lacking``: what tasks and
    actors of anybody ask for, and no kind of node has.
    """

    t: float
    coming: tuple[Coming, ...] | None = None
    dropped_cpus: int = 0
    lacking: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LaunchFailed:
    """Ray could not start ``count`` nodes of the kind ``name``; ``text``: why, in its own words ("": not told)."""

    t: float
    name: str
    count: int
    text: str


@dataclass(frozen=True, slots=True)
class ActorPool:
    """A query asked Ray for the actors of a function (``awaited``), or goes on with those that came (``count``).

    The other fields are as those of :class:`daftnb.telemetry.events.UdfActors`.
    """

    t: float
    name: str
    count: int
    awaited: int
    limit: float
    asked: int
    function: str = ""
    each: tuple[tuple[str, Amount], ...] = ()
    fits: int | None = None
    lack: tuple[tuple[str, Amount], ...] = ()
    waited: float | None = None


@dataclass(frozen=True, slots=True)
class Life:
    """A worker whose process is there: the id of its node, its start, its CPUs, memory in bytes and GPUs."""

    worker_id: str
    started: float
    slots: int
    memory: int
    gpus: float | None = None


@dataclass(frozen=True, slots=True)
class PoolSeen:
    """All workers that live, and what is asked of Ray (None: nothing), by the engine's process.

    It is told at each look, so that a start, an end, a request or a withdrawal that nobody fetched in time leaves the
    pool right all the same.
    """

    t: float
    workers: tuple[Life, ...]
    request: ScaleRequested | None = None
