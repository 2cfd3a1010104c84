"""The documents of the project: how long the README is, that links lead somewhere, and that what they list is there."""

from __future__ import annotations

import json
import re
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from daftnb import _version
from daftnb.settings import SETTINGS
from tests.conftest import ROOT

if not (ROOT / ".git").exists():
    pytest.skip("not a checkout: an sdist has no .github", allow_module_level=True)

FOLDERS = {"daftnb", "notebooks", "tests", "binder", ".github", ".ci"}
FILES = {"README.md", "pyproject.toml", "LICENSE", ".gitignore"}
GITHUB = ROOT / ".github"
GUIDE = ROOT / "notebooks" / "README.md"
LINK = re.compile(r"\]\(([^)\s]+)\)|\b(?:src|srcset|href)=\"([^\"]+)\"")
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
# How a line of .ci/run begins that is a step of the checks.
CHECK = re.compile(r"python3 -m venv |\.venv/bin/|tests ")


@cache
def tracked() -> tuple[str, ...]:
    """Return the files of the project: those that git knows, and that are there."""
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return tuple(name for name in names.split("\0") if name and (ROOT / name).exists())


def files_ending(*ends: str) -> list[str]:
    """Return the files of the project whose names end so."""
    return [name for name in tracked() if name.endswith(ends)]


def prose(paper: Path) -> str:
    """Return a document without its blocks of code."""
    return FENCED.sub("", paper.read_text())


def links_of(paper: Path) -> list[str]:
    """Return the links of a document that stay in the project."""
    found = [markdown or html for markdown, html in LINK.findall(prose(paper))]
    return [link for link in found if not re.match(r"[a-z]+:", link)]


