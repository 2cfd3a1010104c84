"""Reads and writes files that a person names, and says in one line what is wrong with a name or a place.

A file is written whole or not at all. One that is there keeps its mode and its owner, a link goes on pointing to it,
and what is no file (a pipe, a device) is not replaced.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path

_KINDS = (
    (stat.S_ISFIFO, "a pipe (FIFO)"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


class FileProblem(Exception):
    """Why a file cannot be read or written: ``what`` names it, in one sentence; it may be a ``folder``, or missing."""

    def __init__(self, what: str, folder: bool = False) -> None:
        super().__init__(what)
        self.what = what
        self.folder = folder


def words(path: object) -> str:
    """Return a path as it can be printed: what no encoding has is escaped."""
    return str(path).encode("utf-8", "backslashreplace").decode()


def place(path: str | os.PathLike[str], done: str) -> Path:
    """Return the path with a user's folder in place of ``~``; raise FileProblem where it cannot be one.

    ``done`` says what was to be done with it: read or written.
    """
    try:
        text = os.fsdecode(path)
    except TypeError:
        raise FileProblem(f"{path!r:.60} cannot be {done}: it is not a path.") from None
    if not text.strip():
        raise FileProblem(f"A file without a name cannot be {done}.")
    if "\0" in text:
        raise FileProblem(f"{words(text)} cannot be {done}: its name has a null byte.")
    try:
        os.fsencode(text)
    except UnicodeEncodeError:
        raise FileProblem(f"{words(text)} cannot be {done}: its name has half a character (a surrogate).") from None
    expanded = os.path.expanduser(text)
    if expanded.startswith("~") and not os.path.lexists(expanded):
        user = expanded[1:].split(os.sep)[0]
        if user or os.sep in expanded:
            raise FileProblem(f"{words(text)} cannot be {done}: there is no user {user!r} with a home folder.")
    if text.endswith(os.sep) and not os.path.isdir(expanded):
        raise FileProblem(f"{words(text)} cannot be {done}: it names a folder that does not exist.")
    return Path(expanded)


def read(path: Path, most: int) -> bytes:
    """Return the bytes of a file; raise FileProblem where it is none, or has more than ``most`` bytes."""
    try:
        status = os.stat(path)
        if stat.S_ISDIR(status.st_mode):
            raise FileProblem(f"{words(path)} is a folder.", folder=True)
        if not stat.S_ISREG(status.st_mode):
            raise FileProblem(f"{words(path)} is not a file.")
        if status.st_size > most:
            raise FileProblem(f"{words(path)} has {status.st_size} bytes: recordings are smaller.")
        # It may be another by now, and opening a pipe would wait for who writes.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with os.fdopen(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise FileProblem(f"{words(path)} is not a file.")
            data = file.read(most + 1)
    except FileNotFoundError:
        raise FileProblem(f"There is no file {words(path)}.") from None
    except (OSError, ValueError) as error:
        raise FileProblem(f"{words(path)} cannot be read: {_reason(error)}.") from None
    if len(data) > most:
        raise FileProblem(f"{words(path)} has more than {most} bytes: recordings are smaller.")
    return data


def write(path: Path, data: bytes | memoryview) -> None:
    """Write a file whole or not at all, over one that is there; raise FileProblem where that cannot be done."""
    try:
        try:
            status: os.stat_result | None = os.stat(path)
        except FileNotFoundError:
            status = None
        if status is None:
            _replace(os.path.realpath(path), data, None)
            return
        if stat.S_ISDIR(status.st_mode):
            raise FileProblem(f"{words(path)} is a folder.", folder=True)
        if not stat.S_ISREG(status.st_mode):
            kind = next((name for is_, name in _KINDS if is_(status.st_mode)), "not a file")
            raise FileProblem(f"{words(path)} is {kind}, which daftnb does not replace with a file.")
        if not os.access(path, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        target = os.path.realpath(path)
        alone = status.st_nlink == 1 and os.path.lexists(target) and os.path.samestat(os.stat(target), status)
        if not alone or not _replace(target, data, status):
            _overwrite(path, data)
    except (OSError, ValueError) as error:
        raise FileProblem(f"{words(path)} cannot be written: {_reason(error)}.") from None


def _replace(target: str, data: bytes | memoryview, status: os.stat_result | None) -> bool:
    """Put a new file in the place of one; return False where that one is there and its place or owner cannot be had."""
    name = os.path.join(os.path.dirname(target), f".daftnb-{secrets.token_hex(8)}.part")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    try:
        handle = os.open(name, flags, 0o666 if status is None else 0o600)
    except PermissionError:
        if status is None:
            raise
        return False
    try:
        with os.fdopen(handle, "wb") as file:
            if status is not None and hasattr(os, "fchown"):
                new = os.fstat(handle)
                if (new.st_uid, new.st_gid) != (status.st_uid, status.st_gid):
                    try:
                        os.fchown(handle, status.st_uid, status.st_gid)
                    except PermissionError:
                        return False
                os.fchmod(handle, stat.S_IMODE(status.st_mode))
            file.write(data)
            file.flush()
            os.fsync(handle)
        os.replace(name, target)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(name)
    return True


def _overwrite(path: Path, data: bytes | memoryview) -> None:
    """Write into a file that has another name too, or whose place is not ours; reserve the room for it first."""
    handle = os.open(path, os.O_WRONLY | getattr(os, "O_BINARY", 0))
    with os.fdopen(handle, "wb") as file:
        if len(data) and hasattr(os, "posix_fallocate"):
            try:
                os.posix_fallocate(handle, 0, len(data))
            except OSError as error:
                if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                    raise
        file.write(data)
        file.flush()
        os.ftruncate(handle, len(data))
        os.fsync(handle)


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
