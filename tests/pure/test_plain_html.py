"""All HTML that a notebook is given says that nothing in it is to be typeset, and text stands in it as text."""

from __future__ import annotations

import re

import daft
import pytest

import daftnb
from daftnb.comparison import Comparison
from daftnb.doctor.finding import Finding
from daftnb.doctor.html import findings_html
from daftnb.engine.executionconfig import Field
from daftnb.options.listing import OptionTable
from daftnb.recordings import Recording
from daftnb.session import close_session
from daftnb.snapshots.static import static_html, static_text
from daftnb.telemetry import events as e
from daftnb.telemetry.model import State
from daftnb.telemetry.plantopic import plan_not_run
from daftnb.telemetry.recorder import Recorder
from daftnb.telemetry.snapshots import TOPICS, Snapshot, select
from daftnb.telemetry.state import apply
from daftnb.widgets.controls import controls_html, in_effect_html
from tests.conftest import ROOT
from tests.helpers import story

OUTER = re.compile(r'<(?:div|span) class="mathjax_ignore tex2jax_ignore"')
# What would be typeset, requested, followed, run, or drawn over other lines.
HOSTILE = (
    "US$5 to US$9", "$x$ and $$y$$", r"\(a\) \[b\]", r"$\unicode[;background:url(//example.org/x)]{x41}$",
    r"$\href{javascript:alert(1)}{x}$", r"\begin{equation}z\end{equation}", "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>", "\u202eright to left", "zero\u200bwidth\ufeff", "Z" + "\u0301" * 500, "\ud800 lone",
    "line\nbreak\r\nand\u2028another", "\x1b[31mred\x1b]0;title\x07", "null\0", "w" * 100_000, "&lt;b&gt;", "` ~ | #",
)  # fmt: skip


def failed(text: str) -> Recorder:
    """A session in which everything has this name."""
    recorder, state = Recorder(), State()
    node = e.PlanNode(1, text, text, (), text)
    for event in (
        e.QueryStarted(1.0, "q", "native", text),
        e.LogicalPlan(1.0, "q", "optimised", (node,)),
        e.PlanReady(1.1, "q", (node,)),
        e.UdfKnown(1.1, "q", text, text, file=text, line=1, source=text),
        e.UdfFigures(1.2, "q", text, 1, errors=1, error=text, counters=(e.Counter(text, 1, ((text, text),)),)),
        e.ProblemFound(1.2, text),
        e.ClusterChanged(1.2, "external", "running", text),
        e.QueryFinished(2.0, "q", "failed", f"ValueError: {text}"),
    ):
        recorder.record(event, state)
        apply(event, state)
    return recorder


def snapshot(text: str) -> Snapshot:
    recording = Recording([failed(text).reel(1)], "a test")
    return {**recording.snapshot(), "settings": story.snapshot()["settings"]}


def html_of(text: str) -> dict[str, str]:
    """Everything that makes HTML, by the file that it is in."""
    whole = snapshot(text)
    recording = Recording([failed(text).reel(1)], "a test")
    not_run = plan_not_run(whole, text, {"logical": (e.PlanNode(1, text, "", (), text),)})
    return {
        **{f"daftnb/widgets/base.py {view}": static_html(select(whole, view), view) for view in TOPICS},
        "daftnb/widgets/base.py plan of a dataframe": static_html(select(not_run, "plan"), "plan"),
        "daftnb/recordings.py": recording._repr_html_(),
        "daftnb/comparison.py": Comparison(recording.query(), recording.query())._repr_html_(),
        "daftnb/doctor/page.py": findings_html([Finding("packages", text, "problem", text, text)]),
        "daftnb/widgets/controls.py": controls_html(whole["settings"]),
        "daftnb/options/listing.py": OptionTable.read(
            {f"DAFT_{text}": text, "DAFT_S3_RETRY_ERROR_MSGS": text}, {text: Field(text, "text", (text,), (text,))}
        )._repr_html_(),
    }


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_nothing_is_typeset_and_nothing_is_markup(text: str) -> None:
    for where, html in html_of(text).items():
        assert OUTER.match(html), where
        assert "<script" not in html and "<img" not in html and "\x1b" not in html, where
        assert not re.search(r"[\u202a-\u202e\u200b\ufeff\ud800-\udfff\0]|\u0301{9}", html), where
        assert max(map(len, re.findall(r">([^<]*)<", html))) < 5_000, where
        html.encode()
    for view in TOPICS:
        said = static_text(select(snapshot(text), view), view)
        assert all(c.isprintable() or c == "\n" for c in said) and len(max(said.splitlines(), key=len)) < 2_000


def test_a_dollar_and_a_backslash_stay() -> None:
    for text in HOSTILE[:3]:
        assert text in html_of(text)["daftnb/widgets/base.py cockpit"]


@pytest.mark.parametrize("text", ["US$5 to US$9", "\x1b[31mred", "a\0b", "w" * 20_000])
def test_a_preview_too(text: str) -> None:
    preview = daftnb.preview(daft.from_pydict({text: [text]}))
    for made in (preview, daftnb.preview(daft.from_pydict({"a": [1]}).select(daft.lit(1).alias(text)))):
        bundle = made._repr_mimebundle_()[0]
        assert OUTER.match(bundle["text/html"]) and len(bundle["text/html"]) < 64_000
        assert all(c.isprintable() or c == "\n" for c in bundle["text/plain"])
        assert len(bundle["text/plain"]) < 64_000
        made.close()
    close_session()


def test_a_message_of_the_controls_is_text() -> None:
    rows = story.snapshot()["settings"]["rows"]
    for row in rows.values():
        assert OUTER.match(in_effect_html(row, 1)) and OUTER.match(in_effect_html({**row, "in_effect": None}, None))


def test_all_that_makes_html_is_here() -> None:
    found = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "daftnb").rglob("*.py")
        if re.search(
            r'"text/html":|def _repr_html_|return bundle_of\(|text/(?:markdown|latex)|IPython\.display import HTML',
            path.read_text(),
        )
    }
    inside_another = {"daftnb/widgets/preview.py", "daftnb/widgets/loading.py"}  # which puts it in a place of its own
    here = {where.split(" ")[0] for where in html_of("a")} | inside_another
    assert found == here
