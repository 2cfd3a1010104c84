"""With a private name of Daft's gone, exactly its features are off on a real cluster, and queries run on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from daftnb.engine.embedded.cluster import ClusterSize, EmbeddedCluster
from daftnb.engine.internals import INTERNALS
from tests.cluster.kernels import QUERY, Kernel

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(240)]

# One name for each set of features that goes together, of those that Daft itself does not need in the kernel (without
# these a query fails by itself); tests/pure/test_internals.py has each name in turn.
PATHS = (
    "RaySwordfishActorHandle.submit_task",
    "RaySwordfishTaskHandle.cancel",
    "RaySwordfishActorHandle.shutdown",
    "start_ray_workers",
    "try_autoscale",
)
NAMES = {internal.path: internal.features for internal in INTERNALS if internal.module == "daft.runners.flotilla"}
WITHOUT = """
import daft.runners.flotilla as flotilla
owner, _, name = {path!r}.rpartition(".")
delattr(getattr(flotilla, owner) if owner else flotilla, name)

import daftnb, ray, time, warnings
warnings.simplefilter("ignore")
from daftnb.engine.connection.link import DRIVER_ENVIRONMENT
os.environ.update(DRIVER_ENVIRONMENT)
session = daftnb.get_session()
ray.init({address!r}, logging_level="warning")
import daft
daft.set_runner_ray()
out = None
"""
LOOK = """
deadline = time.monotonic() + 5
while time.monotonic() < deadline:
    snapshot = session.snapshot()
    warm = snapshot["workers"]["warm"]
    if warm:
        break
    time.sleep(0.1)
rows = snapshot["settings"]["rows"]
out = {
    "off": sorted(
        text.partition(":")[0] for text in snapshot["session"]["problems"].values() if ": off, because" in text
    ),
    "other": [text for text in snapshot["session"]["problems"].values() if ": off, because" not in text],
    "state": snapshot["query"]["state"],
    "settings": rows["threshold"]["in_effect"],
    "tasks": bool(snapshot["query"]["tasks"]),
    "warm": bool(warm),
}
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[EmbeddedCluster]:
    cluster = EmbeddedCluster(ClusterSize(min_workers=1, max_workers=1, cpus=2, idle_timeout=600))
    cluster.start(print)
    yield cluster
    cluster.stop()


@pytest.mark.slow
@pytest.mark.parametrize("path", PATHS)
def test_a_name_that_is_gone(cluster: EmbeddedCluster, path: str) -> None:
    features = NAMES[path]
    kernel = Kernel(cluster.connection_environment())
    try:
        kernel.run("import os" + WITHOUT.format(path=path, address=cluster.address))
        assert kernel.run(QUERY) == {"a": [2, 3]}
        seen = kernel.run(LOOK)
    finally:
        kernel.end()
    assert seen["off"] == sorted(features)
    assert seen["other"] == []
    assert seen["state"] == "finished"
    assert seen["settings"] == "1.25"
    assert seen["tasks"] == ("task counts" not in features)
    assert seen["warm"] == (not {"warm workers", "task counts"} & set(features))
