"""Explains why something failed: puts the reason of an engine's error first, which is at its end.

Daft on Ray says where it failed before it says why: frames of Ray's, of Daft's, at last the user's exception. Daft
itself wraps a Python exception in names of its own. The first line is always "Type: message" of the last exception,
as far as it is known; of a message of several lines the others follow. Both are without secrets and terminal escapes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from daftnb.text.cleaning import BREAK, lines, one_line, without_escapes
from daftnb.text.redaction import redact
from daftnb.text.shorten import shortened

LONGEST_FIRST = 400  # characters
LONGEST_REST = 1_600
LONGEST_BEGIN = 200
MOST_LINES = 30
MESSAGE = 8_000  # characters of a message that are looked at
MOST_CAUSES = 4
NO_MESSAGE = " (without a message)"


@dataclass(frozen=True, slots=True)
class Reason:
    """``first`` is one line, "Type: message"; ``rest``, the lines after it, may be empty."""

    first: str
    rest: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """Return all of it: the first line, and the rest in lines of their own."""
        return "\n".join([self.first, *self.rest])

    @property
    def line(self) -> str:
        """Return all of it in one line."""
        return shortened(f" {BREAK} ".join([self.first, *(line.strip() for line in self.rest)]), LONGEST_FIRST)


# -- from a text ------------------------------------------------------------------------------------------------------

_PREFIXES = ("General Exception raised: ", "UDF failed with exception: ", "UDF unexpectedly failed with traceback:\n")
_HEADER = re.compile(r"(?:[\w.]+(?:\(\w*\))?: )?ray::[^\n]*\(pid=\d+")
_GROUP = "Exception Group Traceback (most recent call last):"
_GROUP_SAYS = re.compile(r"[\s|+]*((?:[\w.<>]+\.)?\w*(?:Exception)?Group: .*\(\d+ sub-exceptions?\))\s*")
_GROUP_HOLDS = re.compile(r"[\s|+]*\| ((?:[\w.<>]+\.)?[A-Za-z_]\w*(?:: .*)?)")
_CAUSED = "The above exception was the direct cause of the following exception:"
# "package.module.Type: message"; a type in a function is "function.<locals>.Type".
_TYPED = re.compile(r"(?:[\w<>]+\.)*([A-Za-z_]\w*)(?:\(([A-Za-z_]\w*)\))?(?::\s?|\s*$)", re.ASCII)
_QUALIFIED = re.compile(r"(?:[\w<>]+\.)+[A-Za-z_]\w*(?:\(\w+\))?: ?", re.ASCII)
_BY_PYTHON = re.compile(r"DaftError::PyO3Error (?:[\w<>]+\.)*([A-Za-z_]\w*)(?::\s?|\s*$)", re.ASCII)
_ROW = re.compile(r"\n\d+: DaftError::PyO3Error ")
_DAFT_NAME = re.compile(r"^(?:DaftError::\w+:? )+")
_CAUSES = re.compile(r"\n+Caused by the following errors:\n")


def reason_of_text(text: str) -> Reason:
    """Return the reason in an error's text; a text that is a reason already comes back as it is."""
    text = without_escapes(text)
    bare = text
    while bare.startswith(_PREFIXES):
        bare = bare[len(next(prefix for prefix in _PREFIXES if bare.startswith(prefix))) :]
    start = bare.lstrip()
    if start.startswith(("ray::", "+ " + _GROUP, "Traceback (most recent call last):\n")) and (
        bare is not text or start.startswith(("ray::", "+ "))
    ):
        return _of_traceback(start)
    if _QUALIFIED.match(bare) and "\n" not in bare[: bare.find(":")]:
        return _of_exception(bare)
    return _made("", bare)


def _of_traceback(text: str) -> Reason:
    """Return the reason from a traceback as Ray or Python prints it: its last exception's."""
    if _GROUP in text:
        return _of_group(text)
    blocks = re.split(rf"\n{_CAUSED}\n", text)
    found = _last_exception(blocks[-1])
    if _TYPED.match(found) and "UDFException: " in found.partition("\n")[0] and len(blocks) > 1:
        # Daft's own says which function; what that raised stands before it.
        cause = _of_exception(_last_exception(blocks[-2]))
        if "UDFException" not in cause.first:  # Ray leaves lines out: it may not stand there
            return Reason(cause.first, _bounded([*cause.rest, *_of_exception(found).text.split("\n")]))
    return _of_exception(found)


def _last_exception(text: str) -> str:
    """Return the lines of the last exception, "Type: message" and what follows, without the frames before it."""
    found = text.strip("\n").split("\n")
    begin = max((i for i, line in enumerate(found) if _HEADER.match(line)), default=-1)
    after = begin + 1
    while after < len(found) and (not found[after].strip() or found[after][0] in " \t" or _is_head(found[after])):
        after += 1
    if after < len(found):
        return "\n".join(found[after:])
    header = found[begin] if begin >= 0 else found[-1]  # frames alone: the head may say the type
    return header.partition("ray::")[0].rstrip(": ") or header


def _is_head(line: str) -> bool:
    return line.startswith("Traceback (most recent call last):")


def _of_exception(text: str) -> Reason:
    """Return the reason from "package.Type: message"."""
    typed = _TYPED.match(text)
    if typed is None:
        return _made("", text)
    return _made(typed[2] or typed[1], text[typed.end() :])


def _of_group(text: str) -> Reason:
    found = text.split("\n")
    begin = max(i for i, line in enumerate(found) if _GROUP in line)
    for place in range(begin + 1, len(found)):
        said = _GROUP_SAYS.fullmatch(found[place])
        if said is None:
            continue
        held = (_GROUP_HOLDS.fullmatch(line) for line in found[place + 1 :])
        rest = [_of_exception(line[1]).first for line in held if line is not None and not line[1].startswith("File ")]
        first = _of_exception(said[1]).first
        return Reason(first, tuple(rest[:MOST_LINES]))
    return _made("ExceptionGroup", "")


