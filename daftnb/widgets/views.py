"""The live views, one class each."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from daftnb.engine import internals
from daftnb.errors import DaftnbError
from daftnb.telemetry.planframe import Frame, plan_not_run
from daftnb.widgets.base import View

if TYPE_CHECKING:
    from daftnb.session import Session


class Plan(View):
    """The query's plan as a graph: state, rows, bytes, time and tasks of each operator."""

    view = "plan"

    @classmethod
    def of(cls, session: Session, dataframe: Any, name: str) -> Plan:
        """The plan of a dataframe that has not run, called ``name``. DaftnbError if it is not one."""
        from daftnb.engine.connect import runner_name
        from daftnb.engine.plans import plans_of

        if internals.PLANS in session.off:
            raise DaftnbError(session.off[internals.PLANS], "Use Daft's own: df.explain(show_all=True).")
        plans = plans_of(dataframe, name, runner_name())
        return cls(_Still(plan_not_run(session.frame(), name, plans)))  # type: ignore[arg-type]  # all that a view uses

    @classmethod
    def of_query(cls, session: Session, query: int | str) -> Plan:
        """The plan of a query of this session, by number or id. DaftnbError if the history does not have it."""
        known = session.monitor.read(lambda state: {each.id: each.number for each in state.queries.values()})
        numbers = {str(number): number for number in known.values()}
        number = known.get(str(query), numbers.get(str(query)))
        if number is None:
            there = f"there are {min(known.values())} to {max(known.values())}" if known else "none has run yet"
            raise DaftnbError(f"There is no query {query} in the history: {there}.", "Try %daft history")
        return cls(session, look=number)


class _Still:
    """A session in which nothing happens: what is shown has not run, and cannot change."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self.monitor = SimpleNamespace(listeners=[])

    def frame(self) -> Frame:
        return self._frame

    def cancel(self, _query_id: str) -> None:
        return None


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
