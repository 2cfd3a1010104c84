"""Answers a preview's requests: keeps what is shown of the frame and what runs for it. Knows no widget.

Requests come on the thread of the kernel's messages. Rows that are in this process are answered there and at once; what
a cluster is asked, and every query, is done on threads of the preview's own.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from daftnb.engine.queries.background import OwnQuery
from daftnb.engine.rows.partitions import LocalPartitions, PartitionLost, Partitions
from daftnb.engine.rows.rerun import uncollected
from daftnb.engine.rows.results import is_collected, partitions_of
from daftnb.errors import DaftnbError, QueryCancelled, explain, is_reportable
from daftnb.previews import cell, download, encode
from daftnb.previews import grammar as g
from daftnb.previews import operations as ops
from daftnb.previews.copying import tsv
from daftnb.previews.executor import SerialExecutor
from daftnb.previews.limits import RUN_ROWS
from daftnb.previews.naming import Naming, Spelling
from daftnb.previews.source import Source, limited, source_of
from daftnb.previews.summaries import summarise
from daftnb.previews.wire import (
    CellAnswer,
    DownloadAnswer,
    PageAnswer,
    Progress,
    SentAnswer,
    Summary,
    TableState,
    ViewAnswer,
)
from daftnb.previews.work import Jobs

if TYPE_CHECKING:
    from daft import DataFrame, Series

TOLD_EVERY_SECONDS = 0.5
PART_SECONDS = 0.2  # between the parts of a download: what a server in between lets through

Tell = Callable[[SentAnswer, list[bytes]], None]


@dataclass(frozen=True, slots=True)
class PagedView:
    """A view that can be paged: its number, what was asked, how it is made, and its rows."""

    number: int
    request: g.ViewRequest | None
    plan: ops.Plan
    frame: Any  # a Daft dataframe that has run
    rows: Partitions


NO_PLAN = ops.Plan(None, ())


class PreviewService:
    """Answers requests by ``tell`` (content, buffers), from any thread; calls ``changed`` when ``state`` has changed.

    ``naming``: how code spells the frame. ``state``: lazy, running, ready, failed or lost; ``note``: the reason for it,
    where there is one.
    """

    def __init__(
        self,
        source: Source,
        name: str | None,
        tell: Tell,
        changed: Callable[[], None],
        end_on_ray: Callable[[str], bool] = lambda _id: False,
        naming: Naming | None = None,
    ) -> None:
        self.source = source
        self.name = name
        self._naming = naming
        self.state: TableState = "lazy" if source.rows is None else "ready"
        self.note: str | None = None
        self._tell = tell
        self._changed = changed
        self._origin = source.frame
        self._seen = _whole(source)
        self._shown: tuple[int, ...] = ()
        self._views = 0  # how many numbers were given
        self._making: tuple[int, int] | None = None  # the request and the number of the view that is being made
        self._guard = threading.RLock()
        self._executor = SerialExecutor("daftnb-preview")
        self._jobs = Jobs(end_on_ray)
        self._released = False

    # -- what there is ------------------------------------------------------------------------------------------------

    @property
    def busy(self) -> bool:
        """Return True while a query of it runs, or a request is worked on that takes its time."""
        return self.state == "running" or self._jobs.busy

    @property
    def df(self) -> DataFrame:
        """Return the view as a dataframe: the columns that are shown, of the rows that are kept, in their order.

        Raises DaftnbError once the rows have been released.
        """
        with self._guard:
            self._check_released()
            frame = self.source.frame if self._seen is None else self._seen.frame
            shown = ops.selection(self._shown, self.source.columns)
        found: DataFrame = frame if shown is None else frame.select(*(part.expression for part in shown))
        return found

    def release(self) -> None:
        """End all that runs, and let go of the rows."""
        self._jobs.cancel_all()
        with self._guard:
            self._released, self._seen, self._origin = True, None, None
            self.source = replace(self.source, frame=None, rows=None)

    def close(self) -> None:
        """End all that runs."""
        self._jobs.cancel_all()

    def _check_released(self) -> None:
        if self._released:
            raise DaftnbError("Only the rows of the latest previews are kept.", "Run the cell again to see more.")

    def first_page(self, rows: int, columns: int) -> tuple[int, list[Series]]:
        """Return how many first rows there are, and their columns; (0, []) where the frame has not run, or is lost."""
        shown = self.source.columns[:columns]
        if self.source.rows is None or not shown:
            return 0, []
        try:
            return self.source.rows.slice(0, rows, [column.number for column in shown])
        except PartitionLost as lost:
            self.state, self.note = "lost", explain(lost)
            return 0, []

    # -- requests -----------------------------------------------------------------------------------------------------

    def take(self, message: object) -> None:
        """Answer a message of the browser, now or later; drop one that is not in the grammar."""
        request = g.parse(message)
        if request is not None:
            self._guarded(request.id, lambda: self._take(request))

    def _guarded(self, id_: int, action: Callable[[], None]) -> None:
        """Do ``action``; where it goes wrong, answer the request with the error."""
        try:
            action()
        except BaseException as error:
            if not is_reportable(error):
                raise
            if isinstance(error, PartitionLost):
                self._set("lost", explain(error))
            self._tell({"type": "error", "id": id_, "message": explain(error)}, [])

    def _set(self, state: TableState, note: str | None) -> None:
        with self._guard:
            self.state, self.note = state, note
        self._changed()

    def _take(self, request: g.Request) -> None:
        if isinstance(request, g.CancelRequest):
            self._jobs.cancel(request.id)
            return
        self._check_released()
        match request:
            case g.PageRequest() | g.CellRequest() | g.CopyRequest():
                local = isinstance(self._view(request.view).rows, LocalPartitions)
                if local and not isinstance(request, g.CopyRequest):
                    self._answer_rows(request)
                else:  # what a cluster is asked, or much text, may take its time, which is not the kernel's
                    self._executor.do(lambda: self._guarded(request.id, lambda: self._answer_rows(request)))
            case g.ViewRequest():
                self._see(request)
            case g.SummaryRequest():
                seen = self._view(request.view)
                ops.column_at(max(request.columns), self.source.columns)
                self._start(request.id, lambda own: self._summarise(request, seen, own), seen.rows)
            case g.CodeRequest():
                self._code(request)
            case g.DownloadRequest():
                seen = self._present()
                self._start(request.id, lambda own: self._download(request, seen, own), seen.rows)
            case g.RunRequest():
                self._run(request)

    def _start(self, id_: int, work: Callable[[OwnQuery], None], over: Partitions | None = None) -> None:
        """Do ``work`` on a thread. Where it fails, check whether the rows in ``over`` are still there."""

        def do(own: OwnQuery) -> None:
            try:
                work(own)
            except Exception as failed:  # raised again in any case, or what explains it is
                if over is not None and not own.cancelled:
                    _check(over, failed)
                raise

        self._jobs.start(id_, lambda own: self._guarded(id_, lambda: do(own)))

    def _present(self) -> PagedView:
        with self._guard:
            if self._seen is None:
                raise DaftnbError("This dataframe has not run.", "Run the preview first.")
            return self._seen

    def _view(self, number: int) -> PagedView:
        seen = self._present()
        if number != seen.number:
            raise DaftnbError("That view was replaced by another.", "Use the present view.")
        return seen

    # -- rows ---------------------------------------------------------------------------------------------------------

    def _answer_rows(self, request: g.PageRequest | g.CellRequest | g.CopyRequest) -> None:
        rows = self._view(request.view).rows
        wanted = (request.column,) if isinstance(request, g.CellRequest) else request.columns
        ops.column_at(max(wanted), self.source.columns)
        if isinstance(request, g.CellRequest):
            if request.row >= rows.rows:
                raise DaftnbError(f"There is no row {request.row:,}.", "")
            content, buffers = cell.detail(rows.slice(request.row, 1, wanted)[1][0])
            self._tell(cast("CellAnswer", {"type": "cell", "id": request.id, **content}), buffers)
        elif isinstance(request, g.CopyRequest):
            text = tsv(rows.slice(request.start, request.count, wanted)[1])
            self._tell({"type": "copy", "id": request.id, "text": text}, [])
        else:
            _, series = rows.slice(request.start, request.count, wanted)
            if series:
                page = encode.encode_page(list(zip(wanted, series, strict=True)))
            else:
                page = encode.empty_page([self.source.columns[number] for number in wanted])
            answer: PageAnswer = {
                "type": "page", "id": request.id, "view": request.view, "start": request.start, "count": page.count,
                "columns": list(wanted), "rows": rows.rows,
            }  # fmt: skip
            self._tell(answer, [page.data])

    # -- views --------------------------------------------------------------------------------------------------------

    def _see(self, request: g.ViewRequest) -> None:
        columns = self.source.columns
        if request.columns:
            ops.column_at(max(request.columns), columns)
        plan = ops.plan_of(request, columns)
        base, present = self.source, self._present()
        same = present.request is not None and _asks(request) == _asks(present.request)
        with self._guard:
            making, self._making = self._making, None
            self._shown = request.columns
            if not plan.changes_rows:
                self._seen = present = _whole(base) or present
            elif not same:
                self._views += 1
                self._making = (request.id, self._views)
            number = self._views
        if making is not None:
            self._jobs.cancel(making[0])
        if same or not plan.changes_rows:
            self._tell_view(request.id, present.number, "ready", rows=present.rows.rows)
            return
        self._tell_view(request.id, number, "running")
        self._start(request.id, lambda own: self._make(request, plan, number, own), self.source.rows)

    def _tell_view(self, id_: int, number: int, state: Progress, rows: int | None = None) -> None:
        answer: ViewAnswer = {"type": "view", "id": id_, "view": number, "state": state}
        if rows is not None:
            answer["rows"] = rows
        self._tell(answer, [])

    def _make(self, request: g.ViewRequest, plan: ops.Plan, number: int, own: OwnQuery) -> None:
        try:
            with own.run():
                frame = plan.of(self.source.frame).collect()
                rows = partitions_of(frame)
        except QueryCancelled:
            self._tell_view(request.id, number, "cancelled")
            return
        with self._guard:
            wanted = self._making == (request.id, number)
            if wanted:
                self._making, self._seen = None, PagedView(number, request, plan, frame, rows)
        self._tell_view(request.id, number, "ready" if wanted else "cancelled", rows.rows if wanted else None)

    def _code(self, request: g.CodeRequest) -> None:
        with self._guard:
            plan = NO_PLAN if self._seen is None else self._seen.plan
            shown = ops.selection(self._shown, self.source.columns)
        source = self.source
        named = Spelling(ops.variable(self.name), True) if self._naming is None else self._naming.spelling()
        spelled = source.spelling.format(named.text) + ("" if source.limit is None else f".limit({source.limit})")
        python = ops.python_code(plan, shown, spelled, named.note)
        sql = ops.sql_code(plan, shown, named.text) if named.is_name and spelled == named.text else None
        self._tell({"type": "code", "id": request.id, "python": python, "sql": sql}, [])

    # -- summaries, files ---------------------------------------------------------------------------------------------

    def _summarise(self, request: g.SummaryRequest, seen: PagedView, own: OwnQuery) -> None:
        def tell(told: dict[str, Summary], done: bool) -> None:
            self._tell({"type": "summary", "id": request.id, "view": seen.number, "columns": told, "done": done}, [])

        columns = [self.source.columns[number] for number in request.columns]
        try:
            with own.run():
                for found in summarise(seen.frame, seen.rows, columns, own.check):
                    tell({str(number): summary for number, summary in found.items()}, done=False)
        except QueryCancelled:
            pass  # what came before stands
        tell({}, done=True)

    def _download(self, request: g.DownloadRequest, seen: PagedView, own: OwnQuery) -> None:
        with self._guard:
            shown = self._shown or tuple(range(len(self.source.columns)))
        columns = [self.source.columns[number] for number in shown]
        name = download.file_name(self.name, request.format)
        with own.run(), tempfile.TemporaryFile() as file:
            download.write_file(file, seen.rows, columns, request.format, own.check)
            for part, of, data in download.parts(file):
                own.check()
                if part:
                    time.sleep(PART_SECONDS)
                answer: DownloadAnswer = {
                    "type": "download", "id": request.id, "part": part, "of": of, "name": name,
                    "mime": download.MIMES[request.format],
                }  # fmt: skip
                self._tell(answer, [data])

    # -- running ------------------------------------------------------------------------------------------------------

    def _run(self, request: g.RunRequest) -> None:
        with self._guard:
            if self.state in ("ready", "running"):
                raise DaftnbError("This dataframe has run." if self.state == "ready" else "It runs already.", "")
            before = self.state
        self._set("running", None)
        self._start(request.id, lambda own: self._run_it(request, before, own))

    def _run_it(self, request: g.RunRequest, before: TableState, own: OwnQuery) -> None:
        began, over = time.monotonic(), threading.Event()

        def tell(state: Progress) -> None:
            elapsed = round(time.monotonic() - began, 1)
            text = f"{'running on Ray' if self.source.runner == 'ray' else 'running'} for {elapsed:.0f} s"
            self._tell({"type": "run", "id": request.id, "state": state, "elapsed": elapsed, "text": text}, [])

        def tick() -> None:
            while not over.wait(TOLD_EVERY_SECONDS):
                tell("running")

        tell("running")
        ticking = threading.Thread(target=tick, name="daftnb-preview-progress", daemon=True)
        ticking.start()
        try:
            source = self._ran(before, own)
        except QueryCancelled:
            over.set()
            self._set(before, None)
            tell("cancelled")
            return
        except BaseException as error:
            over.set()
            if is_reportable(error) and not isinstance(error, PartitionLost):
                self._set("failed", explain(error))
            raise
        finally:
            over.set()
            ticking.join()
        with self._guard:
            self.source, self._seen, self._making = source, _whole(source), None
        self._set("ready", None)
        tell("ready")

    def _ran(self, before: TableState, own: OwnQuery) -> Source:
        """Run the frame; return the source of its first rows, or of all rows where it had run and was lost."""
        with own.run():
            if before != "lost" and is_collected(self._origin):
                return source_of(self._origin)  # the user has run it meanwhile
            again = uncollected(self._origin)
            if before == "lost" and self.source.limit is None:
                return source_of(again.collect())
            return limited(again, self.source.limit or RUN_ROWS)


def _check(rows: Partitions, failed: Exception) -> None:
    """Raise PartitionLost if these rows are lost; raise ``failed`` again where that cannot be told."""
    try:
        rows.check()
    except PartitionLost as lost:
        raise lost from failed
    except Exception:  # the cluster may be away altogether: the user is told what failed first
        raise failed from None


def _whole(source: Source) -> PagedView | None:
    """Return view 0, the frame itself; None where it has not run."""
    return None if source.rows is None else PagedView(0, None, NO_PLAN, source.frame, source.rows)


def _asks(request: g.ViewRequest) -> tuple[object, ...]:
    """Return the parts of a view's request that decide its rows."""
    return request.sort, request.filters, request.search
