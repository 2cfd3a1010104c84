"""States, decisions and waits in words, each with a sign; the TypeScript twin is ``frontend/src/words.ts``.

The static views stand in a saved notebook, so their times are times of day: "ends in 48 s" would soon be wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from daftnb.settings import SETTINGS
from daftnb.widgets import format as f

GLYPHS = {
    "planning": "◌",
    "waiting": "○",
    "running": "●",
    "finished": "✓",
    "failed": "✕",
    "cancelled": "⊘",
    "busy": "●",
    "idle": "○",
    "warm": "◐",
    "starting": "◌",
    "retired": "–",
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
    "warm": "kept warm",
    "kept": "kept",
    "sweep": "swept",
    "reuse": "reused",
    "over max": "over max",
    "refused": "refused",
    "clear": "withdrawn",
    "died": "died",
    "gone": "node gone",
}
SIGNS = {
    "request": ("▼", "asked Ray"),
    "over max": ("▽", "asked above the maximum"),
    "granted": ("△", "node granted"),
    "arrival": ("▲", "worker runs"),
    "retire": ("◆", "worker retired"),
    "died": ("✕", "worker died"),
}
NATIVE = (
    "Daft's native runner runs queries in this process: it has no workers and no backlog. "
    "For a Ray cluster, %daft start comes before a kernel's first query."
)


def state_words(state: str) -> str:
    """A state with its sign."""
    return f"{GLYPHS.get(state, '·')} {state}"


def decision_words(decision: Mapping[str, Any]) -> str:
    """What a decision is called, and how often it was taken; a kind that is not known is its own word."""
    word = DECISIONS.get(decision["kind"], decision["kind"])
    return f"{word} ×{decision['count']}" if decision["count"] > 1 else word


def idle_words(worker: Mapping[str, Any]) -> str:
    """Since when a worker is idle: "since 08:00:29 UTC"."""
    return f.UNKNOWN if worker["idle_since"] is None else f"since {f.clock(worker['idle_since'])}"


def end_words(worker: Mapping[str, Any]) -> str:
    """When it is ended if nothing uses it, and why: "08:01:29 UTC, after 60 s idle", "kept: survivor"."""
    ends, rule = worker.get("retires_at"), worker.get("rule")
    if ends is None:
        return f"kept: {rule}" if rule else f.UNKNOWN
    return f.clock(ends) + (f", {rule}" if rule else "")


def setting_words(name: str, text: str | None) -> str:
    """A setting's value: switches as on and off; — where it is not known."""
    if text is None:
        return f.UNKNOWN
    if isinstance(SETTINGS[name].default, bool):
        return "on" if text == "1" else "off"
    return text


_TIMES, _SECONDS = 2, 0.5  # a task stands out that took twice the median, and half a second more
_SAYS = re.compile(r"^(projection|predicate|on|expr|exprs|aggregations|sort by): ", re.IGNORECASE)

_NAMES = re.compile(r"\b(?:col\((?:\d+: |left\.|right\.)?([^()#]*)(?:#[^()]*)?\)|lit\(([^()]*)\))")


def times(ratio: float) -> str:
    """How many times: "7.5×", "102×"."""
    return (f"{ratio:.1f}".removesuffix(".0") if ratio < 10 else f"{ratio:.0f}") + "×"


def skew_words(skew: Mapping[str, Any] | None) -> str:
    """The task that stands out among those of an operator, with the numbers; "" where none does."""
    if skew is None or skew.get("median") is None or not skew["longest"]:
        return ""
    longest, median = skew["longest"][0]["seconds"], skew["median"]
    if longest <= _TIMES * median or longest - median <= _SECONDS:
        return ""
    return f"⚠ longest task {f.duration(longest)}, median ≈ {f.duration(median)}, {skew['tasks']} tasks"


def kept_words(selectivity: float | None) -> str:
    """What is left of the rows: "49 % kept", "3.2× as many"; "" where it is all of them."""
    if selectivity is None or 0.995 < selectivity < 1.05:
        return ""
    if selectivity > 1:
        return f"{times(selectivity)} as many"
    return "none kept" if selectivity == 0 else "<1 % kept" if selectivity < 0.005 else f"{selectivity:.0%} kept"


def misjudged_words(operator: Mapping[str, Any]) -> str:
    """How far the engine's estimate was off, where it was: by twice or more."""
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
    """Whether the slowest path is one of several: only then it is worth a mark."""
    return len({bool(operator.get("slowest")) for operator in operators}) == 2


def operator_notes(operator: Mapping[str, Any], paths: bool) -> str:
    """What is worth knowing of an operator beside its numbers; ``paths``: see :func:`has_paths`."""
    slowest = "⚑ slowest path" if paths and operator.get("slowest") else ""
    notes = (
        slowest, skew_words(operator.get("skew")), misjudged_words(operator), kept_words(operator.get("selectivity")),
    )  # fmt: skip
    return " · ".join(note for note in notes if note)


def expression(detail: str, length: int = 120) -> str:
    """What an operator does, of all that the engine says of it: ``col(0: v) > lit(2)`` is ``v > 2``; one line."""
    lines = detail[:2000].split("\n")
    line = next((line for line in lines if _SAYS.match(line)), lines[0])
    line = _NAMES.sub(r"\1\2", _SAYS.sub("", line, count=1))
    return line if len(line) <= length else line[: length - 1] + "…"


def pool_words(pool: Mapping[str, Any]) -> str:
    """The pool in one line."""
    warm = f" ({pool['warm']} warm)" if pool.get("warm") else ""
    return f"Workers: {pool['total']}, {pool['busy']} busy, {pool['idle']} idle{warm}, {pool['slots']} CPU slots"


def over_max(backlog: Mapping[str, Any]) -> str:
    """A demand that the cluster can never meet, or ""."""
    wanted, most = backlog.get("wanted"), backlog.get("most")
    if wanted is None or most is None or wanted <= most:
        return ""
    return f"asked for {wanted} CPU{'' if wanted == 1 else 's'}, this cluster can have {most}"


def cpu_words(backlog: Mapping[str, Any]) -> str:
    """The CPUs wanted, granted and observed now, and what the cluster can have."""
    parts = [f"{name} {_or_unknown(backlog.get(name))}" for name in ("wanted", "granted", "observed")]
    parts.append(f"maximum {_or_unknown(backlog.get('most'))}")
    if backlog.get("least"):
        parts.append(f"least {backlog['least']}")
    over = over_max(backlog)
    return f"Worker CPUs: {', '.join(parts)}" + (f"; {over}" if over else "")


def _or_unknown(value: int | None) -> str:
    return f.UNKNOWN if value is None else str(value)