def _made(name: str, message: str) -> Reason:
    """Return the reason of an exception by its type's name ("" where it is not known) and its message."""
    message = message[:MESSAGE]
    if name in ("", "DaftCoreException", "RuntimeError") or message.startswith("DaftError::"):
        by_python = _BY_PYTHON.search(message) if "DaftError::" in message[:200] else None
        if by_python is not None:
            name, message = by_python[1], _of_rows(by_python[1], message[by_python.end() :])
        for prefix in _PREFIXES[-1:]:
            if message.startswith(prefix):
                return _of_traceback(message[len(prefix) :].lstrip())
    message = _DAFT_NAME.sub("", message)
    message = "" if message.strip() == "<no detail available>" else message
    told = [line for line in lines(redact(_with_causes(message))) if line.strip()]
    if not told:
        return Reason((name or "an exception") + NO_MESSAGE)
    first = told[0].strip()
    if first.endswith("parse error:") and told[-1].startswith("error: "):  # Rust's regex shows the place, then says why
        first = f"{first} {told.pop().removeprefix('error: ')}"
    first = f"{name}: {first}" if name else first
    return Reason(shortened(first, LONGEST_FIRST), _bounded(told[1:]))


def _of_rows(name: str, message: str) -> str:
    """Return the message of the first of the rows that failed, and those of the others where they say something else.

    Daft lists them: "0: DaftError::PyO3Error ValueError: a", "1: DaftError::PyO3Error ValueError: b".
    """
    first, *others = _ROW.split(message)
    told = dict.fromkeys(other.strip() for other in others)
    told.pop(f"{name}: {first}".strip(), None)
    return "\n".join([first, *list(told)[:MOST_LINES]])


def _with_causes(message: str) -> str:
    """Return the message with its last cause in the first line: "MiscTransient" alone does not say why."""
    parts = _CAUSES.split(message, maxsplit=1)
    if len(parts) < 2:
        return message
    causes = [re.sub(r"^\s*\d+: ", "", line) for line in parts[1].split("\n") if line.strip()]
    head = parts[0].strip()
    if causes and " " not in head:  # a kind of error, which the first cause says in words
        head = causes[0]
    if causes and causes[-1] not in head:
        head = f"{head}: {causes[-1]}"
    told = [cause for cause in causes if cause not in head]
    return "\n".join([head, "Caused by:", *(f"  {cause}" for cause in causes)]) if told else head


def _bounded(rest: list[str]) -> tuple[str, ...]:
    """Return as many lines as may travel with every keyframe."""
    found: list[str] = []
    room = LONGEST_REST
    for line in rest[:MOST_LINES]:
        line = shortened(line.rstrip(), LONGEST_FIRST)
        room -= len(line)
        if room < 0:
            return (*found, "…")
        found.append(line)
    return (*found, "…") if len(rest) > MOST_LINES and found[-1:] != ["…"] else tuple(found)


# -- from an exception ------------------------------------------------------------------------------------------------


def reason_of(error: BaseException) -> Reason:
    """Return an exception's reason, with what caused it; what only wraps the user's own exception is looked through."""
    return _reason(error, MOST_CAUSES)


def _reason(error: BaseException, depth: int) -> Reason:
    message = _message(error)
    name = type(error).__name__
    if name == "UDFException":
        original = getattr(error, "original_exception", None) or error.__cause__
        if isinstance(original, BaseException) and depth:
            reason = _reason(original, depth - 1)
            return Reason(reason.first, _bounded([*reason.rest, *_made(name, message).text.split("\n")]))
    if without_escapes(message[:200]).lstrip().startswith(("ray::", "+ " + _GROUP)):
        reason = reason_of_text(message)
        cause = getattr(error, "cause", None)
        if reason.first.endswith(NO_MESSAGE) and isinstance(cause, BaseException) and cause is not error and depth:
            reason = _reason(cause, depth - 1)
        return reason
    reason = _made(name, message)
    more = [line for note in getattr(error, "__notes__", ()) for line in lines(redact(str(note)[:MESSAGE]))]
    for held in _held(error)[:MOST_LINES]:
        if depth:
            more.append(_reason(held, depth - 1).first)
    if error.__cause__ is not None and depth:
        more.append("from " + _reason(error.__cause__, depth - 1).first)
    return Reason(reason.first, _bounded([*reason.rest, *more])) if more else reason


def _held(error: BaseException) -> tuple[BaseException, ...]:
    """Return the exceptions of a group; Python 3.10 has none by itself."""
    if not any(kind.__name__ == "BaseExceptionGroup" for kind in type(error).__mro__):
        return ()
    held = getattr(error, "exceptions", ())
    return tuple(each for each in held if isinstance(each, BaseException)) if isinstance(held, tuple) else ()


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as other:  # whatever an exception's own text may raise
        return f"its message cannot be read ({type(other).__name__})"


def describe_error(error: BaseException) -> str:
    """Return an exception in one line, "Type: message": for a place that has no room for more."""
    return reason_of(error).line


def first_line(error: BaseException) -> str:
    """Return how an exception's message begins, for a sentence that says what failed; its type where it has none."""
    return shortened((str(error).splitlines() or [type(error).__name__])[0], LONGEST_BEGIN)


def told_line(text: str) -> str:
    """Return an error's text, or any other, in one line; an engine's error by its reason."""
    return reason_of_text(text).line if "ray::" in text or text.startswith(_PREFIXES) else one_line(text)
