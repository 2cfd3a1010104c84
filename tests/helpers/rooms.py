"""The rooms of the house, and which of them each may import: ``daftnb/README.md`` has the picture."""

from __future__ import annotations

from tests.conftest import ROOT

HOUSE = ROOT / "daftnb"
# A room: a folder, or a file that stands beside the folders. "" is the package's front door, ``daftnb/__init__.py``.
MAY_IMPORT = {
    "_version": "",
    "clock": "",
    "aside": "",
    "variables": "",
    "messages": "",
    "blocks": "variables",
    "files": "",
    "built": "",
    "text": "",
    "errors": "text",
    "settings": "blocks errors text",
    "options": "blocks engine errors settings text",
    "kuberay": "engine errors",
    "telemetry": "aside errors files settings text",
    "snapshots": "settings telemetry text",
    "comparison": "telemetry text",
    "export": "_version built errors files snapshots telemetry text",
    "recordings": "_version errors export files snapshots telemetry text",
    # Nothing but these goes to the cluster, which need not have daftnb.
    "engine.meter": "clock",
    "engine.actor": "clock engine.meter variables",
    "engine": "",
    "engine.embedded": "clock errors telemetry text",
    "engine.connection": "aside clock engine engine.embedded errors telemetry text variables",
    "engine.queries": "clock engine engine.actor engine.connection engine.meter errors telemetry text variables",
    "engine.rows": "engine engine.connection errors text",
    "engine.jobs": "engine engine.connection errors files settings text",
    "connection": "clock engine engine.connection engine.embedded engine.queries errors telemetry text",
    "sql": "engine errors text",
    "previews": "engine engine.connection engine.queries engine.rows errors messages sql text",
    "widgets": "built clock engine engine.connection engine.queries engine.rows errors messages previews settings "
    "snapshots telemetry text",
    "cells": "blocks clock engine.connection errors settings snapshots telemetry text widgets",
    "session": "blocks cells clock connection engine engine.connection engine.embedded engine.queries engine.rows "
    "errors options settings telemetry",
    "shelves": "_version errors files recordings telemetry text",
    "runs": "_version clock comparison engine errors export recordings session settings shelves telemetry",
    "demo": "engine.embedded errors",
    "doctor": "_version built engine engine.connection engine.embedded errors session settings text widgets",
    "commands": "_version cells clock doctor engine engine.embedded engine.jobs errors export files kuberay previews "
    "options recordings runs session settings shelves snapshots sql telemetry text widgets",
    "magics": "cells commands engine session text widgets",
    "": "_version cells comparison engine engine.embedded engine.jobs errors magics options previews recordings runs "
    "session settings shelves text widgets",
    "fileverbs": "comparison errors export files recordings telemetry text",
    "cli": "demo doctor engine.embedded errors fileverbs text",
    "__main__": "cli",
}
