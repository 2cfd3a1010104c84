"""The verbs that say where queries run: a cluster of this kernel, another cluster, or Daft's native runner."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Callable
from typing import TYPE_CHECKING

from daftnb.commands import sources
from daftnb.commands.parsing import Parser
from daftnb.commands.verb import Verb
from daftnb.text.numbers import clock
from daftnb.text.states import gpu_words, logical

if TYPE_CHECKING:
    from daftnb.session import Session
    from daftnb.telemetry.wire import Cluster


def _start_options(parser: Parser) -> None:
    parser.add_argument("--min", type=int, default=1, metavar="N", help="fewest worker nodes (1)")
    parser.add_argument("--max", type=int, default=4, metavar="N", help="most worker nodes (4)")
    parser.add_argument("--cpus", type=int, default=1, metavar="N", help="CPU slots per worker node (1)")
    parser.add_argument(
        "--idle-timeout", type=float, default=30.0, metavar="S", help="seconds until Ray releases an unused node (30)"
    )
    parser.add_argument(
        "--autoscaler",
        choices=("v1", "v2"),
        default="v1",
        help="which of Ray's two autoscalers decides: v1 or v2 (v1)",
    )
    parser.add_argument(
        "--gpus", type=int, default=0, metavar="N", help="logical GPUs per worker node: Ray's bookkeeping alone (0)"
    )


def _start(arguments: Namespace, session: Session) -> None:
    from daftnb.engine.embedded.cluster import ClusterSize

    began = time.monotonic()
    session.start(
        ClusterSize(
            arguments.min,
            arguments.max,
            arguments.cpus,
            arguments.idle_timeout,
            arguments.autoscaler,
            arguments.gpus,
        ),
        _since(began),
    )


def _connect_options(parser: Parser) -> None:
    parser.add_argument(
        "address",
        nargs="?",
        metavar="ADDRESS",
        help="host:port, ray://host:port or auto; with none, a Ray on this machine",
    )
    parser.sources["address"] = sources.addresses


def _connect(arguments: Namespace, session: Session) -> None:
    session.connect(arguments.address, _since(time.monotonic()))


def _native(arguments: Namespace, session: Session) -> None:
    session.native()
    print("queries run on Daft's native runner, in this kernel; for a cluster later, restart the kernel first")


def _since(began: float) -> Callable[[str], None]:
    """Return a function that prints each step with the seconds since ``began``."""
    return lambda text: print(f"{time.monotonic() - began:5.1f} s  {text}", flush=True)


def _stop(arguments: Namespace, session: Session) -> None:
    stopping = time.monotonic()
    external = session.external
    if not session.stop():
        print("this kernel has no cluster and no connection to end")
    elif external is None or external.local:
        print(f"the cluster has ended ({time.monotonic() - stopping:.1f} s)")
    elif external.ours:
        print(f"disconnected from Ray at {external.address}, which keeps running")
    else:
        print(f"daftnb no longer uses Ray at {external.address}; you made the connection: ray.shutdown() ends it")


NATIVE = "native: set by the first dataframe, for this kernel's life; for %daft start, restart the kernel first"


def status_text(session: Session) -> str:
    """Return the runner, the cluster, the last query and what is not right, one line each."""
    from daftnb.snapshots.static import headline

    snapshot = session.snapshot()
    about = snapshot["session"]
    runner = {
        "none": "none yet: the first dataframe decides",
        "native": NATIVE if snapshot["query"] is None else "native",
    }
    lines = [f"runner    {runner.get(about['runner'], about['runner'])}"]
    cluster = about["cluster"]
    if cluster is not None:
        lines.append(f"cluster   {_cluster_text(cluster)}")
        pool = snapshot["workers"]
        gpus = gpu_words(pool["gpus_used"], pool["gpus"], pool["logical"])
        lines.append(
            f"workers   {pool['total']}: {pool['busy']} busy, {pool['idle']} idle, {pool['slots']} CPU slots"
            f"{f', {gpus}' if gpus else ''}"
        )
    lines.append(f"query     {headline(snapshot)}")
    lines += [f"problem   {text}" for text in about["problems"].values()]
    return "\n".join(lines)


def _cluster_text(cluster: Cluster) -> str:
    """Return what this kernel has to do with its cluster, in words."""
    if cluster["state"] == "disconnected":
        return (
            f"running at {cluster['address']}, but this kernel is no longer connected to it: "
            "%daft stop ends it, %daft start starts a new one"
        )
    if cluster["state"] == "stopped" and cluster["kind"] == "external":
        return f"no longer connected to Ray at {cluster['address']}"
    since = "" if cluster["silent_since"] is None else f" since {clock(cluster['silent_since'])}"
    return f"{cluster['state']} at {cluster['address']}{since}{_size_text(cluster)}"


def _size_text(cluster: Cluster) -> str:
    """Return the bounds of a cluster, in words; "" where they are not known."""
    if cluster["max_workers"] is None:
        return ""
    gpus = logical(cluster["gpus"] or 0)
    idle = "" if cluster["idle_timeout"] is None else f", idle timeout {cluster['idle_timeout']:g} s"
    return f", {cluster['min_workers']} to {cluster['max_workers']} workers of {cluster['cpus']} CPU{gpus}{idle}"


def _status(arguments: Namespace, session: Session) -> None:
    print(status_text(session))


VERBS = (
    Verb(
        "start", "cluster", "start a Ray cluster on this machine that grows and shrinks, and point Daft at it",
        _start, _start_options, ("%daft start", "%daft start --min 1 --max 8 --cpus 2", "%daft start --max 2 --gpus 1"),
    ),
    Verb(
        "connect", "cluster", "connect to a running Ray, and point Daft at it",
        _connect, _connect_options,
        ("%daft connect auto", "%daft connect ray://head:10001", "%daft connect 10.0.0.5:6379"),
    ),
    Verb(
        "native", "cluster", "point Daft at its native runner, in this kernel (before the first dataframe only)",
        _native, examples=("%daft native",),
    ),
    Verb(
        "stop", "cluster", "end this kernel's cluster, or its connection to one",
        _stop, examples=("%daft stop",),
    ),
    Verb(
        "status", "cluster", "show the runner, the cluster and the last query in a few lines",
        _status, examples=("%daft status",),
    ),
)  # fmt: skip
