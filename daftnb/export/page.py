"""A recording as one HTML file: the cockpit with its slider, which needs no kernel, no network and no server.

The file holds the kernel's own snapshots of the moments that it shows (:mod:`daftnb.export.stops`): the first one, and
of each other what has changed since the one before it, as JSON that is compressed by gzip and written as base64. So a
moment in it is what the kernel shows of it; nothing is computed anew. The views are those of the live cockpit.

Its policy (CSP) allows two style sheets and one script, by their digests, and nothing else: no connection, no picture,
no form, no frame. What others wrote is in it as base64 and as escaped text alone.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
from base64 import b64encode
from collections.abc import Iterable
from datetime import datetime, timezone
from html import escape
from typing import Protocol

from daftnb._version import __version__
from daftnb.built import built
from daftnb.errors import RecordingError
from daftnb.export.differences import Difference, difference
from daftnb.export.stops import stops_of
from daftnb.snapshots.static import static_text
from daftnb.telemetry.savedfiles import put, target_of
from daftnb.telemetry.snapshots import select
from daftnb.telemetry.stage import SavedRecording, Stage, title_of
from daftnb.telemetry.wire import Snapshot
from daftnb.text.plain import printable

EXAMPLE = "run.html"
MARK = "<!doctype html>\n<!-- A recording of a query, written by daftnb. -->\n"  # what each of these files begins with
ALL_WORKERS = 100_000  # the page shows as many at once as a live one, and has all of them
STYLE = (
    ":root{color-scheme:light dark}"
    "body{margin:0 auto;padding:12px;max-width:1600px;background:#fff;color:#1c2430;font:13px/1.4 system-ui,sans-serif}"
    "pre{white-space:pre-wrap;overflow-wrap:anywhere}"
    "footer{margin:12px 2px;color:#566073}"
    "@media (prefers-color-scheme:dark){body{background:#111;color:#e6e9ef}footer{color:#a3acba}}"
)


class Recorded(SavedRecording, Protocol):
    """A recording that also says when its events came."""

    def moments(self) -> Iterable[float]:
        """Return when events came, in seconds since the epoch."""


def write(path: str | os.PathLike[str], recording: Recorded) -> int:
    """Write the file, whole or not at all, over one that is there; return its size in bytes.

    Raises RecordingError, in one line, where that cannot be done.
    """
    target = target_of(path, EXAMPLE)
    data = page_of(recording).encode("ascii")
    put(target, data, EXAMPLE)
    return len(data)


def page_of(recording: Recorded) -> str:
    """Return the file's text, which is all ASCII."""
    snapshots = snapshots_of(recording)
    changes: list[Difference | None] = []
    before: Snapshot | dict[str, object] = {}
    for snapshot in snapshots:
        changes.append(difference(before, snapshot))
        before = snapshot
    try:
        data = json.dumps(changes, separators=(",", ":"), allow_nan=False).encode()
    except ValueError:
        raise RecordingError(
            f"{recording.source} has numbers that a page cannot hold (infinite, or none).",
            "Try %daft save run.arrow, which keeps them",
        ) from None
    packed = b64encode(gzip.compress(data, 9, mtime=0)).decode()
    script, views = built("runfile.js"), built("runfile.css")
    policy = (
        f"default-src 'none'; script-src {_digest(script)}; style-src {_digest(STYLE)} {_digest(views)}; "
        "base-uri 'none'; form-action 'none'"
    )
    title = f"{_title(recording)} · daftnb"
    text = printable(static_text(snapshots[-1], "cockpit"))
    when = datetime.fromtimestamp(recording.start, timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")
    about = f"Recorded at {when}, written by daftnb {__version__}. All of it is in this file."
    page = (
        f'{MARK}<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        f'<main id="run"><pre>{escape(text)}</pre></main>\n<footer>{escape(about)}</footer>\n'
        f'<script type="application/gzip;base64" id="snapshots">{packed}</script>\n'
        f"<script>{script}</script>\n</body>\n</html>\n"
    )
    return page.encode("ascii", "xmlcharrefreplace").decode()


def snapshots_of(recording: Recorded) -> list[Snapshot]:
    """Return what a page shows at each of its moments: the kernel's snapshots."""
    title = _title(recording)
    stops = stops_of(recording, Stage(recording, title).moments, recording.moments())
    stage = Stage(recording, title, stops)
    found = []
    for stage.at in stops:
        found.append(select(stage.snapshot(), "cockpit", lanes=ALL_WORKERS))
    return found


def _title(recording: SavedRecording) -> str:
    names = [query.name for query in recording.queries]
    name = names[0] if len(names) == 1 else None
    return f"{title_of(recording)}, {name}" if name else title_of(recording)


def _digest(text: str) -> str:
    """Return how a policy names the digest of a script or a style sheet."""
    return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
