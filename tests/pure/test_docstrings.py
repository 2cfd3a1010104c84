"""Docstrings say what a function takes, returns and raises: read from the sources, as they stand."""

from __future__ import annotations

import ast
import builtins
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest

import daftnb

PACKAGE = Path(daftnb.__file__).parent
NOT_OURS = PACKAGE / "frontend"  # runs in the build
Function = ast.FunctionDef | ast.AsyncFunctionDef


class Documented(NamedTuple):
    """A function or a class, with the names of what it is in."""

    name: str
    node: Function | ast.ClassDef


def public(tree: ast.Module | ast.ClassDef, before: str = "") -> Iterator[Documented]:
    """Give the public functions and classes of a module or a class, and what is public in those."""
    for node in tree.body:
        if isinstance(node, Function | ast.ClassDef) and not node.name.startswith("_"):
            yield Documented(before + node.name, node)
            if isinstance(node, ast.ClassDef):
                yield from public(node, f"{before}{node.name}.")


def sources() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        if NOT_OURS not in path.parents:
            yield str(path.relative_to(PACKAGE.parent)), ast.parse(path.read_text())


EVERYTHING = [Documented(f"{file}:{found.name}", found.node) for file, tree in sources() for found in public(tree)]


def exported() -> Iterator[Documented]:
    """Give what users can import from daftnb: functions, the functions of its modules, and what its classes have."""
    for value in (getattr(daftnb, name) for name in daftnb.__all__):
        if isinstance(value, ModuleType):
            yield from (
                found for found in EVERYTHING if found.name.startswith(f"{value.__name__.replace('.', '/')}.py:")
            )
            continue
        homes = value.__mro__ if inspect.isclass(value) else [value]
        for home in homes:
            module, name = home.__module__, home.__qualname__
            if module == daftnb.__name__:
                module = "daftnb.__init__"
            wanted = f"{module.replace('.', '/')}.py:{name}"
            for found in EVERYTHING:
                if found.name == wanted or found.name.startswith(f"{wanted}."):
                    yield found


EXPORTED = list(dict.fromkeys(exported()))


def sections(docstring: str) -> dict[str, list[str]]:
    """Return the entries of a docstring's numpydoc sections; ``a, b`` on one line are two."""
    found: dict[str, list[str]] = {}
    entries: list[str] = []
    lines = docstring.splitlines()
    for line, rule in zip(lines, [*lines[1:], ""], strict=True):
        if rule and set(rule) == {"-"} and len(rule) == len(line):
            entries = found[line] = []
        elif line and not line.startswith(" ") and set(line) != {"-"}:
            entries += [each.strip().lstrip("*") for each in line.split(",")]
    return found


def parameters(function: Function) -> list[str]:
    """Return the names of what a caller gives, in order."""
    takes = function.args
    star = [takes.vararg] if takes.vararg else []
    stars = [takes.kwarg] if takes.kwarg else []
    names = [each.arg for each in (*takes.posonlyargs, *takes.args, *star, *takes.kwonlyargs, *stars)]
    return names[1:] if names[:1] in (["self"], ["cls"]) else names


def gives(function: Function) -> bool:
    """Return True for a function that returns or yields something that a caller uses."""
    returns = "" if function.returns is None else ast.unparse(function.returns)
    if any(ast.unparse(each) == "contextmanager" for each in function.decorator_list):
        return returns not in ("Iterator[None]", "Generator[None, None, None]")
    return returns not in ("", "None")


def raised(function: Function) -> set[str]:
    """Return the exception classes that leave a function by a ``raise`` of its own body."""
    return set().union(*(_raised(statement, ()) for statement in function.body))


def _raised(node: ast.AST, caught: tuple[str, ...]) -> set[str]:
    if isinstance(node, Function | ast.ClassDef | ast.Lambda):
        return set()
    if isinstance(node, ast.Raise) and node.exc is not None:
        named = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
        name = ast.unparse(named).rpartition(".")[2]
        is_class = bool(re.match(r"_?[A-Z]", name))
        return {name} if is_class and not any(_is_a(name, each) for each in caught) else set()
    if isinstance(node, ast.Try):
        here = tuple(name for handler in node.handlers for name in _names(handler.type))
        inside = [_raised(each, (*caught, *here)) for each in node.body]
        around = [_raised(each, caught) for each in (*node.handlers, *node.orelse, *node.finalbody)]
        return set().union(*inside, *around)
    return set().union(*(_raised(each, caught) for each in ast.iter_child_nodes(node)))


