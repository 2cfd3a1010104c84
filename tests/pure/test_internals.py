"""With a private name missing, exactly the features that need it are off, each with one line that says so."""

from __future__ import annotations

from dataclasses import replace
from importlib.metadata import version

import pytest

from daftnb.engine import internals
from daftnb.engine.internals import INTERNALS, Internal

PARTS = sorted({internal.part for internal in INTERNALS})


def test_every_name_is_there_in_this_release() -> None:
    assert {part: internals.missing(part) for part in PARTS} == {part: {} for part in PARTS}


@pytest.mark.parametrize("gone", INTERNALS, ids=lambda internal: f"{internal.module}.{internal.path}")
def test_each_in_turn(gone: Internal, monkeypatch: pytest.MonkeyPatch) -> None:
    renamed = replace(gone, path=f"{gone.path}_of_another_release")
    table = tuple(renamed if internal is gone else internal for internal in INTERNALS)
    monkeypatch.setattr(internals, "INTERNALS", table)
    found = internals.missing(gone.part)
    assert tuple(found) == gone.features
    for feature, text in found.items():
        assert text.startswith(f"{feature}: off, because {renamed.module}.{renamed.path} ({gone.why}) is not in ")
        package = gone.module.partition(".")[0]
        assert text.endswith(f" is not in {package.capitalize()} {version(package)} as installed.")
    assert [internals.missing(part) for part in PARTS if part != gone.part] == [{}] * (len(PARTS) - 1)
