"""What doctor looks at: each kind of finding is provoked, and no secret is shown."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from daftnb.doctor import engine, machine, packages
from daftnb.doctor.finding import guarded
from daftnb.engine import releases
from daftnb.engine.embedded import memory
from daftnb.engine.installed import InternalsProbe, Names, Token, token
from daftnb.engine.releases import TRIED
from daftnb.errors import ClusterError
from tests.helpers.findings import MIB, SECRET, one

# -- versions ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("package", "found", "rank", "words"),
    [
        ("daft", TRIED["daft"].newest, "ok", f"{TRIED['daft'].newest} (>=0.7.16,<0.9 is supported)"),
        ("daft", "0.7.16", "ok", "0.7.16 (>=0.7.16,<0.9 is supported)"),
        ("daft", "0.7.3.dev4", "problem", "0.7.3.dev4 is not in the supported range >=0.7.16,<0.9"),
        ("ray", "2.46.0", "ok", "2.46.0 (>=2.46 is supported)"),
        ("ray", "2.9.3", "problem", "2.9.3 is not in the supported range >=2.46"),
        ("ray", None, "ok", packages.NO_RAY),
        ("daft", None, "problem", "not installed; >=0.7.16,<0.9 is needed"),
        ("notebook", None, "ok", "not installed in this environment; the notebook's may be another"),
        ("notebook", "6.5", "problem", "6.5 is not in the supported range >=7"),
        ("elsewhere", "1", "ok", "1"),
    ],
)
def test_versions_against_their_ranges(package: str, found: str | None, rank: str, words: str) -> None:
    allowed = {"daft": ">=0.7.16,<0.9", "ray": ">=2.46", "notebook": ">=7"}
    finding = packages.judge(package, found, allowed)
    assert (finding.rank, finding.detail) == (rank, words)
    assert (f"pip install '{package}{allowed.get(package)}'" in finding.remedy) == (rank == "problem")


@pytest.mark.parametrize(("package", "found"), [("daft", "0.8.1"), ("daft", "0.9.0"), ("ray", "9.0.0.dev0")])
def test_a_release_newer_than_those_that_were_tried_is_a_warning(package: str, found: str) -> None:
    finding = packages.judge(package, found, {"daft": ">=0.7.16,<0.9", "ray": ">=2.46"})
    newest = TRIED[package].newest
    assert (finding.rank, finding.remedy) == ("warning", packages.NOT_TRIED)
    assert finding.detail == f"{found}, not tried with this release: {newest} is the newest that was"


def test_the_ranges_are_those_of_the_metadata() -> None:
    ranges = packages.ranges()
    assert ranges["ray"] == ">=2.46"
    assert ranges["daft"] == ">=0.7.16,<0.9"
    assert ranges["python"] == ">=3.10"
    assert ranges["ipykernel"] == ">=6.31"
    assert {finding.name for finding in packages.versions()} >= {"python", "daftnb", *packages.PACKAGES}


def test_without_metadata_the_ranges_are_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(_name: str) -> None:
        raise packages.PackageNotFoundError

    monkeypatch.setattr(packages, "requires", gone)
    assert one(packages.versions(), "daftnb").rank == "warning"


# -- engine -----------------------------------------------------------------------------------------------------------


def looked(looked_for: int, off: dict[str, str]) -> Any:
    return SimpleNamespace(result=lambda: Names(looked_for, off))


def test_internals_that_are_there_and_those_that_are_not() -> None:
    assert [finding.rank for finding in engine.names(looked(62, {}), {})] == ["ok"]
    lost = engine.names(looked(62, {"jobs": "jobs: off, because …"}), {"previews": "previews: off, because …"})
    assert [(finding.name, finding.rank) for finding in lost] == [
        ("internals", "problem"),
        ("previews", "problem"),
        ("jobs", "problem"),
    ]
    assert lost[0].detail == "62 private names of Daft and Ray looked for: 2 features off"
    known = engine.names(looked(62, {"embedded cluster": "embedded cluster: off, because …"}), {})
    assert [(finding.name, finding.rank) for finding in known] == [("internals", "ok")], "the release never had it"
    assert known[0].detail.endswith("looked for; not with this release: embedded cluster")
    assert engine.names(looked(0, {}), {})[0].rank == "problem"


def test_a_look_that_fails_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "ray", raising=False)
    monkeypatch.setattr(sys, "executable", "/bin/false")
    found = guarded("engine", "internals", lambda: engine.names(InternalsProbe(), {}))
    assert [finding.rank for finding in found] == ["problem"]
    assert "importing Daft and Ray ended with 1" in found[0].detail


def cluster(answers: bool) -> Any:
    size = SimpleNamespace(min_workers=1, max_workers=4, cpus=2, gpus=0)
    return SimpleNamespace(address="127.0.0.1:4321", answers=lambda: answers, size=size)


def session(mine: Any = None, external: Any = None) -> Any:
    return SimpleNamespace(cluster=mine, external=external, off={}, lines=None)


def external(answers: bool = True, ours: bool = True, grows: bool | None = True, address: str = "10.0.0.7:6379") -> Any:
    return SimpleNamespace(address=address, answers=lambda: answers, ours=ours, grows=grows)


@pytest.mark.parametrize(
    ("session", "rank", "words"),
    [
        (session(cluster(True)), "ok", "127.0.0.1:4321, of this kernel's own (%daft start); it answers"),
        (session(cluster(False)), "problem", "127.0.0.1:4321, of this kernel's own (%daft start); its head does not"),
        (session(None, external()), "ok", "10.0.0.7:6379, connected by daftnb; it answers"),
        (session(None, external(ours=False)), "ok", "10.0.0.7:6379, connected by this process itself; it answers"),
        (session(None, external(answers=False)), "problem", "10.0.0.7:6379, connected by daftnb; it does not answer"),
        (session(), "ok", "not connected, and RAY_ADDRESS is not set"),
        (None, "ok", "not connected, and RAY_ADDRESS is not set"),
    ],
)
def test_where_ray_is(session: Any, rank: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daftnb.engine.connection.link.link", lambda: None)
    finding = engine.ray_address(session, {})
    assert finding.rank == rank
    assert finding.detail.startswith(words)
    assert bool(finding.remedy) == (rank == "problem")


def test_an_address_in_the_environment_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    monkeypatch.setattr("daftnb.engine.connection.link.link", lambda: None)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        port = listening.getsockname()[1]
        found = engine.ray_address(None, {"RAY_ADDRESS": f"ray://127.0.0.1:{port}"})
        assert found.rank == "ok"
        assert found.detail.endswith("takes connections")
    gone = engine.ray_address(None, {"RAY_ADDRESS": f"127.0.0.1:{port}"})
    assert gone.rank == "problem"
    assert f"Nothing can be reached at 127.0.0.1:{port}" in gone.detail
    assert engine.ray_address(None, {"RAY_ADDRESS": "http://127.0.0.1:8265"}).rank == "problem"


def test_the_token_is_found_where_ray_takes_it_from_and_never_told(tmp_path: Path) -> None:
    assert token({}, tmp_path) == Token("", None)
    assert token({"RAY_AUTH_TOKEN": SECRET, "RAY_AUTH_MODE": "Token"}, tmp_path) == Token("token", "RAY_AUTH_TOKEN")
    (tmp_path / ".ray").mkdir()
    path = tmp_path / ".ray" / "auth_token"
    path.touch(0o600)
    assert token({}, tmp_path) == Token("", None, "empty")
    path.write_text(SECRET)
    assert token({}, tmp_path) == Token("", str(path))
    path.chmod(0o644)
    assert token({}, tmp_path) == Token("", str(path), "open")
    named = {"RAY_AUTH_TOKEN_PATH": str(tmp_path / "none"), "RAY_AUTH_MODE": "token"}
    assert token(named, tmp_path) == Token("token", None, "missing")
    finding = engine.authentication(None, {"RAY_AUTH_TOKEN": SECRET, "RAY_AUTH_MODE": "token"}, tmp_path)
    assert (finding.rank, finding.detail) == ("ok", "mode token; a token is there (RAY_AUTH_TOKEN)")


@pytest.mark.parametrize(
    ("found", "beyond", "rank", "words"),
    [
        (Token("token", "RAY_AUTH_TOKEN"), "10.0.0.7:6379", "ok", "a token is there"),
        (Token("token", None), None, "problem", "there is no token: no connection can be made"),
        (Token("token", None, "missing"), None, "problem", "the file that RAY_AUTH_TOKEN_PATH names is missing"),
        (Token("", None, "empty"), None, "problem", "the token's file is empty"),
        (Token("disabled", None, "empty"), None, "ok", "no token is there"),
        (Token("", "/home/me/.ray/auth_token", "open"), None, "warning", "which others on this machine may read"),
        (Token("disabled", None), "10.0.0.7:6379", "warning", "whoever reaches 10.0.0.7:6379 can run code there"),
        (Token("disabled", None), None, "ok", "mode disabled"),
        (Token("", None), None, "ok", "%daft start makes its own"),
    ],
)
def test_a_token(found: Token, beyond: str | None, rank: str, words: str) -> None:
    finding = engine.judge_token(found, beyond)
    assert finding.rank == rank
    assert words in finding.detail
    assert bool(finding.remedy) == (rank != "ok")


def test_only_a_ray_beyond_loopback_is_in_danger(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("daftnb.engine.connection.link.link", lambda: None)
    off = {"RAY_AUTH_MODE": "disabled"}
    assert engine.authentication(session(None, external()), off, tmp_path).rank == "warning"
    assert engine.authentication(session(None, external(address="127.0.0.1:1")), off, tmp_path).rank == "ok"
    assert engine.authentication(session(), off, tmp_path).rank == "ok"


@pytest.mark.parametrize(
    ("session", "rank", "words"),
    [
        (session(cluster(True)), "ok", "Ray's own, 1 to 4 workers of 2 CPU"),
        (session(None, external(grows=True)), "ok", "there is one at 10.0.0.7:6379"),
        (session(None, external(grows=False)), "warning", "none at 10.0.0.7:6379: that cluster never grows"),
        (session(None, external(grows=None)), "warning", "10.0.0.7:6379 has not said yet whether it has one"),
        (None, "ok", "not connected by daftnb, so not known; the cluster of %daft start has one"),
    ],
)
def test_the_autoscaler(session: Any, rank: str, words: str) -> None:
    finding = engine.autoscaler(session)
    assert (finding.rank, finding.detail) == (rank, words)


# -- the machine ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mib", "rank", "words"),
    [
        (64, "warning", "64 of 64 MiB are free: with so little Ray's objects are kept in files, more slowly"),
        (199, "warning", "199 of 199 MiB are free: with so little Ray's objects are kept in files, more slowly"),
        (
            200,
            "warning",
            "200 of 200 MiB are free: enough for 1 worker; with more, Ray's objects are kept in files, more slowly",
        ),
        (500, "ok", "500 of 500 MiB are free"),
    ],
)
def test_shared_memory(mib: int, rank: str, words: str) -> None:
    finding = machine.judge_shared_memory("/dev/shm", mib * MIB, mib * MIB, "Give it more.")
    assert (finding.rank, finding.detail) == (rank, words)


def test_without_shared_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    assert [finding.rank for finding in machine.shared_memory(str(tmp_path / "none"))] == ["warning"]
    monkeypatch.setattr(sys, "platform", "darwin")
    assert machine.shared_memory(str(tmp_path / "none")) == []


@pytest.mark.parametrize(
    ("mib", "runs", "rank", "words"),
    [
        (900, False, "problem", "900 MiB are free; a head and one worker need about 970 MiB"),
        (1500, False, "warning", "1500 MiB are free: enough for 2 workers of 4"),
        (1500, True, "ok", "1500 MiB are free, beside the cluster that runs"),
        (2020, False, "ok", "2020 MiB are free; a head and 4 workers need about 2020 MiB"),
    ],
)
def test_memory(mib: int, runs: bool, rank: str, words: str) -> None:
    finding = machine.judge_memory(mib * MIB, "", runs)
    assert (finding.rank, finding.detail) == (rank, words)


def test_the_container_s_limit_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "group_memory", lambda: 200 * MIB)
    finding = machine.memory(None)
    assert finding.rank == "problem"
    assert finding.detail.startswith("200 MiB are free within the container's limit;")


def test_processors_ports_disk_and_the_cluster_that_does_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    assert machine.judge_processors(1, 8).detail == "1 of the machine's 8: kernel, head and workers share it"
    assert [machine.judge_processors(usable, 8).rank for usable in (1, 2)] == ["warning", "ok"]
    assert machine.judge_temporary_folder("/tmp", 1000 * MIB, 40 * MIB).rank == "warning"
    assert machine.judge_temporary_folder("/tmp", 1000 * MIB, 60 * MIB).rank == "ok"
    assert machine.ports().rank == "ok"

    def none(_count: int) -> list[int]:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(machine, "free_ports", none)
    assert machine.ports().detail == "no free ports on 127.0.0.1: Permission denied"
    assert machine.ports().rank == "problem"

    def refused(_size: object) -> None:
        raise ClusterError("Too little.", "Have more.")

    monkeypatch.setattr(machine, "check_machine", refused)
    monkeypatch.setattr(releases, "installed", lambda _package: TRIED["ray"].newest)
    finding = machine.embedded(session())
    assert (finding.rank, finding.detail, finding.remedy) == ("problem", "Too little.", "Have more.")
    assert machine.embedded(session(cluster(True))).rank == "ok"


def test_a_port_of_ray_s_that_is_taken_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        port = listening.getsockname()[1]
        monkeypatch.setattr(machine, "GCS_PORT", port)
        assert f"something listens on {port}" in machine.ports().detail
