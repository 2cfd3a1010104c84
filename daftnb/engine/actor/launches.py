"""Reads from Ray, in the runner actor, which nodes its autoscaler starts, which it could not, and what it never can.

The second autoscaler answers ``GetClusterStatus`` (``ray/autoscaler/v2/instance_manager/reconciler.py`` fills it in);
the first leaves a report in the control store (``AutoscalerSummary``, ``ray/autoscaler/_private/autoscaler.py``), which
does not say what is infeasible. What a release does not tell is None, not 0.

Sent to the runner actor by value, with :mod:`daftnb.engine.actor.tap`.
"""

from __future__ import annotations

import collections
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from daftnb.clock import steady as time
from daftnb.engine.actor.tap import Tap

LOOK_SECONDS = 1.0  # Ray's monitor looks no more often; a node of this machine's own starts within 2 s
SHARE = 0.05  # of the time, at most: a large cluster's report takes longer to read
FAILED_SECONDS = 30.0  # until it is asked again, where it has not answered
ANSWER_SECONDS = 1.0
BEFORE_SECONDS = 1.0  # whole seconds are told of a failure

Failure = tuple[str, str, float]  # the kind of node, why, and when: 0 where that is not told


class Report(NamedTuple):
    """What one autoscaler reports.

    ``coming``: by kind, nodes that are asked of the cloud or start there (None: not told); ``failed``: launches that
    failed; ``dropped``: the bundles of a whole request that is dropped; ``lacking``: what tasks or actors ask for, and
    no kind of node has.
    """

    coming: dict[str, int] | None
    failed: list[Failure]
    dropped: list[dict[str, float]]
    lacking: list[dict[str, float]]


class Launches:
    """The autoscaler's reports while workers are wanted; a launch that failed goes into the tap's details, once."""

    def __init__(self, tap: Tap) -> None:
        self.tap = tap
        self.next_look = 0.0
        self.is_known = False  # that something is coming, or never will
        self.told: collections.Counter[Failure] = collections.Counter()

    def row(self, active: bool) -> tuple[Any, ...] | None:
        """Return nodes that are coming, CPUs of our request that is dropped, and what no node has.

        None where it was looked at a moment ago, and where no query runs (``active``) that has asked Ray for workers;
        then, once, that nothing is known.
        """
        wanted_since, asked = self.tap.wanted_since, self.tap.asked
        if not active or wanted_since is None or asked is None:
            was_known, self.is_known = self.is_known, False
            return (None, 0, ()) if was_known else None
        if time.monotonic() < self.next_look:
            return None
        began = time.monotonic()
        self.next_look = began + FAILED_SECONDS
        report = read()
        ended = time.monotonic()
        self.next_look = ended + max(LOOK_SECONDS, (ended - began) / SHARE)
        if report is None:
            return None
        self.is_known = True
        self.tell(report.failed, wanted_since)
        coming = None if report.coming is None else tuple(sorted(report.coming.items()))
        dropped = dropped_cpus(report.dropped, asked)
        if dropped:
            self.tap.is_dropped = True
        return coming, dropped, tuple(sorted(set(map(shape, report.lacking))))

    def tell(self, failed: Iterable[Failure], since: float) -> None:
        """Note the failures that are new: those of before our request are none of ours."""
        fresh = collections.Counter(each for each in failed if not each[2] or each[2] >= since - BEFORE_SECONDS)
        with self.tap.lock:
            for failure, count in sorted((fresh - self.told).items()):
                self.tap.record("launch failed", failure[0], count, failure[1][:1000])
        self.told = fresh


def dropped_cpus(dropped: list[dict[str, float]], asked: tuple[Any, ...]) -> int:
    """Return the CPUs of the request that is dropped, where it is the one that stands here; 0 where it is another."""
    _, bundles, cpus, *more = asked
    if len(more) > 2 and more[2] is not None:  # it was trimmed: what was sent
        bundles, cpus = more[2:4]
    in_all = sum(bundle.get("CPU", 0) for bundle in dropped)
    return int(in_all) if (len(dropped), in_all) == (bundles, cpus) else 0


def shape(resources: Mapping[str, float]) -> str:
    """Return amounts of resources as text, such as ``CPU: 8, GPU: 1``."""
    return ", ".join(f"{name}: {amount:g}" for name, amount in sorted(resources.items()))[:200]


def read() -> Report | None:
    """Return what the cluster's autoscaler reports; None where it has reported nothing yet."""
    import json

    import ray._raylet
    from ray._private.ray_constants import DEBUG_AUTOSCALING_STATUS
    from ray.core.generated.autoscaler_pb2 import GetClusterStatusReply
    from ray.experimental.internal_kv import _internal_kv_get, internal_kv_get_gcs_client

    raylet: Any = ray._raylet
    space = raylet.GCS_AUTOSCALER_STATE_NAMESPACE
    if _internal_kv_get(raylet.GCS_AUTOSCALER_V2_ENABLED_KEY, namespace=space) == b"1":
        text = internal_kv_get_gcs_client().get_cluster_status(timeout_s=ANSWER_SECONDS)
        return of_the_second(GetClusterStatusReply.FromString(text).autoscaling_state)
    report = json.loads(_internal_kv_get(DEBUG_AUTOSCALING_STATUS) or b"{}").get("autoscaler_report")
    return None if report is None else of_the_first(report)


def of_the_second(state: Any) -> Report:
    """Return the report of an ``AutoscalingState``, by the names that this release has."""
    requests, instances = (getattr(state, name, None) for name in ("pending_instance_requests", "pending_instances"))
    coming: collections.Counter[str] | None = None
    if requests is not None and instances is not None:
        coming = collections.Counter()
        for request in requests:
            coming[request.ray_node_type_name] += request.count
        for instance in instances:
            coming[instance.ray_node_type_name] += 1
    failed = [
        (failure.ray_node_type_name, failure.reason, float(failure.failed_ts))
        for failure in getattr(state, "failed_instance_requests", ())
        for _ in range(max(1, failure.count))
    ]
    dropped = [
        dict(request.request.resources_bundle)
        for constraint in getattr(state, "infeasible_cluster_resource_constraints", ())
        for request in constraint.resource_requests
        for _ in range(request.count)
    ]
    lacking = [dict(request.resources_bundle) for request in getattr(state, "infeasible_resource_requests", ())]
    return Report(coming, failed, dropped, lacking)


def of_the_first(report: Mapping[str, Any]) -> Report:
    """Return the report of an ``AutoscalerSummary``, as its JSON has it."""
    coming: collections.Counter[str] | None = None
    if "pending_launches" in report and "pending_nodes" in report:
        coming = collections.Counter(report["pending_launches"])
        coming.update(kind for _, kind, *_ in report["pending_nodes"])
    failed: list[Failure] = []
    for kind, record in ((report.get("node_availability_summary") or {}).get("node_availabilities") or {}).items():
        if not record["is_available"]:
            why = record.get("unavailable_node_information") or {}
            text = ": ".join(str(why[name]) for name in ("category", "description") if why.get(name))
            failed.append((kind, text, float(record["last_checked_timestamp"])))
    return Report(coming, failed, [], [])
