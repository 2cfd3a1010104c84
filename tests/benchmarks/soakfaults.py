"""The soak test's faults: what goes wrong, or is changed, in the midst of a query."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import psutil

from tests.benchmarks.soakpage import VIEW_CELL, Beside, Page
from tests.benchmarks.soakqueries import CANCELLED, FAILED, FINISHED, SETTLED, Cell, Known, Mix
from tests.conftest import await_that
from tests.helpers.processes import processes_of


@dataclass(frozen=True, slots=True)
class Fault:
    """``cell`` is the query; ``act`` is done in its midst, ``after`` when its cell has run and was looked at."""

    kind: str
    cell: Cell
    act: Callable[[], None]
    after: Callable[[], None] = lambda: None
    reloads: bool = False


class Faults:
    """Each kind as often as the others, in an order by chance."""

    def __init__(self, mix: Mix, page: Page, beside: Beside, folder: str) -> None:
        self._mix, self._page, self._beside, self._folder = mix, page, beside, folder
        self._deck: list[Callable[[], Fault]] = []

    def fault(self) -> Fault:
        """The next one."""
        if not self._deck:
            self._deck = [
                self.worker_killed, self.raylet_killed, self.interrupted, self.settings_changed, self.view_reopened,
                self.page_reloaded,
            ]  # fmt: skip
            self._mix.chance.shuffle(self._deck)
        return self._deck.pop()()

    def _worker(self) -> psutil.Process:
        def found() -> list[psutil.Process]:
            with contextlib.suppress(psutil.NoSuchProcess):  # it ended since it was listed
                return [each for each in processes_of(self._folder) if "RaySwordfishActor" in " ".join(each.cmdline())]
            return []

        there = await_that(found, "a worker's process", 60)
        assert isinstance(there, list)
        process: psutil.Process = self._mix.chance.choice(sorted(there, key=lambda process: process.pid))
        return process

    def worker_killed(self) -> Fault:
        """A RaySwordfishActor's process: its tasks run again elsewhere, and the query finishes."""
        cell = self._mix.long("worker killed", again=True)
        return Fault("worker killed", cell, lambda: self._worker().kill())

    def raylet_killed(self) -> Fault:
        """A node: the query finishes, or fails where what it needs was there."""
        cell = self._mix.long("raylet killed", (FINISHED, FAILED), again=True)
        return Fault("raylet killed", cell, lambda: psutil.Process(self._worker().ppid()).kill(), self._restored)

    def _restored(self) -> None:
        began = time.monotonic()
        self._beside.ask("""
            got = daft.from_pydict({"x": [1]}).into_partitions(2).select(col("x") + 1).to_pydict()
            answer = got
        """)
        print(f"    a query again {time.monotonic() - began:.1f} s after the node", flush=True)

    def interrupted(self) -> Fault:
        """The kernel, as with JupyterLab's button."""
        cell = self._mix.long("interrupted", (CANCELLED,), again=True)
        return Fault("interrupted", cell, lambda: self._page.command("notebook:interrupt-kernel"))

    def settings_changed(self) -> Fault:
        """By ``os.environ`` and by ``%daft set``, from a thread: the query that runs keeps what it has, the next one
        has them."""
        cell = self._mix.long("settings changed")
        body = "\n            ".join(cell.text.splitlines())
        source = f"""
            def change():
                while not os.path.exists({str(cell.counter)!r}):
                    time.sleep(0.01)
                os.environ["DAFT_AUTOSCALING_THRESHOLD"] = "1.75"
                get_ipython().run_line_magic("daft", "set survivors=2")
            changing = threading.Thread(target=change, name="changing")
            changing.start()
            {body}
            changing.join()
            more = daft.from_pydict({{"x": [1]}}).select(col("x") + 1).to_pydict()
            %daft set threshold=1.25 survivors=1
        """
        changed = Known(rows=1, tasks={"Project": 1}, settings={**SETTLED, "threshold": "1.75", "survivors": "2"})
        cell = replace(cell, source=source, queries=(*cell.queries, changed))
        return Fault("settings changed", cell, lambda: None)

    def view_reopened(self) -> Fault:
        """One closed in the midst and another opened after it; then the cockpit anew, in its cell."""
        cell = self._mix.long("view reopened")
        body = "\n            ".join(cell.text.splitlines())
        source = f"""
            def change():
                while not os.path.exists({str(cell.counter)!r}):
                    time.sleep(0.01)
                view.close()
            view = daftnb.workers()
            display(view)
            changing = threading.Thread(target=change, name="changing")
            changing.start()
            {body}
            changing.join()
            view = daftnb.backlog()
            display(view)
            time.sleep(0.3)
            view.close()
        """
        cell = replace(cell, source=source)
        return Fault("view reopened", cell, lambda: None, self._cockpit_anew)

    def _cockpit_anew(self) -> None:
        self._page.run(VIEW_CELL, "%daft cockpit")
        await_that(lambda: self._page.cockpits() == 1, "one cockpit in the page", 15)

    def page_reloaded(self) -> Fault:
        """In the midst: the kernel goes on, and the views are live again."""
        cell = self._mix.long("page reloaded")

        def reload() -> None:
            before = self._beside.subshells()
            self._page.reload()
            self._beside.end_subshells(before)

        return Fault("page reloaded", cell, reload, self._live, reloads=True)

    def _live(self) -> None:
        await_that(lambda: self._page.cockpits() == 1, "the cockpit is there again", 15)
