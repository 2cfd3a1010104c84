"""Shows the values of variables of the environment: of what may be a secret, only that it is there."""

from __future__ import annotations

import re

from daftnb.text.shorten import shortened

MASK = "(set, not shown)"
MAX_VALUE = 100  # characters
_SECRET = re.compile(r"TOKEN|SECRET|PASSW|PASSPHRASE|CREDENTIAL|HEADERS|COOKIE|API_?KEY|(^|_)KEY($|_)|JSON", re.I)
_USER = re.compile(r"(?<=://)[^/@\s]*@")
_LOOKS_SECRET = re.compile(r"[A-Za-z0-9+/_=-]{32,}|[{]")  # long and without a break, or a structure that may hold any


def masked(name: str, value: str) -> str:
    """Return a value as it may be shown: of a secret only that it is there. A file's or folder's name is no secret."""
    is_path = name.endswith(("_PATH", "_DIR", "_FILE", "_FOLDER")) and "/" in value
    if not is_path and (_SECRET.search(name) or _LOOKS_SECRET.search(value)):
        return MASK if value else "(empty)"
    value = _USER.sub("…@", value)
    return shortened(value, MAX_VALUE)
