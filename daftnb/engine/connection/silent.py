"""Lets go of a head that does not answer, so that ending the connection to it waits for nothing.

``ray.shutdown()`` says goodbye to the head first, and waits for its answer without a limit. Where the head has ended,
its machine refuses that at once. Where the network between has gone, nobody does.
"""

from __future__ import annotations

from daftnb.aside import aside
from daftnb.engine.connection import client


def let_go() -> None:
    """Make all that waits for the head of this process's connection give up, before ``ray.shutdown()``."""
    client.hang_up()
    _close_subscribers()


def _close_subscribers() -> None:
    """Close what a driver reads the cluster's errors and logs with, each in a thread that may wait.

    A subscriber first ends its own waiting, and then takes leave of the head, with no limit
    (``src/ray/pubsub/python_gcs_subscriber.cc``, ``Close``). One that is being closed is closed for Ray.
    """
    from ray._private import worker

    for name in ("gcs_error_subscriber", "gcs_log_subscriber"):
        subscriber = getattr(worker.global_worker, name, None)
        if subscriber is not None:
            aside(subscriber.close, "daftnb-goodbye")
