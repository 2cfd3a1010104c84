"""Which releases of Daft and Ray are known: the numbers, where they stand, and what is said of one that is too old."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from packaging.specifiers import SpecifierSet
from packaging.version import Version

import daftnb
from daftnb import connection, kuberay, magics
from daftnb.doctor import machine, packages
from daftnb.engine import internals, raynames, releases
from daftnb.engine.connection import runner_slot
from daftnb.engine.daftnames import source_builder
from daftnb.engine.jobs import server, source
from daftnb.engine.releases import TOKENS_SINCE, TRIED, is_older, numbers, too_old
from daftnb.errors import LONGEST_LINE, NO_RAY, ClusterError, DaftnbError
from daftnb.session import Session
from tests.helpers.releases import is_before, needs_ray, needs_token


@pytest.mark.parametrize(
    ("older", "newer"),
    [("0.7.9", "0.7.16"), ("2.9.3", "2.46.0"), ("2.60.0", "2.60.1"), ("0.7.26", "0.8.0.dev3"), ("2.46.0rc1", "2.52")],
)
def test_releases_are_compared_by_their_numbers(older: str, newer: str) -> None:
    assert is_older(older, newer) and not is_older(newer, older)
    assert Version(older) < Version(newer), "as packaging has it"


def test_a_release_is_not_older_than_itself() -> None:
    assert not is_older("2.46", "2.46.0") and not is_older("2.46.0", "2.46")
    assert numbers("of an unknown release") == ()


@pytest.mark.parametrize("package", TRIED)
def test_the_oldest_that_was_tried_is_the_lower_bound(package: str) -> None:
    allowed = SpecifierSet(packages.ranges()[package])
    tried = TRIED[package]
    lowest = next(each.version for each in allowed if each.operator == ">=")
    assert Version(lowest) == Version(tried.oldest)
    assert allowed.contains(tried.newest)
    if tried.install.startswith(package):
        assert SpecifierSet(tried.install.removeprefix(package)) == allowed


def installed(monkeypatch: pytest.MonkeyPatch, **found: str) -> None:
    monkeypatch.setattr(releases, "installed", found.get)


def test_what_is_too_old_is_told_in_a_line_each(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, daft="0.7.15", ray="2.45.0")
    assert too_old() == [
        "Daft 0.7.15 is too old for daftnb, which needs 0.7.16: much of it is off. "
        'Try: pip install -U "daft>=0.7.16,<0.9"',
        'Ray 2.45.0 is too old for daftnb, which needs 2.46.0: much of it is off. Try: pip install -U "daftnb[ray]"',
    ]
    installed(monkeypatch, daft=TRIED["daft"].oldest, ray=TRIED["ray"].newest)
    assert too_old() == []
    installed(monkeypatch, daft="0.8.0")
    assert too_old() == [], "without Ray, and with a newer Daft"


def test_it_is_told_as_the_extension_loads_and_in_the_views(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    installed(monkeypatch, daft="0.7.15")
    [line] = too_old()
    sessions: list[Any] = []
    monkeypatch.setattr(daftnb, "get_session", lambda: sessions.append(None))
    monkeypatch.setattr(magics, "register", lambda shell, session: None)
    monkeypatch.setattr("daftnb.engine.lateimport.put_off", SimpleNamespace(install=lambda: None))
    daftnb.load_ipython_extension(SimpleNamespace())  # type: ignore[arg-type]  # nothing is asked of it
    assert capsys.readouterr().out == f"daftnb: {line}\n"
    assert len(sessions) == 1, "it is loaded all the same"
    session = Session()
    try:
        assert line in session.snapshot()["session"]["problems"].values()
    finally:
        session.close()


# -- without Ray ------------------------------------------------------------------------------------------------------


@pytest.fixture
def no_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if Ray were not installed, in this process."""
    monkeypatch.setattr(internals, "is_installed", lambda package: package != "ray")
    monkeypatch.setattr("daftnb.engine.embedded.cluster.importlib.util.find_spec", lambda _name: None)
    before = releases.installed
    monkeypatch.setattr(releases, "installed", lambda package: None if package == "ray" else before(package))


@pytest.fixture
def session() -> Any:
    made = Session()
    yield made
    made.close()


@pytest.mark.parametrize("line", ["start", "connect", "connect auto", "connect ray://127.0.0.1:1", "env --kuberay"])
def test_a_verb_that_needs_ray_says_in_one_line_what_to_install(no_ray: None, session: Any, line: str) -> None:
    with pytest.raises(DaftnbError) as caught:
        magics.run(line, session)
    assert caught.value.lines == [
        'daftnb: Ray is not installed in this environment. Try: pip install "daftnb[ray]" and restart the kernel.'
    ]


def test_a_job_too(no_ray: None) -> None:
    server._client_class.cache_clear()
    with pytest.raises(server.JobError) as caught:
        server.JobServer("http://127.0.0.1:1")
    assert (caught.value.what, caught.value.remedy) == NO_RAY


