"""What the kernel and a live view's page send each other: the one source of these types.

``frontend/write_types.py`` writes ``frontend/src/snapshot.ts`` from it; run that after a change here. Times are seconds
since the epoch on the kernel's clock, sizes are bytes, None means not known. Maps are keyed by strings, so that a
difference is a JSON Merge Patch (RFC 7386): a member that a patch makes None is missing on the page from then on.

``Annotated[list[...], tuple[...]]`` is a list here, of just these parts; the page and the tests go by the tuple.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias, TypedDict

QueryState: TypeAlias = Literal["planning", "running", "finished", "failed", "cancelled"]
OperatorState: TypeAlias = Literal["waiting", "running", "finished", "failed", "stopped", "cancelled"]
WorkerState: TypeAlias = Literal["starting", "busy", "idle", "warm", "retired", "died", "gone", "no worker"]
ClusterState: TypeAlias = Literal["starting", "running", "not answering", "stopped", "disconnected"]
ViewName: TypeAlias = Literal["plan", "workers", "backlog", "decisions", "history", "line", "cockpit"]
Runner: TypeAlias = Literal["none", "native", "ray"]
QueryRunner: TypeAlias = Literal["ray", "native"]
#: A query's plans before the physical one, and that of a dataframe that has not run.
PlanStage: TypeAlias = Literal["logical", "optimised", "physical"]
Outcome: TypeAlias = Literal["finished", "failed", "cancelled", "lost"]
#: What was decided about the cluster's size. A recording of another release may have a kind that is not listed here.
DecisionKind: TypeAlias = Literal[
    "request",
    "over max",
    "infeasible",
    "launch failed",
    "hold",
    "clear",
    "granted",
    "arrival",
    "kept",
    "reuse",
    "sweep",
    "retire",
    "died",
    "gone",
    "actors asked",
    "actors ready",
    "actors missing",
]
UdfKind: TypeAlias = Literal["row", "batch", "async", "async batch", "generator", "legacy"]
ActorState: TypeAlias = Literal["starting", "initialising", "busy", "idle", "ended", "died"]
SettingKind: TypeAlias = Literal["switch", "number", "choice"]


class Counts(TypedDict):
    """Tasks by what became of them."""

    submitted: int
    pending: int
    running: int
    finished: int
    failed: int
    cancelled: int


class Cluster(TypedDict):
    """The cluster behind the Ray runner."""

    kind: Literal["embedded", "external"]
    address: str
    state: ClusterState
    min_workers: int | None
    max_workers: int | None
    cpus: int | None
    #: Logical ones, of each worker of an embedded cluster.
    gpus: int | None
    idle_timeout: float | None
    silent_since: float | None  # in seconds since the epoch, where it does not answer


class Session(TypedDict):
    """The kernel's side: its runner, its cluster, and what is wrong, in words."""

    runner: Runner
    cluster: Cluster | None
    problems: dict[str, str]


class Ended(TypedDict):
    """How many operators have ended, of all."""

    finished: int
    total: int


class Query(TypedDict):
    """The query that a view is about."""

    id: str
    number: int
    #: What the user calls it.
    name: str | None
    runner: QueryRunner
    state: QueryState
    started: float
    ended: float | None
    elapsed: float
    rows: int | None
    error: str | None
    tasks: Counts | None
    #: On the native runner, which has no tasks.
    operators: Ended | None
    progress: float | None


class Long(TypedDict):
    """A task that took long, and the worker that ran it."""

    seconds: float
    task: int
    worker: str


class Skew(TypedDict):
    """How unequal the tasks of a stage were, of two at least: seconds; the median is approximate (up to 5 % high)."""

    tasks: int
    median: float | None
    longest: list[Long]


class Drawn(TypedDict):
    """An operator as it is drawn, whether it runs or not."""

    id: int
    name: str
    kind: str
    detail: str
    inputs: list[int]
    estimated_rows: int | None


class Operator(Drawn):
    """An operator of a query."""

    state: OperatorState
    rows_in: int | None
    rows_out: int | None
    bytes_in: int | None
    bytes_out: int | None
    duration_us: int | None
    #: Time beside duration_us that the engine has not told (yet): of tasks that run, and of functions; derived.
    derived_us: int | None
    #: Of duration_us and derived_us together.
    time_share: float | None
    #: Whether rows_in and rows_out are a function's, as the engine has not told them (yet); derived.
    derived_rows: bool
    #: Rows out per row in; derived.
    selectivity: float | None
    #: Whether it is on the slowest path, from the root down: where the most time was spent.
    slowest: bool
    tasks: Counts | None
    stage: int | None
    skew: Skew | None


