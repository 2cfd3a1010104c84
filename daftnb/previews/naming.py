"""Finds how a dataframe is written in code: its variable, a path to it (``obj.df``, ``d["k"]``), or an expression.

A name is only used while it still stands for the very dataframe that is shown. Nothing of the user's is run to find it:
attributes and items are looked up where they lie, without properties or ``__getitem__`` of classes.
"""

from __future__ import annotations

import ast
import inspect
import re
import weakref
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

PLACEHOLDER = "your_dataframe"
MOST_ITEMS = 1_000  # of a list or a dict that is looked through
_OUTPUT = re.compile(r"_\d+")  # IPython's names of a cell's output,
_TRANSIENT = re.compile(r"_{1,3}|_i{1,3}|_i\d+|_ih|_oh|_dh|In|Out|exit|quit|get_ipython")  # and those that change
_ITEMS = (dict, list, tuple)
_NOT_THERE = object()
_PRIMARY = ast.Call | ast.Attribute | ast.Subscript | ast.List | ast.Dict | ast.ListComp


@dataclass(frozen=True, slots=True)
class Spelling:
    """``text``: Python for the dataframe; ``is_name``: a variable's name; ``note``: what is to be said of it, or ""."""

    text: str
    is_name: bool = False
    note: str = ""


class Naming:
    """Finds how to spell ``value``, when it is displayed and again whenever code is asked for.

    ``text``: how the user spelled it, if known. ``variables`` gives the notebook's. ``again``: whether it can give its
    rows once more; a reader that the preview has used up cannot.
    """

    def __init__(
        self,
        value: Any,
        text: str | None = None,
        variables: Callable[[], Mapping[str, Any]] | None = None,
        cell: str = "",
        again: bool = True,
    ) -> None:
        self._text = text
        self._variables = variables or notebook_variables
        self._again = again and value is not None
        try:
            self._value: Callable[[], Any] = weakref.ref(value)
        except TypeError:  # a list or a dict: it is kept
            self._value = lambda: value
        self._found = next(iter(_paths_in(cell, value, self._variables())), None) if value is not None else None

    def spelling(self) -> Spelling:
        """Return how code is to spell the value now."""
        value, variables = self._value(), self._variables()
        if not self._again:
            return Spelling(PLACEHOLDER, True, f"{PLACEHOLDER} is a placeholder: keep its rows in a variable first.")
        if value is not None:
            for text in (self._text, self._found):
                if text and not _TRANSIENT.fullmatch(text) and at_path(text, variables) is value:
                    return Spelling(text, text.isidentifier())
            named = _named(value, variables)
            if named is not None:
                return Spelling(named, named.isidentifier(), _output_note(named) if _OUTPUT.fullmatch(named) else "")
        if self._text and _is_expression(self._text):
            return Spelling(_closed(self._text))
        if self._text and self._text.isidentifier() and self._text not in variables:
            return Spelling(self._text, True, f"{self._text} is a placeholder: there is no variable of that name.")
        return Spelling(
            PLACEHOLDER, True, f"{PLACEHOLDER} is a placeholder: put the name of your dataframe in its place."
        )


def _output_note(name: str) -> str:
    return f"{name} is a placeholder, this cell's output: the dataframe has no name. Give it one, and put that here."


def notebook_variables() -> dict[str, Any]:
    """Return the variables of the notebook; none outside one."""
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    return {} if shell is None else shell.user_ns


def current_cell() -> str:
    """Return the source of the cell that runs, as IPython has it; empty outside one."""
    inputs = notebook_variables().get("_ih") or [""]
    return str(inputs[-1])


def shown_by(kind: type, method: str) -> Any:
    """Return the object whose ``method`` displays what is displayed now; None where it is not on the stack."""
    code = getattr(inspect.unwrap(getattr(kind, method)), "__code__", None)
    frame = inspect.currentframe()
    while frame is not None:
        if frame.f_code is code:
            return frame.f_locals.get("self")
        frame = frame.f_back
    return None


# -- paths ------------------------------------------------------------------------------------------------------------


def at_path(text: str, variables: Mapping[str, Any]) -> Any:
    """Return what a path such as ``obj.parts["a"]`` stands for; where it leads nowhere, an object that is no other."""
    try:
        return _at(ast.parse(text, mode="eval").body, variables)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return _NOT_THERE


def _at(node: ast.AST, variables: Mapping[str, Any]) -> Any:
    if isinstance(node, ast.Name):
        return variables.get(node.id, _NOT_THERE)
    if isinstance(node, ast.Attribute):
        owner = _at(node.value, variables)
        found = _NOT_THERE if owner is _NOT_THERE else inspect.getattr_static(owner, node.attr, _NOT_THERE)
        if type(found).__name__ == "member_descriptor":  # of __slots__
            return getattr(owner, node.attr, _NOT_THERE)
        return found
    if isinstance(node, ast.Subscript):
        owner, key = _at(node.value, variables), _key(node.slice)
        if type(owner) is dict and key is not _NOT_THERE:
            return owner.get(key, _NOT_THERE) if _is_plain_key(key) else _NOT_THERE
        if type(owner) in (list, tuple) and type(key) is int and -len(owner) <= key < len(owner):
            return owner[key]
    return _NOT_THERE


def _key(node: ast.AST) -> Any:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant):
        return -node.operand.value if type(node.operand.value) is int else _NOT_THERE
    return node.value if isinstance(node, ast.Constant) else _NOT_THERE


def _is_plain_key(key: Any) -> bool:
    return type(key) in (str, int, bool, float, bytes, type(None))


def _paths_in(source: str, value: Any, variables: Mapping[str, Any]) -> Iterator[str]:
    """Yield the paths in a source that stand for the value; those that are written last come first."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Name | ast.Attribute | ast.Subscript)]
    for node in sorted(nodes, key=lambda each: (-each.lineno, -each.col_offset)):
        text = ast.unparse(node)
        if not _TRANSIENT.fullmatch(text) and _at(node, variables) is value:
            yield text


def _named(value: Any, variables: Mapping[str, Any]) -> str | None:
    """Return the variable that holds the value, else an item of one, else a cell's output; None if there is none."""
    entries = list(variables.items())
    named = [name for name, each in entries if each is value and name.isidentifier()]
    for name in named:
        if not _TRANSIENT.fullmatch(name) and not _OUTPUT.fullmatch(name):
            return name
    for name, owner in entries:
        if type(owner) in _ITEMS and not name.startswith("_") and not _TRANSIENT.fullmatch(name):
            pairs = owner.items() if type(owner) is dict else enumerate(owner)
            for key, each in islice(pairs, MOST_ITEMS):
                if each is value and _is_plain_key(key):
                    return f"{name}[{key!r}]"
    return next((name for name in named if _OUTPUT.fullmatch(name)), None)


def _is_expression(text: str) -> bool:
    """Return True for Python that is more than a name or a constant."""
    try:
        return not isinstance(ast.parse(text, mode="eval").body, ast.Name | ast.Constant)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False


def _closed(text: str) -> str:
    """Return an expression as one that a method can be called on: in parentheses where it needs them."""
    text = text.strip()
    return text if isinstance(ast.parse(text, mode="eval").body, _PRIMARY) else f"({text})"