def test_without_ray_its_features_are_off_for_that_reason(no_ray: None) -> None:
    assert internals.missing("daft") == {}
    assert internals.missing("jobs") == {
        "jobs": "jobs: off, because Ray is not installed.",
        "size of a job's folder": "size of a job's folder: off, because Ray is not installed.",
    }


def test_doctor_finds_nothing_wrong_with_a_missing_ray(no_ray: None) -> None:
    found = machine.embedded(None)
    assert (found.rank, found.detail) == ("ok", "none without Ray; pip install 'daftnb[ray]' brings it")


# -- a Ray without a token --------------------------------------------------------------------------------------------


@needs_ray
def test_the_embedded_cluster_needs_a_token(monkeypatch: pytest.MonkeyPatch, session: Any) -> None:
    installed(monkeypatch, daft="0.7.26", ray="2.46.0")
    monkeypatch.setattr(raynames, "token_loader", lambda: None)
    monkeypatch.setattr(runner_slot, "check_runner", lambda: None)
    monkeypatch.setattr("daftnb.engine.embedded.cluster.check_machine", lambda _size: None)
    with pytest.raises(ClusterError) as caught:
        magics.run("start", session)
    assert caught.value.lines == [
        'daftnb: Ray 2.46.0 has no token to guard a cluster with. Try: pip install -U "ray[default]", or %daft connect'
    ]
    assert len(caught.value.lines[0]) <= LONGEST_LINE
    assert session.cluster is None


def test_nor_is_there_a_manifest_or_a_clean_bill(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, ray="2.51.2")
    with pytest.raises(DaftnbError) as caught:
        kuberay.manifest(kuberay.Pool(), {})
    assert caught.value.what == "Ray 2.51.2 has no token to guard a cluster with."
    found = machine.embedded(None)
    assert (found.rank, found.detail) == ("warning", "Ray 2.51.2 has no token to guard a cluster with")


@needs_ray
def test_the_token_is_there_from_the_release_on_that_is_named() -> None:
    assert (raynames.token_loader() is None) == is_before("ray", TOKENS_SINCE)
    assert (raynames.authentication_errors() == ()) == is_before("ray", TOKENS_SINCE)
    if raynames.token_loader() is None:
        with pytest.raises(ClusterError):
            connection._check_token()
    else:
        connection._check_token()


@needs_token
def test_a_token_that_cannot_be_asked_for_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def has_token() -> bool:
        raise AssertionError("not without the argument")

    monkeypatch.setattr(raynames, "token_loader", lambda: SimpleNamespace(has_token=has_token))
    assert raynames.finds_token() is False
    monkeypatch.setattr(
        raynames, "token_loader", lambda: SimpleNamespace(has_token=lambda ignore_auth_mode: ignore_auth_mode)
    )
    assert raynames.finds_token() is True


# -- names that moved -------------------------------------------------------------------------------------------------


@needs_ray
def test_a_node_is_here_by_its_id_or_by_its_address(monkeypatch: pytest.MonkeyPatch) -> None:
    from ray._private import services

    here, other = (
        SimpleNamespace(node_id=b"\x01", node_manager_address="127.0.0.1"),
        SimpleNamespace(node_id=b"\x02", node_manager_address="192.0.2.1"),
    )
    monkeypatch.setattr(services, "find_node_ids", lambda: {"01"}, raising=False)
    assert raynames.is_here([other, here]) and not raynames.is_here([other])
    monkeypatch.delattr(services, "find_node_ids")
    assert raynames.is_here([other, here]) and not raynames.is_here([other])


@needs_ray
def test_what_ray_keeps_of_its_addresses_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    from ray._private import services

    forgotten: list[bool] = []
    monkeypatch.setattr(
        services, "find_gcs_addresses", SimpleNamespace(cache_clear=lambda: forgotten.append(True)), raising=True
    )
    raynames.forget_addresses()
    assert forgotten == [True]
    monkeypatch.setattr(services, "find_gcs_addresses", lambda: set())
    raynames.forget_addresses()


