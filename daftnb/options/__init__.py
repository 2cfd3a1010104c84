"""Daft's options beside the autoscaling settings: variables that it reads, and fields of its execution config.

A variable's home is ``os.environ``, as that of the settings is; a field's is Daft's own context. Those that Daft reads
in its workers are given to each worker that starts (:mod:`daftnb.engine.actor.warm`): a worker that runs keeps what it
has.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from daftnb import blocks
from daftnb.engine import executionconfig
from daftnb.engine.executionconfig import Field
from daftnb.errors import SettingError
from daftnb.options.known import FIELDS, INITIAL, NOT_KNOWN, VARIABLES, Variable
from daftnb.settings import SETTINGS
from daftnb.text.parsing import parse_bool, parse_integer, parse_number
from daftnb.text.reasons import describe_error
from daftnb.text.spelling import nearest, shown

if TYPE_CHECKING:
    from daftnb.options.listing import OptionTable

_LARGEST_INTEGER = 2**63 - 1
_FIELD_OF = {variable: field for field, variable in INITIAL.items()}


def names() -> list[str]:
    """Return the names of all options that may be set: variables, then fields.

    Returns
    -------
    list[str]
        Names, as they are typed.

    Examples
    --------
    >>> "DAFT_MEMORY_LIMIT" in names() and "default_morsel_size" in names()
    True
    """
    return [*(name for name, each in VARIABLES.items() if each.why_not is None), *executionconfig.fields()]


def find(name: str) -> Variable | Field:
    """Return the option of that name, with its value now where it is a field.

    Parameters
    ----------
    name
        A variable or a field; the case is free, and so are hyphens.

    Returns
    -------
    Variable | Field
        What is known of it.

    Raises
    ------
    SettingError
        If there is none, or it is a variable that is a field's value at the start alone.

    Examples
    --------
    >>> find("default-morsel-size").kind
    'whole number'
    """
    spelled = name.strip().replace("-", "_")
    upper, lower = spelled.upper(), spelled.lower()
    if upper in VARIABLES:
        return VARIABLES[upper]
    fields = executionconfig.fields()
    if lower in fields:
        return fields[lower]
    if upper in _FIELD_OF:
        field = _FIELD_OF[upper]
        raise SettingError(
            f"{upper} is read once, when Daft is first used: for the next query there is the field {field}.",
            f"Try %daft set {field}=…",
        )
    near = nearest(spelled, [*SETTINGS, *VARIABLES, *fields])
    raise SettingError(
        f"There is no setting {shown(name)}.",
        f"Try %daft set {near}=…" if near else "Try %daft settings --all",
    )


def check(**values: object) -> tuple[dict[str, str], dict[str, Any]]:
    """Return variables and fields, by name, as they would be set; set nothing.

    Parameters
    ----------
    values
        Options by name; a value may be anything whose text means one.

    Returns
    -------
    tuple[dict[str, str], dict[str, Any]]
        Variables with their texts, and fields with their values.

    Raises
    ------
    SettingError
        If there is no such option, or one cannot have its value.

    Examples
    --------
    >>> check(DAFT_MEMORY_LIMIT=1000, maintain_order="off")
    ({'DAFT_MEMORY_LIMIT': '1000'}, {'maintain_order': False})
    """
    variables: dict[str, str] = {}
    fields: dict[str, Any] = {}
    for name, value in values.items():
        option = find(name)
        if isinstance(option, Variable):
            variables[option.name] = _variable_text(option, str(value))
        else:
            fields[option.name] = _field_value(option, value)
    return variables, fields


def set(**values: object) -> None:
    """Set options by name, variables and fields alike. They stay when a watched block ends.

    Parameters
    ----------
    values
        Options by name (``default_morsel_size=1000``, ``DAFT_MEMORY_LIMIT="8000000000"``).

    Raises
    ------
    SettingError
        If one is wrong; none of them is set then.

    Examples
    --------
    >>> set(default_morsel_size=1000)
    >>> value("default_morsel_size")
    '1000'
    >>> reset("default_morsel_size")
    >>> set(default_morsel_size="many")
    Traceback (most recent call last):
        ...
    daftnb.errors.SettingError: default_morsel_size cannot be 'many': it is not a whole number. Try %daft set default_morsel_size=131072
    """  # noqa: E501
    variables, fields = check(**values)
    try:
        if fields:  # these first: Daft may refuse one
            executionconfig.set_fields(fields)
    except (ValueError, TypeError, OverflowError) as error:
        given = ", ".join(f"{name}={shown(text_of(each))}" for name, each in fields.items())
        raise SettingError(
            f"Daft does not take {given}: {describe_error(error)}.", "Try %daft settings --all"
        ) from None
    blocks.put(variables, in_block=False)


def value(name: str) -> str | None:
    """Return what an option is now, as text.

    Parameters
    ----------
    name
        A variable or a field.

    Returns
    -------
    str | None
        Its value; None where the variable is not set, or Daft does not tell the field's.

    Raises
    ------
    SettingError
        If there is no such option.

    Examples
    --------
    >>> value("shuffle_algorithm")
    'auto'
    """
    option = find(name)
    if isinstance(option, Variable):
        return blocks.environment().get(option.name)
    return None if option.value is None else text_of(option.value[0])


def acts(name: str) -> str:
    """Return when a change of an option acts, in words.

    Parameters
    ----------
    name
        A variable or a field.

    Returns
    -------
    str
        ``next query``, ``new workers`` and the like; ``not known`` where it is not.

    Raises
    ------
    SettingError
        If there is no such option.

    Examples
    --------
    >>> acts("default_morsel_size")
    'next query'
    """
    option = find(name)
    return option.when if isinstance(option, Variable) else FIELDS.get(option.name, (NOT_KNOWN, NOT_KNOWN))[1]


def reset(*names: str) -> None:
    """Unset these variables, and give these fields Daft's default.

    Parameters
    ----------
    names
        Variables and fields.

    Raises
    ------
    SettingError
        For a name that there is not, or a field whose default Daft does not tell; none is reset then.

    Examples
    --------
    >>> set(sample_size_for_sort=5)
    >>> reset("sample_size_for_sort")
    >>> value("sample_size_for_sort")
    '20'
    """
    variables: dict[str, str | None] = {}
    fields = {}
    for name in names:
        option = find(name)
        if isinstance(option, Variable):
            variables[option.name] = None
        elif option.default is None or option.default[0] is None:
            raise SettingError(
                f"{option.name} cannot be reset: Daft does not tell its default.", f"Try %daft set {option.name}=…"
            )
        else:
            fields[option.name] = option.default[0]
    if fields:
        executionconfig.set_fields(fields)
    blocks.put(variables, in_block=False)


def table() -> OptionTable:
    """Return every option that matters for tuning: its value, its default, who reads it, and when a change acts.

    Returns
    -------
    OptionTable
        Shown as a table in a notebook, and as text elsewhere; secrets are not in it.

    Examples
    --------
    >>> "default_morsel_size" in str(table())
    True
    """
    from daftnb.options.listing import OptionTable

    return OptionTable.read(blocks.environment(), executionconfig.fields())


def for_workers(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the variables that are set and that Daft reads in its workers, where the notebook's do not reach.

    Parameters
    ----------
    environment
        Variables and their texts. None: ``os.environ``.

    Returns
    -------
    dict[str, str]
        Variables and their texts, as they are set.

    Examples
    --------
    >>> for_workers({"DAFT_MEMORY_LIMIT": "1000", "PATH": "/bin"})
    {'DAFT_MEMORY_LIMIT': '1000'}
    """
    source = os.environ if environment is None else environment
    return {name: source[name] for name, each in VARIABLES.items() if each.in_workers and name in source}


