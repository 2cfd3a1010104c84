"""With a private name missing, exactly the features that need it are off, each with one line that says so."""

from __future__ import annotations

import ast
import inspect
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest

from daftnb.engine import internals, releases
from daftnb.engine.internals import INTERNALS, PARTS, Internal
from tests.helpers.rooms import HOUSE

HAS_RAY = internals.is_installed("ray")
HERE = PARTS if HAS_RAY else ("daft",)


def off() -> dict[str, dict[str, str]]:
    """What is off here anyway, by part: the embedded cluster, where Ray is of before 2.52."""
    return {part: internals.missing(part) for part in PARTS}


def test_every_name_is_there_in_this_release() -> None:
    found = off()
    if not HAS_RAY:
        assert found.pop("daft") == {}
        assert {text.partition(": ")[2] for texts in found.values() for text in texts.values()} == {
            "off, because Ray is not installed."
        }
        return
    ray = version("ray")
    embedded = {}
    if releases.is_older(ray, releases.TOKENS_SINCE):
        why = f"Ray before 2.52 has no token to guard a cluster with; Ray {ray} is installed."
        embedded = {"embedded cluster": f"embedded cluster: off, because {why}"}
    assert found == {"daft": {}, "ray": {}, "embedded": embedded, "jobs": {}}


def test_every_part_and_every_feature_has_a_row() -> None:
    assert {each.part for each in INTERNALS} == set(PARTS)
    names = {value for name, value in vars(internals).items() if name.isupper() and isinstance(value, str)}
    features = {feature for each in INTERNALS for feature in each.features}
    assert {name for name in names if not name.startswith(("daft.", "ray."))} == features


def with_row(gone: Internal, changed: Internal, monkeypatch: pytest.MonkeyPatch) -> None:
    table = tuple(changed if internal is gone else internal for internal in INTERNALS)
    monkeypatch.setattr(internals, "INTERNALS", table)


ROWS = [each for each in INTERNALS if each.part in HERE]


@pytest.mark.parametrize("gone", ROWS, ids=lambda internal: internal.name)
def test_each_in_turn(gone: Internal, monkeypatch: pytest.MonkeyPatch) -> None:
    anyway = off()
    if gone.given is not None and internals.lookup(*gone.given) is None:
        pytest.skip("a Ray without a token has no need of it")
    renamed = replace(gone, path=f"{gone.path}_of_another_release", others=())
    with_row(gone, renamed, monkeypatch)
    found = internals.missing(gone.part)
    assert found.keys() == {*gone.features, *anyway[gone.part]}
    for feature in gone.features:
        text = found[feature]
        package = gone.module.partition(".")[0]
        release = f"{package.capitalize()} {version(package)}"
        if gone.lack:
            assert text == f"{feature}: off, because {gone.lack}; {release} is installed."
        elif feature not in anyway[gone.part]:
            assert text == f"{feature}: off, because {renamed.name} ({gone.why}) is not in {release} as installed."
    assert all(internals.missing(part) == anyway[part] for part in PARTS if part != gone.part)


@pytest.mark.parametrize("moved", [each for each in ROWS if each.others], ids=lambda internal: internal.name)
def test_a_name_that_moved_is_found_at_each_of_its_places(moved: Internal, monkeypatch: pytest.MonkeyPatch) -> None:
    there = next(place for place in moved.places if internals.lookup(*place) is not None)
    with_row(
        moved, replace(moved, module="ray.nowhere", path="at_all", others=(("ray", "nor_here"), there)), monkeypatch
    )
    assert internals.missing(moved.part) == {}


def takes_any(row: Internal) -> bool:
    """Whether the function takes arguments of any name, in this release."""
    function = next(found for place in row.places if (found := internals.lookup(*place)) is not None)[0]
    return any(each.kind is each.VAR_KEYWORD for each in inspect.signature(function).parameters.values())


@pytest.mark.parametrize(
    "row", [each for each in ROWS if each.takes or each.fields], ids=lambda internal: internal.name
)
def test_an_argument_or_a_field_that_is_missing_turns_the_same_off(
    row: Internal, monkeypatch: pytest.MonkeyPatch
) -> None:
    anyway = internals.missing(row.part)
    if row.fields:
        with_row(row, replace(row, fields=(*row.fields, "of_another")), monkeypatch)
        lacks = f"the field of_another of {row.name}"
    else:
        with_row(row, replace(row, takes=(*row.takes, "of_another")), monkeypatch)
        lacks = f"the argument of_another of {row.name}"
    found = internals.missing(row.part)
    if not row.fields and takes_any(row):
        assert found == anyway
        return
    assert found.keys() == {*row.features, *anyway}
    assert all(f"because {lacks} (" in found[feature] for feature in row.features if feature not in anyway)


def test_a_module_that_fails_as_it_is_imported_has_no_names(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "of_another_release.py").write_text("raise TypeError('made by another protobuf')")
    monkeypatch.syspath_prepend(tmp_path)
    assert internals.lookup("of_another_release", "name") is None


def test_the_actor_is_told_of_features_by_the_names_that_they_have() -> None:
    tree = ast.parse((HOUSE / "engine" / "actor" / "install.py").read_text())
    [install] = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == "install"]
    named = set()
    for node in ast.walk(install):
        if isinstance(node, ast.Compare | ast.BinOp) and ast.unparse(node).rpartition(" ")[2] == "off":
            named |= {each.value for each in ast.walk(node) if isinstance(each, ast.Constant)}
    of_ray = {feature for each in INTERNALS if each.part == "ray" for feature in each.features}
    assert named <= of_ray
    assert named == {
        *(internals.CANCEL, internals.TASKS, internals.VARIABLES, internals.WARM, internals.REQUESTS, internals.UDFS),
        *(internals.NODE_USAGE, internals.STATS, internals.GROWTH, internals.METER, internals.POOLS),
        internals.DEVICES,
    }
