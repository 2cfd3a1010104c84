"""The words and signs for states, decisions and waits; the TypeScript twin is ``frontend/src/words.ts``.

The static views stand in a saved notebook, so their times are times of day: "ends in 48 s" would soon be wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from daftnb.text import numbers as f
from daftnb.text.limits import SKEW_SECONDS, SKEW_TIMES
from daftnb.text.shorten import shortened

GLYPHS = {
    "planning": "◌",
    "waiting": "○",
    "running": "●",
    "finished": "✓",
    "failed": "✕",
    "cancelled": "⊘",
    "stopped": "⊘",
    "busy": "●",
    "idle": "○",
    "warm": "◐",
    "starting": "◌",
    "initialising": "◌",
    "retired": "–",
    "ended": "–",
    "died": "✕",
    "gone": "–",
    "no worker": "–",
}
DECISIONS = {
    "request": "asked",
    "hold": "not asked",
    "granted": "granted",
    "arrival": "runs",
    "retire": "retired",
    "kept": "kept",
    "sweep": "swept",
    "reuse": "reused",
    "over max": "over max",
    "infeasible": "never met",
    "launch failed": "no node",
    "clear": "withdrawn",
    "died": "died",
    "gone": "node gone",
    "actors asked": "actors asked",
    "actors ready": "actors run",
    "actors missing": "too few actors",
}
SIGNS = {
    "request": ("▼", "asked Ray"),
    "over max": ("▽", "asked above the maximum"),
    "granted": ("△", "node granted"),
    "arrival": ("▲", "worker runs"),
    "retire": ("◆", "worker retired"),
    "died": ("✕", "worker died"),
}
NOTHING_RUNS = "nothing runs"
NOT_KEPT = "The backlog of that time is no longer kept."
NATIVE = (
    "Daft's native runner runs queries in this process: it has no workers and no backlog. "
    "For a Ray cluster, type %daft start before the kernel's first dataframe."
)


def state_words(state: str) -> str:
    """Return a state with its sign."""
    return f"{GLYPHS.get(state, '·')} {state}"


def decision_words(decision: Mapping[str, Any]) -> str:
    """Return what a decision is called, and how often it was taken; a kind that is not known is its own word."""
    word = DECISIONS.get(decision["kind"], decision["kind"])
    return f"{word} ×{decision['count']}" if decision["count"] > 1 else word


def idle_words(worker: Mapping[str, Any]) -> str:
    """Return since when a worker is idle: "since 08:00:29 UTC"."""
    return f.UNKNOWN if worker["idle_since"] is None else f"since {f.clock(worker['idle_since'])}"


def end_words(worker: Mapping[str, Any]) -> str:
    """Return when a worker is ended if nothing uses it, and why: "08:01:29 UTC, after 60 s idle", "kept: survivor"."""
    ends, rule = worker.get("retires_at"), worker.get("rule")
    if ends is None:
        return f"kept: {rule}" if rule else f.UNKNOWN
    return f.clock(ends) + (f", {rule}" if rule else "")


def setting_words(row: Mapping[str, Any], which: Literal["set", "in_effect"]) -> str:
    """Return what is set, or in effect, in a setting's row: switches as on and off; — where it is not known."""
    text: str | None = row[which]
    if text is None:
        return f.UNKNOWN
    if row["kind"] == "switch":
        return "on" if text == "1" else "off"
    return text


_SAYS = re.compile(r"^(projection|predicate|on|expr|exprs|aggregations|sort by): ", re.IGNORECASE)

_NAMES = re.compile(r"\b(?:col\((?:\d+: |left\.|right\.)?([^()#]*)(?:#[^()]*)?\)|lit\(([^()]*)\))")


def times(ratio: float) -> str:
    """Return a ratio as how many times: "7.5×", "102×"."""
    return (f"{ratio:.1f}".removesuffix(".0") if ratio < 10 else f"{ratio:.0f}") + "×"


def skew_words(skew: Mapping[str, Any] | None) -> str:
    """Return the task that stands out among those of an operator, with the numbers; "" where none does."""
    if skew is None or skew.get("median") is None or not skew["longest"]:
        return ""
    longest, median = skew["longest"][0]["seconds"], skew["median"]
    if longest <= SKEW_TIMES * median or longest - median <= SKEW_SECONDS:
        return ""
    return f"⚠ longest task {f.duration(longest)}, median ≈ {f.duration(median)}, {skew['tasks']} tasks"


def kept_words(selectivity: float | None) -> str:
    """Return what is left of the rows: "49 % kept", "3.2× as many"; "" where it is all of them."""
    if selectivity is None or 0.995 < selectivity < 1.05:
        return ""
    if selectivity > 1:
        return f"{times(selectivity)} as many"
    return "none kept" if selectivity == 0 else "<1 % kept" if selectivity < 0.005 else f"{selectivity:.0%} kept"


def misjudged_words(operator: Mapping[str, Any]) -> str:
    """Return how far the engine's estimate was off; "" where it was off by less than twice."""
    estimated, actual = operator.get("estimated_rows"), operator.get("rows_out")
    if estimated is None or actual is None or operator.get("state") != "finished":
        return ""
    less, more = max(1, min(estimated, actual)), max(estimated, actual)
    if more < 2 * less or more < 10:
        return ""
    return (
        f"{f.number(estimated)} rows expected, {times(more / less)} {'too few' if actual > estimated else 'too many'}"
    )


def has_paths(operators: Iterable[Mapping[str, Any]]) -> bool:
    """Return True if the slowest path is one of several: only then it is worth a mark."""
    return len({bool(operator.get("slowest")) for operator in operators}) == 2