class Tree(TypedDict):
    """A logical plan: nothing in it runs."""

    root: int | None
    operators: dict[str, Drawn]


class Trees(TypedDict, total=False):
    """The trees that are known, by stage."""

    logical: Tree
    optimised: Tree
    physical: Tree


class Udf(TypedDict):
    """Actors of a UDF: how many there are, idle, and asked of Ray; the query waits for them ``limit`` seconds."""

    count: int
    idle: int | None
    awaited: int
    limit: float
    #: Of Ray, in all; 0 is not known.
    asked: int
    #: Why there are fewer than were asked for, or will be, in words; empty where there are as many, or it is not known.
    why: str


class Counter(TypedDict):
    """A counter of the user's code, such as the tokens of a model, for one set of attributes."""

    name: str
    attributes: dict[str, str]
    value: int


class UdfActor(TypedDict):
    """One actor, or process, that a UDF runs in."""

    #: The Ray node that it is on, and what its worker is called; empty on the native runner.
    worker: str
    label: str
    state: ActorState
    since: float
    rows: int
    calls: int
    seconds: float
    init_seconds: float | None
    #: Rows a second over the last few seconds.
    rate: float | None
    queue: int | None
    gpus: float | None


class Function(TypedDict):
    """A user's function (a UDF) as the query has called it so far, over all processes; null: not known."""

    name: str
    kind: UdfKind | None
    is_class: bool
    #: The operators that call it.
    operators: list[int]
    #: Where its code is: the file as people name it, the number of the cell, the first line.
    file: str
    cell: int | None
    line: int | None
    source: str
    #: Null from here to `waited`: nothing has been told of its calls.
    rows_in: int | None
    rows_out: int | None
    calls: int | None
    running: int | None
    #: In the user's code, the calls that run included; with several at a time, more than have passed.
    seconds: float | None
    inits: int | None
    init_seconds: float | None
    errors: int | None
    error: str
    #: Calls that the engine made again, and requests that the client of a model made again within a call.
    retries: int | None
    #: Seconds before these, all together.
    waited: float | None
    #: Whether another query called functions at the same time, so that some of these calls may be its.
    shared: bool
    #: Rows a second: over the last few seconds (null once the query is over), and over all the time in which it ran.
    rate: float | None
    rate_overall: float | None
    counters: list[Counter]
    #: Counters that are not listed.
    left_out: int
    #: Processes that ended before they had told all that they did.
    lost: int
    #: By a key of the query's own; of very many the first ones, and how many more there are.
    actors: dict[str, UdfActor]
    actors_left_out: int


class ModelUse(TypedDict):
    """What a function has asked of a model; null: not known."""

    #: The function's key.
    function: str
    model: str
    #: Null: not told. So is that of what the client of a model counts, if a function asks the model through several.
    provider: str | None
    requests: int | None
    input_tokens: int | None
    output_tokens: int | None
    total_tokens: int | None
    #: Tokens a second, over all the time in which the function ran.
    rate: float | None
    #: By the model's client: requests that were refused (429), those that it made again, and seconds before these.
    #: If it tells nothing, the last two are the function's retries and its waits, where this is the only model.
    refused: int | None
    again: int | None
    waited: float | None
    errors: int | None


class _Plan(TypedDict):
    query: str | None
    number: int | None
    root: int | None
    operators: dict[str, Operator]
    plans: Trees
    #: Actors of UDFs with a concurrency, by the operator's name.
    udfs: dict[str, Udf]
    #: The functions of the user's that were called, by a key of the query's own.
    functions: dict[str, Function]
    #: The models that they asked; of very many the first ones, and how many more there are.
    models: dict[str, ModelUse]
    models_left_out: int


class Plan(_Plan, total=False):
    """A query's plan, or that of a dataframe that has not run."""

    #: What the dataframe is called that this is the plan of: it has not run, so there are trees only.
    of: str


#: A task that has ended: id, operator (its stage), the query's number, start, end, how.
Task: TypeAlias = tuple[int, int, int, float, float, Outcome]


class NodeUsage(TypedDict):
    """Bytes, by Ray's own count."""

    memory_used: int | None
    memory_total: int | None
    store_used: int | None
    store_total: int | None


class Device(TypedDict):
    """A GPU of the machine that a node is on: percent of the time, and bytes."""

    index: int
    name: str
    busy: int | None
    memory_used: int | None
    memory_total: int | None


class GpuUse(TypedDict):
    """Who has GPUs of a node."""

    #: By tasks and actors together; where Daft and Ray count on their own, that may be more than there are.
    used: float | None
    #: What the running tasks of Daft's scheduler ask for.
    tasks: float | None
    #: What actors and Ray's own tasks hold, by Ray's count.
    held: float | None
    #: The devices of its machine; null: not known.
    devices: list[Device] | None


