"""Makes a view (filters, search, order, columns) as a chain of Daft expressions, and as code for it.

Each part is made once in three forms that mean the same: the expression that runs, the Python text of it, and, where
Daft's SQL has it, SQL. Only the grammar's words and the frame's own names and types come in; a text that a page sent is
a value or nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from keyword import iskeyword
from typing import TYPE_CHECKING, Any

from daftnb.errors import DaftnbError
from daftnb.previews import grammar as g
from daftnb.previews.table import Column, type_words
from daftnb.previews.typed import Value
from daftnb.previews.values import read
from daftnb.previews.wire import PlainOperator
from daftnb.sql.literals import literal
from daftnb.text.shorten import shortened

if TYPE_CHECKING:
    from daft import DataFrame, Expression

_SIGNS = {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
_SQL_SIGNS = {"eq": "=", "ne": "<>", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
_MATCHES = {"contains": "contains", "starts": "startswith", "ends": "endswith"}
_SQL_MATCHES = {"contains": "contains", "starts": "starts_with", "ends": "ends_with"}
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
        """Return True if the view filters or sorts the frame."""
        return self.where is not None or bool(self.order)

    def of(self, frame: DataFrame) -> DataFrame:
        """Return the frame, filtered and sorted by this plan; nothing runs."""
        if self.where is not None:
            frame = frame.where(self.where.expression)
        if self.order:
            frame = frame.sort(
                [part.expression for part, _ in self.order], desc=[descending for _, descending in self.order]
            )
        return frame


def plan_of(request: g.ViewRequest, columns: Sequence[Column]) -> Plan:
    """Return the view that a request asks for. Raises DaftnbError, in words, for one that cannot be."""
    conditions = [_condition(each, columns) for each in request.filters]
    if request.search:
        conditions.append(_search(request.search, columns))
    where = None
    for condition in conditions:
        where = condition if where is None else _both(where, condition)
    order = tuple((_sortable(each.column, columns), each.descending) for each in request.sort)
    return Plan(where, order)


def column_at(number: int, columns: Sequence[Column]) -> Column:
    """Return a column by its number. Raises DaftnbError if there is none."""
    if number >= len(columns):
        raise DaftnbError(f"There is no column {number}.", "")
    return columns[number]


def _named(number: int, columns: Sequence[Column]) -> tuple[Column, Part]:
    """Return a column, and its name as a part. Raises DaftnbError where Daft cannot tell it by its name."""
    from daft import col

    column = column_at(number, columns)
    if column.name == "*":
        raise DaftnbError('Daft reads the name "*" as all columns.', "Give it another name where it is made.")
    if not column.alone or column.dtype is None:
        what = f"More than one column is called {shortened(column.name, 60)!r}, and Daft cannot tell which is meant."
        raise DaftnbError(what, "Give each a name of its own where they are made.")
    return column, Part(col(column.name), f"col({column.name!r})", _sql_name(column.name))


def _sql_name(name: str) -> str | None:
    quoted = name.replace('"', '""')
    return f'"{quoted}"' if name and name.isprintable() else None


def _sortable(number: int, columns: Sequence[Column]) -> Part:
    column, part = _named(number, columns)
    if not column.record.is_ordered:
        raise DaftnbError(f"Daft cannot sort by a column of type {_type(column)}.", "Sort by another column.")
    return part


def _type(column: Column) -> str:
    return "?" if column.dtype is None else type_words(column.dtype)


def _condition(asked: g.Filter, columns: Sequence[Column]) -> Part:
    column, part = _named(asked.column, columns)
    if isinstance(asked, g.Check):
        return _check(asked.op, column, part)
    if asked.op in _MATCHES:
        return _match(asked.op, asked.value, column, part)
    if column.record.no_less and asked.op not in ("eq", "ne"):
        raise DaftnbError(column.record.no_less, "Compare with = or ≠.")
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


def _check(op: PlainOperator, column: Column, part: Part) -> Part:
    if op not in ("null", "not_null") and op not in column.record.checks:
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
    if not _is_cast(column):
        raise DaftnbError(
            f"You cannot search for text in a column of type {_type(column)}.",
            "Compare its values, or search another column.",
        )
    words = _as_text(column, part)
    expression: Any = getattr(words.expression, _MATCHES[op])(text)
    sql = words.sql and f"{_SQL_MATCHES[op]}({words.sql}, {literal(text)})"
    return Part(expression, f"{words.python}.{_MATCHES[op]}({text!r})", sql)


def _is_cast(column: Column) -> bool:
    """Return True if Daft casts the column to the text that its cells show."""
    return column.record.search is not None and column.record.search.is_cast


def _as_text(column: Column, part: Part) -> Part:
    from daft import DataType

    if column.record.is_text:
        return part
    return Part(
        part.expression.cast(DataType.string()),
        f"{part.python}.cast(DataType.string())",
        part.sql and f"cast({part.sql} as string)",
    )


def _search(text: str, columns: Sequence[Column]) -> Part:
    """Return the condition that a cell of any column shows the text, in upper or lower case. A null shows none."""
    askable = [column for column in columns if column.record.search is not None and column.alone and column.name != "*"]
    askable = askable[:MOST_SEARCHED]
    if not askable:
        raise DaftnbError("No column has text to search.", "Filter a column by its value.")
    found = [_contains(column, text) for column in askable if _is_cast(column)]
    shown = [column for column in askable if not _is_cast(column) and _may_show(column, text)]
    if shown:
        found.append(_shows(shown, text))
    return _any(found) if found else _never()


def _never() -> Part:
    from daft import lit

    return Part(lit(False), "lit(False)", "false")


def _may_show(column: Column, text: str) -> bool:
    """Return True if cells of this kind can have all letters of the text: other columns need not be looked at."""
    search = column.record.search
    return search is not None and (search.letters is None or set(text.lower()) <= search.letters)


def _shows(columns: Sequence[Column], text: str) -> Part:
    from daft import col

    from daftnb.previews.searching import shows

    named = ", ".join(f"col({column.name!r})" for column in columns)
    expression = shows(text, *(col(column.name) for column in columns))
    return Part(expression, f"daftnb.shows({text!r}, {named})", None)


def _contains(column: Column, text: str) -> Part:
    from daft import col

    part = Part(col(column.name), f"col({column.name!r})", _sql_name(column.name))
    words = _as_text(column, part)
    wanted = _in_cell(column, text).lower()
    # An OR of nulls would be null, and leave out what another column has.
    return Part(
        words.expression.lower().contains(wanted).fill_null(False),
        f"{words.python}.lower().contains({wanted!r}).fill_null(False)",
        words.sql and f"coalesce(contains(lower({words.sql}), {literal(wanted)}), false)",
    )


def _in_cell(column: Column, text: str) -> str:
    """Return a typed text as the value has it: without commas in numbers, with line ends and tabs for their signs."""
    if column.record.is_text:
        return text.translate(_SIGNS_OF_CELLS)
    return text.replace(",", "") if _GROUPED.fullmatch(text) else text


_GROUPED = re.compile(r"-?\d{1,3}(,\d{3})+(\.\d*)?")
_SIGNS_OF_CELLS = str.maketrans({"⏎": "\n", "⇥": "\t"})


def _any(parts: list[Part]) -> Part:
    """Return an OR of all, as a tree of few levels, because Daft limits the depth of an expression."""
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
    """Return the columns shown; None where they are all, in the frame's order.

    Raises DaftnbError for a column that Daft cannot tell by its name.
    """
    if not numbers or list(numbers) == list(range(len(columns))):
        return None
    return [_named(number, columns)[1] for number in numbers]


def python_code(plan: Plan, shown: list[Part] | None, name: str, note: str = "") -> str:
    """Return Python that makes the view of the dataframe ``name``; ``note``: what a comment says of that name."""
    steps = []
    if plan.where is not None:
        steps.append(f".where({plan.where.python})")
    if plan.order:
        keys = ", ".join(part.python for part, _ in plan.order)
        steps.append(f".sort([{keys}], desc={[descending for _, descending in plan.order]})")
    if shown is not None:
        steps.append(f".select({', '.join(part.python for part in shown)})")
    comment = f"# {note}\n" if note else ""
    foreign = comment + _imports_of(name)
    if not steps:
        return f"{foreign}\nview = {name}".strip()
    body = "".join(f"\n    {step}" for step in steps)
    imports = [each for each in ("DataType", "col", "lit") if f"{each}(" in body or f"{each}." in body]
    extra = foreign + "".join(f"import {module}\n" for module in ("datetime",) if f"{module}." in body)
    extra += "import daftnb\n" if "daftnb.shows(" in body and "import daftnb\n" not in extra else ""
    extra += "from decimal import Decimal\n" if "Decimal(" in body else ""
    return f"{extra}from daft import {', '.join(imports)}\n\nview = (\n    {name}{body}\n)"


def _imports_of(spelled: str) -> str:
    """Return the imports that a preview's own spelling of a dataframe takes; what the user wrote has its own."""
    if spelled.startswith("daft.from_arrow(pyarrow."):
        return "import daft\nimport pyarrow\n"
    return "import daftnb\n" if spelled.startswith("daftnb.preview(") else ""


def sql_code(plan: Plan, shown: list[Part] | None, name: str) -> str | None:
    """Return SQL that makes the view, for ``daft.sql``; None where Daft's SQL has no exact form of a part."""
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
    """Return a name that can stand in code: that of the frame if it can, else ``df``."""
    return name if name is not None and name.isidentifier() and not iskeyword(name) else "df"
