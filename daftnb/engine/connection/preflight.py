"""Whether Ray can be reached at an address, before Ray is asked to try: its own attempts hang for up to a minute.

Each question is one short call with a deadline of its own, made with gRPC rather than with Ray's clients, which
neither end in time nor say what was wrong. A control store (GCS, the port of ``ray start --head``) tells its Ray and
Python versions and its nodes; a Ray Client server tells, before a session, only that it is one and takes the token.
In all it takes at most :data:`LIMIT_SECONDS` beside the import of Ray, and
more only where a head is still starting. Each check is a feature of its own (:mod:`daftnb.engine.internals`): where a
release of Ray lacks a name that one needs, that check is left out, and the others are made.
"""

from __future__ import annotations

import json
import os
import platform
import socket
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from daftnb.aside import aside
from daftnb.engine import internals, raynames
from daftnb.engine.connection import environment
from daftnb.engine.connection.address import CLIENT_PORT, GCS_PORT, JOBS_PORT, Address, parse
from daftnb.errors import ClusterError

LOOKUP_SECONDS = 1.5
CONNECT_SECONDS = 1.5
CALL_SECONDS = 1.0
NODES_SECONDS = 1.5  # its nodes are told one after the other
STARTING_SECONDS = 20.0  # a head that has just started has no node at all for some seconds; it is worth the wait
LIMIT_SECONDS = LOOKUP_SECONDS + CONNECT_SECONDS + CALL_SECONDS + NODES_SECONDS
ANOTHER = "Try %daft connect with another address, or without one: daftnb then starts a Ray for this kernel."


@dataclass(frozen=True, slots=True)
class Reached:
    """What was found: the address for ``ray.init``, the variables to connect with, and the versions where told."""

    address: Address
    environment: dict[str, str] = field(default_factory=dict)
    ray_version: str | None = None
    python_version: str | None = None


def check(address: Address, off: Collection[str] = ()) -> Reached:
    """Return how to connect to ``address`` (not of kind local). ``off``: the features that are off.

    Raises ClusterError, in seconds, if this process cannot become a driver there.
    """
    variables: dict[str, str] = {}
    if address.kind == "auto":
        if internals.AUTO in off:
            return Reached(address)  # Ray finds it, and says what is wrong with it
        address, variables = _automatic()
    reach(address)
    before = environment.apply(variables)
    try:
        header = () if internals.TOKENS in off else _token(address)
        if address.kind == "client":
            if internals.CLIENTS not in off:
                _ask_client(address, header)
            return Reached(address, variables)
        found = _ask_gcs(address, header, off)
    finally:
        environment.restore(before)
    return Reached(found.address, {**variables, **found.environment}, found.ray_version, found.python_version)


def _automatic() -> tuple[Address, dict[str, str]]:
    """Return what Ray takes for ``auto``: RAY_ADDRESS, or a head on this machine, whose token it may use.

    ClusterError if there is neither.
    """
    from ray._private import services

    environment.read_again()
    raynames.forget_addresses()
    try:
        address = parse(services.get_ray_address_from_environment("auto", None))
    except ConnectionError:
        raise ClusterError(
            "No Ray head runs on this machine, and RAY_ADDRESS is not set.",
            "Try %daft connect HOST:PORT, or %daft connect alone: daftnb then starts a Ray for this kernel.",
        ) from None
    use_token = "RAY_AUTH_MODE" not in os.environ and raynames.finds_token()
    return address, environment.TOKEN_MODE if use_token else {}


def reach(address: Address, seconds: float = CONNECT_SECONDS) -> tuple[str, int]:
    """Open one TCP connection within ``seconds``, close it at once, and return where; ClusterError if that fails.

    The name is looked up in a thread: a look-up cannot be given a deadline.
    """
    looked_up: list[Any] = []

    def look_up() -> None:
        try:
            looked_up.extend(socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM))
        except OSError as error:
            looked_up.append(error)

    aside(look_up, "daftnb-look-up", LOOKUP_SECONDS)
    if not looked_up or isinstance(looked_up[0], OSError):
        why = looked_up[0].strerror if looked_up else f"no answer within {LOOKUP_SECONDS:g} s"
        raise ClusterError(f"The host {address.host!r} of {address} cannot be looked up: {why}.", ANOTHER)
    deadline = time.monotonic() + seconds
    why = ""
    for family, kind, protocol, _, where in looked_up:
        with socket.socket(family, kind, protocol) as probe:
            probe.settimeout(max(0.05, deadline - time.monotonic()))
            try:
                probe.connect(where)
                return where[0], where[1]
            except TimeoutError:
                why = f"no answer within {seconds:g} s (a firewall, or no such machine)"
            except OSError as error:
                why = error.strerror or str(error)
    raise ClusterError(f"Nothing can be reached at {address}: {why}.", _elsewhere(address))


