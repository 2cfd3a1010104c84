"""The front end's own checks, run by the Node that the build uses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

SOURCES = Path(__file__).parents[2] / "daftnb" / "frontend"
LONGEST = 120  # characters: Biome's lineWidth, which comments and texts do not obey by themselves


def test_the_front_ends_types(frontend: Callable[..., str]) -> None:
    frontend("node_modules/typescript/bin/tsc", "--noEmit")


def test_the_front_ends_format_and_lint(frontend: Callable[..., str]) -> None:
    frontend("node_modules/@biomejs/biome/bin/biome", "ci", "--error-on-warnings")


def test_no_line_of_the_front_end_is_too_long() -> None:
    files = [file for folder in ("src", "test") for file in (SOURCES / folder).rglob("*") if file.is_file()]
    assert len(files) > 50
    long = [
        f"{file.relative_to(SOURCES)}:{number}"
        for file in files
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        if len(line) > LONGEST
    ]
    assert long == []


def test_the_front_ends_own_tests(frontend: Callable[..., str]) -> None:
    frontend("build.mjs", "--tests")
    frontend("--test", "build/test/*.mjs")
