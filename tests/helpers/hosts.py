"""Hosts on a network of their own, on this machine: what is true of a cluster of several machines can be seen on one.

A host is a network namespace of Linux with an address of its own, and namespaces of processes, mounts and its name: it
sees neither the others' processes nor their temporary files. All are plugged into one bridge, which has a namespace of
its own too, so nothing is added to this machine's own network, and nothing on it can be reached from a host.

A host that is cut off answers nothing, and nobody is told: as with a cable that is pulled out behind a switch.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import psutil

from daftnb.engine.embedded import launcher
from daftnb.engine.embedded.supervisor import RAY_SCRIPT
from tests.conftest import ROOT, await_that

PREFIX = "dnb"  # of the namespaces' names; the process id that made them follows
NOBODY = "nobody"  # a host that is not there: its address is known, and nothing answers
MOST = 9  # hosts, NOBODY too
SECONDS = 20  # that a command may take

# The first process of a host. Where it ends, Linux ends all others of the host; it ends when its input does, which is
# when the tests end in any way. It collects the ends of those whose parents are gone.
FIRST = "import signal, sys; signal.signal(signal.SIGCHLD, signal.SIG_IGN); print('up', flush=True); sys.stdin.read()"


def _ip(*words: str) -> str:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, f"ip {' '.join(words)}: {done.stderr.strip()}"
    return done.stdout


@cache
def why_not() -> str | None:
    """Why there can be no hosts here; None where there can be."""
    if not sys.platform.startswith("linux"):
        return "network namespaces are Linux's"
    if os.geteuid() != 0:
        return "only root may make network namespaces"
    missing = [name for name in ("ip", "unshare", "nsenter", "mount") if shutil.which(name) is None]
    if missing:
        return f"there is no {' and no '.join(missing)} here"
    network = Network()
    try:
        network.host("probe")
    except (AssertionError, OSError, subprocess.SubprocessError) as error:
        return f"network namespaces do not work here: {error}"
    finally:
        network.close()
    return None


class Network:
    """A bridge, and the hosts that are plugged into it: 10.231.N.1, 10.231.N.2 and so on. Ended with :meth:`close`."""

    def __init__(self) -> None:
        _remove_leftovers()
        self.folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
        self._tag = f"{PREFIX}{os.getpid()}-{self.folder.name[-4:]}"
        self._subnet = f"10.231.{os.getpid() % 250}"
        self._bridge = f"{self._tag}-bridge"
        self.hosts: dict[str, Host] = {}
        self._names = (self.folder / "hosts").open("w")
        self._name("127.0.0.1", "localhost")
        self._name(self.address(MOST), NOBODY)
        (self.folder / "resolv.conf").write_text("nameserver 127.0.0.1\n")  # where none is: this is refused at once
        _ip("netns", "add", self._bridge)
        _ip("-n", self._bridge, "link", "add", "bridge", "type", "bridge")
        _ip("-n", self._bridge, "link", "set", "bridge", "up")

    def _name(self, address: str, name: str) -> None:
        self._names.write(f"{address} {name}\n")
        self._names.flush()

    def address(self, number: int) -> str:
        """The address of a host by its number."""
        return f"{self._subnet}.{number}"

    def host(self, name: str) -> Host:
        """Make another host, which the others can reach by its name."""
        number = len(self.hosts) + 1
        assert number < MOST
        host = self.hosts[name] = Host(self, name, number)
        self._name(host.address, name)
        host.start()
        return host

    def cut(self, host: Host) -> None:
        """Pull the host's cable out of the switch."""
        _ip("-n", self._bridge, "link", "set", host.port, "down")

    def plug_in(self, host: Host) -> None:
        """Put the cable back."""
        _ip("-n", self._bridge, "link", "set", host.port, "up")

    def close(self) -> None:
        """End all processes of all hosts, and remove the namespaces and all files."""
        for host in self.hosts.values():
            host.end()
        _remove(self._tag)
        self._names.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def tag(self) -> str:
        """What the names of all namespaces of this network begin with."""
        return self._tag

    @property
    def bridge(self) -> str:
        """The name of the bridge's own namespace."""
        return self._bridge


