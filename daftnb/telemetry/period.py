"""Cuts a snapshot to the time of a query: its backlog, decisions and settings.

A page draws its charts over the same time: ``frontend/src/window.ts``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypedDict, TypeVar, cast

from daftnb.settings import SETTINGS
from daftnb.telemetry.decisions import ratio_of
from daftnb.telemetry.limits import LEAD_SECONDS, TAIL_SECONDS
from daftnb.telemetry.model import Query, State, threshold_in
from daftnb.telemetry.snapshots import steps_of
from daftnb.telemetry.wire import Backlog, Decision, Point, SettingRow, Settings, Snapshot

Row = TypeVar("Row")


def period_of(started: float, ended: float | None, now: float) -> tuple[float, float]:
    """Return from when to when a query is shown, in seconds since the epoch: a little before and after it ran."""
    return started - LEAD_SECONDS, now if ended is None else min(now, ended + TAIL_SECONDS)


class Then(TypedDict):
    """The topics of a snapshot that are of a query's time."""

    backlog: Backlog
    decisions: dict[str, Decision]
    settings: Settings


def at_that_time(state: State, snapshot: Snapshot, query: Query) -> Then:
    """Return backlog, decisions and settings in effect of ``snapshot``, as they were while ``query`` ran."""
    begin, end = period_of(query.started, query.ended, snapshot["now"])
    others = any(
        each.runner == "ray" and each.started <= end and (each.active or (each.ended or end) > end)
        for each in state.queries.values()
        if each is not query
    )
    return {
        "backlog": _backlog_of(snapshot["backlog"], query, begin, end, others),
        "decisions": _within(snapshot["decisions"], lambda decision: decision["t"], begin, end),
        "settings": _settings_of(snapshot["settings"], query),
    }


def within_its_time(snapshot: Snapshot) -> Snapshot:
    """Return ``snapshot`` with the backlog of its query's time alone, as a page draws it."""
    query, backlog = snapshot.get("query"), snapshot.get("backlog")
    if query is None or backlog is None:
        return snapshot
    return {
        **snapshot,
        "backlog": backlog_within(backlog, *period_of(query["started"], query["ended"], snapshot["now"])),
    }


def backlog_within(backlog: Backlog, begin: float, end: float) -> Backlog:
    """Return the backlog's points and marks from ``begin`` to ``end``, with the point that stood at ``begin``."""
    before = [(key, point) for key, point in backlog["points"].items() if point[0] < begin][-1:]
    stood: dict[str, Point] = {key: [round(begin, 3), *point[1:]] for key, point in before}
    return {
        **backlog,
        "points": {**stood, **_within(backlog["points"], lambda point: point[0], begin, end)},
        "marks": _within(backlog["marks"], lambda mark: mark["t"], begin, end),
    }


def _backlog_of(backlog: Backlog, query: Query, begin: float, end: float, others: bool) -> Backlog:
    """Return the backlog as it was while ``query`` ran.

    ``others``: whether another query ran at the ``end``; else nothing was pending then.
    """
    cut = backlog_within(backlog, begin, end)
    threshold = threshold_in(query.settings)
    measured = any(point[0] >= query.started for point in cut["points"].values())
    cut |= {
        "threshold": cut["threshold"] if threshold is None else threshold,
        "thresholds": steps_of(query),
        "peak": query.peak_ratio,
        "lost": query.peak_ratio is not None and not measured,
    }
    if query.active:
        return cut
    if not measured:  # what stood before the query says nothing of it
        cut["points"] = {}
    last = next(reversed(cut["points"].values()), None)
    now = last[1:5] + last[6:9] if last is not None else [None, None, None, None, None, None, None]
    names = ("ratio", "pending", "running", "capacity", "wanted", "granted", "observed")
    cut = cast("Backlog", {**cut, "active": others, **dict(zip(names, now, strict=True))})
    if not others:  # the last sample may be of a moment before the end
        cut |= {"ratio": ratio_of(0, cut["capacity"] or 0), "pending": 0, "running": 0}
    return cut


def _settings_of(settings: Settings, query: Query) -> Settings:
    """Return the settings, with those in effect that the query ran with; None where they are not known."""
    if query.runner != "ray":
        return settings
    rows: dict[str, SettingRow] = {
        name: {**row, "in_effect": text, "pending": text != row["set"]}
        for name, row in settings["rows"].items()
        if name in SETTINGS
        for text in (SETTINGS[name].among(query.settings),)
    }
    return {**settings, "number": query.number if query.settings else None, "rows": rows}


def _within(rows: Mapping[str, Row], time: Callable[[Row], float], begin: float, end: float) -> dict[str, Row]:
    return {key: row for key, row in rows.items() if begin <= time(row) <= end}