class Worker(TypedDict):
    """A node, and the worker on it."""

    #: Its number in the list of all, from 0: a map in JSON has no order.
    place: int
    id: str
    label: str
    head: bool
    #: A recording of another release may have one that is not listed.
    state: WorkerState | str
    slots: int
    running: int
    finished: int
    memory: int | None
    since: float
    idle_since: float | None
    #: When it will be ended if nothing uses it; null: not known, or never.
    retires_at: float | None
    #: Why it is kept or will be ended: "", "survivor", "after 60 s idle".
    rule: str
    note: str
    busy_spans: list[tuple[float, float | None]]
    #: When its RaySwordfishActor started; null: there is none.
    started: float | None
    #: The tasks that run: id, operator, start.
    now: list[tuple[int, int, float]]
    #: The latest tasks, by a number that counts on; where details were dropped there are fewer than `finished`.
    tasks: dict[str, Task]
    usage: NodeUsage | None
    #: Of the node, by Ray's bookkeeping, and who has them; null: not known, and of the second, that there are none.
    gpus: float | None
    gpu_use: GpuUse | None


class Workers(TypedDict):
    """The pool."""

    total: int
    busy: int
    idle: int
    #: How many of the idle ones the engine has let go of, and that are kept for the next query.
    warm: int
    slots: int
    #: Of all nodes, by Ray's bookkeeping, and how many of them are used; null: not known.
    gpus: float | None
    gpus_used: float | None
    #: Whether they are logical ones, of a cluster of %daft start: bookkeeping alone, whatever the machine has.
    logical: bool
    #: Nodes that Ray has asked for or that start; null where none is wanted, or Ray does not tell.
    coming: int | None
    #: How many workers and nodes there are to list, and the first of those in `rows`: a page gets LIVE_LANES at once.
    listed: int
    first: int
    #: What the operators are called in which the current query's tasks end.
    stages: dict[str, str]
    rows: dict[str, Worker]


#: t, ratio, pending, running, capacity (CPUs of the scheduler's workers), workers, CPUs wanted, granted, observed.
Point: TypeAlias = Annotated[list[Any], tuple[float, float | None, int, int, int, int, int | None, int | None, int]]
#: Since when, and the threshold that is in effect then; null: not known.
Step: TypeAlias = Annotated[list[Any], tuple[float, float | None]]


class Mark(TypedDict):
    """A decision as the chart marks it."""

    t: float
    kind: DecisionKind | str
    label: str
    text: str


class _Backlog(TypedDict):
    #: Whether a query runs that has a backlog.
    active: bool
    threshold: float
    #: Every threshold that was in effect in the query's time, in order.
    thresholds: dict[str, Step]
    ratio: float | None
    #: These three are null where what they were at the query's end is no longer kept.
    pending: int | None
    running: int | None
    capacity: int | None
    peak: float | None
    #: CPUs now: asked of Ray, of the nodes that Ray lists, of the workers that run; then what the cluster can have.
    wanted: int | None
    granted: int | None
    observed: int | None
    least: int | None
    most: int | None
    #: GPUs now: that pending tasks ask for, asked of Ray, of the scheduler's workers, and what the cluster can have.
    pending_gpus: float | None
    wanted_gpus: int | None
    gpus: float | None
    most_gpus: int | None
    points: dict[str, Point]
    marks: dict[str, Mark]


class Backlog(_Backlog, total=False):
    """Pending tasks ÷ CPUs of the workers, over time."""

    #: Of a query's time: whether there was a backlog that is no longer kept.
    lost: bool


class Decision(TypedDict):
    """A line of the decision log; ``count``: how often it was so in a row."""

    t: float
    kind: DecisionKind | str
    text: str
    count: int


class SettingRow(TypedDict):
    """One autoscaling setting: the texts of its default, of what is set, and of what is in effect; of a choice, all."""

    label: str
    env: str
    help: str
    kind: SettingKind
    choices: list[str]
    default: str
    set: str
    in_effect: str | None
    pending: bool


class Settings(TypedDict):
    """The settings, and the number of the query that ran with those in effect."""

    number: int | None
    rows: dict[str, SettingRow]


class Past(TypedDict):
    """A query of the history."""

    number: int
    id: str
    #: What the user calls it.
    name: str | None
    runner: QueryRunner
    state: QueryState
    started: float
    elapsed: float
    rows: int | None
    tasks: int | None
    peak_ratio: float | None
    workers_from: int | None
    workers_to: int | None
    node_seconds: float | None
    #: What it ran with: environment variable to text.
    settings: dict[str, str] | None
    error: str | None


