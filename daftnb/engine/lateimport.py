"""Delays the slow import of ``rfc3987_syntax``, which Ray brings in with Daft's first dataframe, until it is used.

JupyterLab brings ``rfc3987_syntax``, of which jsonschema takes one function, for a format that Ray never checks; its
import makes 38 parsers, more than half of the CPU time that Ray's takes. While jsonschema's module of formats is being
imported, and only then, a module stands in whose function imports the real one when it is first called. After that all
is as it was: jsonschema checks what it checks, and an ``import rfc3987_syntax`` has the real one.
"""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

FORMATS = "jsonschema._format"
SLOW = "rfc3987_syntax"
FUNCTION = "is_valid_syntax"
_guard = threading.RLock()


class _Standing(ModuleType):
    """Stands in for the slow module; whatever else is asked of it is asked of the real one.

    An exception is ``__path__``, for which the import of one name looks, where it is jsonschema's.
    """

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and (name != "__path__" or threading.get_ident() == self.__dict__["_thread"]):
            raise AttributeError(name)
        return getattr(_real(self), name)


def _standing() -> _Standing:
    module = _Standing(SLOW)

    def is_valid_syntax(*arguments: Any, **options: Any) -> Any:
        return _real(module).is_valid_syntax(*arguments, **options)

    module.__dict__[FUNCTION] = is_valid_syntax
    module.__dict__["_thread"] = threading.get_ident()
    return module


def _real(standing: ModuleType) -> Any:
    """Return the slow module itself, imported now if it was not."""
    with _guard:
        if sys.modules.get(SLOW) is standing:
            del sys.modules[SLOW]
        return importlib.import_module(SLOW)


class _Loader:
    """Loads jsonschema's formats as their own loader does, with the stand-in while they are."""

    def __init__(self, loader: Any) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Create the module as jsonschema's own loader does."""
        found: ModuleType | None = self._loader.create_module(spec)
        return found

    def exec_module(self, module: ModuleType) -> None:
        """Execute the module as its own loader does, with the stand-in in the slow module's place meanwhile."""
        put_off.uninstall()
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        standing = None
        with _guard:
            if SLOW not in sys.modules:
                standing = sys.modules[SLOW] = _standing()
        try:
            self._loader.exec_module(module)
        finally:
            with _guard:
                if standing is not None and sys.modules.get(SLOW) is standing:
                    del sys.modules[SLOW]


class _Finder:
    """Finds one module, jsonschema's formats, once."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Return the spec of that module, with a loader of ours; None for every other."""
        if name != FORMATS:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader)  # type: ignore[assignment]  # all that the import system calls
        return spec

    def install(self) -> None:
        """Put this finder in front of the import system's own, where it still may help; a second call does nothing."""
        if FORMATS not in sys.modules and SLOW not in sys.modules and self not in sys.meta_path:
            sys.meta_path.insert(0, self)

    def uninstall(self) -> None:
        """Take this finder away; harmless if it is not there."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)


put_off = _Finder()