def suggested(name: str) -> list[str]:
    """Return texts that an option may be set to: both of a switch, else its value now and its default.

    Parameters
    ----------
    name
        A variable or a field.

    Returns
    -------
    list[str]
        Texts; none where none is known.

    Raises
    ------
    SettingError
        If there is no such option.

    Examples
    --------
    >>> suggested("maintain_order")
    ['true', 'false']
    """
    option = find(name)
    if option.kind == "switch":
        return ["true", "false"]
    texts: tuple[str | None, ...]
    if isinstance(option, Variable):
        texts = (value(name), option.default if option.default.isdecimal() else None)
    else:
        texts = tuple(None if told is None else text_of(told[0]) for told in (option.value, option.default))
    return [text for text in dict.fromkeys(texts) if text is not None]


def exported(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the variables that a process elsewhere needs to have these options, those that are not set left out.

    A field goes along if a variable gives its value at the start.

    Parameters
    ----------
    environment
        Variables and their texts. None: ``os.environ``.

    Returns
    -------
    dict[str, str]
        Variables and their texts.
    """
    source = os.environ if environment is None else environment
    found = {name: source[name] for name in (*VARIABLES, *INITIAL.values()) if name in source}
    for name, field in executionconfig.fields().items():
        if name in INITIAL and field.value is not None and field.value != field.default:
            now = field.value[0]
            found[INITIAL[name]] = str(int(now)) if isinstance(now, bool) else text_of(now)
    return found


def text_of(value: Any) -> str:
    """Return a field's value as it is typed: true and false, words with commas between them, none.

    Parameters
    ----------
    value
        As Daft has it.

    Returns
    -------
    str
        Its text.

    Examples
    --------
    >>> text_of(True), text_of(["/a", "/b"]), text_of(None), text_of(0.5)
    ('true', '/a,/b', 'none', '0.5')
    """
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return ",".join(map(str, value))
    return str(value)


def _variable_text(variable: Variable, text: str) -> str:
    """Return a variable's text as Daft reads it; SettingError where it would not."""
    if variable.why_not is not None:
        why, instead = variable.why_not
        raise SettingError(f"{variable.name} cannot be set from here: {why}.", instead)
    try:
        if not text.strip() or not text.isprintable():
            raise ValueError("it is empty" if not text.strip() else "it has characters that cannot be printed")
        if variable.kind == "switch":
            return "1" if parse_bool(text) else "0"
        return text if variable.kind == "text" else str(_whole(text, variable.least))
    except ValueError as reason:
        example = variable.default if variable.default.isdecimal() else None
        example = example or ("8000000000" if variable.kind == "whole number" else "…")
        raise SettingError(
            f"{variable.name} cannot be {shown(text)}: {reason}.", f"Try %daft set {variable.name}={example}"
        ) from None


def _field_value(field: Field, value: object) -> Any:
    """Return a field's value by its kind; SettingError where it is none of it."""
    if field.kind == NOT_KNOWN:
        raise SettingError(
            f"What kind of value {field.name} takes is not known here.",
            f"Try daft.set_execution_config({field.name}=…)",
        )
    text = text_of(value)
    try:
        match field.kind:
            case "switch":
                return parse_bool(text)
            case "whole number":
                return _whole(text, 0)
            case "number":
                return parse_number(text)
            case "texts":
                words = [word.strip() for word in text.split(",")]
                if not all(word and word.isprintable() for word in words):
                    raise ValueError("a part of it is empty")
                return words
            case _:
                if not text.strip() or not text.isprintable():
                    raise ValueError("it is empty")
                return text.strip()
    except ValueError as reason:
        told = field.value or field.default
        example = {"switch": "true", "texts": "/tmp"}.get(field.kind, "…") if told is None else text_of(told[0])
        raise SettingError(
            f"{field.name} cannot be {shown(text)}: {reason}.", f"Try %daft set {field.name}={example}"
        ) from None


def _whole(text: str, least: int) -> int:
    number = parse_integer(text)
    if not least <= number <= _LARGEST_INTEGER:
        raise ValueError(f"it must be at least {least}" if number < least else f"it must be at most {_LARGEST_INTEGER}")
    return number
