"""Says which function a call is of: its name as plans have it, its kind, and where its code is."""

from __future__ import annotations

import inspect
from types import CodeType
from typing import Any

from daftnb.engine.meter.tally import Function

LONGEST = 500  # characters of a name or a file's name
# By which of Daft's functions calls it (daft/udf/execution.py).
CALLERS = {
    "call_func": "row",
    "call_batch_func": "batch",
    "call_async_func_batched": "async",
    "call_batch_async": "async batch",
}


def function_of(method: Any, caller: str, is_class: bool, called: str = "") -> Function:
    """Return the function behind a method as Daft calls it.

    ``caller``: the name of Daft's function that does; ``called``: what plans call it (:func:`override_of`).
    """
    kind = "generator" if collects_rows(method) else CALLERS[caller]
    found = named(without_wrappers(method), kind, is_class)
    return found._replace(name=called[:LONGEST]) if called else found


def override_of(owner: Any) -> str:
    """Return the name that ``daft.cls`` was given for a class, such as "prompt"; empty where it was given none."""
    getter = getattr(type(owner), "__getattr__", None)  # has closed over it: wrap_cls of daft/udf/udf_v2.py
    names = getattr(getattr(getter, "__code__", None), "co_freevars", ())
    cells = dict(zip(names, getattr(getter, "__closure__", None) or (), strict=False))
    name = cells["name_override"].cell_contents if "name_override" in cells else None
    return name if isinstance(name, str) else ""


def collects_rows(method: Any) -> bool:
    """Return True of what Daft makes of a generator function: it returns a list of what that yields."""
    about = getattr(method, "__module__", None), getattr(method, "__qualname__", None)
    return about == ("daft.udf.udf_v2", "Func.__call__.<locals>.method")


def without_wrappers(method: Any) -> Any:
    """Return the user's function, without what Daft has wrapped it in."""
    if collects_rows(method):  # the function is an attribute of the Func that it has closed over
        for cell in getattr(method, "__closure__", None) or ():
            method = getattr(cell.cell_contents, "_method", method)
    return inspect.unwrap(method)


def named(plain: Any, kind: str, is_class: bool) -> Function:
    """Return what tells a function (or an object that is called) from others."""
    about = plain if hasattr(plain, "__qualname__") else type(plain)
    name = f"{getattr(about, '__module__', '') or ''}.{about.__qualname__}".lstrip(".")
    code = code_of(plain)
    file, line = ("", 0) if code is None else (code.co_filename, code.co_firstlineno)
    return Function(name[:LONGEST], kind, is_class, file[:LONGEST], line)


def code_of(plain: Any) -> CodeType | None:
    """Return a function's code, or that of the ``__call__`` of a class or an object; None where it is not Python's."""
    # Of a class or an object that is called: the method of the class, as it was written.
    called = inspect.getattr_static(plain if isinstance(plain, type) else type(plain), "__call__", None)
    for each in (plain, called):
        code = getattr(each, "__code__", None)
        if isinstance(code, CodeType):
            return code
    return None
