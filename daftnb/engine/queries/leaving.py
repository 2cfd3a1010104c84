"""Leaves a Ray that was there before daftnb: withdraws what its queries asked, and takes the tap out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daftnb.clock import steady as time
from daftnb.engine.connection import link as ray_link
from daftnb.engine.connection import remote, runner_slot, silent
from daftnb.engine.connection.external import ask
from daftnb.telemetry import events as e

if TYPE_CHECKING:
    from daftnb.engine.connection.external import ExternalCluster
    from daftnb.engine.queries.runner import WatchedFlotillaRunner
    from daftnb.telemetry.monitor import Monitor


def leave(external: ExternalCluster, flotilla: WatchedFlotillaRunner | None, monitor: Monitor) -> None:
    """Let go of a Ray: disconnect where the connection is ours; where it is the user's, give Daft its runner back.

    ``flotilla``: what ran queries there. A Ray that does not answer any more is only forgotten.
    """
    stands = ray_link.link() == external.link and external.answers()
    if external.ours and not stands and ray_link.link() == external.link:
        if flotilla is not None:
            flotilla.shut()
        silent.let_go()
    try:
        if stands and flotilla is not None:
            _withdraw(external, flotilla, monitor)
            flotilla.door.close()
    finally:
        with monitor.asking_nobody():
            if external.ours or not stands:
                if flotilla is not None:
                    flotilla.leave(stands)
                runner_slot.release()
            else:
                if flotilla is not None:
                    flotilla.door.left = True
                runner_slot.give_back()
            if ray_link.link() in (None, external.link):
                external.close()
        monitor.emit(external.event("stopped"))


def _withdraw(external: ExternalCluster, flotilla: WatchedFlotillaRunner, monitor: Monitor) -> None:
    """Withdraw what this session's queries requested of Ray; report what goes wrong, and go on."""
    try:
        for event in flotilla.door.pull():
            monitor.emit(event)
        monitor.refresh()
        request = monitor.state.request
        if request is None:
            return
        bundles = request.bundles if request.sent_bundles is None else request.sent_bundles
        cpus = request.cpus if request.sent_cpus is None else request.sent_cpus
        if ask(flotilla.runner, remote.withdraw, bundles, cpus, external.ours):
            monitor.emit(e.DemandCleared(time.time()))
    except Exception as error:
        monitor.emit(e.ProblemFound.of(time.time(), "what was asked of Ray may still stand", error))