def anchors_of(paper: Path) -> set[str]:
    """Return the anchors that GitHub gives the headings of a document."""
    headings = re.findall(r"^#+ +(.*)$", prose(paper), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def rows_of(paper: Path, heading: str) -> list[list[str]]:
    """Return the cells of the table whose first column has this heading, without the heading."""
    tables = re.findall(r"(?:^\|.*\n)+", paper.read_text(), re.MULTILINE)
    [table] = [table for table in tables if table.startswith(f"| {heading} |")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]


def test_the_readme_can_be_read_in_minutes() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150


def test_only_what_belongs_there_stands_at_the_top() -> None:
    assert {name.partition("/")[0] for name in tracked()} == FOLDERS | FILES


@pytest.mark.parametrize("name", files_ending(".md"))
def test_every_link_leads_to_a_file_and_a_heading(name: str) -> None:
    paper = ROOT / name
    astray = []
    for link in links_of(paper):
        path, _, anchor = link.partition("#")
        target = (paper.parent / path).resolve() if path else paper
        known = target.exists() and target.is_relative_to(ROOT)
        if not known or (anchor and anchor not in anchors_of(target)):
            astray.append(link)
    assert astray == []


def test_links_and_anchors_are_found_as_github_has_them(tmp_path: Path) -> None:
    paper = tmp_path / "a.md"
    paper.write_text(
        '# Errors and `%daft`: all\n[one](b.md#c) [web](https://x.org) <img src="p.png">\n```\n[no](d.md)\n# no\n```\n'
    )
    assert links_of(paper) == ["b.md#c", "p.png"]
    assert anchors_of(paper) == {"errors-and-daft-all"}


@pytest.mark.parametrize("name", files_ending(".yml", ".yaml"))
def test_yaml_can_be_read(name: str) -> None:
    found = yaml.safe_load((ROOT / name).read_text())
    assert isinstance(found, dict) and "name" in found


@pytest.mark.parametrize("path", sorted((GITHUB / "workflows").glob("*.yml")), ids=lambda path: path.stem)
def test_workflows_name_actions_by_their_major_version(path: Path) -> None:
    workflow = yaml.safe_load(path.read_text())
    steps: list[dict[str, Any]] = [step for job in workflow["jobs"].values() for step in job["steps"]]
    assert steps and all(("uses" in step) != ("run" in step) for step in steps)
    for step in steps:
        if "uses" in step:
            assert re.fullmatch(r"[\w-]+/[\w-]+@(?:release/)?v\d+", step["uses"]), step
    assert workflow["permissions"] == {"contents": "read"}


def test_the_issue_form_asks_for_what_the_doctor_says() -> None:
    [form] = [yaml.safe_load(path.read_text()) for path in (GITHUB / "ISSUE_TEMPLATE").iterdir()]
    [doctor] = [part for part in form["body"] if "daftnb doctor --json" in part["attributes"].get("label", "")]
    assert doctor["validations"] == {"required": True}
    ids = [part["id"] for part in form["body"] if part["type"] != "markdown"]
    assert len(set(ids)) == len(ids) > 1


def test_contributing_names_the_checks_that_are_run() -> None:
    lines = (ROOT / ".ci" / "run").read_text().splitlines()
    script = [re.sub(r"^tests ", ".venv/bin/pytest ", line) for line in lines if CHECK.match(line)]
    [block] = re.findall(r"^```sh\n(.*?)^```", (GITHUB / "CONTRIBUTING.md").read_text(), re.MULTILINE | re.DOTALL)
    assert block.splitlines() == script
    assert len(script) > 5
    workflow = yaml.safe_load((GITHUB / "workflows" / "ci.yml").read_text())
    assert [step["run"] for step in workflow["jobs"]["checks"]["steps"] if "run" in step][-1] == ".ci/run"


def test_contributing_names_the_versions_that_are_asked_for() -> None:
    asked = (ROOT / "pyproject.toml").read_text() + (ROOT / ".ci" / "run").read_text()
    rows = rows_of(GITHUB / "CONTRIBUTING.md", "tool")
    assert len(rows) > 5
    missing = [tool for tool, asked_for, *_ in rows if f'"{tool}{asked_for.strip("`")}"' not in asked]
    assert missing == []


def test_the_readme_and_the_guide_name_every_notebook() -> None:
    there = {path.name for path in (ROOT / "notebooks").glob("*.ipynb")}
    guide = {link for link in links_of(GUIDE) if link.endswith(".ipynb")}
    assert guide == there
    readme = {link.partition("/")[2] for link in links_of(ROOT / "README.md") if link.endswith(".ipynb")}
    assert readme == {name for name in there if not name.startswith("demo")}  # those are what `daftnb demo` opens


def test_the_guide_has_every_setting() -> None:
    rows = [(name.strip("`"), env.strip("`"), default) for name, env, default, _ in rows_of(GUIDE, "setting")]
    words = {"True": "on", "False": "off"}
    defaults = [str(setting.default) for setting in SETTINGS.values()]
    assert rows == [
        (setting.name, setting.env, words.get(default, default))
        for setting, default in zip(SETTINGS.values(), defaults, strict=True)
    ]


def test_the_changelog_begins_with_this_version() -> None:
    headings = re.findall(r"^## (\d\S*)", (GITHUB / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == _version.__version__
    assert headings == sorted(headings, key=lambda text: tuple(map(int, text.split("."))), reverse=True)


def test_the_readmes_pictures_are_where_the_notebook_leaves_new_ones() -> None:
    pictures = sorted(path.name for path in (GITHUB / "pictures").iterdir())
    assert pictures == ["cockpit-dark.png", "cockpit-light.png"]
    readme = sorted(link for link in links_of(ROOT / "README.md") if link.endswith(".png"))
    assert readme == [f".github/pictures/{name}" for name in pictures]


def test_front_end_commands_are_scripts_of_its_package() -> None:
    scripts = json.loads((ROOT / "daftnb" / "frontend" / "package.json").read_text())["scripts"]
    named = re.findall(r"`npm (?:run )?(\w+)`", (ROOT / "tests" / "README.md").read_text())
    assert {name for name in named if name != "ci"} <= set(scripts) and "build" in named
