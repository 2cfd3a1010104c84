"""The private folder of a cluster: others neither read nor replace what is in it, whatever the umask and TMPDIR."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from daftnb.engine.embedded import folders, launcher
from daftnb.engine.embedded.cluster import ClusterSize, EmbeddedCluster, Shares
from daftnb.engine.embedded.folders import own_folder, rays_folder, write_private
from daftnb.errors import ClusterError
from tests.conftest import await_that
from tests.helpers.strangers import ANOTHER, as_another_user


@pytest.fixture
def loose_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("loose_umask")
def test_another_user_can_do_nothing_with_a_clusters_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """The head's stand-in opens its folder to everybody, as Ray does, and prints what a UDF would."""
    head = (
        "import os, sys, time; [folder] = [w.split('=', 1)[1] for w in sys.argv if w.startswith('--temp-dir=')]; "
        "logs = os.path.join(folder, 'session_latest', 'logs'); os.makedirs(logs); os.chmod(folder, 0o777); "
        "open(os.path.join(logs, 'worker.out'), 'w').write('a secret'); print('a secret', flush=True); time.sleep(300)"
    )
    monkeypatch.setattr(launcher, "RAY_SCRIPT", head)
    made = EmbeddedCluster(ClusterSize())
    made._launch(Shares(2**30, 2**28), {})
    folder = made.folder
    assert folder is not None
    try:
        await_that(lambda: "a secret" in made._last_words(), "the head is there")
        assert stat.S_IMODE((folder / "r").stat().st_mode) == 0o777
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir() if path.is_file()}
        assert modes == dict.fromkeys(["token", "spec.json", "cluster.json", "head.log", "lock"], 0o600)
        assert as_another_user(folder) == []
    finally:
        made.stop()


def test_the_attempts_can_succeed(tmp_path_factory: pytest.TempPathFactory) -> None:
    """They tell what may be done where all may be done."""
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    try:
        folder.chmod(0o777)
        rays_folder(folder).chmod(0o777)
        (folder / "token").write_text("a secret")
        tried = as_another_user(folder)
        assert {"list", "read token", "remove token", "make", "make in Ray's"} <= set(tried)
    finally:
        shutil.rmtree(folder)


def test_a_file_that_is_there_already_is_not_written_to(tmp_path: Path) -> None:
    (tmp_path / "token").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileExistsError):
        write_private(tmp_path / "token", "a secret")
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize(
    ("name", "mode", "why"),
    [
        ("t" * 60, 0o700, "characters, and Ray's sockets leave room for 21"),
        ("tüte", 0o700, "has letters in its name that Ray does not take"),
        ("open", 0o777, "lacks the sticky bit"),
        ("closed", 0o500, "cannot be written to"),
        ("gone", None, "No such file or directory"),
    ],
)
def test_a_temporary_folder_that_does_not_do_is_passed_over_or_told(
    name: str, mode: int | None, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = Path(tempfile.mkdtemp(dir="/tmp", prefix="t"))
    folder = base / name
    if mode is not None:
        folder.mkdir()
        folder.chmod(mode)
    if name == "closed":
        monkeypatch.setattr(folders.os, "access", lambda path, _mode: path != str(folder))
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    try:
        made = own_folder()
        assert made.parent == Path("/tmp")
        made.rmdir()
        monkeypatch.setattr(folders, "temporary_folders", lambda: [str(folder)])
        with pytest.raises(ClusterError) as caught:
            own_folder()
        assert caught.value.what.startswith(
            f"There is no folder for Ray's files: {folder}"
            if name != "open"
            else "There is no folder for Ray's files: everybody"
        )
        assert why in caught.value.what
        assert "Set TMPDIR" in caught.value.remedy
    finally:
        shutil.rmtree(base)


def test_another_users_temporary_folder_does_not_do(monkeypatch: pytest.MonkeyPatch) -> None:
    if os.getuid() != 0:
        pytest.skip("only root may give a folder to another user")
    base = Path(tempfile.mkdtemp(dir="/tmp", prefix="t"))
    try:
        os.chown(base, pwd.getpwnam(ANOTHER).pw_uid, -1)
        monkeypatch.setattr(folders, "temporary_folders", lambda: [str(base)])
        with pytest.raises(ClusterError, match="belongs to another user, who could replace what is in it"):
            own_folder()
    finally:
        shutil.rmtree(base)


def test_the_longest_temporary_folder_has_room_for_rays_sockets() -> None:
    room = folders.SOCKET_BYTES - folders.RAY_SOCKET_BYTES - len("/daftnb-01234567/r")
    base = "/" + "t" * (room - 1)
    socket = f"{base}/daftnb-01234567/r/session_2026-01-31_23-59-59_123456_1234567/sockets/plasma_store.123"
    assert len(socket) == folders.SOCKET_BYTES