class Did(TypedDict):
    """What an operator did in one of two queries that are compared."""

    id: int
    name: str
    detail: str
    rows: int | None
    bytes: int | None
    duration_us: int | None
    tasks: int | None
    #: The longest task ÷ the median one (approximate).
    skew: float | None


class Ratios(TypedDict):
    """Each measure of the second query ÷ that of the first."""

    rows: float | None
    bytes: float | None
    duration_us: float | None
    tasks: float | None
    skew: float | None


class Compared(TypedDict):
    """An operator in both queries; null where one of them has no such operator."""

    #: From the root.
    depth: int
    a: Did | None
    b: Did | None
    ratio: Ratios | None


class Comparison(TypedDict):
    """Two queries side by side; ratios are b ÷ a."""

    numbers: Annotated[list[int], tuple[int, int]]
    states: Annotated[list[QueryState], tuple[QueryState, QueryState]]
    totals: dict[str, Annotated[list[float | None], tuple[float | None, float | None, float | None]]]
    operators: dict[str, Compared]
    settings: dict[str, Annotated[list[str | None], tuple[str | None, str | None]]]


class CellQueries(TypedDict):
    """The queries of a line's cell, and how many were too short to be listed."""

    numbers: list[int]
    brief: int


#: A recording's position, the times of its decisions, and the only times that can be shown (None: all): seconds since
#: the epoch.
Replay = TypedDict(
    "Replay",
    {
        "from": float,
        "to": float,
        "at": float,
        "title": str,
        "moments": list[float],
        "stops": list[float] | None,
    },
)


class Kept(TypedDict):
    """A view that stays with the queries of its cell."""

    #: The cell's query; null: of a line, which is its cell's by itself.
    number: int | None
    #: Whether all is as it was at that query's end: its time stands still.
    still: bool
    #: Whether the latest query is shown instead.
    follows: bool


class _Snapshot(TypedDict):
    now: float
    session: Session


class Snapshot(_Snapshot, total=False):
    """What there is to see at a moment: all topics in the kernel, of which a view is sent those that it shows."""

    query: Query | None
    queries: dict[str, Past]
    plan: Plan | None
    workers: Workers
    backlog: Backlog
    decisions: dict[str, Decision]
    settings: Settings
    #: The query of the history that is looked at, in place of the current one.
    look: int | None
    compare: Comparison | None
    cell: CellQueries | None
    replay: Replay | None
    kept: Kept


class Keyframe(Snapshot):
    """A snapshot as it is sent; each patch after it counts on from ``seq``."""

    seq: int


# -- what the kernel tells a page ------------------------------------------------------------------------------------


class Patch(TypedDict):
    """What has changed since the snapshot ``base``, as a JSON Merge Patch; with it, the snapshot is number ``seq``."""

    type: Literal["patch"]
    base: int
    seq: int
    patch: dict[str, Any]


class Stopping(TypedDict):
    """The query is being ended, as the page asked."""

    type: Literal["stopping"]
    query: str


class SettingAnswer(TypedDict):
    """The answer to ``set``: None, or why the value was refused."""

    type: Literal["setting"]
    name: str
    error: str | None


Message: TypeAlias = Patch | Stopping | SettingAnswer


# -- what a page asks the kernel for ---------------------------------------------------------------------------------


class ResyncRequest(TypedDict):
    """A keyframe, please."""

    type: Literal["resync"]


class WindowRequest(TypedDict):
    """The workers from this one on."""

    type: Literal["window"]
    first: int


class StopRequest(TypedDict):
    """End this query."""

    type: Literal["stop"]
    query: str


class LookRequest(TypedDict):
    """Show this query of the history; None: the current one."""

    type: Literal["look"]
    query: int | None


class FollowRequest(TypedDict):
    """Show the latest query, or again those of the cell that displays the view."""

    type: Literal["follow"]
    follow: bool


class CompareRequest(TypedDict):
    """These two queries, side by side; None twice: no more."""

    type: Literal["compare"]
    a: int | None
    b: int | None


class SetRequest(TypedDict):
    """A setting, as ``%daft set`` sets it; the answer is a ``setting``."""

    type: Literal["set"]
    name: str
    value: str


class OpenRequest(TypedDict):
    """A line is opened, or closed."""

    type: Literal["open"]
    open: bool


class SeekRequest(TypedDict):
    """A recording at this moment."""

    type: Literal["seek"]
    t: float


Request: TypeAlias = (
    ResyncRequest
    | WindowRequest
    | StopRequest
    | LookRequest
    | FollowRequest
    | CompareRequest
    | SetRequest
    | OpenRequest
    | SeekRequest
)
