"""``%daft``: argument parsing only; each command is one call to the Session."""

from __future__ import annotations

import argparse
import shlex
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

from daftnb.errors import DaftnbError
from daftnb.settings import SETTINGS, find

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from daftnb.session import Session

_CALLBACKS = "_daftnb_callbacks"


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise DaftnbError(f"%daft: {message}.", "Try %daft help")

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        raise DaftnbError(message or "that is all.", "Try %daft help")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="%daft", add_help=False, description="See and steer Daft on Ray from this notebook.")
    commands = parser.add_subparsers(dest="command", metavar="command", parser_class=_Parser)

    def add(name: str, help: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=help, add_help=False)

    start = add("start", "start an embedded Ray cluster with Ray's autoscaler, and point Daft at it")
    start.add_argument("--min", type=int, default=1, metavar="N", help="worker nodes it never goes below (1)")
    start.add_argument("--max", type=int, default=4, metavar="N", help="worker nodes it never goes above (4)")
    start.add_argument("--cpus", type=int, default=1, metavar="N", help="CPU slots per worker node (1)")
    start.add_argument(
        "--idle-timeout", type=float, default=30.0, metavar="S", help="seconds until Ray releases an unused node (30)"
    )
    connect = add("connect", "connect to a Ray that runs, and point Daft at it")
    connect.add_argument(
        "address",
        nargs="?",
        metavar="ADDRESS",
        help="host:port, ray://host:port or auto; with none, a Ray on this machine",
    )
    add("stop", "end the cluster that %%daft start started, or the connection that %%daft connect made")
    add("status", "the runner, the cluster and the last query, in a few lines")
    plan = add("plan", "live view: the query's plan; %%daft plan df: that of a dataframe that has not run")
    plan.add_argument("dataframe", nargs="?", metavar="NAME", help="a variable that is a Daft dataframe")
    add("workers", "live view: the Ray worker pool and its idle actors")
    add("backlog", "live view: backlog ratio against the threshold")
    add("cockpit", "live view: all of it (%%daft alone does so too)")
    add("decisions", "live view: the scheduler's and Ray's decisions, with their reasons")
    add("history", "live view: this session's queries, two of them side by side")
    auto = add("auto", "a line under each cell that runs a query: on or off")
    auto.add_argument("switch", nargs="?", choices=("on", "off"), metavar="on|off", help="nothing: say which it is")
    add("controls", "panel: the autoscaling settings")
    add("settings", "the autoscaling settings: set, and in effect")
    set_ = add("set", "set autoscaling settings for the next query: %%daft set threshold=1.5 downscale=off")
    set_.add_argument("assignments", nargs="+", metavar="NAME=VALUE")
    cancel = add("cancel", "end a query that runs, on the cluster too")
    cancel.add_argument("query", nargs="?", metavar="ID", help="the query's id (the latest that runs)")
    save = add("save", "write the recording of the last query to an Arrow file (--query N, --all)")
    save.add_argument("path", metavar="PATH")
    save.add_argument("--query", metavar="N", help="another query, by number or id")
    save.add_argument("--all", action="store_true", help="all queries that are kept")
    open_ = add("open", "replay a recording in the cockpit, on any machine: %%daft open run.arrow")
    open_.add_argument("path", metavar="PATH")
    compare = add("compare", "two runs side by side, operator by operator: numbers of queries, or files")
    compare.add_argument("a", metavar="A")
    compare.add_argument("b", metavar="B")
    add("doctor", "whether everything is as it must be: versions, Ray, this machine, the page; and what to do")
    add("help", "this text")
    return parser


