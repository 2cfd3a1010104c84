"""Writes the page's types and limits from the kernel's: run ``python -m daftnb.frontend.write_types``.

``daftnb/telemetry/wire.py`` and ``daftnb/previews/wire.py`` are read as text, not imported. A TypedDict becomes an
interface, an alias a type, a Literal a union, ``X | None`` is ``X | null``, and a key that may be missing has a ``?``.
``Annotated[list[...], tuple[...]]`` is the tuple. Docstrings and ``#:`` comments go along. What stands below the line
``BY_HAND`` of a file is kept. The files are committed, so that the build needs no Python; tests/pure/test_wire.py
compares them.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = Path(__file__).parent / "src"
BY_HAND = "// -- written by hand from here on --"
WIDTH = 120
PLAIN = {"str": "string", "int": "number", "float": "number", "bool": "boolean", "object": "unknown", "Any": "unknown"}
# A file of the page's types, and the module that they are of; both are named from the repository's root.
TYPES = {"snapshot.ts": "daftnb/telemetry/wire.py", "preview/wire.ts": "daftnb/previews/wire.py"}
LIMITS = {"limits.ts": ("daftnb/text/limits.py", "daftnb/telemetry/limits.py", "daftnb/previews/limits.py")}


@dataclass(frozen=True, slots=True)
class Key:
    """A key of a TypedDict."""

    name: str
    type: ast.expr
    optional: bool
    about: str


def typescript(source: str) -> str:
    """Return the TypeScript of a module of TypedDicts and aliases, in their order."""
    tree = ast.parse(source)
    comments = _comments(source)
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    listed = _listed(tree)
    parts = []
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            parts.append(_interface(node, classes, comments))
        elif isinstance(node, ast.AnnAssign) and ast.unparse(node.annotation) == "TypeAlias":
            parts.append(_alias(node, listed, comments))
        elif isinstance(node, ast.Assign) and ast.unparse(node.value).startswith("TypedDict("):
            parts.append(_functional(node, comments))
    return "\n".join(parts)


def constants(source: str) -> str:
    """Return the TypeScript of a module of numbers that are Final."""
    comments = _comments(source)
    lines = []
    for node in ast.parse(source).body:
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.annotation) == "Final":
            value = ast.literal_eval(node.value)
            text = f"{value:_}" if isinstance(value, int) else f"{value:g}"
            lines += [*_about(comments.get(node.lineno, ""), ""), f"export const {ast.unparse(node.target)} = {text};"]
    return "\n".join(lines) + "\n"


def _comments(source: str) -> dict[int, str]:
    """Return the ``#:`` comment above a line, by that line's number."""
    found, lines = {}, []
    for number, line in enumerate(source.splitlines(), 1):
        if line.lstrip().startswith("#: "):
            lines.append(line.lstrip()[3:])
        elif lines:
            found[number] = " ".join(lines)
            lines = []
    return found


def _listed(tree: ast.Module) -> dict[str, str]:
    """Return the names of aliases whose words the page needs as a list, and each list's name.

    A list is written as ``KINDS: Final = get_args(Kind)``.
    """
    return {
        ast.unparse(node.value.args[0]): ast.unparse(node.target)
        for node in tree.body
        if isinstance(node, ast.AnnAssign)
        and isinstance(node.value, ast.Call)
        and ast.unparse(node.value.func) == "get_args"
    }


def _about(text: str, indent: str) -> list[str]:
    """Return a comment, in the words of TypeScript."""
    if not text:
        return []
    text = re.sub(r"\bNone\b", "null", text.replace("``", "`"))
    line = f"{indent}/** {text} */"
    if len(line) <= WIDTH:
        return [line]
    lines = [f"{indent}/**"]
    for word in text.split():
        if lines[-1] == f"{indent}/**" or len(lines[-1]) + 1 + len(word) > WIDTH:
            lines.append(f"{indent} *")
        lines[-1] += f" {word}"
    return [*lines, f"{indent} */"]


def _keys(node: ast.ClassDef, comments: dict[int, str]) -> Iterator[Key]:
    optional = any(keyword.arg == "total" and ast.unparse(keyword.value) == "False" for keyword in node.keywords)
    for part in node.body:
        if isinstance(part, ast.AnnAssign):
            yield Key(ast.unparse(part.target), part.annotation, optional, comments.get(part.lineno, ""))


def _interface(node: ast.ClassDef, classes: dict[str, ast.ClassDef], comments: dict[int, str]) -> str:
    """Return the interface of a TypedDict.

    Bases whose names begin with ``_`` are no interfaces of their own: their keys come first.
    """
    keys, extended = [], []
    for base in map(ast.unparse, node.bases):
        if base.startswith("_"):
            keys += list(_keys(classes[base], comments))
        elif base != "TypedDict":
            extended.append(base)
    keys += list(_keys(node, comments))
    return _written(node.name, extended, keys, ast.get_docstring(node) or "")


