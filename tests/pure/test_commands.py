"""The language of %daft: any line is understood or told what is wrong with it; help, settings, cancelling."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daftnb import magics, settings
from daftnb.commands import registry
from daftnb.commands.cell import plain_cell
from daftnb.commands.helping import help_text, topic_text
from daftnb.commands.meant import _VERB_OF, ENDING, remedy
from daftnb.commands.parsing import split
from daftnb.commands.tuning import env_text
from daftnb.commands.verb import GROUPS, Mode
from daftnb.engine.connection.address import parse
from daftnb.errors import LONGEST_LINE, LONGEST_PART, DaftnbError, SettingError, SqlError
from daftnb.settings import SETTINGS, AutoscalingSettings
from daftnb.telemetry import events as e
from tests.conftest import ROOT
from tests.helpers.fakesession import FakeSession, native
from tests.helpers.magiclines import EVERY, LINES


@given(LINES)
def test_any_line_is_parsed_or_a_daftnb_error(line: str) -> None:
    try:
        name, *words = split(line) or [registry.DEFAULT]
        registry.find_verb(name).parser().parse(words)
    except DaftnbError as slip:
        shown = slip._render_traceback_()
        assert slip.remedy
        assert shown[-1].endswith(slip.remedy)
        assert len(shown) == 1 or len(f"{shown[0]} {slip.remedy}") > LONGEST_LINE


@given(LINES)
def test_any_first_line_of_a_cell_is_parsed_or_a_daftnb_error(line: str) -> None:
    try:
        mode, words = registry.find_mode(split(line))
        mode.parser().parse(words)
    except DaftnbError as slip:
        assert slip.remedy


@given(st.lists(st.one_of(LINES, LINES.map(lambda line: f"%%daft {line}")), max_size=4))
def test_any_cell_is_transformed_to_as_many_lines(lines: list[str]) -> None:
    changed = plain_cell(lines)
    if changed == lines:
        return
    above = next(number for number, line in enumerate(lines) if line.strip() and not line.lstrip().startswith("#"))
    assert lines[above].startswith("%%daft")
    calls = [line for line in changed if line.startswith("get_ipython().run_cell_magic(")]
    assert calls[0].startswith("get_ipython().run_cell_magic('daft', ")
    for call in calls:
        compile(call, "cell", "exec")
    if len(changed) == 1:  # a mode whose body is no Python: its lines keep their numbers, from the second on
        return
    assert changed[:above] == lines[:above] and changed[above] == calls[0]
    if len(calls) == 1:
        assert changed[above + 1 :] == lines[above + 1 :]


CELLS = {
    "# a comment\n\n%%daft --name x\n1\n": "# a comment\n\n{daft '--name x' '\\n'}1\n",
    "\n%%daft\n1\n": "\n{daft '' '\\n'}1\n",
    "%%daft\n%%time\n1\n": "{daft '' '\\n'}{time '' '1\\n'}",
    "# a\n%%daft --quiet\n\n# b\n%%timeit -n1 -r1\n1\n2\n":
        "# a\n{daft '--quiet' '\\n'}\n# b\n{timeit '-n1 -r1' '1\\n2\\n'}",
    "%%daft\n%%capture out\n1\n": "{daft '' '\\n'}{capture 'out' '1\\n'}",
    "%%daft\n%%!\nls\n": "{daft '' '\\n'}{! '' 'ls\\n'}",
    "%%daft\n%%daft sql\nSELECT 1\n": "{daft '' '\\n'}{daft 'sql' 'SELECT 1\\n'}",
    "# a\n\n%%daft sql --as x\nSELECT 1\n": "{daft 'sql --as x' '\\n\\nSELECT 1\\n'}",
    "%%daft sql\nSELECT 1\n": None,
    "%%time\n%%daft\n1\n": None,
    "# a\n%%time\n1\n": None,
    "# a\n%%daft\n": None,
    "1\n%%daft\n2\n": None,
}  # fmt: skip


@pytest.mark.parametrize("cell", CELLS)
def test_cell_magics_above_and_below_one_another(cell: str) -> None:
    wanted = CELLS[cell]
    if wanted is not None:
        wanted = re.sub(r"\{(\S+) ('.*?') ('.*?')\}", r"get_ipython().run_cell_magic('\1', \2, \3)\n", wanted)
    assert "".join(plain_cell(cell.splitlines(keepends=True))) == (wanted or cell)


MEANT = {
    "show df": "Try %daft preview df", "display orders": "Try %daft preview orders", "head": "Try %daft preview df",
    'show df.where("a")': "Try %daft preview df", "clusters": "Try %daft workers", "nodes": "Try %daft workers",
    "PS": "Try %daft workers", "top": "Try %daft workers", "ui": "Try %daft cockpit", "log": "Try %daft history",
    "queries": "Try %daft history", "stats": "Try %daft status", "explain": "Try %daft plan",
    "scale 4": "Try %daft controls", "config": "Try %daft settings", "replay": "Try %daft open",
    "run": "Try %%daft sql as a cell's first line, with the SQL below it",
    "select 1": "Try %%daft sql as a cell's first line, with the SQL below it",
    "kill": "Try %daft stop, which ends this kernel's cluster, or its connection to one",
    "shutdown": "Try %daft stop, which ends this kernel's cluster, or its connection to one",
    "disconnect": "Try %daft stop, which ends this kernel's cluster, or its connection to one",
    "abort": "Try %daft cancel, which ends a running query",
    "stpo": "Try %daft help stop", "shop": "Try %daft help stop", "cancle": "Try %daft help cancel",
    "rest": "Try %daft help reset", "clear": "Try %daft help", "reload": "Try %daft help", "strat": "Try %daft start",
    "workrs": "Try %daft workers", "qqqq": "Try %daft help",
}  # fmt: skip


@pytest.mark.parametrize("line", MEANT)
def test_a_verb_that_there_is_not_is_answered_with_what_is_meant(line: str) -> None:
    with pytest.raises(DaftnbError) as slip:
        magics.run(line, SimpleNamespace())  # type: ignore[arg-type]  # no verb runs
    assert slip.value.remedy == MEANT[line]


@given(st.text(max_size=12))
def test_no_guess_is_answered_with_what_ends_something_but_by_its_name(name: str) -> None:
    said = remedy(name, (), registry.verbs())
    if said.split()[2] in ENDING:
        assert said.endswith(f", which {ENDING[said.split()[2].rstrip(',')]}")


def test_every_word_of_the_table_leads_to_a_verb_that_there_is() -> None:
    for word, verb in _VERB_OF.items():
        assert (verb in registry.verbs() or verb in registry.modes()) and word not in registry.verbs(), word


def test_a_job_is_not_ended_by_a_guess() -> None:
    with pytest.raises(DaftnbError) as slip:
        magics.run("job show ID", SimpleNamespace())  # type: ignore[arg-type]  # nothing runs
    assert slip.value.remedy == "Try %daft job logs"


FIRST_LINES = {
    "sql res << SELECT 1": "Try %%daft sql --as res, with the SQL on the next line",
    "sql res <<": "Try %%daft sql --as res, with the SQL on the next line",
    "sql res<<SELECT 1": "Try %%daft sql --as res, with the SQL on the next line",
    "sql SELECT 1": "Try %%daft sql alone on the first",
    "sql -o res": "Try %%daft sql --as res",
    "sql --output res": "Try %%daft sql --as res",
    "sql res": "Try %%daft sql --as res",
    "sql --as res --lmit 2": "Try %%daft sql --limit",
}


@pytest.mark.parametrize("line", FIRST_LINES)
def test_the_first_line_of_other_sql_cells_is_answered(line: str) -> None:
    with pytest.raises(DaftnbError) as slip:
        magics.run_cell(line, "SELECT 1", SimpleNamespace())  # type: ignore[arg-type]  # nothing runs
    assert slip.value.remedy == FIRST_LINES[line]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("set threshold=2  # it's more", ["set", "threshold=2"]),
        ("save 'my run.arrow'", ["save", "my run.arrow"]),
        ("save run#3.arrow ''", ["save", "run#3.arrow", ""]),
        ("  ", []),
    ],
)
def test_a_line_is_split_as_by_a_shell_without_its_comment(line: str, words: list[str]) -> None:
    assert split(line) == words


@pytest.mark.parametrize(
    ("line", "what", "remedy"),
    [
        ("strat", "%daft has no verb 'strat'.", "Try %daft start"),
        ("qqqq", "%daft has no verb 'qqqq'.", "Try %daft help"),
        ("start --mni 2",
         "%daft start has no option '--mni' (there are --min, --max, --cpus, --idle-timeout, --autoscaler, --gpus).",
         "Try %daft start --min"),
        ("status --all", "%daft status has no option '--all' (it has none).", "Try %daft help status"),
        ("auto onn", "%daft auto: on|off cannot be 'onn': it must be one of on, off.", "Try %daft auto on"),
        ("start --idle-timeout x", "%daft start: --idle-timeout cannot be 'x': it is not a number.",
         "Try %daft help start"),
        ("save", "%daft save: the following arguments are required: PATH.", "Try %daft help save"),
        ("save x --query", "%daft save: --query: expected one argument.", "Try %daft help save"),
        ("reset treshold", "There is no setting 'treshold'.", "Try %daft set threshold=…"),
        ("reset xyz", "There is no setting 'xyz'.", "Try %daft settings --all"),
        ("help satus", "there is no help on 'satus'.", "Try %daft help status"),
        ("env --shell --python", "%daft env: --python: not allowed with argument --shell.", "Try %daft help env"),
    ],
)  # fmt: skip
def test_a_slip_names_what_was_typed_and_the_nearest_there_is(line: str, what: str, remedy: str) -> None:
    with pytest.raises(DaftnbError) as caught:
        magics.run(line, FakeSession())  # type: ignore[arg-type]  # as much of a session as these need
    assert (caught.value.what, caught.value.remedy) == (what, remedy)


@pytest.mark.parametrize(
    ("line", "what", "remedy"),
    [
        ("start", "'start' is a verb of the line magic.", "Try %daft start, with one % and no cell"),
        ("--sett threshold=2", "%%daft has no option '--sett' (there are --set, --name, --quiet).",
         "Try %%daft --set"),
        ("--set threshold", "'threshold' is not NAME=VALUE.", "Try %daft set threshold=…"),
        ("--set threshold=0.5", "threshold cannot be '0.5': it must be at least 1.0: below that the engine's "
         "scheduler stops with a panic.", "Try %daft set threshold=1.25"),
        ("--name ''", "A name has 1 to 60 characters, all printable (got '').", "Try name='orders'"),
    ],
)  # fmt: skip
def test_a_slip_in_the_first_line_of_a_cell(line: str, what: str, remedy: str) -> None:
    with pytest.raises(DaftnbError) as caught:
        magics.run_cell(line, "1", FakeSession())  # type: ignore[arg-type]
    assert (caught.value.what, caught.value.remedy) == (what, remedy)


def test_a_text_of_any_length_is_told_by_its_ends() -> None:
    """More digits than Python makes a number of, where a number, a port or a file is meant."""
    many = "9" * 4_400
    made = FakeSession(*native(1, 0.0, 0.1))
    for line, begins, ends in [
        (f"plan {many}", "daftnb: There is no query 999", " in the history: there are 1 to 1."),
        (f"open {many}", "daftnb: 9999", " cannot be read: File name too long."),
        (
            f"start --max {many}",
            "daftnb: %daft start: --max cannot be '999",
            "it is not a whole number.",
        ),
    ]:
        with pytest.raises(DaftnbError) as caught:
            magics.run(line, made)  # type: ignore[arg-type]
        shown = caught.value._render_traceback_()
        assert shown[0].startswith(begins) and shown[0].endswith(ends)
        assert len(shown[0]) <= len("daftnb: ") + LONGEST_PART + 3
    with pytest.raises(DaftnbError) as caught:
        parse(f"head:{many}")
    assert caught.value.what.endswith("has 4405 characters: no address is that long.")
    with pytest.raises(DaftnbError, match=r"is not a port \(1 to 65535\)\."):
        parse(f"head:{many[:200]}")
    long = DaftnbError("a" * 700 + "b" * 700, "Try it.")
    assert long.lines == ["daftnb: " + "a" * 500 + " … " + "b" * 500, "        Try it."]
    assert DaftnbError("a" * 1000, "Try it.").lines[0] == "daftnb: " + "a" * 1000
    placed = SqlError("c" * 2_000, "Try it.", ("select", "^"))
    assert placed.lines == [
        "daftnb: " + "c" * 500 + " … " + "c" * 500,
        "        select",
        "        ^",
        "        Try it.",
    ]


def test_every_verb_is_in_the_help_and_has_its_own() -> None:
    text = help_text()
    for each in EVERY:
        assert f"  {each.title} " in text
        assert "\n" not in each.help
        assert not each.help.endswith(".")
        assert len(f"{each.title:<20} {each.help}") <= 110
        assert each.examples
        own = topic_text(each.name or "%%daft")
        assert f"usage: {each.title}" in own
        for example in each.examples:
            assert example.splitlines()[0] in own
    assert {verb.group for verb in registry.verbs().values()} <= set(GROUPS)


def test_every_example_is_understood() -> None:
    for each in EVERY:
        for example in each.examples:
            first = example.splitlines()[0]
            assert first.startswith(each.title.partition(" ")[0])
            words = split(first.partition(" ")[2])
            if isinstance(each, Mode):
                mode, rest = registry.find_mode(words)
                assert mode is each
                mode.parser().parse(rest)
            else:
                name, rest = registry.words_of(first.partition(" ")[2])
                registry.find_verb(name).parser().parse(rest)


def test_code_on_a_line_is_one_word() -> None:
    for line, words in {
        "preview df": ["df"],
        'preview df.where(col("a") > -1 )  ': ['df.where(col("a") > -1 )'],
        "preview df --limit 5": ["df", "--limit", "5"],
        "preview --limit=5 df.sort('a b')": ["--limit", "5", "df.sort('a b')"],
        "preview it's": ["it's"],
        "preview": [],
        "preview --help": ["--help"],
        "preview df --limit": ["df --limit"],
    }.items():
        assert registry.words_of(line) == ("preview", words)
    assert registry.words_of("") == (registry.DEFAULT, []) and registry.words_of("open 'a b'") == ("open", ["a b"])


def test_help_is_asked_for_in_each_way(capsys: pytest.CaptureFixture[str]) -> None:
    session: Any = None
    for line in ("help start", "start --help", "start -h"):
        magics.run(line, session)
        assert capsys.readouterr().out == topic_text("start") + "\n"
    for line in ("help", "-h", "--help"):
        magics.run(line, session)
        assert capsys.readouterr().out == help_text() + "\n"
    magics.run_cell("--help", "x", session)
    assert capsys.readouterr().out == topic_text("%%daft") + "\n"


def test_the_guide_has_every_verb_and_mode() -> None:
    guide = (ROOT / "notebooks" / "README.md").read_text()
    rows = [line.split("|")[1].strip() for line in guide.splitlines() if line.startswith("| `%")]
    assert sorted(row.strip("`").split(" ")[1] if row.startswith("`%daft ") else row for row in rows) == sorted(
        [*registry.verbs(), *(f"`{mode.title}`" for mode in registry.modes().values())]
    )


# -- settings ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def tuned(clean_settings: None) -> Iterator[Any]:
    """A session whose settings are those of the environment, with no query yet."""
    rows = {name: {"label": s.label, "kind": s.kind, "set": s.name, "in_effect": None} for name, s in SETTINGS.items()}

    class Tuned:
        names: list[str] = []

        @property
        def settings(self) -> AutoscalingSettings:
            return settings.current()

        def set(self, **values: object) -> None:
            settings.set(**values)

        def snapshot(self) -> Any:
            return {"settings": {"rows": rows, "number": None}}

    yield Tuned()


def test_get_set_and_reset(tuned: Any, capsys: pytest.CaptureFixture[str]) -> None:
    magics.run("set threshold=2 linear=on", tuned)
    capsys.readouterr()
    magics.run("get threshold linear", tuned)
    assert capsys.readouterr().out == "threshold=2.0\nlinear=1\n"
    magics.run("reset linear", tuned)
    assert "DAFT_SCHEDULER_LINEAR" not in os.environ
    assert settings.current() == AutoscalingSettings(threshold=2.0)
    magics.run("reset", tuned)
    assert settings.current() == AutoscalingSettings()
    capsys.readouterr()
    magics.run("get", tuned)
    assert (
        capsys.readouterr().out == "threshold=1.25\ndownscale=1\nidle_seconds=60\nsurvivors=1\nlinear=0\ngrowth=step\n"
    )


def test_one_wrong_value_sets_nothing(clean_settings: None) -> None:
    with pytest.raises(SettingError):
        settings.set(survivors=2, threshold=0.5)
    with pytest.raises(SettingError):
        settings.reset("threshold", "treshold")
    assert settings.current() == AutoscalingSettings()


def test_what_env_prints_is_read_again_as_what_was_set(clean_settings: None) -> None:
    wanted = AutoscalingSettings(
        threshold=1.5, downscale=False, idle_seconds=7, survivors=3, linear=True, growth="needed"
    )
    variables = wanted.environment()
    bare = {name: text for name, text in os.environ.items() if name not in variables}
    show = "import os, json; print(json.dumps({n: v for n, v in os.environ.items() if n.startswith('DAFT')}))"
    shell = subprocess.run(
        ["sh", "-c", f'{env_text(variables, "shell")}\nexec "$0" -c "$1"', sys.executable, show],
        env=bare, capture_output=True, text=True, check=True,
    )  # fmt: skip
    python = subprocess.run(
        [sys.executable, "-c", f"{env_text(variables, 'python')}\n{show}"],
        env=bare, capture_output=True, text=True, check=True,
    )  # fmt: skip
    for done in (shell, python):
        assert AutoscalingSettings.read(json.loads(done.stdout)) == wanted


# -- cancelling -------------------------------------------------------------------------------------------------------


def test_cancel_takes_a_number_or_an_id_and_knows_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    cancelled: list[str | None] = []
    session: Any = FakeSession(*native(1, 0.0, 0.1), *native(2, 1.0, None), *native(3, 2.0, None))
    session.cancel = lambda query=None: cancelled.append(query) or query or "q3"
    try:
        for line in ("cancel", "cancel 2", "cancel q3"):
            magics.run(line, session)
        assert cancelled == [None, "q2", "q3"]
        assert capsys.readouterr().out.splitlines()[0] == "query q3 is being cancelled"
        with pytest.raises(DaftnbError) as caught:
            magics.run("cancel q1", session)
        assert caught.value.what == "no query 'q1' is running (running: q2, q3)."
        assert caught.value.remedy in ("Try %daft cancel q2", "Try %daft cancel q3")
        session.tell(e.QueryFinished(3.0, "q2", "finished"), e.QueryFinished(3.0, "q3", "finished"))
        with pytest.raises(DaftnbError) as caught:
            magics.run("cancel q2", session)
        assert caught.value.what == "no query 'q2' is running (none is)."
    finally:
        session.monitor.stop()


def test_native_after_ray_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from daftnb.engine.connection import runner_slot

    monkeypatch.setattr(runner_slot, "runner_name", lambda: "ray")
    session = SimpleNamespace(native=runner_slot.use_native)
    with pytest.raises(DaftnbError) as caught:
        magics.run("native", session)  # type: ignore[arg-type]
    assert caught.value.what == "This kernel's queries run on Ray, and Daft cannot change runners in a process."


def test_a_dataframe_alone_sets_the_runner_and_every_message_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    from daftnb.commands.cluster import status_text
    from daftnb.engine.connection import runner_slot

    session: Any = FakeSession()
    about = session.snapshot()["session"]
    for runner, said in {
        "none": "none yet: the first dataframe decides",
        "native": "native: set by the first dataframe, for this kernel's life; for %daft start, restart the kernel "
        "first",
    }.items():
        shown = {**session.snapshot(), "session": {**about, "runner": runner}}
        text = status_text(SimpleNamespace(snapshot=lambda shown=shown: shown))  # type: ignore[arg-type]
        assert text.splitlines() == [f"runner    {said}", "query     No query has run yet."]
    session.tell(*native(1, 0.0, 0.1))
    shown = {**session.snapshot(), "session": {**about, "runner": "native"}}
    assert status_text(SimpleNamespace(snapshot=lambda: shown)).startswith("runner    native\n")  # type: ignore[arg-type]
    first = "before the first dataframe (daft.from_pydict, daft.read_parquet, …)."
    for name, change, verb in (
        ("native", runner_slot.check_runner, "%daft start or %daft connect"),
        ("ray", runner_slot.use_native, "%daft native"),
    ):
        monkeypatch.setattr(runner_slot, "runner_name", lambda name=name: name)
        with pytest.raises(DaftnbError) as caught:
            change()
        assert caught.value.remedy == f"Restart the kernel, and run {verb} {first}"
    session.monitor.stop()
