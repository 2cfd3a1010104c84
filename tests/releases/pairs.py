"""The pairs of Daft and Ray that the tests are run beside, each in an environment of its own."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pair:
    """A release of Daft and one of Ray; None: Ray is not installed."""

    daft: str
    ray: str | None

    @property
    def name(self) -> str:
        """The name by which it is asked for, and that its folder has."""
        return f"{self.daft}+{self.ray or 'none'}"

    @property
    def requirements(self) -> list[str]:
        """The two packages, for pip; the other extras of daftnb bring what else is needed."""
        return [f"daft=={self.daft}", *([f"ray[default]=={self.ray}"] if self.ray else [])]


# The oldest and the newest of both, crossed; and between them each release with which a name moved: Daft 0.7.17 (words
# of an error), 0.7.22 (CREATE TABLE), 0.7.23 (a plan beside a plan); Ray 2.49 (names of usage), 2.52 (the token),
# 2.53 (.rayignore), 2.54 (nodes by their ids), 2.55 (addresses that are kept).
PAIRS = (
    Pair("0.7.16", "2.46.0"),
    Pair("0.7.16", "2.60.0"),
    Pair("0.7.17", "2.49.2"),
    Pair("0.7.20", "2.51.2"),
    Pair("0.7.22", "2.52.1"),
    Pair("0.7.23", "2.53.0"),
    Pair("0.7.24", "2.54.1"),
    Pair("0.7.25", "2.55.1"),
    Pair("0.7.26", "2.46.0"),
    Pair("0.7.26", "2.60.0"),
    Pair("0.7.26", None),
)
ALIASES = {"oldest": PAIRS[0].name, "middle": "0.7.22+2.52.1", "newest": "0.7.26+2.60.0", "no-ray": PAIRS[-1].name}


def find(name: str) -> Pair:
    """The pair of that name, or ValueError with the names that there are."""
    wanted = ALIASES.get(name, name)
    for pair in PAIRS:
        if pair.name == wanted:
            return pair
    names = ", ".join([*ALIASES, *(pair.name for pair in PAIRS)])
    raise ValueError(f"there is no pair {name!r}: the names are {names}")
