"""Files that a person names: what is replaced and what is not, what stays of one that was there, and what is said."""

from __future__ import annotations

import errno
import os
import socket
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from daftnb import files
from daftnb.engine.jobs.server import JobError
from daftnb.engine.jobs.source import read_source
from daftnb.errors import RecordingError
from daftnb.files import FileProblem
from daftnb.recordings import open_recording
from daftnb.telemetry import recordfile
from tests.helpers.recorded import recorded, tiny


def save(path: Any) -> int:
    return recordfile.write(path, [recorded(tiny(1, 0.0)).reel(1)], "0", {})


def not_saved(path: Any) -> str:
    with pytest.raises(RecordingError) as caught:
        save(path)
    (line,) = caught.value.what.splitlines()
    line.encode()
    return line


def not_opened(path: Any) -> str:
    with pytest.raises(RecordingError) as caught:
        open_recording(path)
    (line,) = caught.value.what.splitlines()
    line.encode()
    return line


def fifo(path: Path) -> None:
    os.mkfifo(path)


def bound(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


@pytest.mark.parametrize(("make", "kind"), [(fifo, "a pipe (FIFO)"), (bound, "a socket")])
def test_what_is_no_file_is_neither_replaced_nor_waited_for(
    make: Callable[[Path], None], kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # a socket's name must be short
    path = Path("special")
    make(path)
    before = path.stat()
    assert not_saved(path) == f"special is {kind}, which daftnb does not replace with a file."
    assert not_opened(path) == "special is not a file."
    assert (path.stat().st_ino, path.stat().st_mode) == (before.st_ino, before.st_mode)
    assert os.listdir() == ["special"]
    link = Path("link")
    link.symlink_to(path)
    assert not_saved(link) == f"link is {kind}, which daftnb does not replace with a file."


def test_a_device_is_not_replaced() -> None:
    assert not_saved("/dev/null") == "/dev/null is a device, which daftnb does not replace with a file."
    assert not_opened("/dev/zero") == "/dev/zero is not a file."
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o666, 0o604])
def test_a_file_that_is_there_keeps_its_mode(mode: int, tmp_path: Path) -> None:
    path = tmp_path / "run.arrow"
    path.write_bytes(b"old")
    path.chmod(mode)
    size = save(path)
    assert stat.S_IMODE(path.stat().st_mode) == mode
    assert path.stat().st_size == size
    assert len(open_recording(path).queries) == 1
    assert os.listdir(tmp_path) == ["run.arrow"]


def test_a_new_file_has_the_mode_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "other").write_bytes(b"")
    save(tmp_path / "run.arrow")
    assert (tmp_path / "run.arrow").stat().st_mode == (tmp_path / "other").stat().st_mode


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_that_is_there_keeps_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "run.arrow"
    path.write_bytes(b"old")
    os.chown(path, 12345, 23456)
    path.chmod(0o640)
    save(path)
    status = path.stat()
    assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (12345, 23456, 0o640)


def test_a_file_whose_owner_cannot_be_kept_is_written_in_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "run.arrow"
    path.write_bytes(b"old" * 100_000)
    before = path.stat()

    class Another:
        st_uid, st_gid = before.st_uid + 1, before.st_gid

    def refused(*arguments: Any) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr("os.fstat", lambda handle: Another)
    monkeypatch.setattr("os.fchown", refused)
    size = save(path)
    monkeypatch.undo()
    assert (path.stat().st_ino, path.stat().st_size) == (before.st_ino, size)
    assert len(open_recording(path).queries) == 1
    assert os.listdir(tmp_path) == ["run.arrow"]


def test_links_go_on_pointing_to_the_file(tmp_path: Path) -> None:
    folder, other = tmp_path / "folder", tmp_path / "other"
    folder.mkdir()
    other.mkdir()
    target = other / "run.arrow"
    for link, to in ((folder / "relative", "../other/run.arrow"), (folder / "absolute", str(target))):
        link.symlink_to(to)
        for _ in ("a file that is not there yet", "and one that is"):
            save(link)
            assert link.is_symlink()
            assert os.readlink(link) == to
            assert not target.is_symlink()
            assert len(open_recording(link).queries) == 1
        target.unlink()
    assert sorted(os.listdir(folder)) == ["absolute", "relative"]
    assert os.listdir(other) == []
    round_ = tmp_path / "round"
    round_.symlink_to(round_)
    assert not_saved(round_) == f"{round_} cannot be written: Too many levels of symbolic links."
    assert not_opened(round_) == f"{round_} cannot be read: Too many levels of symbolic links."


