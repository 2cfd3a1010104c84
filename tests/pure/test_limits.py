"""Where the control store has no limits: the file of the head's autoscaler, and KubeRay's resource by its API."""

from __future__ import annotations

import http.server
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from daftnb.engine.connection import limits, remote
from daftnb.engine.connection.limits import Group, Limits, UnknownError, find, of_file, of_resource

CONFIGURATION = """
cluster_name: mine
max_workers: 5
head_node_type: head
available_node_types:
  head: {resources: {CPU: 4}, node_config: {}}
  small: {min_workers: 1, max_workers: 4, resources: {CPU: 2, GPU: 1}}
  any: {resources: {CPU: 2}}
"""
GROUPS = [Group(0, 0, {"CPU": 4}), Group(1, 4, {"CPU": 2, "GPU": 1}), Group(0, 5, {"CPU": 2})]


def pods(**resources: Any) -> dict[str, Any]:
    return {"template": {"spec": {"containers": [{"resources": resources}]}}}


RESOURCE = {
    "spec": {
        "enableInTreeAutoscaling": True,
        "headGroupSpec": pods(limits={"cpu": "1"}),
        "workerGroupSpecs": [
            {"groupName": "a", "replicas": 1, "minReplicas": 1, "maxReplicas": 4}
            | pods(limits={"cpu": "1500m", "memory": "4Gi"}, requests={"cpu": "1", "nvidia.com/gpu": 2}),
            {"groupName": "b", "replicas": 0, "minReplicas": 0, "maxReplicas": 3, "numOfHosts": 2}
            | pods()
            | {"rayStartParams": {"num-cpus": "2", "resources": '"{\\"left\\": 1}"'}},
            {"groupName": "c", "minReplicas": 0, "maxReplicas": 1} | pods() | {"resources": {"CPU": "8", "TPU": "4"}},
        ],
    }
}
OF_RESOURCE = [
    Group(1, 4, {"CPU": 2, "GPU": 2, "memory": 4 * 2**30}),
    Group(0, 6, {"CPU": 2, "left": 1}),
    Group(0, 1, {"CPU": 8, "TPU": 4}),
]


def test_a_configuration_of_ray_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "ray_bootstrap_config.yaml"
    path.write_text(CONFIGURATION)
    assert of_file(str(path)) == Limits(GROUPS, 5)
    monkeypatch.delenv("RAY_CLUSTER_NAME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert find("127.0.0.1:1", 2.0) == Limits(GROUPS, 5), "no autoscaler of that address is seen here"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (None, "No such file"),
        ("a: [", "is not understood: ParserError"),
        ("a: 1", "is not understood: KeyError: 'available_node_types'"),
        ("[]", "is not understood: AttributeError"),
        ("available_node_types: {w: {max_workers: 2}}", "ValueError: it does not say how many CPUs w has"),
        ("available_node_types: {w: {max_workers: many}}", "is not understood: ValueError"),
    ],
)
def test_a_file_that_says_nothing_gives_the_reason(tmp_path: Path, text: str | None, why: str) -> None:
    path = tmp_path / "config.yaml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UnknownError, match=f"{path} ") as caught:
        of_file(str(path))
    assert why in str(caught.value)