def help_text() -> str:
    """All commands and settings."""
    parser = _parser()
    lines = ["%daft COMMAND", ""]
    for action in parser._subparsers._group_actions if parser._subparsers else ():
        for choice in action._choices_actions:  # type: ignore[attr-defined]  # argparse keeps each command's help there
            lines.append(f"  {choice.dest:<10} {(choice.help or '').replace('%%', '%')}")
        start = action.choices["start"]  # type: ignore[index]
        lines += ["", "%daft start takes"]
        for option in start._actions:
            lines.append(f"  {option.option_strings[0] + ' ' + str(option.metavar):<18} {option.help}")
    lines += ["", "Settings (each is an environment variable; a change acts on the next query)"]
    for name, setting in SETTINGS.items():
        lines.append(f"  {name:<13} {setting.help} Default {setting.default!r}. {setting.env}")
    return "\n".join(lines)


def run(line: str, session: Session) -> None:
    """Carry out one ``%daft`` line; views and texts are displayed at once."""
    import daftnb
    from daftnb import runs
    from daftnb.widgets.views import History

    try:
        words = shlex.split(line)
    except ValueError as error:
        raise DaftnbError(f"%daft cannot read {line!r}: {error}.", "Try %daft help") from None
    if words and words[0] in ("help", "-h", "--help"):
        print(help_text())
        return
    arguments = _parser().parse_args(words or ["cockpit"])
    views: dict[str, Callable[[], Any]] = {
        "plan": daftnb.plan,
        "workers": daftnb.workers,
        "backlog": daftnb.backlog,
        "cockpit": daftnb.cockpit,
        "decisions": daftnb.decisions,
        "history": lambda: History(session),
        "controls": daftnb.controls,
        "compare": lambda: runs.compare(session, arguments.a, arguments.b),
    }
    match arguments.command:
        case "start":
            _start(arguments, session)
        case "connect":
            began = time.monotonic()
            session.connect(arguments.address, _since(began))
        case "stop":
            _stop(session)
        case "cancel":
            cancelled = session.cancel(arguments.query)
            print(f"query {cancelled} is being cancelled" if cancelled else "no such query runs")
        case "status":
            print(status_text(session))
        case "set":
            _set(arguments.assignments, session)
            print(_settings_text(session))
        case "settings":
            print(_settings_text(session))
        case "save":
            size = runs.save(session, arguments.path, arguments.query, arguments.all)
            print(f"{arguments.path}: {size:,} bytes")
        case "open":
            _open(arguments.path)
        case "doctor":
            from daftnb.widgets import probe

            probe.show(session)
        case "auto":
            if arguments.switch is not None:
                daftnb.auto(arguments.switch == "on")
            on = session.lines is not None and session.lines.on
            print("a line shows under each cell that runs a query" if on else "no line shows under cells")
        case "plan" if arguments.dataframe is not None:
            from IPython.display import display

            display(daftnb.plan(_variable(arguments.dataframe), arguments.dataframe))
        case name:
            from IPython.display import display

            display(views[name]())  # at once: the cell's query may come after it
            dropped = session.recorder.dropped
            if name == "history" and dropped:
                print(f"recordings of {dropped} older queries are no longer kept: the last 100 are, within 64 MB")


def _open(path: str) -> None:
    """Show a recording in the cockpit, with a slider."""
    from IPython.display import display

    import daftnb

    display(daftnb.replay(daftnb.open_recording(path)))


def _variable(name: str) -> Any:
    """The notebook's variable of this name; DaftnbError where there is none."""
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    variables = {} if shell is None else shell.user_ns
    if name not in variables or variables[name] is None:
        raise DaftnbError(f"there is no dataframe called {name!r} in this notebook.", "Try %daft plan df")
    return variables[name]


def _start(arguments: argparse.Namespace, session: Session) -> None:
    from daftnb.engine.cluster import ClusterSize

    began = time.monotonic()
    session.start(
        ClusterSize(arguments.min, arguments.max, arguments.cpus, arguments.idle_timeout),
        _since(began),
    )


def _since(began: float) -> Callable[[str], None]:
    """Prints each step with the seconds since the start."""
    return lambda text: print(f"{time.monotonic() - began:5.1f} s  {text}", flush=True)


