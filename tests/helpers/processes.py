"""The processes of a cluster, and where they listen."""

from __future__ import annotations

import psutil


def processes_of(folder: str) -> list[psutil.Process]:
    """Whoever names a cluster's folder on its command line, and their children: all of the cluster."""
    found = {}
    for process in psutil.process_iter():
        try:
            if any(folder in part for part in process.cmdline()):
                found[process.pid] = process
                found.update((child.pid, child) for child in process.children(recursive=True))
        except psutil.NoSuchProcess:
            continue
    return [process for process in found.values() if lives(process)]


def lives(process: psutil.Process) -> bool:
    """Whether it runs, and is not only waited for."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def called(folder: str, name: str) -> list[psutil.Process]:
    """A cluster's processes that call themselves so; they may end at any moment."""
    found = []
    for process in processes_of(folder):
        try:
            if name in " ".join(process.cmdline()):
                found.append(process)
        except psutil.NoSuchProcess:
            continue
    return found


def listeners(processes: list[psutil.Process]) -> set[str]:
    """The addresses on which these processes listen."""
    return {
        connection.laddr.ip.removeprefix("::ffff:")  # an IPv4 address as an IPv6 socket shows it
        for process in processes
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
