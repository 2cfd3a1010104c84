"""Sends daftnb's code to a cluster that need not have daftnb: pickles modules and packages by value."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any


@contextmanager
def by_value(cloudpickle: Any, *modules: ModuleType) -> Iterator[None]:
    """Make ``cloudpickle`` (Ray's, or Daft's) pickle what is in these modules by value, within this context.

    A package counts with all that is in it. Elsewhere it is pickled by name, as the user's own code expects.
    """
    for module in modules:
        cloudpickle.register_pickle_by_value(module)
    try:
        yield
    finally:
        for module in modules:
            cloudpickle.unregister_pickle_by_value(module)


def dafts_cloudpickle() -> Any:
    """Return the module with which Daft pickles the functions of a plan."""
    import daft.pickle.cloudpickle

    return daft.pickle.cloudpickle
