"""GPUs in the views of workers: in a lane's words, in the table, in the line of the pool; nowhere without any."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from daftnb.settings import AutoscalingSettings
from daftnb.telemetry import events as e
from daftnb.telemetry.snapshots import snapshot_of
from tests.browser.conftest import Draw, everyone_can_read, looks
from tests.helpers.folding import folded

pytestmark = [pytest.mark.browser]
T = 1e9


def with_gpus(gpus: float) -> Any:
    """A snapshot of two workers: of the first all is known, of the second only how many GPUs there are."""
    nodes = tuple(e.Node(name, 4, 8 * 10**9, False, gpus) for name in ("a", "b"))
    devices = (e.Device(0, "NVIDIA <b>A10G</b>", 37, 5 * 10**9, 24 * 10**9), e.Device(1, "part"))
    state = folded(
        e.ClusterChanged(T, "embedded", "running", "127.0.0.1:6379", 2, 2, 4, 30.0, gpus=int(gpus)),
        e.QueryStarted(T, "q", "ray"),
        e.NodesSeen(T, nodes),
        *(e.WorkerStarted(T + 1, node.id, 4, node.memory, int(gpus)) for node in nodes),
        e.WorkerCounts(T + 2, "a", 1, 3, None, tasks=((7, 2, T + 1.5),), gpus=1.0 if gpus else 0.0),
        e.NodeFigures(T + 2, "a", 10**9, 8 * 10**9, 0, 10**9, 0.5 if gpus else 0.0, devices if gpus else None),
    )
    return snapshot_of(state, T + 3, "ray", AutoscalingSettings())


@looks(1100)
def test_they_are_read_in_lanes_and_table(width: int, theme: str, draw: Draw, artifacts: Path) -> None:
    page = draw(with_gpus(2.0), view="workers", width=width, theme=theme)
    expect(page.get_by_text("8 CPU slots · — of 4 logical GPUs")).to_have_count(1)
    expect(page.locator(".worker .facts")).to_have_text(
        ["3 tasks done · 1.00 GB used · 1.5 of 2 GPUs", "0 tasks done · 8.00 GB node · — of 2 GPUs"]
    )
    title = page.locator(".worker .who").first.get_attribute("title")
    assert "GPUs: 1 by tasks, 0.5 by actors, 0 NVIDIA <b>A10G</b>: 37 % busy, 5.00 GB of 24.0 GB" in title
    everyone_can_read(page, artifacts / f"gpus-lanes-{width}-{theme}.png")
    page.get_by_role("button", name="table").click()
    expect(page.locator("thead th").filter(has_text="logical GPUs")).to_have_count(1)
    cells = page.locator("tbody tr").first.locator("td")
    assert [text.strip() for text in cells.all_inner_texts()[-2:]] == [
        "1.5 of 2",
        "0 NVIDIA <b>A10G</b>: 37 % busy, 5.00 GB of 24.0 GB\n1 part: busy —, — of —",
    ]
    assert page.locator("tbody tr").last.locator("td").all_inner_texts()[-2:] == ["— of 2", "—"]
    everyone_can_read(page, artifacts / f"gpus-table-{width}-{theme}.png")


def test_a_cluster_without_any_says_nothing_of_them(draw: Draw) -> None:
    page = draw(with_gpus(0.0), view="workers")
    page.get_by_role("button", name="table").click()
    expect(page.locator("thead th").last).to_have_text("up for")
    assert "GPU" not in page.locator(".root").inner_text()
