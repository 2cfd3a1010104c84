"""Letting go of a Ray that was there before us: what our queries asked of it is withdrawn, our part taken out."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from daftnb.engine import connect, remote
from daftnb.engine.external import ask
from daftnb.telemetry import events as e

if TYPE_CHECKING:
    from daftnb.engine.external import ExternalCluster
    from daftnb.engine.flotilla import WatchedFlotillaRunner
    from daftnb.telemetry.monitor import Monitor


def leave(external: ExternalCluster, flotilla: WatchedFlotillaRunner | None, monitor: Monitor) -> None:
    """Disconnect, where the connection is ours; one that the user made stands, and Daft has its own runner there.

    ``flotilla``: what ran queries there. A Ray that does not answer any more is only forgotten.
    """
    stands = connect.link() == external.link and external.answers()
    try:
        if stands and flotilla is not None:
            _withdraw(external, flotilla, monitor)
            flotilla.door.close()
    finally:
        if flotilla is not None:
            flotilla.door.left = True
        with monitor.asking_nobody():
            if external.ours or not stands:
                connect.release()
            else:
                connect.give_back()
            if connect.link() in (None, external.link):
                external.close()
        monitor.emit(external.event("stopped"))


def _withdraw(external: ExternalCluster, flotilla: WatchedFlotillaRunner, monitor: Monitor) -> None:
    """Take back what this session's queries asked of Ray; what goes wrong is told, and stops nothing."""
    try:
        for event in flotilla.door.pull():
            monitor.emit(event)
        monitor.refresh()
        request = monitor.state.request
        if request is not None and ask(flotilla.runner, remote.withdraw, request.bundles, request.cpus, external.ours):
            monitor.emit(e.DemandCleared(time.time()))
    except Exception as error:
        monitor.emit(e.ProblemFound(time.time(), f"what was asked of Ray may still stand: {error!r}"[:300]))