def _names(kind: ast.expr | None) -> list[str]:
    if kind is None:
        return ["BaseException"]
    kinds = kind.elts if isinstance(kind, ast.Tuple) else [kind]
    return [ast.unparse(each).rpartition(".")[2] for each in kinds]


def _is_a(name: str, other: str) -> bool:
    one, two = getattr(builtins, name, None), getattr(builtins, other, None)
    both = isinstance(one, type) and isinstance(two, type)
    return name == other or (both and issubclass(one, two)) or other in ("Exception", "BaseException")  # type: ignore[arg-type]


def problems(found: Documented) -> list[str]:
    """Return what a docstring does not say, or says of what there is not."""
    docstring = ast.get_docstring(found.node)
    if docstring is None:
        return ["no docstring"]
    if isinstance(found.node, ast.ClassDef):
        return []
    said = sections(docstring)
    takes, listed = parameters(found.node), said.get("Parameters", [])
    wrong = [] if takes == listed else [f"takes {takes}, and lists {listed}"]
    says = "Returns" in said or "Yields" in said or docstring.startswith(("Return ", "Yield "))
    if gives(found.node) and not says:
        wrong.append("does not say what it returns")
    if not gives(found.node) and "Returns" in said:
        wrong.append("says what it returns, and returns nothing")
    wrong += [f"raises {name}, and does not list it" for name in sorted(raised(found.node) - {*said.get("Raises", [])})]
    return wrong


@pytest.mark.parametrize("found", EXPORTED, ids=lambda found: found.name)
def test_what_users_import_is_described_in_full(found: Documented) -> None:
    assert problems(found) == []


def test_all_that_users_import_is_looked_at() -> None:
    names = {found.name.partition(":")[2] for found in EXPORTED}
    assert {*daftnb.__all__} - {"options", "settings"} <= names
    assert {"set", "Setting.parse", "Session.cancel", "Recording.snapshot", "View.show", "DaftnbError.lines"} <= names


def test_what_a_docstring_lists_is_there() -> None:
    """In all modules, also of what users do not import."""
    misfits = {}
    for name, node in EVERYTHING:
        said = sections(ast.get_docstring(node) or " ")
        listed = said.get("Parameters")
        if listed is not None and not isinstance(node, ast.ClassDef) and listed != parameters(node):
            misfits[name] = f"lists {listed}"
        odd = [each for each in said.get("Attributes", []) if not each.isidentifier()]
        if odd:
            misfits[name] = f"has attributes {odd}"
    assert misfits == {}


GOOD = '''
def f(a, *b, c=1, **d) -> int:
    """Do it.

    Parameters
    ----------
    a, b
        One.
    c
        Another.
    d
        More.

    Returns
    -------
    int
        Something.

    Raises
    ------
    KeyError
        If not.
    """
    try:
        raise IndexError
    except LookupError:
        raise KeyError("no") from None
    def g():
        raise ValueError
'''


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("Do it.", "Do it.", []),
        ("    a, b\n", "    a\n", ["takes ['a', 'b', 'c', 'd'], and lists ['a', 'c', 'd']"]),
        ("    c\n", "    e\n", ["takes ['a', 'b', 'c', 'd'], and lists ['a', 'b', 'e', 'd']"]),
        ("Returns\n    -------\n    int\n", "Gives\n    -----\n    int\n", ["does not say what it returns"]),
        ("-> int", "-> None", ["says what it returns, and returns nothing"]),
        ("    KeyError\n", "    TypeError\n", ["raises KeyError, and does not list it"]),
        ("except LookupError", "except OSError", ["raises IndexError, and does not list it"]),
    ],
)
def test_what_is_found(before: str, after: str, expected: list[str]) -> None:
    assert before in GOOD
    (found,) = public(ast.parse(GOOD.replace(before, after, 1)))
    assert problems(found) == expected
