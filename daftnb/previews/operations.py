"""A view of a frame (filters, search, order, columns) as a chain of Daft expressions, and as code that makes the same.

Each part is made once in three forms that mean the same: the expression that runs, the Python text of it, and, where
Daft's SQL has it, SQL. Only the grammar's words and the frame's own names and types come in; a text that a page sent is
a value or nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from keyword import iskeyword
from typing import TYPE_CHECKING, Any

from daftnb.errors import DaftnbError
from daftnb.previews import grammar as g
from daftnb.previews.kinds import ORDERED, Kind, type_words
from daftnb.previews.table import Column
from daftnb.previews.values import Value, read
from daftnb.sql.literals import literal

if TYPE_CHECKING:
    from daft import DataFrame, Expression

_SIGNS = {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
_SQL_SIGNS = {"eq": "=", "ne": "<>", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
_MATCHES = {"contains": "contains", "starts": "startswith", "ends": "endswith"}
_SQL_MATCHES = {"contains": "contains", "starts": "starts_with", "ends": "ends_with"}
# Those that Daft casts to the text that their cells show.
SEARCHED: frozenset[Kind] = frozenset(("string", "integer", "decimal"))
MOST_SEARCHED = 500  # columns


@dataclass(frozen=True, slots=True)
class Part:
    """One condition, or one column, in its three forms."""

    expression: Expression
    python: str
    sql: str | None


@dataclass(frozen=True, slots=True)
class Plan:
    """A view, read: ``where`` is all conditions as one; ``order`` the sort keys, with whether each descends."""

    where: Part | None
    order: tuple[tuple[Part, bool], ...]

    @property
    def changes_rows(self) -> bool:
        """Whether it is not simply the frame."""
        return self.where is not None or bool(self.order)

    def of(self, frame: DataFrame) -> DataFrame:
        """The frame seen so, lazily."""
        if self.where is not None:
            frame = frame.where(self.where.expression)
        if self.order:
            frame = frame.sort(
                [part.expression for part, _ in self.order], desc=[descending for _, descending in self.order]
            )
        return frame


def plan_of(request: g.ViewRequest, columns: Sequence[Column]) -> Plan:
    """The view that a request asks for. Raises DaftnbError, in words, for one that cannot be."""
    conditions = [_condition(each, columns) for each in request.filters]
    if request.search:
        conditions.append(_search(request.search, columns))
    where = None
    for condition in conditions:
        where = condition if where is None else _both(where, condition)
    order = tuple((_sortable(each.column, columns), each.descending) for each in request.sort)
    return Plan(where, order)


def column_at(number: int, columns: Sequence[Column]) -> Column:
    """A column by number; DaftnbError if there is none."""
    if number >= len(columns):
        raise DaftnbError(f"There is no column {number}.", "")
    return columns[number]


def _named(number: int, columns: Sequence[Column]) -> tuple[Column, Part]:
    """A column that Daft can be told of by its name."""
    from daft import col

    column = column_at(number, columns)
    if column.name == "*":
        raise DaftnbError('Daft reads the name "*" as all columns.', "Give it another where it is made.")
    if not column.alone or column.dtype is None:
        what = f"More than one column is called {_short(column.name)!r}, and Daft cannot tell which is meant."
        raise DaftnbError(what, "Give each a name of its own where they are made.")
    return column, Part(col(column.name), f"col({column.name!r})", _sql_name(column.name))


def _short(name: str) -> str:
    return name if len(name) <= 60 else name[:59] + "…"


def _sql_name(name: str) -> str | None:
    quoted = name.replace('"', '""')
    return f'"{quoted}"' if name and name.isprintable() else None


def _sortable(number: int, columns: Sequence[Column]) -> Part:
    column, part = _named(number, columns)
    if column.kind not in ORDERED:
        raise DaftnbError(f"Daft cannot sort by a column of type {_type(column)}.", "Sort by another.")
    return part


def _type(column: Column) -> str:
    return "?" if column.dtype is None else type_words(column.dtype)


def _condition(asked: g.Filter, columns: Sequence[Column]) -> Part:
    column, part = _named(asked.column, columns)
    if isinstance(asked, g.Check):
        return _check(asked.op, column, part)
    if asked.op in _MATCHES:
        return _match(asked.op, asked.value, column, part)
    if column.kind == "boolean" and asked.op not in ("eq", "ne"):
        raise DaftnbError("True and false have no order.", "Compare for being equal.")
    value = read(asked.value, column)
    sql = None if part.sql is None or value.sql is None else f"{part.sql} {_SQL_SIGNS[asked.op]} {value.sql}"
    return Part(_compared(part.expression, asked.op, value), f"{part.python} {_SIGNS[asked.op]} {value.python}", sql)


def _compared(column: Expression, op: str, value: Value) -> Expression:
    other: Any = value.expression
    found: Any = {
        "eq": lambda: column == other,
        "ne": lambda: column != other,
        "lt": lambda: column < other,
        "le": lambda: column <= other,
        "gt": lambda: column > other,
        "ge": lambda: column >= other,
    }[op]()
    expression: Expression = found
    return expression


def _check(op: g.Test, column: Column, part: Part) -> Part:
    wanted: dict[str, tuple[Kind, ...]] = {"nan": ("float",), "true": ("boolean",), "false": ("boolean",)}
    if op in wanted and column.kind not in wanted[op]:
        raise DaftnbError(f"A column of type {_type(column)} is never {'NaN' if op == 'nan' else op}.", "")
    column_, python, sql = part.expression, part.python, part.sql
    match op:
        case "null":
            return Part(column_.is_null(), f"{python}.is_null()", sql and f"{sql} IS NULL")
        case "not_null":
            return Part(column_.not_null(), f"{python}.not_null()", sql and f"{sql} IS NOT NULL")
        case "nan":
            return Part(column_.is_nan(), f"{python}.is_nan()", sql and f"is_nan({sql})")
        case "true":
            return Part(column_, python, sql)
        case _:
            return Part(~column_, f"~{python}", sql and f"NOT {sql}")


def _match(op: str, text: str, column: Column, part: Part) -> Part:
    if column.kind not in SEARCHED:
        raise DaftnbError(
            f"Text cannot be looked for in a column of type {_type(column)}.", "Compare it, or look in another."
        )
    words = _as_text(column, part)
    expression: Any = getattr(words.expression, _MATCHES[op])(text)
    sql = words.sql and f"{_SQL_MATCHES[op]}({words.sql}, {literal(text)})"
    return Part(expression, f"{words.python}.{_MATCHES[op]}({text!r})", sql)


def _as_text(column: Column, part: Part) -> Part:
    from daft import DataType

    if column.kind == "string":
        return part
    return Part(
        part.expression.cast(DataType.string()),
        f"{part.python}.cast(DataType.string())",
        part.sql and f"cast({part.sql} as string)",
    )


def _search(text: str, columns: Sequence[Column]) -> Part:
    """Rows in which any column that is text or a whole or decimal number has it, whatever the case of its letters."""
    found = [
        _contains(column, text) for column in columns if column.kind in SEARCHED and column.alone and column.name != "*"
    ][:MOST_SEARCHED]
    if not found:
        raise DaftnbError("No column has text to look in.", "Filter a column by its value.")
    return _any(found)


def _contains(column: Column, text: str) -> Part:
    from daft import col

    part = Part(col(column.name), f"col({column.name!r})", _sql_name(column.name))
    words = _as_text(column, part)
    small = text.lower()
    # An OR of nulls would be null, and leave out what another column has.
    return Part(
        words.expression.lower().contains(small).fill_null(False),
        f"{words.python}.lower().contains({small!r}).fill_null(False)",
        words.sql and f"coalesce(contains(lower({words.sql}), {literal(small)}), false)",
    )


def _any(parts: list[Part]) -> Part:
    """An OR of all; as a tree of few levels, as Daft's own depth has a limit."""
    while len(parts) > 1:
        parts = [
            parts[i] if i + 1 == len(parts) else _joined(parts[i], "|", "OR", parts[i + 1])
            for i in range(0, len(parts), 2)
        ]
    return parts[0]


