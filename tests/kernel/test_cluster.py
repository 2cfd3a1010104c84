"""A start that cannot succeed says why and what to do, before anything is started."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from daftnb.engine.embedded import cluster, launcher
from daftnb.engine.embedded.cluster import (
    HEAD_NODE_ID,
    HEAD_NODE_TYPE,
    MIB,
    SECOND_AUTOSCALER,
    ClusterSize,
    autoscaler_config,
    autoscaler_environment,
    check_machine,
)
from daftnb.engine.embedded.folders import own_folder
from daftnb.engine.embedded.launcher import write_token
from daftnb.errors import ClusterError
from tests.conftest import await_that
from tests.helpers.pods import GUARDED, LASTING, POD
from tests.helpers.releases import needs_ray

GIB = 1024**3


def refused(size: ClusterSize | None = None) -> ClusterError:
    with pytest.raises(ClusterError) as caught:
        check_machine(size or ClusterSize())
    return caught.value


def memory(monkeypatch: pytest.MonkeyPatch, available: int, shared: int, disk: int = 8 * GIB) -> None:
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=available))
    monkeypatch.setattr(
        shutil, "disk_usage", lambda folder: SimpleNamespace(free=shared if folder == "/dev/shm" else disk)
    )


def test_without_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster.importlib.util, "find_spec", lambda _name: None)
    assert refused().what == "Ray is not installed in this environment."


@needs_ray
def test_without_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    memory(monkeypatch, GIB // 2, 8 * GIB)
    assert refused().what == "Ray needs about 970 MiB of free memory for a head and 1 worker; 512 MiB are available."


@needs_ray
def test_with_little_shared_memory_the_objects_are_kept_in_files(monkeypatch: pytest.MonkeyPatch) -> None:
    memory(monkeypatch, 16 * GIB, 64 * MIB)
    shares = check_machine(ClusterSize())
    assert (shares.on_disk, shares.node_object_store) == (True, 16 * GIB // 20)
    config: Any = autoscaler_config(ClusterSize(), shares, "127.0.0.1:1", "/a/folder")
    assert config["provider"]["object_folder"] == "/a/folder"
    memory(monkeypatch, 16 * GIB, 4 * GIB)
    assert not check_machine(ClusterSize()).on_disk


@needs_ray
def test_without_dev_shm_the_objects_are_kept_in_files(monkeypatch: pytest.MonkeyPatch) -> None:
    memory(monkeypatch, 16 * GIB, 4 * GIB)
    monkeypatch.setattr(cluster.os, "access", lambda _path, _mode: False)
    assert check_machine(ClusterSize()).on_disk


@needs_ray
def test_with_no_room_for_objects_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    memory(monkeypatch, 16 * GIB, 64 * MIB, 256 * MIB)
    error = refused()
    assert error.what == (
        "5 object stores of at least 80 MiB do not fit: 16384 MiB of memory, 64 MiB of shared memory (/dev/shm) and "
        "256 MiB of disk are free."
    )
    assert error.remedy == "Try %daft start --max 1, or close other kernels."


@needs_ray
def test_the_machine_is_shared_out(monkeypatch: pytest.MonkeyPatch) -> None:
    memory(monkeypatch, 16 * GIB, 4 * GIB)
    shares = check_machine(ClusterSize(max_workers=3))
    assert shares.node_object_store * 4 <= 4 * GIB
    assert shares.node_memory * 3 <= 16 * GIB


@needs_ray
def test_the_configuration_is_what_rays_schema_knows() -> None:
    """The second autoscaler ends the head where it is not (ray/autoscaler/v2/instance_manager/config.py)."""
    import jsonschema
    import ray.autoscaler

    schema = json.loads((Path(ray.autoscaler.__file__).parent / "ray-schema.json").read_text())
    for object_folder in (None, "/a/folder"):
        config = autoscaler_config(ClusterSize(), cluster.Shares(GIB, GIB), "127.0.0.1:1", object_folder)
        jsonschema.validate(json.loads(json.dumps(config)), schema)


@needs_ray
def test_a_head_is_no_node_of_the_pod_it_runs_in() -> None:
    from ray.autoscaler._private.fake_multi_node.node_provider import FAKE_HEAD_NODE_ID

    assert HEAD_NODE_ID == FAKE_HEAD_NODE_ID
    for autoscaler, said in (("v1", "0"), ("v2", "1")):
        environment = autoscaler_environment(autoscaler)  # type: ignore[arg-type]
        assert environment == {
            SECOND_AUTOSCALER: said, "RAY_CLOUD_INSTANCE_ID": HEAD_NODE_ID, "RAY_NODE_TYPE_NAME": HEAD_NODE_TYPE,
        }  # fmt: skip


def test_a_head_has_neither_the_store_nor_the_guard_of_the_pod_it_runs_in(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**POD, **LASTING, **GUARDED}.items():
        monkeypatch.setenv(name, value)
    folder = own_folder()
    write_token(folder)
    told: list[str] = []
    monkeypatch.setattr(launcher, "RAY_SCRIPT", "import json, os; print(json.dumps(dict(os.environ)), flush=True)")
    supervisor = launcher.launch_head(folder, 1, 2, autoscaler_environment("v1"), [])
    try:
        log = folder / "head.log"
        await_that(lambda: log.exists() and "}" in log.read_text(), "the head tells its environment")
        told = [line for line in log.read_text().splitlines() if line.startswith("{")]
    finally:
        assert supervisor.stdin is not None
        supervisor.stdin.close()
        supervisor.wait(30)
    [has] = [json.loads(line) for line in told]
    assert not {*LASTING} & {*has}, "it would overwrite what the pod's own cluster has there"
    assert (has["RAY_USE_TLS"], has["RAY_ENABLE_K8S_TOKEN_AUTH"], has["RAY_AUTH_TOKEN"]) == ("0", "0", "")
    assert has["RAY_AUTH_TOKEN_PATH"] == str(folder / "token")
    assert has["RAY_NODE_TYPE_NAME"] == HEAD_NODE_TYPE


def test_an_autoscaler_that_ray_does_not_have_is_refused() -> None:
    with pytest.raises(ClusterError, match="must be v1 or v2") as caught:
        ClusterSize(autoscaler="v3")  # type: ignore[arg-type]
    assert caught.value.remedy == "Try %daft start --autoscaler v2"


@needs_ray
def test_a_head_that_ends_as_it_starts_is_told_and_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    # A port that is taken by the time the head binds it: every attempt gets the same one.
    import socket

    said: list[str] = []
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        monkeypatch.setattr(cluster, "free_ports", lambda count: [port] * count)
        monkeypatch.setattr(cluster, "START_ATTEMPTS", 2)
        started = cluster.EmbeddedCluster(ClusterSize())
        with pytest.raises(ClusterError) as caught:
            started.start(said.append)
    assert "The Ray head" in caught.value.what
    assert not started.running
    assert started.folder is not None
    assert not started.folder.exists()
    assert said[1] == "the head did not come up; trying again on other ports"


def test_the_memory_monitor_is_off_on_the_head_and_as_the_user_has_it_on_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import json

    monkeypatch.setattr(launcher, "RAY_SCRIPT", "pass")
    for users, workers in ((None, "250"), ("1000", "1000")):
        monkeypatch.delenv("RAY_memory_monitor_refresh_ms", raising=False)
        if users is not None:
            monkeypatch.setenv("RAY_memory_monitor_refresh_ms", users)
        made = cluster.EmbeddedCluster(ClusterSize())
        made._launch(cluster.Shares(GIB, GIB), {})
        assert made.folder is not None
        try:
            spec = json.loads((made.folder / "spec.json").read_text())
            config = json.loads((made.folder / "cluster.json").read_text())
            assert spec["environment"]["RAY_memory_monitor_refresh_ms"] == "0"
            assert config["provider"]["node_environment"] == {"RAY_memory_monitor_refresh_ms": workers}
        finally:
            made.stop()
