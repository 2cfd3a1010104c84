"""Tells whether an address leads to the Ray that this process is already connected to."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, Iterator

import psutil

from daftnb.engine import internals, raynames
from daftnb.engine.connection.address import Address, parse


def is_same(text: str | None, known: Iterable[str], local: bool) -> bool:
    """Return True if ``text`` names a Ray that is reached at one of the ``known`` addresses too.

    ``local``: it is one that Ray has started for this process alone, which is what no address means. Nothing is
    connected to; a host's name is looked up. Raises ClusterError where ``text`` is no address.
    """
    address = parse(text)
    reached = [parse(each) for each in known]
    places = [*reached, *(place for each in reached for place in _served_by(each))]
    if address.kind == "local":
        named = "" if text else os.environ.get("RAY_ADDRESS", "")
        if not named:
            return local
        address = parse(named)
    if address.kind == "auto":
        return any(same_place(found, place) for found in _automatic() for place in places)
    return any(same_place(one, place) for one in (address, *_served_by(address)) for place in places)


def same_place(one: Address, other: Address) -> bool:
    """Return True if two addresses differ in spelling at most: ``localhost``, ``127.0.0.1``, this machine's own."""
    if one.kind != other.kind or one.port != other.port:
        return False
    return one.host == other.host or bool(_hosts(one.host) & _hosts(other.host))


def _hosts(host: str) -> frozenset[str]:
    """Return a host's addresses; those of this machine are all one."""
    try:
        found = {entry[4][0] for entry in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    except (OSError, UnicodeError):
        return frozenset([host])
    own = {address.address.partition("%")[0] for each in psutil.net_if_addrs().values() for address in each}
    if any(str(each) in own or str(each).startswith("127.") or each == "::1" for each in found):
        return frozenset(["this machine"])
    return frozenset(map(str, found))


def _automatic() -> list[Address]:
    """Return what ``auto`` means: the Ray of RAY_ADDRESS or of the last ``ray start``, or else any on this machine."""
    from ray._private import services

    named = os.environ.get("RAY_ADDRESS", "")
    if named and named != "auto":
        return [parse(named)]
    if internals.SAME in internals.missing("ray"):
        return []
    raynames.forget_addresses()
    latest = services.find_bootstrap_address(None)
    found = services.find_gcs_addresses()
    return [parse(latest)] if latest in found else [parse(each) for each in found]


def _served_by(address: Address) -> Iterator[Address]:
    """Yield the control stores that a Ray Client server of this machine, at ``address``, belongs to."""
    if address.kind != "client" or _hosts(address.host) != {"this machine"}:
        return
    for process in psutil.process_iter():
        try:
            words = process.cmdline()
        except psutil.Error:
            continue
        if "ray.util.client.server" not in words or f"--port={address.port}" not in words:
            continue
        for word in words:
            if word.startswith("--address="):
                yield parse(word.removeprefix("--address="))