def _both(a: Part, b: Part) -> Part:
    return _joined(a, "&", "AND", b)


def _joined(a: Part, sign: str, word: str, b: Part) -> Part:
    expression: Any = a.expression & b.expression if sign == "&" else a.expression | b.expression
    sql = None if a.sql is None or b.sql is None else f"({a.sql}) {word} ({b.sql})"
    return Part(expression, f"({a.python}) {sign} ({b.python})", sql)


# -- columns, and code ------------------------------------------------------------------------------------------------


def selection(numbers: Sequence[int], columns: Sequence[Column]) -> list[Part] | None:
    """The columns shown, where they are not simply all as they are. Raises DaftnbError for one without a name."""
    if not numbers or list(numbers) == list(range(len(columns))):
        return None
    return [_named(number, columns)[1] for number in numbers]


def python_code(plan: Plan, shown: list[Part] | None, name: str) -> str:
    """Python that makes the view of the dataframe called ``name``."""
    steps = []
    if plan.where is not None:
        steps.append(f".where({plan.where.python})")
    if plan.order:
        keys = ", ".join(part.python for part, _ in plan.order)
        steps.append(f".sort([{keys}], desc={[descending for _, descending in plan.order]})")
    if shown is not None:
        steps.append(f".select({', '.join(part.python for part in shown)})")
    foreign = "import daft\nimport pyarrow\n" if name.startswith("daft.") else ""
    if not steps:
        return f"{foreign}\nview = {name}".strip()
    body = "".join(f"\n    {step}" for step in steps)
    imports = [each for each in ("DataType", "col", "lit") if f"{each}(" in body or f"{each}." in body]
    extra = foreign + "".join(f"import {module}\n" for module in ("datetime",) if f"{module}." in body)
    extra += "from decimal import Decimal\n" if "Decimal(" in body else ""
    return f"{extra}from daft import {', '.join(imports)}\n\nview = (\n    {name}{body}\n)"


def sql_code(plan: Plan, shown: list[Part] | None, name: str) -> str | None:
    """SQL that makes it, for ``daft.sql``; None where Daft's SQL has no exact form of a part."""
    parts: list[Part] = [*(shown or []), *(part for part, _ in plan.order), *([plan.where] if plan.where else [])]
    if any(part.sql is None for part in parts):
        return None
    text = f"SELECT {', '.join(str(part.sql) for part in shown) if shown else '*'} FROM {name}"
    if plan.where is not None:
        text += f"\nWHERE {plan.where.sql}"
    if plan.order:
        keys = ", ".join(f"{part.sql} {'DESC' if descending else 'ASC'}" for part, descending in plan.order)
        text += f"\nORDER BY {keys}"
    return text


def variable(name: str | None) -> str:
    """A name as it can stand in code: that of the frame if it is one, else ``df``."""
    return name if name is not None and name.isidentifier() and not iskeyword(name) else "df"


def names_of(numbers: Iterable[int], columns: Sequence[Column]) -> list[str]:
    """The names of columns by number."""
    return [column_at(number, columns).name for number in numbers]
