"""The front end's own checks, run by the Node that the build uses."""

from __future__ import annotations

from collections.abc import Callable


def test_the_front_ends_types(frontend: Callable[..., str]) -> None:
    frontend("node_modules/typescript/bin/tsc", "--noEmit")


def test_the_front_ends_own_tests(frontend: Callable[..., str]) -> None:
    frontend("build.mjs", "--tests")
    frontend("--test", "build/test/*.mjs")
