"""What NVML says of a machine's GPUs, as it is read; the library is a stand-in: no test runs on a GPU."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from daftnb.engine.actor.devices import FRESH_SECONDS, MOST_DEVICES, Devices, Reader, latest_reading, read_devices
from daftnb.engine.actor.tap import Tap
from tests.helpers import standinnvml
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


class Handle:
    """A worker's handle; what its process answers is in ``answers``."""

    def __init__(self) -> None:
        self.answers: list[Any] = []
        self.actor_handle = SimpleNamespace(__ray_call__=SimpleNamespace(remote=self._call))

    def _call(self, function: Any) -> Handle:
        assert function is latest_reading
        return self


class DiedError(Exception):
    pass


def test_only_workers_with_gpus_are_asked_and_each_once() -> None:
    pool = SimpleNamespace(tap=Tap(), held={"a": Handle(), "b": Handle(), "c": Handle()}, warm={"d": Handle()})
    for name, gpus in (("a", 1), ("b", 0), ("c", 2), ("d", 1)):
        pool.tap.worker_started(name, 1, 1, gpus)
    devices = Devices(pool)  # type: ignore[arg-type]
    devices.ask()
    assert set(devices.asked) == {"a", "c", "d"}

    def get(ref: Any) -> Any:
        if isinstance(ref.answers[0], Exception):
            raise ref.answers.pop(0)
        return ref.answers.pop(0)

    ray: Any = SimpleNamespace(
        wait=lambda refs, num_returns, timeout: ([ref for ref in refs if ref.answers], []),
        get=get,
        exceptions=SimpleNamespace(RayError=DiedError),
    )
    pool.held["a"].answers.append(([(0, "A1", 1, 2, 3)], ""))
    pool.warm["d"].answers.append((None, "OSError: cut"))
    devices.collect(ray)
    assert devices.found == {"a": [(0, "A1", 1, 2, 3)], "d": None}
    assert dict(pool.tap.faults) == {"use of GPUs: RuntimeError: OSError: cut": 1}
    assert set(devices.asked) == {"c"}, "which has not answered"
    devices.ask()
    pool.held["a"].answers.append(DiedError())
    devices.collect(ray)
    assert devices.found == {"d": None}
    pool.tap.worker_ended("d", "died")
    devices.ask()
    assert devices.found == {}, "what is known of a worker goes with it"


@needs_ray
@standinnvml.needs_compiler
def test_rays_own_pynvml_is_read(tmp_path: Path) -> None:
    script = (
        "import json; from daftnb.engine.actor.devices import Reader; reader = Reader(); reader.read(); "
        "print(json.dumps([reader.found, reader.absent, reader.problem]))"
    )

    def read(**variables: str) -> Any:
        done = subprocess.run(
            [sys.executable, "-c", script], env={**os.environ, **variables}, capture_output=True, text=True, check=True
        )
        return json.loads(done.stdout)

    assert read(**standinnvml.build(tmp_path)) == [[list(each) for each in standinnvml.READINGS], False, ""]
