"""Meters the processes that Daft starts for functions (``use_process``, and class UDFs on the native runner).

Such a process is a child of the one that has the meter, and gets the function through a pipe
(``daft/execution/udf.py``). The meter goes with it. The child writes what it counted into a small file of its own,
after each batch and while a batch is long, and the parent reads that; a child that is killed has told all but the last
moments.
"""

from __future__ import annotations

import atexit
import json
import os
import tempfile
import threading
import weakref
from contextlib import suppress
from importlib import import_module
from typing import Any

from daftnb.engine.meter.meter import Meter, install
from daftnb.engine.meter.tally import Rows
from daftnb.engine.meter.travel import Pack, Parcel, Process, plain, rows_of

WRITE_SECONDS = 0.2
KEPT_CHILDREN = 64  # that have ended; what they counted is told that often


class Child:
    """A process that Daft has started, and what it has told."""

    def __init__(self, path: str, worker_id: str) -> None:
        self.path = path
        self.worker_id = worker_id
        self.process: Process | None = None
        self.rows: Rows = {}
        self.faults: dict[str, int] = {}
        self.ended = False

    def read(self) -> None:
        """Take what the child has written so far. Raises OSError, ValueError or TypeError where it cannot be read."""
        with open(self.path, encoding="utf-8") as file:
            text = file.read()
        if text:
            id_, pid, rows, self.faults = json.loads(text)
            self.process, self.rows = Process(id_, "process", str(pid), self.worker_id), rows_of(rows)


class Children:
    """The children of this process, of all of Daft's handles."""

    def __init__(self, meter: Meter, pack: Pack, worker_id: str) -> None:
        self.meter, self.pack, self.worker_id = meter, pack, worker_id
        self.all: dict[str, Child] = {}
        self.making: dict[int, str] = {}  # by thread, the file of the child that it is starting

    def listen(self) -> None:
        """Have each child from now on started with a meter."""
        udf = import_module("daft.execution.udf")
        handle, projection = udf.UdfHandle, udf.ExpressionsProjection
        begin, end = handle.__init__, handle.teardown

        def metered_begin(this: Any, *arguments: Any, **options: Any) -> None:
            thread, path = threading.get_ident(), self.new_file()
            if path is not None:
                self.making[thread] = path
            try:
                begin(this, *arguments, **options)
            except BaseException:
                if path is not None:
                    self.ended(path)
                raise
            finally:
                self.making.pop(thread, None)
            if path is not None:
                this._daftnb = path
                weakref.finalize(this, self.ended, path)

        def metered_end(this: Any, *arguments: Any, **options: Any) -> Any:
            try:
                return end(this, *arguments, **options)
            finally:
                path = getattr(this, "_daftnb", None)
                if path is not None:
                    self.ended(path)

        def carrying(expressions: Any) -> Any:
            content, path = projection(expressions), self.making.get(threading.get_ident())
            return content if path is None else Parcel(self.pack, begin_in_child, path, content)

        self.meter.patch(handle, "__init__", metered_begin)
        self.meter.patch(handle, "teardown", metered_end)
        self.meter.patch(udf, "ExpressionsProjection", carrying)

    def new_file(self) -> str | None:
        """Make the file for a child that is about to start; None where that fails, and it is not metered."""
        try:
            number, path = tempfile.mkstemp(prefix="daftnb-meter-", suffix=".json")
            os.close(number)
            self.all[path] = Child(path, self.worker_id)
            for old in [path for path, child in self.all.items() if child.ended][:-KEPT_CHILDREN]:
                del self.all[old]
            return path
        except OSError as error:
            self.meter.fault("a process for functions", error)
            return None

    def ended(self, path: str) -> None:
        """Take the last that a child has told, and remove its file."""
        child = self.all.get(path)
        if child is None or child.ended or self.meter.is_of_fork():  # the files are those of the process that forked
            return
        child.ended = True
        self.read(child)
        for name in (path, f"{path}.new"):
            with suppress(FileNotFoundError):
                os.unlink(name)

    def read(self, child: Child) -> None:
        """Read what a child has told; a file that cannot be read is a fault of ours."""
        try:
            child.read()
        except (OSError, ValueError, TypeError) as error:
            self.meter.fault("what a process for functions counted", error)

    def told(self) -> list[tuple[Process, Rows, bool]]:
        """Return each child that has called a function, what it did, and whether it has ended."""
        found = []
        for child in list(self.all.values()):
            if not child.ended:
                self.read(child)
            if child.process is not None:
                found.append((child.process, child.rows, child.ended))
                for text, count in child.faults.items():
                    self.meter.faults[text] = count
        return found

    def close(self) -> None:
        """Remove the files of the children that still run."""
        for path in list(self.all):
            self.ended(path)


class Writer:
    """In a child: writes what it has counted into its file."""

    def __init__(self, meter: Meter, path: str) -> None:
        self.meter, self.path = meter, path
        self.written = ""
        self.lock = threading.Lock()
        self.stopping = threading.Event()

    def write(self) -> None:
        """Write the file anew, where something has changed; the parent reads it whole or not at all.

        What a function forks does not write: it has but a copy of the counts, and of the lock as it was.
        """
        if self.meter.is_of_fork():
            return
        with self.lock:
            text = json.dumps([self.meter.id, self.meter.pid, plain(self.meter.rows()), dict(self.meter.faults)])
            if text == self.written or not os.path.exists(self.path):
                return  # or the parent has let go of it
            with open(f"{self.path}.new", "w", encoding="utf-8") as file:
                file.write(text)
            os.replace(f"{self.path}.new", self.path)
            self.written = text

    def keep_writing(self) -> None:
        """Write while a batch is long; ends with the process, or where the file cannot be written."""
        while not self.stopping.wait(WRITE_SECONDS):
            if not self.tried():
                return

    def tried(self) -> bool:
        """Write, and return whether that went well; a query does not fail for it."""
        try:
            self.write()
        except Exception as error:
            self.meter.fault("writing what was counted", error)
            return False
        return True

    def stop(self) -> None:
        """Write for the last time, as the process ends."""
        self.stopping.set()
        self.tried()


def begin_in_child(path: str, content: Any) -> Any:
    """Put a meter into this process, which Daft has started for a function; return what Daft sent to it."""
    try:
        meter = install()
        writer = Writer(meter, path)
        threading.Thread(target=writer.keep_writing, name="daftnb-meter", daemon=True).start()
        atexit.register(writer.stop)
        transport = import_module("daft.execution.udf").SharedMemoryTransport
        send = transport.write_and_close

        def told_first(self: Any, data: bytes) -> Any:
            writer.tried()  # so that all is told when the parent learns that a batch is done
            return send(self, data)

        meter.patch(transport, "write_and_close", told_first)
    except Exception as error:
        with suppress(OSError), open(path, "w", encoding="utf-8") as file:
            json.dump(["", os.getpid(), [], {f"{type(error).__name__}: {error}"[:300]: 1}], file)
    return content
