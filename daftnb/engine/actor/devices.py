"""Reads how busy the GPUs of nodes are and what of their memory is used, by NVML, while somebody looks.

The node is asked, not Ray: a worker's process on it reads NVML, NVIDIA's own library, which the driver brings. It
does so in a thread, as the library may take a second to load and a driver may hang; what it has read last is fetched
with the next look. Nodes that list no GPU are not asked. NVML does not know of CUDA_VISIBLE_DEVICES: it lists the
devices of the machine, or of the container. A logical GPU has no device.

Sent to the runner actor by value, with :mod:`daftnb.engine.actor.tap`; :func:`latest_reading` goes on to workers.
"""

from __future__ import annotations

from typing import Any

from daftnb.engine.actor.asking import Survey
from daftnb.engine.actor.counts import Worker
from daftnb.engine.actor.warm import Pool

KEPT = "_daftnb_devices"
READ_SECONDS = 1.0  # between two readings
FRESH_SECONDS = 10.0  # what is older is not told: the library does not answer, or nobody has looked
MOST_DEVICES = 64
MOST_NAME = 80

#: A device: its index, its name, percent of the time busy, bytes of memory used and in all; None: not told.
Reading = tuple[int, str, "int | None", "int | None", "int | None"]
Answer = tuple["list[Reading] | None", str]  # the devices, and what went wrong


def read_devices(nvml: Any) -> list[Reading]:
    """Return a reading of each GPU that NVML lists; ``nvml`` is the module ``pynvml``, and initialised.

    What a device does not tell is None: a part of one (MIG) has no utilisation.
    """
    found = []
    for index in range(min(nvml.nvmlDeviceGetCount(), MOST_DEVICES)):

        def ask(what: str, index: int = index) -> Any:
            try:
                return getattr(nvml, what)(nvml.nvmlDeviceGetHandleByIndex(index))
            except nvml.NVMLError:
                return None

        name, rates, memory = (
            ask(what) for what in ("nvmlDeviceGetName", "nvmlDeviceGetUtilizationRates", "nvmlDeviceGetMemoryInfo")
        )
        text = name.decode(errors="replace") if isinstance(name, bytes) else str(name or "")
        found.append(
            (
                index,
                text[:MOST_NAME],
                None if rates is None else int(rates.gpu),
                None if memory is None else int(memory.used),
                None if memory is None else int(memory.total),
            )
        )
    return found


class Reader:
    """The readings of one process: at most one thread at a time, which ends when it has read."""

    def __init__(self) -> None:
        import threading

        self.lock = threading.Lock()
        self.reading = False
        self.library: Any = None  # once it is loaded
        self.absent = False  # there is none, or no device: it is not looked for again
        self.begun = float("-inf")
        self.found: list[Reading] | None = None
        self.found_at = float("-inf")
        self.problem = ""

    def latest(self) -> Answer:
        """Return the latest reading, None where there is none of the last seconds, and begin another if it is time."""
        import threading
        import time

        now = time.monotonic()
        with self.lock:
            if not self.absent and not self.reading and now - self.begun >= READ_SECONDS:
                self.reading, self.begun = True, now
                threading.Thread(target=self.read, name="daftnb-devices", daemon=True).start()
            return (self.found if now - self.found_at < FRESH_SECONDS else None), self.problem

    def read(self) -> None:
        """Read all devices once. Without a driver, nothing is known; any other failure is told with the answer."""
        import time

        found, problem = None, ""
        try:
            if self.library is None:
                self.library = self.load()
            found = None if self.library is None else read_devices(self.library)
        except Exception as error:
            problem = f"{type(error).__name__}: {error}"[:200]
        with self.lock:
            self.reading, self.problem = False, problem
            self.absent = self.library is None or found == []
            if found:
                self.found, self.found_at = found, time.monotonic()

    def load(self) -> Any:
        """Return the library, initialised; None where this machine has none, or no driver that it can use."""
        from ray._private.thirdparty import pynvml

        try:
            pynvml.nvmlInit()
        except pynvml.NVMLError:
            return None
        return pynvml


def latest_reading(worker: Any) -> Answer:
    """Return the latest reading of the devices of the machine that this worker's process runs on; None: not known."""
    reader = getattr(worker, KEPT, None)
    if reader is None:
        reader = Reader()
        setattr(worker, KEPT, reader)
    found: Answer = reader.latest()
    return found


class Devices:
    """The latest readings of every node that lists GPUs and has a worker."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.survey = Survey(pool, latest_reading, has_gpus)

    def look(self) -> dict[str, list[Reading] | None]:
        """Return the latest readings, by node, and ask the next few workers."""
        for _, problem in self.survey.look():
            if problem:
                self.pool.tap.fault("use of GPUs", RuntimeError(problem))
        return {worker_id: found for worker_id, (found, _) in self.survey.latest.items()}


def has_gpus(worker: Worker) -> bool:
    """Return True of a worker on a node that lists GPUs."""
    return worker.gpus > 0
