"""Parses the addresses that ``%daft connect`` takes, before anything is tried."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from daftnb.errors import ClusterError
from daftnb.text.shorten import shortened

GCS_PORT = 6379  # of `ray start --head`
CLIENT_PORT = 10001
JOBS_PORT = 8265
LONGEST = 300  # characters; a host's name has 253 at most (RFC 1035)
_FORMS = "%daft connect HOST:PORT, ray://HOST:PORT or auto; without an address, daftnb starts a Ray for this kernel."


@dataclass(frozen=True, slots=True)
class Address:
    """Where to go: a cluster's control store (``gcs``), its Ray Client server, or what Ray finds or starts itself."""

    kind: Literal["local", "auto", "gcs", "client"]
    host: str = ""
    port: int = 0

    def __str__(self) -> str:
        if self.kind in ("local", "auto"):
            return self.kind
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'ray://' if self.kind == 'client' else ''}{host}:{self.port}"

    @property
    def loopback(self) -> bool:
        """Return True if the host is named as this machine's loopback."""
        return self.host in ("localhost", "::1") or self.host.startswith("127.")


def parse(text: str | None) -> Address:
    """Parse an address of ``ray.init``: nothing or ``local``, ``auto``, ``host:port``, ``ray://host[:port]``.

    Raises ClusterError for anything else.
    """
    text = (text or "local").strip()
    if text in ("local", "auto"):
        return Address("local") if text == "local" else Address("auto")
    if len(text) > LONGEST:
        raise ClusterError(
            f"{shortened(text, 40)} has {len(text)} characters: no address is that long.", f"Try {_FORMS}"
        )
    scheme, separator, rest = text.rpartition("://")
    if scheme in ("http", "https"):
        raise ClusterError(
            f"{text} is the address of a web page (Ray's dashboard or job server); queries need another address.",
            f"Try %daft connect ray://{rest.partition('/')[0].partition(':')[0]}:{CLIENT_PORT}",
        )
    if separator and scheme != "ray":
        raise ClusterError(f"{text} has the scheme {scheme!r}, which is not Ray's.", f"Try {_FORMS}")
    host, colon, port = rest.rpartition(":")
    if not colon and rest and separator:
        host, port = rest, str(CLIENT_PORT)
    elif not colon:
        raise ClusterError(f"{text} names no port.", f"Try %daft connect {rest or 'HOST'}:{GCS_PORT}")
    if not re.fullmatch(r"[0-9]{1,5}", port) or not 0 < int(port) < 65536:
        raise ClusterError(f"{text}: {port!r} is not a port (1 to 65535).", f"Try %daft connect {host}:{GCS_PORT}")
    if found := re.search(r"[^\w.:\-\[\]%]", host):
        meant = re.sub(r"^ray:?/*", "ray://", host) if host.startswith("ray") else host
        meant = re.sub(r"[^\w.:\-\[\]%]", "", meant.removeprefix("ray://"))
        way = "ray://" if separator or host.startswith("ray") else ""
        raise ClusterError(
            f"{text}: a host has no {found[0]!r} in its name.", f"Try %daft connect {way}{meant or 'HOST'}:{port}"
        )
    host = host.removeprefix("[").removesuffix("]")
    if not host:
        raise ClusterError(f"{text} names no host.", f"Try {_FORMS}")
    return Address("client" if separator else "gcs", host, int(port))