def test_the_file_is_the_one_that_the_heads_own_autoscaler_was_started_with(tmp_path: Path) -> None:
    path = tmp_path / "cluster.yaml"
    path.write_text(CONFIGURATION)
    monitor = tmp_path / "monitor.py"
    monitor.write_text("print('here', flush=True)\nimport time; time.sleep(60)")

    def run(*arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen([sys.executable, str(monitor), *arguments], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert process.stdout.readline() == "here\n"
        return process

    running = [
        run("--gcs-address=127.0.0.1:1001", f"--autoscaling-config={path}"),
        run("--gcs-address=127.0.0.1:1002"),
    ]
    try:
        assert find("127.0.0.1:1001", 2.0) == Limits(GROUPS, 5)
        with pytest.raises(UnknownError, match="the head was started without a cluster configuration"):
            find("127.0.0.1:1002", 2.0)
    finally:
        for process in running:
            process.kill()
            process.communicate()


def test_kuberays_groups_as_its_own_autoscaler_reads_them() -> None:
    assert of_resource(RESOURCE) == Limits(OF_RESOURCE)
    fixed = of_resource({"spec": {**RESOURCE["spec"], "enableInTreeAutoscaling": False}})
    assert [(group.least, group.most) for group in fixed.groups] == [(1, 1), (0, 0), (0, 0)]
    assert of_resource({"spec": {}}) == Limits([])
    for wrong in ({}, {"spec": {"enableInTreeAutoscaling": True, "workerGroupSpecs": [pods()]}}):
        with pytest.raises(KeyError):
            of_resource(wrong)
    with pytest.raises(ValueError, match="how many CPUs None has"):
        of_resource({"spec": {"workerGroupSpecs": [pods()]}})


@pytest.mark.parametrize(
    ("text", "amount"), [("2", 2), (3, 3), ("100m", 1), ("1.5", 2), ("2k", 2000), ("1Mi", 2**20), ("1e3", 1000)]
)
def test_a_quantity_is_rounded_up(text: object, amount: int) -> None:
    assert limits.quantity(text) == amount


class Api:
    """A Kubernetes API of one resource, as a server on loopback, and the files of a service account."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.status, self.body, self.delay = 200, json.dumps(RESOURCE).encode(), 0.0
        self.asked: list[tuple[str, str | None]] = []
        api = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                api.asked.append((self.path, self.headers["Authorization"]))
                ended.wait(api.delay)
                self.send_response(api.status)
                self.end_headers()
                self.wfile.write(api.body)

            def log_message(self, *_: Any) -> None:
                pass

        ended = self.ended = threading.Event()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()
        (folder / "token").write_text("a secret\n")
        (folder / "namespace").write_text("mine")

    def limits(self, scheme: str = "http", seconds: float = 2.0, namespace: str | None = None) -> Limits:
        host = f"{scheme}://127.0.0.1:{self.server.server_port}"
        return limits.of_kubernetes(host, str(self.folder), "sample", namespace, seconds)

    def close(self) -> None:
        self.ended.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    for name in ("RAY_CLUSTER_NAMESPACE", "KUBERAY_CRD_VER"):
        monkeypatch.delenv(name, raising=False)
    made = Api(tmp_path)
    yield made
    made.close()


def test_the_resource_is_asked_for_with_the_pods_own_token(api: Api) -> None:
    assert api.limits() == Limits(OF_RESOURCE)
    assert api.limits(namespace="other") == Limits(OF_RESOURCE)
    path = "/apis/ray.io/v1/namespaces/{}/rayclusters/sample"
    assert api.asked == [(path.format(name), "Bearer a secret") for name in ("mine", "other")]


def test_over_https_the_pods_own_authority_is_the_one_that_counts(api: Api) -> None:
    import ssl

    key, certificate = api.folder / "key", api.folder / "ca.crt"
    subject = ["-subj", "/CN=kubernetes", "-addext", "subjectAltName=IP:127.0.0.1"]
    make = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", *subject]
    subprocess.run([*make, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    api.server.socket = context.wrap_socket(api.server.socket, server_side=True)
    assert api.limits("https") == Limits(OF_RESOURCE)
    subprocess.run([*make, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    with pytest.raises(UnknownError, match="CERTIFICATE_VERIFY_FAILED"):
        api.limits("https")
    assert len(api.asked) == 1, "who cannot prove who it is gets no token"


def test_no_answer_no_right_no_file_are_not_known_in_time(api: Api) -> None:
    def why(**options: Any) -> str:
        with pytest.raises(UnknownError) as caught:
            api.limits(**options)
        return str(caught.value)

    api.status = 403
    assert why() == "the Kubernetes API answered 403 for /apis/ray.io/v1/namespaces/mine/rayclusters/sample"
    api.status, api.body = 200, b"<html>"
    assert why().startswith("the RayCluster sample cannot be read: JSONDecodeError")
    assert why(seconds=0.0) == "the Kubernetes API was not asked"
    api.delay = 30.0
    began = time.monotonic()
    assert why(seconds=0.05).startswith("the RayCluster sample cannot be read: TimeoutError")
    assert time.monotonic() - began < 5
    (api.folder / "token").unlink()
    assert "No such file or directory" in why()
    assert api.asked[-1][1] == "Bearer a secret"


def test_the_source_is_kubernetes_where_the_process_is_in_a_pod(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SERVICE_ACCOUNT", str(api.folder))
    monkeypatch.setenv("RAY_CLUSTER_NAME", "sample")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT_HTTPS", "1")
    with pytest.raises(UnknownError, match="the RayCluster sample cannot be read"):
        find("127.0.0.1:1", 2.0)
    monkeypatch.setattr(limits, "kubernetes_host", lambda: f"http://127.0.0.1:{api.server.server_port}")
    assert find("127.0.0.1:1", 2.0) == Limits(OF_RESOURCE)
    assert api.asked == [("/apis/ray.io/v1/namespaces/mine/rayclusters/sample", "Bearer a secret")]
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
    monkeypatch.undo()
    assert os.environ.get("KUBERNETES_SERVICE_HOST") is None


@pytest.mark.parametrize(
    ("groups", "more", "sizes", "cpus", "grows"),
    [
        ([(0, 0, 4), (1, 4, 2), (0, 3, 2)], {}, (1, 7, 2), (2, 14), True),
        ([(1, 4, 2), (0, 3, 2)], {"nodes_at_most": 5}, (1, 5, 2), (2, 10), True),
        ([(1, 4, 2), (0, 3, 8)], {"standing": [{"CPU": 3.0}], "nodes_at_most": 5}, None, (5, 3 + 24 + 4), True),
        ([(2, 2, 2)], {}, (2, 2, 2), (4, 4), False),
        ([(0, -1, 2)], {}, None, None, True),
    ],
)
def test_what_is_known_of_the_limits(groups: Any, more: Any, sizes: Any, cpus: Any, grows: bool) -> None:
    kinds = [{"CPU": float(cpus)} for _, most, cpus in groups if most]
    facts = {"config": groups, "kinds": kinds, "v2": None, "status": None, **more}
    assert (remote.limits(facts), remote.cpus(facts), remote.grows(facts)) == (sizes, cpus, grows)
    assert (remote.most(facts) is None) == (cpus is None)


def test_the_most_gpus() -> None:
    kinds = [{"CPU": 8.0, "GPU": 1.0}, {"CPU": 2.0, "GPU": 4.0}, {"CPU": 1.0}]
    facts = {"config": [(0, 3, 8), (0, 2, 2), (1, 9, 1)], "kinds": kinds, "v2": None, "status": None}
    assert remote.gpus(facts) == 3 + 8
    assert remote.gpus({**facts, "nodes_at_most": 3, "standing": [{"GPU": 1.0}]}) == 1 + 8 + 1
    assert remote.gpus({**facts, "config": None}) is None
    assert remote.gpus({**facts, "config": [(0, -1, 8), (0, 2, 2), (1, 9, 1)]}) is None