def operator_notes(operator: Mapping[str, Any], paths: bool) -> str:
    """Return what is worth knowing of an operator beside its numbers; ``paths``: see :func:`has_paths`."""
    slowest = "⚑ slowest path" if paths and operator.get("slowest") else ""
    notes = (
        slowest, skew_words(operator.get("skew")), misjudged_words(operator), kept_words(operator.get("selectivity")),
    )  # fmt: skip
    return " · ".join(note for note in notes if note)


def expression(detail: str, length: int = 120) -> str:
    """Return what an operator does in one line, from what the engine says: ``col(0: v) > lit(2)`` is ``v > 2``."""
    lines = detail[:2000].split("\n")
    line = next((line for line in lines if _SAYS.match(line)), lines[0])
    line = _NAMES.sub(r"\1\2", _SAYS.sub("", line, count=1))
    return shortened(line, length)


def logical(gpus: int) -> str:
    """Return the logical GPUs of each worker, as words to go on with; "" for none."""
    return f" and {f.plural(gpus, 'logical GPU')}" if gpus else ""


def gpu_words(used: float | None, total: float | None, logical: bool = False) -> str:
    """Return GPUs that are used, of those that there are: "1.5 of 2 GPUs", "— of 2 GPUs" where that is not known.

    "" where there are none. ``logical``: they are Ray's bookkeeping, whatever the machine has.
    """
    if not total:
        return ""
    in_use = f.UNKNOWN if used is None else f"{used:g}"
    return f"{in_use} of {total:g} {'logical ' if logical else ''}{f.noun(total, 'GPU')}"


def device_words(device: Mapping[str, Any]) -> str:
    """Return what a GPU does: "0 NVIDIA A10G: 37 % busy, 5.10 GB of 24.0 GB"."""
    busy = f"busy {f.UNKNOWN}" if device["busy"] is None else f"{device['busy']} % busy"
    memory = f"{f.size(device['memory_used'])} of {f.size(device['memory_total'])}"
    return f"{device['index']} {device['name']}".rstrip() + f": {busy}, {memory}"


def pool_words(pool: Mapping[str, Any]) -> str:
    """Return the pool in one line."""
    gpus = gpu_words(pool.get("gpus_used"), pool.get("gpus"), pool.get("logical", False))
    warm = f" ({pool['warm']} warm)" if pool.get("warm") else ""
    coming = f", {f.plural(pool['coming'], 'node')} on the way" if pool.get("coming") else ""
    return (
        f"Workers: {pool['total']}, {pool['busy']} busy, {pool['idle']} idle{warm}, {pool['slots']} CPU slots"
        f"{f', {gpus}' if gpus else ''}{coming}"
    )


def nothing_runs(snapshot: Mapping[str, Any]) -> bool:
    """Return True if no query is there that could have a backlog: then its numbers say nothing."""
    active, query = (snapshot.get("backlog") or {}).get("active"), snapshot.get("query")
    if active is None:
        return query is not None and query["state"] not in ("planning", "running")
    return not active


def backlog_words(snapshot: Mapping[str, Any]) -> str:
    """Return the backlog now, or that nothing runs, with the threshold and the peak."""
    backlog = snapshot["backlog"]
    rest = f"threshold {f.ratio(backlog['threshold'])}, peak {f.ratio(backlog['peak'])}"
    if nothing_runs(snapshot):
        return f"Backlog: {NOTHING_RUNS}; {rest}"
    ratio = f"Backlog ratio {f.ratio(backlog['ratio'])}"
    return f"{ratio} ({backlog['pending']} pending ÷ {backlog['capacity']} worker CPUs), {rest}"


def over_max(backlog: Mapping[str, Any]) -> str:
    """Return a demand that the cluster can never meet, in words; "" where there is none."""
    wanted, most = backlog.get("wanted"), backlog.get("most")
    if wanted is None or most is None or wanted <= most:
        return ""
    return f"asked {f.plural(wanted, 'CPU')}: the most that this cluster may have is {most}"


def cpu_words(backlog: Mapping[str, Any]) -> str:
    """Return the CPUs wanted, granted and observed now, and what the cluster can have."""
    parts = [f"{name} {_or_unknown(backlog.get(name))}" for name in ("wanted", "granted", "observed")]
    parts.append(f"maximum {_or_unknown(backlog.get('most'))}")
    if backlog.get("least"):
        parts.append(f"least {backlog['least']}")
    over = over_max(backlog)
    gpus = backlog_gpu_words(backlog)
    return f"Worker CPUs: {', '.join(parts)}" + (f"; {over}" if over else "") + (f"; {gpus}" if gpus else "")


def backlog_gpu_words(backlog: Mapping[str, Any]) -> str:
    """Return the GPUs that pending tasks ask for, that Ray was asked for, and that workers have; "" for none of all.

    The backlog ratio counts none of them.
    """
    pending, wanted, there = (backlog.get(name) for name in ("pending_gpus", "wanted_gpus", "gpus"))
    if not (pending or wanted or there):
        return ""
    most = backlog.get("most_gpus")
    parts = [
        f"pending tasks ask for {_amount(pending)}",
        *([f"asked of Ray {wanted}"] if wanted else []),
        f"workers have {_amount(there)}",
        *([f"maximum {most}"] if most is not None else []),
    ]
    return f"GPUs: {', '.join(parts)}"


def _amount(value: float | None) -> str:
    return f.UNKNOWN if value is None else f"{value:g}"


def _or_unknown(value: int | None) -> str:
    return f.UNKNOWN if value is None else str(value)
