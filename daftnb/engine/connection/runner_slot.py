"""Reads and sets Daft's runner in this process, which Daft allows only once.

Daft cannot change its runner once one is set in a process ("Cannot set runner more than once"), so what cannot be
done is said before anything is started.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Literal

from daftnb.engine.connection.link import asking, link
from daftnb.engine.connection.standing import never_start
from daftnb.errors import ClusterError

RunnerName = Literal["none", "native", "ray"]
# Daft sets its runner, for good, when a dataframe is made: no query need have run.
FIRST = "the first dataframe (daft.from_pydict, daft.read_parquet, …)"
NATIVE_ALREADY = (
    "This kernel's queries run on Daft's native runner already, and Daft cannot change runners in a process."
)


def runner_name() -> RunnerName:
    """Return the runner that Daft has in this process; asking sets none."""
    from daft.runners import _get_runner

    runner: Any = _get_runner()
    return "none" if runner is None else runner.name


def check_runner() -> None:
    """Raise ClusterError where this kernel can no longer run queries on a cluster of its own."""
    if runner_name() == "native":
        raise ClusterError(NATIVE_ALREADY, f"Restart the kernel, and run %daft start or %daft connect before {FIRST}.")
    connected = link()
    if connected is not None:
        raise ClusterError(
            f"This kernel is connected to Ray at {connected.address} already.",
            "Queries run there and are watched; to go elsewhere, end that connection first: %daft stop, or "
            "ray.shutdown() if it was made with ray.init().",
        )


def use_native() -> None:
    """Point Daft at its native runner.

    ClusterError where Daft has another runner: a process cannot change it.
    """
    import daft

    name = runner_name()
    if name == "ray":
        raise ClusterError(
            "This kernel's queries run on Ray, and Daft cannot change runners in a process.",
            f"Restart the kernel, and run %daft native before {FIRST}.",
        )
    if name == "none":  # set again, it would be refused
        daft.set_runner_native()


def use_ray(make_flotilla_runner: Callable[[int | None], Any]) -> None:
    """Point Daft at the Ray this process is connected to, with a FlotillaRunner of ours in it.

    ClusterError if another thread has set the native runner meanwhile.
    """
    import daft
    from daft.runners import _get_runner

    forget_actor_name()
    with asking():
        if _get_runner() is None:
            daft.set_runner_ray()
        runner: Any = _get_runner()
        if runner.name != "ray":  # set by another thread meanwhile
            raise ClusterError(NATIVE_ALREADY, f"Restart the kernel, and wait for %daft start before {FIRST}.")
        _put_in(runner, make_flotilla_runner(runner.worker_startup_timeout))


def _put_in(runner: Any, ours: Any) -> None:
    """Make a FlotillaRunner of ours that of Daft's runner, and have it told how far an iteration may be read ahead."""
    runner.flotilla_plan_runner = ours
    run_iter = getattr(type(runner), "run_iter", None)
    if run_iter is not None:
        runner.run_iter = ours.buffer.noting(run_iter.__get__(runner))


def _take_out(runner: Any, other: Any) -> None:
    """Put another in the place of a FlotillaRunner of ours."""
    runner.flotilla_plan_runner = other
    runner.__dict__.pop("run_iter", None)


def other_options() -> dict[str, Any]:
    """Return what Daft's runner was given for its FlotillaRunner beside the startup timeout, by name.

    Today's Daft gives it nothing more. Its main branch takes a strategy of scaling in ``set_runner_ray`` and has it in
    no variable: each argument that both know by the same name goes on.
    """
    from daft.runners import _get_runner
    from daft.runners.flotilla import FlotillaRunner

    runner: Any = _get_runner()
    names = [*inspect.signature(FlotillaRunner).parameters]
    return {name: getattr(runner, name) for name in names if name != "worker_startup_timeout" and hasattr(runner, name)}


def is_watched(flotilla_runner: object) -> bool:
    """Return True if a FlotillaRunner is daftnb's own (:class:`daftnb.engine.queries.runner.WatchedFlotillaRunner`)."""
    return getattr(flotilla_runner, "is_watched", False)


def adopt(make_flotilla_runner: Callable[[int | None], Any], renew: bool, ended: bool) -> Any:
    """Return the FlotillaRunner of ours in Daft's runner; put it there now if the user has set the Ray runner himself.

    ``renew``: one of ours that is there is not to be used any more; ``ended``: its connection has ended.
    """
    from daft.runners import _get_runner

    runner: Any = _get_runner()
    if renew or not is_watched(runner.flotilla_plan_runner):
        if renew:
            forget_actor_name()
        before = None if ended else runner.flotilla_plan_runner
        _put_in(runner, make_flotilla_runner(runner.worker_startup_timeout))
        # An actor that was found by its name does not live by the handle it was found with, but by its maker's.
        runner.flotilla_plan_runner.before = before
    return runner.flotilla_plan_runner


def give_back() -> None:
    """Put a FlotillaRunner of Daft's own in the place of ours, with the same actor, on a connection that stands.

    Without a handle Ray would end the actor, and with it the workers; the next query might still find it, dying.
    """
    from daft.runners import _get_runner
    from daft.runners.flotilla import FlotillaRunner

    runner: Any = _get_runner()
    ours: Any = getattr(runner, "flotilla_plan_runner", None)
    if is_watched(ours):
        plain: Any = FlotillaRunner.__new__(FlotillaRunner)
        plain.runner = ours.runner
        plain._init_extension_paths = ours._init_extension_paths
        plain.before = getattr(ours, "before", None)
        _take_out(runner, plain)


def forget_actor_name() -> None:
    """Have Daft name its runner actor after the Ray job that is now, not after this process's first one.

    The name is made of the job's id and kept for the process's life (``daft/runners/flotilla.py``); on another cluster
    it may be that of another driver's actor, which would be taken for ours.
    """
    from daft.runners import flotilla

    flotilla._FLOTILLA_RUNNER_NAME_SUFFIX = None


def forget_results() -> None:
    """Have Daft forget the results that a connection which has ended has taken with it.

    It sends all that it knows along with every plan (``RayRunner.run_iter``), and Ray refuses to send those: one old
    dataframe in the notebook's namespace would fail every query on the next cluster.
    """
    from daft.runners import _get_runner

    runner: Any = _get_runner()
    if runner is not None and runner.name == "ray":
        runner._part_set_cache.clear()


def release() -> None:
    """Take our FlotillaRunner out of Daft's runner; Daft makes its own at the next query."""
    from daft.runners import _get_runner

    runner: Any = _get_runner()
    if runner is not None and getattr(runner, "flotilla_plan_runner", None) is not None:
        _take_out(runner, None)
        forget_actor_name()


def restore_documented_spelling() -> Callable[[], None]:
    """Make ``daft.context.set_runner_ray``, as Daft's documentation spells it, work again; return what undoes it."""
    import daft
    import daft.context

    if hasattr(daft.context, "set_runner_ray"):
        return lambda: None
    daft.context.set_runner_ray = daft.set_runner_ray  # type: ignore[attr-defined]  # it is what is missing

    def undo() -> None:
        del daft.context.set_runner_ray  # type: ignore[attr-defined]

    return undo


def disconnect() -> None:
    """End this process's connection to Ray, and keep Ray from starting a cluster of its own at the next query.

    Where the head does not answer, :func:`daftnb.engine.connection.silent.let_go` has to come first.
    """
    import ray

    ray.shutdown()
    forget_results()
    never_start()
