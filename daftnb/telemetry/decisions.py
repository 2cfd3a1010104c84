"""Writes the lines of the decision log: each scaling decision with its numbers and its rule."""

from __future__ import annotations

from collections.abc import Sequence

from daftnb.telemetry import events as e
from daftnb.telemetry.model import Query
from daftnb.text.numbers import noun, plural, size


def ratio_of(pending: int, capacity: int) -> float | None:
    """Return the scheduler's backlog ratio: pending tasks ÷ CPUs of its workers; None where it has no workers.

    Source: ``DefaultScheduler::needs_autoscaling`` in Daft's ``scheduling/scheduler/default.rs``.
    """
    return pending / capacity if capacity else None


def asked(event: e.ScaleRequested) -> str:
    """Say that Ray was asked for workers."""
    return f"{backlog(event.pending, event.capacity)}: asked Ray for {resources(event)}{at_once(event)}"


def at_once(event: e.ScaleRequested) -> str:
    """Say by which setting more was asked for than the engine did, and how much it did; empty where it was no more."""
    if event.growth is None:
        return ""
    step = "" if event.step_cpus is None else f"; step by step it would have asked for {event.step_cpus}"
    return f" at once (growth: {event.growth}){step}"


def over_most(event: e.ScaleRequested, most: int | None, most_gpus: int | None = None) -> str:
    """Say that more was asked than the cluster may have, and what of it was sent to Ray.

    ``most``, ``most_gpus``: the CPUs and GPUs that it may have; None: not known.
    """
    if event.sent_cpus is None:
        if event.gpus and most_gpus is not None and event.gpus > most_gpus:
            asked_for = plural(event.gpus, "GPU")
            return f"asked {asked_for}: the most that this cluster may have is {most_gpus or 'none'}"
        return f"asked {event.cpus} CPUs: the most that this cluster may have is {most}"
    if event.gpus:
        asked_for, sent = _amounts(event.cpus, event.gpus), _amounts(event.sent_cpus, event.sent_gpus)
        return f"asked {asked_for}, sent {sent}: the most that this cluster may have"
    if event.sent_cpus == event.cpus:  # what was left out asks for no CPUs
        return f"asked {event.bundles} bundles, sent {event.sent_bundles}: the most that this cluster may have"
    return f"asked {event.cpus} CPUs, sent {event.sent_cpus}: the most that this cluster may have"


def not_asked(event: e.HoldBegun) -> str:
    """Say that Ray was not asked, and why."""
    here = backlog(event.pending, event.capacity)
    match event.reason:
        case "below":
            return f"{here} is not above the threshold {event.threshold:g}: Ray is not asked{_uncounted(event)}"
        case "interval":
            return f"{here}: asked recently, and Daft asks at most once per autoscaler interval"
        case "not larger":
            return f"{here}: no more than Ray is asked for already"
        case "linear":
            return f"{here}: the linear scheduler asks only when there is no worker"
        case other:
            return f"{here}: {other}"


def dropped(cpus: int) -> str:
    """Say that Ray gives nothing of a request because it can never give all of it, and what to do."""
    return (
        f"Ray drops the whole request for {plural(cpus, 'CPU')}, because this cluster can never have all of it: "
        "raise its maximum, or have less asked (%daft set threshold=5)"
    )


def lacking(shape: str) -> str:
    """Say that something on the cluster asks for what no kind of its nodes has."""
    return f"no kind of node has {shape}, which something on this cluster asks for: it waits until one is added"


def launch_failed(event: e.LaunchFailed) -> str:
    """Say that Ray could not start nodes, and why."""
    nodes = plural(event.count, "node") + (f" of the kind {event.name}" if event.name else "")
    return f"Ray could not start {nodes}: {' '.join(event.text.split()) or 'it does not say why'}"


def granted(label: str, seconds: float) -> str:
    """Say that Ray gave a node, and how many seconds after the last request."""
    return f"Ray gave the node of {label}, {seconds:.1f} s after the last request"


def retired(label: str, idle: float | None, rule: str) -> str:
    """Say that a worker's process was ended on purpose."""
    how_long = "" if idle is None else f", {idle:.1f} s idle"
    return f"{label} was retired{how_long}" + (f" ({rule})" if rule else "")


def died(label: str, rule: str) -> str:
    """Say that a worker's process ended, and nobody meant it to."""
    if rule == "out of memory":
        return f"{label} was ended by Ray: its node ran out of memory"
    return f"{label} died; its tasks are pending again"


def ends_workers(query: Query, event: e.TaskEndedWorkers) -> str:
    """Say that several workers ended one after the other while they ran the same task."""
    operator = query.operators.get(event.last_id)
    where = operator.node.name if operator is not None else f"operator {event.last_id}"
    return f"task {event.task_id} of query {query.number} ({where}) has ended {event.workers} workers"


