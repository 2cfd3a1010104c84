"""States, decisions and waits in words, each with a sign; the TypeScript twin is ``frontend/src/words.ts``.

The static views stand in a saved notebook, so their times are times of day: "ends in 48 s" would soon be wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
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
    "%daft start gives it a Ray cluster."
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