def _elsewhere(address: Address) -> str:
    if address.port in (GCS_PORT, CLIENT_PORT):
        return "Is the head running, and its port open to this machine? " + ANOTHER
    return f"Ray's ports are {GCS_PORT} (HOST:PORT) and {CLIENT_PORT} (ray://HOST:PORT) by default. " + ANOTHER


def _token(address: Address) -> tuple[tuple[str, str], ...]:
    """Return the token this process would show, as gRPC metadata; ClusterError if it should have one and has not."""
    import ray._raylet

    environment.read_again()
    loader = raynames.token_loader()
    if loader is None:
        return ()
    raylet: Any = ray._raylet
    if raylet.get_authentication_mode() == raylet.AuthenticationMode.DISABLED:
        return ()
    try:
        if loader.has_token():
            return tuple(loader.get_token_for_http_header().items())
        why = "there is none in RAY_AUTH_TOKEN, in RAY_AUTH_TOKEN_PATH or in ~/.ray/auth_token"
    except raynames.authentication_errors() as error:
        why = str(error)
    raise ClusterError(
        f"RAY_AUTH_MODE is {os.environ.get('RAY_AUTH_MODE')!r}, so Ray wants a token to connect to {address}: {why}.",
        "Try %env RAY_AUTH_TOKEN=… with the cluster's token (`ray get-auth-token` prints it on the head), "
        "or %env RAY_AUTH_MODE=disabled for a cluster without one.",
    )


def _refused(address: Address, header: tuple[tuple[str, str], ...]) -> ClusterError:
    get = "`ray get-auth-token` prints it on the head"
    if not header:
        return ClusterError(
            f"The Ray at {address} wants a token, and this kernel sends none: RAY_AUTH_MODE is "
            f"{os.environ.get('RAY_AUTH_MODE') or 'not set'}.",
            f"Try %env RAY_AUTH_MODE=token and %env RAY_AUTH_TOKEN=… ({get}; ~/.ray/auth_token is used if not given), "
            "then connect again.",
        )
    if os.environ.get("RAY_AUTH_TOKEN"):
        source = "RAY_AUTH_TOKEN"
    else:
        source = os.environ.get("RAY_AUTH_TOKEN_PATH") or "~/.ray/auth_token"
    return ClusterError(
        f"The Ray at {address} does not take this kernel's token (from {source}): it is another cluster's.",
        f"Try %env RAY_AUTH_TOKEN=… with this cluster's ({get}), then connect again.",
    )


def _failed(address: Address, header: tuple[tuple[str, str], ...], error: Any) -> ClusterError:
    """Return the ClusterError for a failed call, which says who listens there."""
    import grpc  # type: ignore[import-untyped]  # it ships no types

    code = error.code()
    if code == grpc.StatusCode.UNAUTHENTICATED:
        return _refused(address, header)
    if code == grpc.StatusCode.UNIMPLEMENTED:
        if address.kind == "gcs":
            other, said = Address("client", address.host, address.port), "a Ray Client server, or no Ray"
        else:
            other, said = Address("gcs", address.host, address.port), "a Ray head's own port, or no Ray"
        return ClusterError(f"What listens at {address} is {said}.", f"Try %daft connect {other}")
    if code == grpc.StatusCode.DEADLINE_EXCEEDED:
        return ClusterError(
            f"{address} takes connections, but does not answer as Ray does within {CALL_SECONDS:g} s.",
            _elsewhere(address),
        )
    jobs = f" ({JOBS_PORT} is the dashboard's)" if address.port == JOBS_PORT else ""
    return ClusterError(f"What listens at {address} does not speak as Ray does{jobs}.", _elsewhere(address))


def _ask_client(address: Address, header: tuple[tuple[str, str], ...]) -> None:
    import grpc  # type: ignore[import-untyped]  # it ships no types
    from ray.core.generated import ray_client_pb2, ray_client_pb2_grpc
    from ray.util.client.common import GRPC_OPTIONS

    channel = raynames.init_grpc_channel(_host_port(address), GRPC_OPTIONS)
    try:
        # The proxy answers a ping without starting a server for this client.
        ray_client_pb2_grpc.RayletDriverStub(channel).ClusterInfo(
            ray_client_pb2.ClusterInfoRequest(type=ray_client_pb2.ClusterInfoType.PING),
            metadata=(("client_id", "daftnb-preflight"),),
            timeout=CALL_SECONDS,
        )
    except grpc.RpcError as error:
        raise _failed(address, header, error) from None
    finally:
        channel.close()


