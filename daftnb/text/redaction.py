"""Removes secrets from texts before they are folded, recorded or shown: keys, tokens, passwords, signed addresses.

What is looked for has a shape or a label: a URL's user and password, the signature of a signed URL, a header, a
connection string, a variable or a field that is named as one of a secret, a private key, a token of a known form.
Daft masks some fields of its IOConfig itself and prints others: an Azure SAS token, an S3 key id, a bearer token.

Every pattern costs time in proportion to the text: quantifiers are bounded or end at a character that they exclude.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

MASK = "***"

_WORDS = (
    r"(?:access[_-]?key(?:[_-]?id)?|(?<![\w-])key_id|account[_-]?key|api[_-]?key|private[_-]?key(?:[_-]?id)?"
    r"|secret(?:[_-]?(?:access[_-]?)?key|[_-]?id)|shared[_-]?access[_-]?(?:key|signature)|client[_-]?secret"
    r"|passw(?:or)?d|passphrase|(?:auth|access|refresh|session|security|bearer|id|sas)[_-]?token"
    r"|connection[_-]?string)"
)
_WEAK = r"(?:secret|token|credentials?|(?<![a-z0-9])(?:pwd|sas|sig)|signature)"
_PLAIN_VALUE = r"""[^\s,;&'"<>()\[\]{}`]+"""
_QUOTED = r"""(?:\\"(?P<a>(?:(?!\\").){1,9000})|"(?P<b>(?:[^"\\\n]|\\.){1,9000})|'(?P<c>(?:[^'\\\n]|\\.){1,9000}))"""
# What stands where a value does and is none: nothing, a call, a number, a type.
_NO_VALUE = (
    r"""(?!(?:none|null|true|false|\d{1,6}(?:\.\d+)?|\*+(?: redacted \*\*)?)(?:[\s,;&)\]}'"]|$)|[a-z_][\w.]*\()"""
    r"""(?!\\?["']?[…<])"""
)
_NO_TYPE = r"(?!(?:utf8|string|binary|boolean|date|u?int\d+|float\d+|decimal\w*|str|bytes|int\d*|float\d*|bool)\b)"
_IN_URL = r"(?:[?&;]|\\u0026|%26|%3f)"

# (what a text has to contain, or the pattern is not tried; the pattern, whose group is the secret). They are tried on
# the text in lower case, without re.IGNORECASE, which is several times as fast; each begins with a letter or two.
_PATTERNS: tuple[tuple[tuple[str, ...], re.Pattern[str]], ...] = (
    (
        ("private key-----",),
        re.compile(
            r"-----begin [a-z ]{0,30}private key-----(?P<a>.*?)(?:-----end [a-z ]{0,30}private key-----|\Z)", re.S
        ),
    ),
    # A URL's user and password; a user alone is a token on the web, and a container's name at Azure's abfs.
    (("://",), re.compile(r"""://(?P<a>[^\s/?#@:'"<>]{0,400}:[^\s/'"<>]{0,800})@""")),
    (("http",), re.compile(r"""https?://(?P<a>[^\s/?#@'"<>]{1,800})@""")),
    # The parameters of signed addresses, also where the address is quoted in JSON or in another address.
    (
        ("=", "%3d"),
        re.compile(
            rf"{_IN_URL}(?:token|key|code|secret|password|passwd|pwd|auth|credential|policy|sig|signature|sas_token"
            r"|x-amz-(?:signature|credential|security-token)|x-goog-(?:signature|credential)|awsaccesskeyid"
            r"|googleaccessid|access_token|refresh_token|id_token|auth_token|api[_-]?key|client_secret)(?:=|%3d)"
            + _NO_VALUE
            + r"""(?P<a>[^\s&#'"<>`)\]},;\\]+)"""
        ),
    ),
    (
        ("x-amz-", "x-goog-", "awsaccesskeyid", "googleaccessid"),
        re.compile(
            r"(?:x-amz-(?:signature|credential|security-token)|x-goog-(?:signature|credential)|awsaccesskeyid"
            r"|googleaccessid)=(?P<a>[^\s&#'\"<>`)\]},;\\]+)"
        ),
    ),
    # Fields of an IOConfig as Daft's plans print them: "Key ID = …, ", to the next field or the end of the braces.
    (
        (" =", "= "),
        re.compile(
            r"(?:shared\s*access\s*signature|sas\s*token|session\s*token|security\s*token|access\s*key|secret\s*key"
            r"|secret\s*id|key\s*id|bearer\s*token|client\s*secret|credentials|password|(?<![\w-])token)"
            r"\s{0,3}=\s{0,3}(?![=\s])"
            + _NO_VALUE
            + r"(?P<a>[^\n↵},]{1,9000}(?:,(?!\s{0,3}[a-z][\w -]{0,40}=)[^\n↵},]{0,9000}){0,50})"
        ),
    ),
    # NAME=value, as in an environment, a connection string or a call.
    (
        ("=",),
        re.compile(rf"(?:{_WORDS}|{_WEAK})=(?!=){_NO_VALUE}(?:{_QUOTED}|(?P<d>{_PLAIN_VALUE}))"),
    ),
    # "name": "value", name = 'value', name: Some("value"), as in JSON, Python and Rust.
    (
        ('"', "'"),
        re.compile(
            rf"(?:{_WORDS}|{_WEAK})(?:\\?[\"'])?\s{{0,3}}(?::|=(?!=))\s{{0,3}}(?:b|r|f|some\()?(?!\\?[\"'][…<]){_QUOTED}"
        ),
    ),
    # name: value, without quotes, where it looks like one.
    (
        (": ",),
        re.compile(
            rf"{_WORDS}:\s{{1,3}}{_NO_TYPE}{_NO_VALUE}"
            rf"(?=[^\s,;]{{0,200}}[\d/+=_!$%^*-])(?P<a>[^\s,;'\"<>()\[\]{{}}`]{{6,}})"
        ),
    ),
    (
        ("authorization",),
        re.compile(
            r"authorization\\?[\"']?\s{0,3}[:=]\s{0,3}\\?[\"']?"
            r"(?:(?:bearer|basic|token|digest|negotiate|apikey)\s{1,3})?(?P<a>[^\"'\n}\\]+)"
        ),
    ),
    (("bearer ",), re.compile(r"\bbearer\s{1,3}(?=[\w.~+/=-]*[\d=/+]|[\w.~+/=-]{20})(?P<a>[\w.~+/=-]{8,})")),
    (
        ("x-", "api-key", "cookie"),
        re.compile(
            r"(?<![\w-])(?:x-[a-z-]{0,40}(?:token|key|secret|signature)|api-key|(?:set-)?cookie(?=[^\n]{0,99}=))"
            r"\\?[\"']?\s{0,3}:\s{0,3}\\?[\"']?(?P<a>[^\"'\n\\]+)"
        ),
    ),
)
# Tokens that are known by their form, in which case counts.
_TOKENS = ("AKIA", "ASIA", "ABIA", "hf_", "gh", "sk-", "xox", "AIza", "ya29", "eyJ", "dapi", "glpat", "github_pat_")
_TOKEN = re.compile(
    r"(?<![A-Za-z0-9])(?P<a>(?:AKIA|ASIA|ABIA)[A-Z0-9]{16}|hf_[A-Za-z0-9]{10,}|gh[posur]_[A-Za-z0-9]{16,}"
    r"|github_pat_\w{20,}|sk-[A-Za-z0-9_-]{20,}|xox[abeoprs]-[A-Za-z0-9-]{10,}|AIza[0-9A-Za-z_-]{30,}"
    r"|ya29\.[\w.-]{20,}|eyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?|dapi[a-f0-9]{32}(?:-\d+)?|glpat-[\w-]{16,})"
)
# Most texts have none of this, and are done after one look.
_ANY = re.compile(
    r"://|key|secret|token|passw|pwd|passphrase|credential|signature|sas|sig|authorization|bearer|cookie|string=|x-"
)


def redact(text: str) -> str:
    """Return the text with what is secret in it replaced by ``***``; an ordinary text comes back as it is."""
    return _masked(text, _spans(text))


def redact_plan(text: str) -> str:
    """Return a plan as ``explain`` prints it, redacted. A value that is broken over several lines is one value."""
    found: list[str] = []
    paragraph: list[str] = []
    for line in [*text.split("\n"), ""]:
        if paragraph and _CONTINUED.match(line):
            paragraph.append(line)
            continue
        found += _paragraph(paragraph)
        paragraph = [line]
    return "\n".join(found)


_CONTINUED = re.compile(r"(?:\| )*\|     +\S|      *\S")  # what is wrapped is indented by two (daft: common/display)
_DRAWING = re.compile(r"(?:\| )*(?:\|? {0,7})")


def _paragraph(wrapped: list[str]) -> list[str]:
    """Return the lines of one wrapped text: secrets are looked for in all of it together, and masked where they are."""
    if len(wrapped) < 2:
        return [redact(line) for line in wrapped]
    starts = [0, *(_drawing(line) for line in wrapped[1:])]
    whole = "".join(line[start:] for line, start in zip(wrapped, starts, strict=True))
    spans = _spans(whole)
    if not spans:
        return wrapped
    found: list[str] = []
    at = 0
    for line, start in zip(wrapped, starts, strict=True):
        end = at + len(line) - start
        mine = [(max(a, at), min(b, end), a >= at) for a, b in spans if a < end and b > at]
        text = line[:start]
        here = at
        for a, b, begins in mine:
            text += whole[here:a] + (MASK if begins else "")
            here = b
        text += whole[here:end]
        if mine and not mine[0][2] and found:  # it goes on with a secret: what comes after that joins the mask
            found[-1] += text[start:].rstrip()
        elif text[start:].strip():
            found.append(text.rstrip())
        at = end
    return found


def _drawing(line: str) -> int:
    found = _DRAWING.match(line)
    return found.end() if found else 0


def _masked(text: str, spans: list[tuple[int, int]]) -> str:
    if not spans:
        return text
    parts, at = [], 0
    for start, end in spans:
        parts += [text[at:start], MASK]
        at = end
    return "".join([*parts, text[at:]])


def _spans(text: str) -> list[tuple[int, int]]:
    """Return where secrets are, in order, none over another."""
    if len(text) < 6:
        return []
    lower = text.lower()
    if len(lower) != len(text):  # a few letters become two
        lower = "".join(c.lower() if len(c.lower()) == 1 else c for c in text)
    found: list[tuple[int, int]] = []
    if _ANY.search(lower):
        for needed, pattern in _PATTERNS:
            if any(word in lower for word in needed):
                found += _matches(pattern, lower)
    if any(word in text for word in _TOKENS):
        found += _matches(_TOKEN, text)
    found.sort()
    merged: list[tuple[int, int]] = []
    for start, end in found:
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _matches(pattern: re.Pattern[str], text: str) -> Iterator[tuple[int, int]]:
    for match in pattern.finditer(text):
        name = match.lastgroup
        if name is None:
            continue
        value = match[name].rstrip()
        start = match.start(name)
        end = start + len(value)
        if value.strip() and value.strip("* ") not in ("", "redacted"):  # masked already, by us or by Daft
            yield start, end
