"""What NVML says of a machine's GPUs, as it is read; the library is a stand-in: no test runs on a GPU."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest

from daftnb.engine.actor.devices import FRESH_SECONDS, MOST_DEVICES, Devices, Reader, latest_reading, read_devices
from tests.helpers import asking
from tests.helpers.releases import needs_ray

pytestmark = pytest.mark.timeout(60)


class NVMLError(Exception):
    pass


def library(*devices: dict[str, Any]) -> Any:
    """A module of pynvml's shape with these devices; what one does not have it does not tell."""

    def tell(what: str) -> Any:
        def asked(index: int) -> Any:
            if what not in devices[index]:
                raise NVMLError(what)
            return devices[index][what]

        return asked

    return SimpleNamespace(
        NVMLError=NVMLError,
        nvmlDeviceGetCount=lambda: len(devices),
        nvmlDeviceGetHandleByIndex=lambda index: index,
        nvmlDeviceGetName=tell("name"),
        nvmlDeviceGetUtilizationRates=tell("rates"),
        nvmlDeviceGetMemoryInfo=tell("memory"),
    )


WHOLE = {"name": b"A\xff", "rates": SimpleNamespace(gpu=37), "memory": SimpleNamespace(used=6, total=24)}


def test_what_a_device_does_not_tell_is_not_known() -> None:
    assert read_devices(library(WHOLE, {"name": "part", "memory": WHOLE["memory"]}, {})) == [
        (0, "A\ufffd", 37, 6, 24), (1, "part", None, 6, 24), (2, "", None, None, None),
    ]  # fmt: skip
    assert read_devices(library()) == []
    assert len(read_devices(library(*[WHOLE] * (MOST_DEVICES + 1)))) == MOST_DEVICES


class Made(Reader):
    """A reader of this library, which reads in the calling thread, and whose clock the test sets."""

    def __init__(self, nvml: Any) -> None:
        super().__init__()
        self.nvml, self.loads = nvml, 0

    def load(self) -> Any:
        self.loads += 1
        if isinstance(self.nvml, Exception):
            raise self.nvml
        return self.nvml


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time that readers go by; their threads read at once."""
    import time

    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(
        threading, "Thread", lambda target, name, daemon: SimpleNamespace(start=target) if daemon else None
    )
    return now


def test_it_is_read_once_a_second_and_old_readings_are_not_told(clock: list[float]) -> None:
    reader = Made(library(WHOLE))
    reader.lock = threading.RLock()  # type: ignore[assignment]  # the stand-in for a thread holds it itself
    first = reader.latest()
    assert first == ([(0, "A\ufffd", 37, 6, 24)], "")
    reader.nvml.nvmlDeviceGetUtilizationRates = lambda index: SimpleNamespace(gpu=99)
    clock[0] += 0.9
    assert reader.latest() == first
    clock[0] += 0.1
    assert reader.latest() == ([(0, "A\ufffd", 99, 6, 24)], "")
    reader.reading = True  # a driver that hangs: no second thread
    clock[0] += FRESH_SECONDS
    assert reader.latest() == (None, "")
    assert reader.loads == 1


@pytest.mark.parametrize(("nvml", "problem"), [(None, ""), (library(), ""), (OSError("cut"), "OSError: cut")])
def test_where_there_is_none_it_is_not_looked_for_again(nvml: Any, problem: str, clock: list[float]) -> None:
    reader = Made(nvml)
    reader.lock = threading.RLock()  # type: ignore[assignment]  # as above
    reader.latest()
    clock[0] += 60
    assert reader.latest() == (None, problem)
    assert reader.loads == 1


def test_a_library_that_fails_later_is_told_and_asked_again(clock: list[float]) -> None:
    reader = Made(library(WHOLE))
    reader.lock = threading.RLock()  # type: ignore[assignment]  # as above
    known, _ = reader.latest()

    def lost() -> int:
        raise NVMLError("the GPU is lost")

    works, reader.nvml.nvmlDeviceGetCount = reader.nvml.nvmlDeviceGetCount, lost
    clock[0] += 1
    assert reader.latest() == (known, "NVMLError: the GPU is lost")
    reader.nvml.nvmlDeviceGetCount = works
    clock[0] += 1
    assert reader.latest() == (known, "")


@needs_ray
def test_only_workers_with_gpus_are_asked_and_what_goes_wrong_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = asking.pool_of(monkeypatch, a=1, b=0, c=2, d=1)
    devices = Devices(pool)  # type: ignore[arg-type]  # what it asks of a pool
    assert devices.look() == {}
    assert set(devices.survey.asked) == {"a", "c", "d"}
    assert pool.held["a"].question is latest_reading
    pool.held["a"].answers.append(([(0, "A1", 1, 2, 3)], ""))
    pool.held["d"].answers.append((None, "OSError: cut"))
    assert devices.look() == {"a": [(0, "A1", 1, 2, 3)], "d": None}
    assert dict(pool.tap.faults) == {"use of GPUs: RuntimeError: OSError: cut": 1}
