"""Makes private folders for Ray's files, and writes into them."""

from __future__ import annotations

import os
import stat
import sys
import tempfile
from pathlib import Path

from daftnb.engine.embedded.supervisor import PREFIX
from daftnb.errors import ClusterError

SOCKET_BYTES = 103 if sys.platform == "darwin" else 107  # that the path of a Unix socket may have
RAY_SOCKET_BYTES = len("/session_2026-01-31_23-59-59_123456_1234567/sockets/plasma_store.123")  # in Ray's folder
RAYS = "r"  # Ray's temporary folder, in the private one


def own_folder() -> Path:
    """Return a new private folder (0700), with a name short enough for the sockets that Ray makes in ``r`` in it.

    It is in the system's temporary folder, or in /tmp where that one is not fit. Ray makes its own folders open to
    everybody (``ray._common.utils.try_make_directory_shared``), so what is around them is not. Raises ClusterError.
    """
    reasons = []
    for base in temporary_folders():
        reason = _unfit(base)
        if reason is None:
            folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=base))
            about = folder.lstat()
            if stat.S_ISDIR(about.st_mode) and about.st_uid == os.getuid() and not about.st_mode & 0o077:
                return folder
            reason = f"a private folder cannot be made in {base}: others may open it"
        reasons.append(reason)
    raise ClusterError(
        f"There is no folder for Ray's files: {'; '.join(reasons)}.",
        "Set TMPDIR to a folder of your own with a short name, for example ~/t, and restart the kernel.",
    )


def temporary_folders() -> list[str]:
    """Return the folders that :func:`own_folder` tries, in this order."""
    return list(dict.fromkeys([tempfile.gettempdir(), "/tmp"]))


def _unfit(base: str) -> str | None:
    """Return why a temporary folder is not fit for Ray's files; None if it is."""
    room = SOCKET_BYTES - RAY_SOCKET_BYTES - len(f"/{PREFIX}01234567/{RAYS}")
    if not base.isascii():
        return f"{base} has letters in its name that Ray does not take"
    if len(base) > room:
        return f"{base} has {len(base)} characters, and Ray's sockets leave room for {room}"
    try:
        about = os.stat(base)
    except OSError as error:
        return f"{base}: {error.strerror}"
    if not os.access(base, os.W_OK | os.X_OK):
        return f"{base} cannot be written to"
    if about.st_uid not in (0, os.getuid()):
        return f"{base} belongs to another user, who could replace what is in it"
    if about.st_mode & stat.S_IWOTH and not about.st_mode & stat.S_ISVTX:
        return f"everybody may replace what is in {base} (its mode lacks the sticky bit)"
    return None


def write_private(path: Path, text: str) -> None:
    """Write a new file that nobody else may read, whatever the umask."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)


def rays_folder(folder: Path) -> Path:
    """Make and return the folder, in a private one, that Ray is given as its temporary folder."""
    rays = folder / RAYS
    rays.mkdir(mode=0o700)
    (folder / "session_latest").symlink_to(rays / "session_latest")  # where people look for Ray's logs
    return rays
