"""Events of the work itself: users' functions (UDFs) and the actors that they run in.

Part of :mod:`daftnb.telemetry.events`. ``udf`` is a function's key within its query, and ``actor`` an actor's; both are
the meter's own. Counts are absolute: they are of the query so far, over all processes.
"""

from __future__ import annotations

from dataclasses import dataclass

from daftnb.telemetry.wire import ActorState, UdfKind


@dataclass(frozen=True, slots=True)
class Counter:
    """What a counter of the user's code stands at, for one set of attributes (name, value)."""

    name: str
    value: int
    attributes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class UdfKnown:
    """A function that a query calls: what it is, and where its code is, as it was then.

    ``name``: dotted, as Daft's plans have it (``__main__.score``, ``__main__.Model.__call__``). ``file`` is as people
    name it, ``cell`` the number of the notebook's cell, ``line`` the first line, from 1.
    """

    t: float
    query_id: str
    udf: str
    name: str
    kind: UdfKind = "row"
    is_class: bool = False
    file: str = ""
    cell: int | None = None
    line: int | None = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class UdfFigures:
    """What a function has done so far, over all processes.

    ``running``: calls that run now; ``seconds``: in the user's code, those calls included. ``inits``: how often it was
    initialised, ``init_seconds``: all of that together. ``errors``: exceptions, those that ``on_error`` ignores too;
    ``error`` is the latest. ``began``: when the first call began. ``left_out``: counters that are not in ``counters``,
    as there are too many. ``lost``: processes that ended before they had told all: what these last did is not counted.
    ``retries``: calls that the engine made again, and requests that the client of a model made again within a call;
    ``waited``: seconds before them, all together. ``shared``: another query ran at the same time and called functions
    too, so that some of these calls may be its.
    """

    t: float
    query_id: str
    udf: str
    rows_in: int = 0
    rows_out: int = 0
    calls: int = 0
    running: int = 0
    seconds: float = 0.0
    inits: int = 0
    init_seconds: float = 0.0
    errors: int = 0
    error: str = ""
    retries: int = 0
    counters: tuple[Counter, ...] = ()
    left_out: int = 0
    lost: int = 0
    began: float | None = None
    waited: float = 0.0
    shared: bool = False


@dataclass(frozen=True, slots=True)
class UdfActorFigures:
    """What one actor, or process, of a function does, and has done so far.

    ``worker_id``: the Ray node that it is on; empty on the native runner. ``since``: in this state. ``queue``: calls
    that wait before it. ``init_seconds``: None until it is initialised.
    """

    t: float
    query_id: str
    udf: str
    actor: str
    worker_id: str
    state: ActorState
    since: float
    rows: int = 0
    calls: int = 0
    seconds: float = 0.0
    init_seconds: float | None = None
    queue: int | None = None
    gpus: float | None = None