def test_another_name_of_the_same_file_stays_one(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_bytes(b"old" * 100_000)
    os.link(one, two)
    size = save(one)
    assert one.samefile(two)
    assert two.stat().st_size == size
    assert len(open_recording(two).queries) == 1


NAMES: list[tuple[Any, str]] = [
    ("", "A file without a name cannot be {}."),
    ("  ", "A file without a name cannot be {}."),
    ("a\0b", "a\0b cannot be {}: its name has a null byte."),
    ("a\ud800b", "a\\ud800b cannot be {}: its name has half a character (a surrogate)."),
    ("~nobody-of-that-name/x", "~nobody-of-that-name/x cannot be {}: there is no user 'nobody-of-that-name' with "
     "a home folder."),
    ("no-folder/", "no-folder/ cannot be {}: it names a folder that does not exist."),
    ("n" * 300, f"{'n' * 300} cannot be {{}}: File name too long."),
    ("f/" * 3000 + "x", f"{'f/' * 3000}x cannot be {{}}: File name too long."),
    (3, "3 cannot be {}: it is not a path."),
    (None, "None cannot be {}: it is not a path."),
]  # fmt: skip


@pytest.mark.parametrize(("name", "line"), NAMES)
def test_names_that_no_file_can_have(name: Any, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert not_saved(name) == line.format("written")
    assert not_opened(name) == line.format("read")
    assert os.listdir() == []


def test_odd_names_that_a_file_can_have(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("naïve 数据.arrow", "n" * 255, "byte\udcff.arrow", "~x.arrow/../run.arrow", "~", "-x"):
        if name == "~":
            assert "is a folder" in not_saved(name)
        elif "/" in name:
            assert "there is no user 'x.arrow'" in not_saved(name)
        else:
            save(name)
            assert len(open_recording(name).queries) == 1
            repr(open_recording(name)).encode()
    save("~/in-home.arrow")
    save(b"bytes.arrow")
    assert {"in-home.arrow", "bytes.arrow"} < set(os.listdir())


def test_places_that_are_not_there_or_not_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not_saved(tmp_path) == f"{tmp_path} is a folder."
    assert not_saved(tmp_path / "no" / "x") == f"{tmp_path}/no/x cannot be written: No such file or directory."
    (tmp_path / "file").write_bytes(b"")
    assert not_saved(tmp_path / "file" / "x") == f"{tmp_path}/file/x cannot be written: Not a directory."
    path = tmp_path / "run.arrow"
    path.write_bytes(b"old")
    monkeypatch.setattr("os.access", lambda path, mode: False)
    assert not_saved(path) == f"{path} cannot be written: Permission denied."
    assert path.read_bytes() == b"old"


@pytest.mark.parametrize("links", [1, 2])
@pytest.mark.parametrize("reason", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_leaves_the_old_file(
    links: int, reason: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run.arrow"
    path.write_bytes(b"old")
    if links == 2:
        os.link(path, tmp_path / "too")

    def full(*arguments: Any) -> None:
        raise OSError(reason, os.strerror(reason))

    monkeypatch.setattr("os.posix_fallocate" if links == 2 else "os.fsync", full)
    assert not_saved(path) == f"{path} cannot be written: {os.strerror(reason)}."
    monkeypatch.undo()
    assert path.read_bytes() == b"old"
    assert len(os.listdir(tmp_path)) == links


def test_a_file_that_becomes_a_pipe_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, pipe = tmp_path / "run.arrow", tmp_path / "pipe"
    path.write_bytes(b"x")
    os.mkfifo(pipe)
    was = path.stat()
    monkeypatch.setattr("os.stat", lambda path: was)
    with pytest.raises(FileProblem, match="is not a file"):
        files.read(pipe, 100)


def test_a_script_to_submit_that_no_file_can_be() -> None:
    with pytest.raises(JobError, match="there is no user 'nobody-of-that-name'"):
        read_source("~nobody-of-that-name/x.py")
    with pytest.raises(JobError, match="its name has a null byte"):
        read_source(Path("a\0b.py"))