def _ask_gcs(address: Address, header: tuple[tuple[str, str], ...], off: Collection[str]) -> Reached:
    """Ask a control store for its versions and its nodes, as far as ``off`` leaves that possible."""
    import grpc  # type: ignore[import-untyped]  # it ships no types

    if {internals.VERSIONS, internals.NODES} <= {*off}:
        return Reached(address)
    channel = raynames.init_grpc_channel(_host_port(address), (("grpc.enable_http_proxy", 0),))
    try:
        versions = {} if internals.VERSIONS in off else _versions(channel)
        check_versions(address, versions.get("ray_version"), versions.get("python_version"))
        nodes = [] if internals.NODES in off else _nodes(channel, address)
    except grpc.RpcError as error:
        raise _failed(address, header, error) from None
    finally:
        channel.close()
    variables: dict[str, str] = {}
    head = next((node.node_manager_address for node in nodes if node.is_head_node), address.host)
    if Address("gcs", head, address.port).loopback:
        variables |= environment.LOOPBACK_STAYS
    elif address.loopback:
        address = Address("gcs", head, address.port)
    python = versions.get("python_version")
    if python is not None and python != platform.python_version():
        # Ray would refuse another patch release; the wire format and pickle are those of the minor version.
        variables["RAY_DEFAULT_PYTHON_VERSION_MATCH_LEVEL"] = "minor"
    return Reached(address, variables, versions.get("ray_version"), python)


def _versions(channel: Any) -> dict[str, Any]:
    """Return what a control store tells of its Ray and its Python; empty where it tells nothing."""
    from ray._private.ray_constants import KV_NAMESPACE_CLUSTER
    from ray.core.generated import gcs_service_pb2, gcs_service_pb2_grpc

    key = raynames.cluster_metadata_key()
    reply = gcs_service_pb2_grpc.InternalKVGcsServiceStub(channel).InternalKVGet(
        gcs_service_pb2.InternalKVGetRequest(namespace=KV_NAMESPACE_CLUSTER, key=key), timeout=CALL_SECONDS
    )
    return json.loads(reply.value) if reply.value else {}


def _host_port(address: Address) -> str:
    return str(Address("gcs", address.host, address.port))


def check_versions(address: Address, ray_version: str | None, python_version: str | None) -> None:
    """Raise ClusterError where Ray would refuse to work with a cluster of these versions (None: not told)."""
    import ray

    here = platform.python_version()
    if python_version is not None and python_version.split(".")[:2] != here.split(".")[:2]:
        minor = ".".join(python_version.split(".")[:2])
        raise ClusterError(
            f"The Ray at {address} runs Python {python_version}, this kernel has Python {here}: "
            "neither can read what the other pickles.",
            f"Use a kernel with Python {minor}, or start the cluster with Python {'.'.join(here.split('.')[:2])}.",
        )
    if ray_version is not None and ray_version != ray.__version__:
        raise ClusterError(
            f"The cluster at {address} runs Ray {ray_version}, this kernel has Ray {ray.__version__}: "
            "Ray works with its own version only.",
            f'Try: pip install "ray=={ray_version}" and restart the kernel, or install Ray {ray.__version__} there.',
        )


def _nodes(channel: Any, address: Address) -> list[Any]:
    """Return the nodes that are alive; ClusterError if none is on this machine, where a driver has to have one."""
    from ray.core.generated import gcs_service_pb2, gcs_service_pb2_grpc

    stub = gcs_service_pb2_grpc.NodeInfoGcsServiceStub(channel)
    began = time.monotonic()
    while True:
        reply = stub.GetAllNodeInfo(gcs_service_pb2.GetAllNodeInfoRequest(), timeout=CALL_SECONDS)
        nodes = [node for node in reply.node_info_list if node.state == 0]
        if raynames.is_here(nodes):
            return nodes
        if time.monotonic() - began > (NODES_SECONDS if nodes else STARTING_SECONDS):
            break
        time.sleep(0.1)
    if not nodes:
        raise ClusterError(f"The Ray head at {address} has no node yet.", "It may still be starting: try again.")
    raise ClusterError(
        f"No node of the cluster at {address} runs on this machine, and Ray takes a driver only where one does.",
        f"Try %daft connect ray://{address.host}:{CLIENT_PORT} (the head's Ray Client port)",
    )