def swept(labels: Sequence[str]) -> str:
    """Say that the engine let go of idle workers, which stay warm."""
    return f"the query has ended: {', '.join(labels)} kept warm for the next one"


def reused(labels: Sequence[str]) -> str:
    """Say that a query took over warm workers."""
    return f"{', '.join(labels)} taken over warm"


def kept(label: str, rule: str) -> str:
    """Say that a worker stays although it is idle."""
    return f"{label} is kept though idle: {rule}"


def actors_asked(event: e.ActorPool) -> str:
    """Say that a query asked Ray for the actors of a function, and how many of them there is room for."""
    each = _listed(event.each)
    of_what = f", each {each}" if each else ""
    asked_for = f"{_pool_name(event)}: asked Ray for {plural(event.awaited, 'actor')}{of_what}"
    why = why_fewer(event)
    limit = f"the query waits {event.limit:g} s for them at most"
    return f"{asked_for}. {why[:1].upper()}{why[1:]}; {limit}" if why else f"{asked_for}; {limit}"


def actors_came(event: e.ActorPool) -> str:
    """Say how many of a function's actors came, after how long, and why not all."""
    name, waited = _pool_name(event), f"after {event.waited or 0.0:.1f} s"
    if event.count >= event.asked:
        return f"{name} has its {plural(event.asked, 'actor')}, {waited}"
    why = why_fewer(event)
    reason = f": {why}" if why else ""
    if not event.count:
        return f"{name} has none of its {plural(event.asked, 'actor')} {waited}{reason}"
    return f"{name} goes on with {event.count} of {plural(event.asked, 'actor')} {waited}{reason}"


def why_fewer(event: e.ActorPool | e.UdfActors) -> str:
    """Say why a function has fewer actors than were asked for, or may get; empty where there is nothing to say."""
    if not event.asked or event.fits is None:
        return ""
    if event.fits < event.asked:
        is_one = len(event.lack) == 1 and event.lack[0][1] == 1
        missing = f", {_listed(event.lack)} {'is' if is_one else 'are'} missing" if event.lack else ""
        room = "for none of them" if not event.fits else f"for {event.fits} of them"
        return f"the cluster has room {room}{missing}"
    if event.waited is not None and event.waited >= event.limit > 0 and event.count < event.asked:
        return "the cluster has room for all, but other work has it, or they were still being initialised"
    return ""


def _pool_name(event: e.ActorPool) -> str:
    """Return a function's name as it was written; a bounded part of its expression where Daft does not tell it."""
    written = event.function.rpartition("<locals>.")[2].removeprefix("__main__.").removesuffix(".__call__")
    return (written or event.name)[:80]


def _listed(amounts: Sequence[tuple[str, float]]) -> str:
    """Return resources in words: "2 CPUs, 0.5 GPUs and 4.00 GB of memory"."""
    parts = [_resource(name, amount) for name, amount in amounts]
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def _resource(name: str, amount: float) -> str:
    if name == "memory":
        return f"{size(round(amount))} of memory"
    return f"{amount:g} {noun(amount, name) if name in ('CPU', 'GPU') else name[:40]}"


def backlog(pending: int, capacity: int) -> str:
    """Return the backlog in words."""
    ratio = ratio_of(pending, capacity)
    if ratio is None:
        return f"{pending} pending and no worker"
    return f"ratio {ratio:.3g} ({pending} pending ÷ {capacity} CPUs)"


def resources(event: e.ScaleRequested) -> str:
    """Return what was asked for, in words."""
    if event.gpus:
        return f"{plural(event.bundles, 'bundle')}, {_amounts(event.cpus, event.gpus)}"
    if event.growth is not None:
        return plural(event.cpus, "CPU")
    return f"{event.bundles} × 1 CPU" if event.cpus == event.bundles else f"{event.bundles} bundles, {event.cpus} CPUs"


def _amounts(cpus: int, gpus: int | None) -> str:
    return f"{plural(cpus, 'CPU')} and {plural(gpus, 'GPU')}" if gpus else plural(cpus, "CPU")


def _uncounted(event: e.HoldBegun) -> str:
    """Say which GPUs the backlog asks for: the ratio counts CPUs alone (``DefaultScheduler::needs_autoscaling``)."""
    if not event.pending_gpus:
        return ""
    there = "" if event.gpus is None else f", and the workers have {event.gpus:g}"
    return f". It counts no GPUs: what waits asks for {event.pending_gpus:g} {noun(event.pending_gpus, 'GPU')}{there}"
