"""Warns of what nobody expects of a plan on Ray: where its paths are, and that no node has what it asks for."""

from __future__ import annotations

import os
import socket
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from daftnb.clock import steady
from daftnb.engine import internals
from daftnb.engine.queries import lacking, relative
from daftnb.engine.queries.plans import plan_nodes, read_json
from daftnb.engine.queries.runnerdoor import RunnerDoor
from daftnb.engine.queries.subscriber import Emit
from daftnb.telemetry import events as e


class Cautions:
    """Looks at each plan before it runs. ``ask`` calls the runner actor, whose ``door`` is another where it has died.

    ``kinds`` gives the kinds of nodes that the cluster may start (None: not known), and whether it is the embedded one.
    """

    def __init__(
        self,
        emit: Emit,
        ask: Callable[..., Any],
        door: Callable[[], RunnerDoor],
        kinds: Callable[[], tuple[Sequence[lacking.Resources] | None, bool]],
        off: frozenset[str],
    ) -> None:
        self._emit = emit
        self._ask = ask
        self._door = door
        self._kinds = kinds
        self._off = off

    def of(self, text: str, plan: Any) -> tuple[dict[int, float] | None, str]:
        """Warn of a plan, by its text; return the GPUs that its tasks ask for, by operator, and what no node has.

        No GPUs: none is asked for; None: not known.
        """
        self._warn_of_paths(text)
        return self._warn_of_resources(text, plan)

    def _warn_of_paths(self, plan: str) -> None:
        """Warn where a relative path of the plan names another place for the tasks than here."""
        try:
            paths = relative.relative_paths(plan)
            if not paths:
                return
            whereabouts = self._door().whereabouts
            if whereabouts is None:
                folder, machines = self._ask("whereabouts")
                whereabouts = self._door().whereabouts = relative.Whereabouts(folder, tuple(machines))
            text = relative.warning(paths, os.getcwd(), socket.gethostname(), whereabouts)
        except Exception as error:
            self._emit(e.ProblemFound.of(steady.time(), "the plan's paths were not understood", error))
            return
        if text is not None:
            self._warn(text)

    def _warn(self, text: str) -> None:
        """Show a warning in the views, and at once under the cell."""
        self._emit(e.ProblemFound(steady.time(), text))
        with suppress(UserWarning):  # where warnings are made errors, a query must not fail for it
            warnings.warn(text, stacklevel=3)

    def _gpus_of_tasks(self, text: str, plan: Any, wanted: Sequence[lacking.Asked]) -> dict[int, float] | None:
        """Return the GPUs that operators ask for which run UDFs in tasks; empty if none does, None: not known."""
        if not any("GPU" in one.resources for one in wanted):
            return {}
        if internals.TASK_GPUS in self._off:
            return None
        return lacking.gpus_of_tasks(text, tuple(plan_nodes(read_json(plan.repr_json()))))

    def _warn_of_resources(self, text: str, plan: Any) -> tuple[dict[int, float] | None, str]:
        """Warn where no node has what a UDF of the plan asks for; return as :meth:`of` does."""
        gpus: dict[int, float] | None = {}
        lacks = ""
        try:
            wanted = lacking.asked(text)
            if not wanted:
                return gpus, lacks
            gpus = self._gpus_of_tasks(text, plan, wanted)
            nodes = self._ask("resources")
            kinds, embedded = self._kinds()
            for one in wanted:
                warning = lacking.warning(one, nodes, kinds, embedded)
                if warning is not None:
                    self._warn(warning)
                    if not any(lacking.runs_on(node, one) for node in nodes):
                        lacks = lacking.reason(one)
        except Exception as error:
            self._emit(e.ProblemFound.of(steady.time(), "what a UDF asks for was not understood", error))
        return gpus, lacks