def _stop(session: Session) -> None:
    stopping = time.monotonic()
    external = session.external
    if not session.stop():
        print("there is no cluster of this kernel's own to end")
    elif external is None or external.local:
        print(f"the cluster has ended ({time.monotonic() - stopping:.1f} s)")
    elif external.ours:
        print(f"disconnected from Ray at {external.address}, which runs on")
    else:
        print(f"let go of Ray at {external.address}; the connection is not daftnb's: ray.shutdown() ends it")


def _set(assignments: list[str], session: Session) -> None:
    values = {}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not equals:
            raise DaftnbError(f"{assignment!r} is not NAME=VALUE.", f"Try %daft set {find(name).name}=…")
        values[find(name).name] = text
    session.set(**values)


def _settings_text(session: Session) -> str:
    from daftnb.widgets.controls import controls_text

    return controls_text(session.frame()["settings"])


def status_text(session: Session) -> str:
    """The runner, the cluster, the last query and what is not right, one line each."""
    from daftnb.widgets.static import headline

    frame = session.frame()
    about = frame["session"]
    lines = [f"runner    {about['runner'] if about['runner'] != 'none' else 'none yet: the first query decides'}"]
    cluster = about["cluster"]
    if cluster is not None:
        lines.append(f"cluster   {cluster['state']} at {cluster['address']}{_size_text(cluster)}")
        pool = frame["workers"]
        lines.append(f"workers   {pool['total']}: {pool['busy']} busy, {pool['idle']} idle, {pool['slots']} CPU slots")
    lines.append(f"query     {headline(frame)}")
    lines += [f"problem   {text}" for text in about["problems"].values()]
    return "\n".join(lines)


def _size_text(cluster: dict[str, Any]) -> str:
    """The bounds of a cluster, where they are known."""
    if cluster["max_workers"] is None:
        return ""
    idle = "" if cluster["idle_timeout"] is None else f", idle timeout {cluster['idle_timeout']:g} s"
    return f", {cluster['min_workers']} to {cluster['max_workers']} workers of {cluster['cpus']} CPU{idle}"


def register(shell: InteractiveShell, session: Session) -> None:
    """Give the shell ``%daft``, lines under cells, and static views that are up to date after each cell.

    Again replaces itself. Lines are shown in notebooks: in a terminal there is no place for them.
    """
    from daftnb.widgets.cells import CellLines

    unregister(shell)

    def daft(line: str) -> None:
        """See and steer Daft on Ray; %daft help."""
        run(line, session)

    def before_cell(info: Any) -> None:
        if session.lines is not None and info.store_history:
            session.lines.begin(getattr(info, "cell_id", None))

    def after_cell(result: Any) -> None:
        if session.lines is not None:
            session.lines.end()
        for listener in list(session.monitor.listeners):
            keep_static = getattr(listener, "keep_static", None)
            if keep_static is not None:
                keep_static()
        by_a_page = getattr(result.info, "cell_id", None) is not None  # pages name the cell, nbclient does not
        if not by_a_page and "daftnb.widgets.base" in sys.modules:
            from daftnb.widgets.base import leave_records

            leave_records()

    shell.register_magic_function(daft, "line", "daft")
    callbacks = {"pre_run_cell": before_cell, "post_run_cell": after_cell}
    for event, callback in callbacks.items():
        shell.events.register(event, callback)
    shell.user_ns_hidden[_CALLBACKS] = callbacks
    if getattr(shell, "kernel", None) is not None:
        session.lines = CellLines(session)
        session.lines.switch(True)
        parent = shell.get_parent()
        if parent.get("msg_type") == "execute_request":  # the cell that loads us
            session.lines.begin(parent.get("metadata", {}).get("cellId"))


def unregister(shell: InteractiveShell) -> None:
    """Undo :func:`register`; harmless if it was not called."""
    from daftnb.session import current_session

    shell.magics_manager.magics["line"].pop("daft", None)
    for event, callback in shell.user_ns_hidden.pop(_CALLBACKS, {}).items():
        shell.events.unregister(event, callback)
    session = current_session()
    if session is not None and session.lines is not None:
        session.lines.close()
        session.lines = None