def _functional(node: ast.Assign, comments: dict[int, str]) -> str:
    """Return the interface of a TypedDict with a key that is a keyword of Python."""
    assert isinstance(node.value, ast.Call) and isinstance(node.value.args[1], ast.Dict)
    fields = node.value.args[1]
    keys = [Key(ast.literal_eval(key), value, False, "") for key, value in zip(fields.keys, fields.values, strict=True)]
    return _written(ast.unparse(node.targets[0]), [], keys, comments.get(node.lineno, ""))


def _written(name: str, extended: list[str], keys: list[Key], about: str) -> str:
    extends = f" extends {', '.join(extended)}" if extended else ""
    lines = [*_about(" ".join(about.split()), ""), f"export interface {name}{extends} {{"]
    for key in keys:
        begin = f"  {key.name}{'?' if key.optional else ''}:"
        lines += [*_about(key.about, "  "), *_fitted(begin, _union(key.type), "    ")]
    return "\n".join([*lines, "}", ""])


def _alias(node: ast.AnnAssign, listed: dict[str, str], comments: dict[int, str]) -> str:
    name, about = ast.unparse(node.target), _about(comments.get(node.lineno, ""), "")
    assert node.value is not None
    parts = _union(node.value)
    if name not in listed:
        return "\n".join([*about, *_fitted(f"export type {name} =", parts, "  "), ""])
    values = f"export const {listed[name]} = [{', '.join(parts)}] as const;"
    lines = [values] if len(values) <= WIDTH else [
        f"export const {listed[name]} = [", *(f"  {part}," for part in parts), "] as const;",
    ]  # fmt: skip
    return "\n".join([*lines, *about, f"export type {name} = (typeof {listed[name]})[number];", ""])


def _fitted(begin: str, parts: list[str], indent: str) -> list[str]:
    """Return a union in one line, or a line for each of its parts, as Biome writes it."""
    line = f"{begin} {' | '.join(parts)};"
    if len(line) <= WIDTH:
        return [line]
    if len(parts) == 1:
        raise ValueError(f"too long for a line: {line}")
    return [begin, *(f"{indent}| {part}" for part in parts[:-1]), f"{indent}| {parts[-1]};"]


def _union(type_: ast.expr) -> list[str]:
    """Return the parts of a union; one, where it is none."""
    if isinstance(type_, ast.BinOp):
        return [*_union(type_.left), *_union(type_.right)]
    if isinstance(type_, ast.Subscript) and ast.unparse(type_.value) == "Literal":
        words = type_.slice.elts if isinstance(type_.slice, ast.Tuple) else [type_.slice]
        return [f'"{ast.literal_eval(word)}"' for word in words]
    return [_one(type_)]


def _one(type_: ast.expr) -> str:
    if isinstance(type_, ast.Constant):
        return "null" if type_.value is None else _one(ast.parse(type_.value, mode="eval").body)
    if not isinstance(type_, ast.Subscript):
        name = ast.unparse(type_)
        return PLAIN.get(name, name)
    parts = type_.slice.elts if isinstance(type_.slice, ast.Tuple) else [type_.slice]
    match ast.unparse(type_.value):
        case "list":
            inner = _union(parts[0])
            return f"{inner[0]}[]" if len(inner) == 1 else f"({' | '.join(inner)})[]"
        case "dict":
            return f"Record<string, {' | '.join(_union(parts[1]))}>"
        case "tuple":
            return f"[{', '.join(' | '.join(_union(part)) for part in parts)}]"
        case "Annotated":
            return _one(parts[1])
    raise ValueError(f"no TypeScript for {ast.unparse(type_)}")


def written() -> dict[Path, str]:
    """Return every file, as it is to be."""
    found = {}
    for name, source in TYPES.items():
        path = SOURCES / name
        _, line, rest = path.read_text().partition(BY_HAND)
        assert line, f"{path} has no line {BY_HAND!r}"
        found[path] = f"{_head(source)}\n{typescript((ROOT / source).read_text())}\n{line}{rest}"
    for name, sources in LIMITS.items():
        parts = (constants((ROOT / source).read_text()) for source in sources)
        found[SOURCES / name] = f"{_head(*sources)}\n{''.join(parts)}"
    return found


def _head(*sources: str) -> str:
    last = f" and {sources[-1]}" if len(sources) > 1 else ""
    names = ", ".join(sources[:-1] or sources) + last
    return f"// Written from {names}:\n// make changes there, then run python -m daftnb.frontend.write_types\n"


if __name__ == "__main__":
    for path, text in written().items():
        path.write_text(text)
        print(path.relative_to(ROOT))