@needs_ray
@pytest.mark.parametrize("rayignore", [True, False])
def test_a_folder_is_walked_as_this_ray_walks_it(
    rayignore: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import logging

    from ray._private.runtime_env import packaging

    calls: list[tuple[Any, ...]] = []
    monkeypatch.setattr(packaging, "_dir_travel", lambda *arguments: calls.append(arguments))
    monkeypatch.setattr(packaging, "_get_excludes", lambda folder, excludes: (folder, excludes))
    if rayignore:
        monkeypatch.setattr(packaging, "get_excludes_from_ignore_files", None, raising=False)
    else:
        monkeypatch.delattr(packaging, "get_excludes_from_ignore_files", raising=False)
    monkeypatch.delenv("RAY_RUNTIME_ENV_IGNORE_GITIGNORE", raising=False)
    logger, handler = logging.getLogger("daftnb"), lambda _path: None
    raynames.walk_directory(tmp_path, ["*.parquet"], handler, logger)
    ignores = (True,) if rayignore else ()
    assert calls == [(tmp_path, [(tmp_path, ["*.parquet"])], handler, *ignores, logger)]


@needs_ray
def test_a_folder_is_not_measured_where_the_names_for_it_are_gone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(source.internals, "missing", lambda part: {internals.JOB_SIZES: "off"})
    monkeypatch.setattr(raynames, "walk_directory", lambda *_arguments: pytest.fail("it was walked"))
    environment = {"working_dir": str(tmp_path)}
    source.check_working_dir(environment, "not_there.py")
    assert environment == {"working_dir": str(tmp_path)}


def test_the_plan_that_rows_come_from() -> None:
    written = SimpleNamespace(_source_builder="as written", _get_current_builder=lambda: "what was written")
    plain = SimpleNamespace(_source_builder=None, _get_current_builder=lambda: "its own")
    before = SimpleNamespace(_get_current_builder=lambda: "its own")
    assert [source_builder(frame) for frame in (written, plain, before)] == ["as written", "its own", "its own"]


@needs_ray
@pytest.mark.parametrize(
    ("off", "asked"),
    [
        (set(), ["token", "versions", "nodes"]),
        ({internals.TOKENS}, ["versions", "nodes"]),
        ({internals.VERSIONS}, ["token", "nodes"]),
        ({internals.NODES}, ["token", "versions"]),
        ({internals.NODES, internals.VERSIONS, internals.TOKENS}, []),
        ({internals.CLIENTS, internals.AUTO}, ["token", "versions", "nodes"]),
    ],
)
def test_a_check_before_connecting_that_is_off_is_left_out_and_no_other(
    off: set[str], asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from daftnb.engine.connection import preflight
    from daftnb.engine.connection.address import parse

    found: list[str] = []

    def note(what: str, value: Any) -> Any:
        return lambda *_arguments: found.append(what) or value

    channel = SimpleNamespace(close=lambda: None)
    monkeypatch.setattr(raynames, "init_grpc_channel", lambda *_arguments: channel)
    monkeypatch.setattr(preflight, "reach", lambda _address: None)
    monkeypatch.setattr(preflight, "_token", note("token", ()))
    monkeypatch.setattr(preflight, "_versions", note("versions", {}))
    monkeypatch.setattr(preflight, "_nodes", note("nodes", []))
    monkeypatch.setattr(preflight, "_ask_client", note("client", None))
    reached = preflight.check(parse("10.0.0.5:6379"), off)
    assert (str(reached.address), found) == ("10.0.0.5:6379", asked)
    found.clear()
    preflight.check(parse("ray://10.0.0.5:10001"), off)
    expected = ([] if internals.TOKENS in off else ["token"]) + ([] if internals.CLIENTS in off else ["client"])
    assert found == expected
    if internals.AUTO in off:
        assert preflight.check(parse("auto"), off).address.kind == "auto"


@needs_ray
def test_a_cluster_whose_autoscaler_cannot_be_asked_is_described_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    import daft
    import ray

    from daftnb.engine.connection import limits, remote

    def gone() -> Any:
        raise AttributeError("of another release")

    head = {"Alive": True, "NodeID": "h", "Resources": {"CPU": 2.0, "node:__internal_head__": 1.0}}
    here = SimpleNamespace(gcs_address="10.0.0.1:6379", get_node_id=lambda: "another")
    monkeypatch.setattr(ray, "get_runtime_context", lambda: here)
    monkeypatch.setattr(ray, "nodes", lambda: [head, {"Alive": False}])
    monkeypatch.setattr(remote, "_autoscaler_facts", gone)
    facts = remote.describe()
    assert facts == {
        **{"daft": daft.__version__, "daft_error": None, "config": None, "v2": None, "status": None},
        **{"gcs_address": "10.0.0.1:6379", "nodes": [{"cpus": 2, "gpus": 0.0, "head": True}]},
        **{"kinds": None, "nodes_at_most": None, "standing": []},
        "limits_error": "the process that was asked is not on the head",
    }
    assert (remote.grows(facts), remote.limits(facts), remote.most(facts), remote.cpus(facts)) == (None,) * 4
    monkeypatch.setattr(here, "get_node_id", lambda: "h")
    monkeypatch.setattr(remote, "find", lambda _address, _seconds: 1 / 0)
    assert remote.describe()["limits_error"] == "ZeroDivisionError: division by zero"
    found = limits.Limits([limits.Group(1, 4, {"CPU": 3.0}), limits.Group(0, 0, {"CPU": 2.0})], 3)
    monkeypatch.setattr(remote, "find", lambda _address, _seconds: found)
    facts = remote.describe()
    assert (remote.grows(facts), remote.limits(facts), remote.cpus(facts)) == (True, (1, 3, 3), (5, 11))
    assert remote.most(facts) == ((({"CPU": 3.0}, 4),), 3, (head["Resources"],))
