"""The live views, one class each."""

from __future__ import annotations

from daftnb.widgets.base import View


class Plan(View):
    """The query's plan as a graph: state, rows, bytes, time and tasks of each operator."""

    view = "plan"


class Workers(View):
    """Every node and RaySwordfishActor: its CPU slots, running tasks, state, and how long it has been idle."""

    view = "workers"


class Backlog(View):
    """Pending tasks ÷ worker CPUs over time, against the threshold, with requests and arrivals marked."""

    view = "backlog"


class Cockpit(View):
    """All of it: an overview on one time axis, and a tab for each part, the history and the settings."""

    view = "cockpit"


class Decisions(View):
    """What the scheduler and Ray decided, each with its reason and how often."""

    view = "decisions"


class History(View):
    """The queries of this session, two of them side by side, or one looked at again."""

    view = "history"