class Host:
    """A machine, as far as its processes can tell. Made by :meth:`Network.host`."""

    def __init__(self, network: Network, name: str, number: int) -> None:
        self.network = network
        self.name = name
        self.number = number
        self.address = network.address(number)
        self.port = f"port{number}"  # of the switch
        self.namespace = f"{network.tag}-{name}"
        self._first: subprocess.Popen[str] | None = None
        self._pid = 0

    def start(self) -> None:
        """Make the namespaces, with an interface that is plugged into the bridge."""
        _ip("netns", "add", self.namespace)
        _ip("-n", self.network.bridge, "link", "add", self.port, "type", "veth", "peer", "name", "eth0")
        _ip("-n", self.network.bridge, "link", "set", "eth0", "netns", self.namespace)
        here = ("-n", self.namespace)
        _ip(*here, "link", "set", "eth0", "address", _hardware(self.number))
        _ip(*here, "address", "add", f"{self.address}/24", "dev", "eth0")
        for interface in ("lo", "eth0"):
            _ip(*here, "link", "set", interface, "up")
        _ip("-n", self.network.bridge, "link", "set", self.port, "master", "bridge")
        _ip("-n", self.network.bridge, "link", "set", self.port, "up")
        # Ray finds a machine's address by the way that it would take to the internet.
        _ip(*here, "route", "add", "default", "via", self.network.address(254))
        # Without these a host on the same wire learns after 3 s that another is away. One elsewhere is never told.
        for number in range(1, MOST + 1):
            if number != self.number:
                to = (self.network.address(number), "lladdr", _hardware(number), "dev", "eth0")
                _ip(*here, "neighbour", "add", *to, "nud", "permanent")
        self._run_first()

    def _run_first(self) -> None:
        own = self.network.folder / self.name  # what is in its temporary folder
        own.mkdir()
        shared = self.network.folder / "t"
        shared.mkdir(exist_ok=True)
        mounts = ((own, shared), *((self.network.folder / name, f"/etc/{name}") for name in ("hosts", "resolv.conf")))
        begin = [
            *(f"mount --bind {source} {target}" for source, target in mounts),
            f"hostname {self.name}",
            f'exec {sys.executable} -S -c "{FIRST}"',
        ]
        self._first = subprocess.Popen(
            [
                *("ip", "netns", "exec", self.namespace),
                *("unshare", "--pid", "--fork", "--kill-child=KILL", "--mount-proc", "--uts"),
                *("sh", "-c", " && ".join(begin)),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._first.stdout is not None
        assert self._first.stdout.readline() == "up\n", f"the host {self.name} has not come up"
        (child,) = psutil.Process(self._first.pid).children()
        self._pid = child.pid

    @property
    def temporary(self) -> Path:
        """Its temporary folder, which has this path on every host, and other things in it on each."""
        return self.network.folder / "t"

    @property
    def enter(self) -> list[str]:
        """The beginning of a command line that runs on this host."""
        return ["nsenter", f"--target={self._pid}", "--net", "--pid", "--mount", "--uts"]

    def ray(self, *words: str, environment: dict[str, str]) -> subprocess.Popen[bytes]:
        """Run Ray's command on this host; it ends with the host at the latest."""
        with (self.network.folder / f"ray-{self.name}.log").open("ab") as log:
            return subprocess.Popen(
                [*self.enter, sys.executable, "-c", RAY_SCRIPT, *words],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=ROOT,
                env={**os.environ, **environment},
                start_new_session=True,
            )

    def log(self) -> str:
        """What Ray's command has printed on this host."""
        return (self.network.folder / f"ray-{self.name}.log").read_text(errors="replace")

    def reaches(self, address: str) -> bool:
        """Whether a connection is taken there, when it is made from this host."""
        host, _, port = address.rpartition(":")
        probe = f"import socket; socket.create_connection(({host!r}, {port}), 1).close()"
        done = subprocess.run(
            [*self.enter, sys.executable, "-S", "-c", probe], capture_output=True, timeout=SECONDS, check=False
        )
        return done.returncode == 0

    def end(self) -> None:
        """End all its processes."""
        if self._first is not None:
            assert self._first.stdin is not None
            self._first.stdin.close()
            try:
                self._first.wait(SECONDS)
            except subprocess.TimeoutExpired:
                self._first.kill()  # and Linux ends its child, and with it the host
                self._first.wait(SECONDS)
            assert self._first.stdout is not None
            self._first.stdout.close()
            self._first = None


def _hardware(number: int) -> str:
    return f"02:00:00:00:00:{number:02x}"


def _remove(tag: str) -> None:
    """Remove the namespaces whose names begin so; with one go the interfaces in it and their peers."""
    for line in _ip("netns", "list").splitlines():
        name = line.split()[0]
        if name.startswith(tag):
            _ip("netns", "delete", name)


def _remove_leftovers() -> None:
    """Remove the namespaces and files of tests that were killed; their processes ended with them."""
    for line in _ip("netns", "list").splitlines():
        name = line.split()[0]
        if _is_left_over(name):
            _ip("netns", "delete", name)
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*-*"):
        if _is_left_over(folder.name):
            shutil.rmtree(folder, ignore_errors=True)


def _is_left_over(name: str) -> bool:
    made_by = name.removeprefix(PREFIX).partition("-")[0]
    return name.startswith(PREFIX) and made_by.isdigit() and not psutil.pid_exists(int(made_by))


class Cluster:
    """A Ray head and its workers, a host each, with a token; a node has one CPU, the head none."""

    def __init__(
        self, network: Network, workers: Sequence[str] = ("east", "west"), environment: dict[str, str] | None = None
    ) -> None:
        self.network = network
        self.head = network.host("head")
        self.workers = [network.host(name) for name in workers]
        self.token = "0123456789abcdef" * 4
        self.variables = {
            **launcher.ENVIRONMENT,
            "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "1",
            "RAY_AUTH_TOKEN": self.token,
            "AUTOSCALER_UPDATE_INTERVAL_S": "1",
            **(environment or {}),
        }
        self.address = f"{self.head.address}:6379"
        self.client_address = f"ray://{self.head.name}:10001"
        self.jobs_address = f"http://{self.head.name}:8265"

    @property
    def environment(self) -> dict[str, str]:
        """What a kernel is given in its shell to connect."""
        return {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": self.token}

    def start(self, dashboard: bool = False) -> None:
        """Start the head and the workers, one after the other, and wait until all are there."""
        options = [
            *("--head", "--port=6379", "--ray-client-server-port=10001", "--num-cpus=0"),
            *(f"--temp-dir={self.head.temporary}", "--disable-usage-stats"),
            *(("--dashboard-host=0.0.0.0",) if dashboard else ("--include-dashboard=false",)),
        ]
        self.node(self.head, *options)
        self.await_node(self.head)
        for worker in self.workers:
            self.join(worker)
        await_that(lambda: self.head.reaches("localhost:10001"), "the Ray Client server listens", 90)

    def join(self, host: Host, cpus: int = 1) -> None:
        """Start a node of this cluster on a host, and wait until it is one."""
        self.node(host, f"--address={self.address}", f"--num-cpus={cpus}", "--disable-usage-stats")
        self.await_node(host)

    def await_node(self, host: Host) -> None:
        """Wait until the node on a host has started; fail with what Ray said there.

        Ray reads some hundred megabytes from the disk for it, which take a minute where they were not read before.
        """
        try:
            await_that(lambda: "Ray runtime started" in host.log(), f"the node on {host.name} has started", 120)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{host.log()}") from None

    def node(self, host: Host, *options: str) -> None:
        """Start one node, with what all have."""
        host.ray(
            *("start", "--block", f"--node-ip-address={host.address}"),
            *(f"--object-store-memory={100 * 1024**2}", f"--memory={1024**3}"),
            *options,
            environment=self.variables,
        )
