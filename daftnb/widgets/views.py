"""The live views, one class each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from daftnb.engine import internals
from daftnb.errors import DaftnbError
from daftnb.telemetry.host import Host, Still
from daftnb.telemetry.plantopic import plan_not_run
from daftnb.widgets.base import View


class Plan(View):
    """The query's plan as a graph: state, rows, bytes, time and tasks of each operator."""

    view = "plan"

    @classmethod
    def of(cls, session: Host, off: Mapping[str, str], dataframe: Any, name: str) -> Plan:
        """Return the plan of a dataframe that has not run.

        Parameters
        ----------
        session
            Whose settings and problems are shown beside it.
        off
            The features that are off, and why.
        dataframe
            A Daft dataframe.
        name
            What it is called in the view.

        Returns
        -------
        Plan
            A view that does not change.

        Raises
        ------
        DaftnbError
            If it is no dataframe, or if plans are off.
        """
        from daftnb.engine.connection.runner_slot import runner_name
        from daftnb.engine.queries.plans import plans_of

        if internals.PLANS in off:
            raise DaftnbError(off[internals.PLANS], "Use Daft's own: df.explain(show_all=True).")
        plans = plans_of(dataframe, name, runner_name())
        return cls(Still(plan_not_run(session.snapshot(), name, plans)))

    @classmethod
    def of_query(cls, session: Host, query: int | str) -> Plan:
        """Return the plan of a query of this session.

        Parameters
        ----------
        session
            Whose history is looked into.
        query
            Its number or id.

        Returns
        -------
        Plan
            A view that stays with that query.

        Raises
        ------
        DaftnbError
            If the history does not have it.
        """
        known = session.monitor.read(lambda state: {each.id: each.number for each in state.queries.values()})
        numbers = {str(number): number for number in known.values()}
        number = known.get(str(query), numbers.get(str(query)))
        if number is None:
            there = f"there are {min(known.values())} to {max(known.values())}" if known else "none has run yet"
            raise DaftnbError(f"There is no query {query} in the history: {there}.", "Try %daft history")
        return cls(session, look=number)


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
