"""Shows every option of Daft's that matters for tuning: as HTML without script, and as text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from daftnb.engine.executionconfig import Field
from daftnb.options.known import ACTOR, BEFORE_DAFT, FIELDS, INITIAL, KERNEL, NEXT_QUERY, NOT_KNOWN, OTHERS, VARIABLES
from daftnb.settings import SETTINGS, AutoscalingSettings
from daftnb.text.masking import masked
from daftnb.text.plain import printable
from daftnb.text.redaction import redact
from daftnb.text.tables import ROOT, Table, escape, table_html, table_text

NOT_SET = "not set"
NOTE = (
    "Set one by %daft set NAME=VALUE, put it back by %daft reset NAME. On the native runner, the driver reads all. "
    "Workers that run keep the variables of their start: for new ones, %daft stop, then %daft start or %daft connect."
)
MOST = 200  # rows of a table
COLUMNS = tuple((name, False) for name in ("option", "now", "default", "read by", "when it acts"))


@dataclass(frozen=True, slots=True)
class Option:
    """One row, in words; ``changed``: it is not at its default, as far as is known."""

    name: str
    now: str
    default: str
    where: str
    when: str
    changed: bool = False


class OptionTable:
    """All options, in groups.

    Attributes
    ----------
    groups
        By title, the rows.

    Parameters
    ----------
    groups
        By title, the rows.

    Examples
    --------
    >>> row = Option("x", "2", "1", "workers", "next query", True)
    >>> print(OptionTable({"Options": [row]}))  # doctest: +ELLIPSIS
    Options
    option  now  default  read by  when it acts
    x       2 *  1        workers  next query
    ...
    """

    def __init__(self, groups: Mapping[str, list[Option]]) -> None:
        self.groups = {title: rows for title, rows in groups.items() if rows}

    @classmethod
    def read(cls, environment: Mapping[str, str], fields: Mapping[str, Field]) -> OptionTable:
        """Return the options as they are.

        Parameters
        ----------
        environment
            Variables and their texts.
        fields
            The fields of Daft's execution config.

        Returns
        -------
        OptionTable
            Secrets are not in it.
        """
        return cls(
            {
                "Autoscaling settings (Ray)": _settings(environment),
                "Variables of the environment": [_variable(name, environment) for name in VARIABLES],
                "Fields of daft.set_execution_config": [_field(each, environment) for each in fields.values()],
                "Other variables of Daft's that are set": _others(environment),
            }
        )

    def _tables(self) -> dict[str, Table]:
        return {title: (COLUMNS, [_cells(row) for row in rows]) for title, rows in self.groups.items()}

    def _repr_html_(self) -> str:
        body = "".join(part for title, table in self._tables().items() for part in table_html(title, table, MOST))
        return f"{ROOT}{body}<p>{escape(_legend())}</p></div>"

    def __repr__(self) -> str:
        lines: list[str] = []
        for title, table in self._tables().items():
            lines += [*([""] if lines else []), title, *table_text(table, MOST)]
        return printable("\n".join([*lines, "", _legend()]))


def _legend() -> str:
    return f"* is not the default. {NOTE}"


def _cells(row: Option) -> list[str]:
    return [row.name, f"{row.now} *" if row.changed else row.now, row.default, row.where, row.when]


def _settings(environment: Mapping[str, str]) -> list[Option]:
    now, default = AutoscalingSettings.read(environment), AutoscalingSettings()
    return [
        Option(f"{name} ({each.env})", now.text(name), default.text(name), ACTOR, NEXT_QUERY,
               now.text(name) != default.text(name))
        for name, each in SETTINGS.items()
    ]  # fmt: skip


def _variable(name: str, environment: Mapping[str, str]) -> Option:
    variable = VARIABLES[name]
    text = environment.get(name)
    if variable.where == ACTOR and variable.why_not is not None:
        now, changed = NOT_KNOWN, False  # what stands in this process is not what was read there
    elif text is None:
        now, changed = NOT_SET, False
    elif not variable.is_understood(text):
        now, changed = f"{redact(masked(name, text))} (Daft ignores it)", False
    else:
        now, changed = redact(masked(name, text)), text != variable.default
    return Option(name, now, variable.default, variable.where, variable.when, changed)


def _field(field: Field, environment: Mapping[str, str]) -> Option:
    from daftnb.options import text_of

    where, when = FIELDS.get(field.name, (NOT_KNOWN, NOT_KNOWN))
    now, default = (NOT_KNOWN if told is None else redact(text_of(told[0])) for told in (field.value, field.default))
    initial = INITIAL.get(field.name)
    if initial is not None and initial in environment:
        when = f"{when} ({initial}: {BEFORE_DAFT})"
    changed = None not in (field.value, field.default) and field.value != field.default
    return Option(field.name, now, default, where, when, changed)


def _others(environment: Mapping[str, str]) -> list[Option]:
    known = {*VARIABLES, *(each.env for each in SETTINGS.values())}
    names = sorted(name for name in environment if name.startswith("DAFT_") and name not in known)
    at_start = {variable: (KERNEL, BEFORE_DAFT) for variable in INITIAL.values()}
    return [
        Option(name, redact(masked(name, environment[name])), NOT_KNOWN,
               *{**OTHERS, **at_start}.get(name, (NOT_KNOWN, NOT_KNOWN)))
        for name in names
    ]  # fmt: skip
