"""The preview in a real JupyterLab of rows that are on a real Ray cluster, and of rows that were lost there."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.previewpage import SHADOW, cell, header
from tests.helpers.notebooks import all_ran, notebook, open_notebook, run_all, run_cell, shut_down_kernels
from tests.helpers.servers import Lab

pytestmark = [pytest.mark.browser, pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(400)]
ROWS = 400_000
CELLS = (
    f"""
    %load_ext daftnb
    import daft
    from daft import col
    %daft start --min 2 --max 2
    spread = daft.range({ROWS}, partitions=4).with_column("text", col("id").cast(daft.DataType.string())).collect()
    spread
    """,
    """
    import psutil, ray
    from ray.experimental import get_object_locations
    # All nodes that have the last partition (the sort took it to others), without a word to Ray.
    last = spread._result.values()[-1].partition()
    where = get_object_locations([last])[last]["node_ids"]
    ports = {node["NodeManagerPort"] for node in ray.nodes() if node["NodeID"] in where}
    for process in psutil.process_iter(["name"]):
        if process.info["name"] == "raylet" and any(
            each.laddr.port in ports and each.status == "LISTEN" for each in process.net_connections()
        ):
            process.kill()
            print("ended", process.pid)
    """,
)


def test_rows_of_a_cluster_are_seen_sorted_lost_and_made_again(lab: Lab, page: Any, artifacts: Any) -> None:
    try:
        notebook(lab, "preview-ray.ipynb", CELLS[:1])
        page.set_default_timeout(30_000)
        open_notebook(page, lab, "preview-ray.ipynb")
        run_all(page)
        all_ran(page, 200)
        page.evaluate(SHADOW, 0)
        preview = page.locator(".root[data-view=preview]").first
        preview.scroll_into_view_if_needed()
        cell(preview, 0, 0).wait_for()
        preview.get_by_text(f"{ROWS:,} rows × 2 columns").wait_for()
        cell(preview, 3, 0).click()
        page.keyboard.press("Control+End")
        cell(preview, ROWS - 1, 1).get_by_text(str(ROWS - 1), exact=True).wait_for()
        preview.locator(".head .bar").first.wait_for(state="attached")
        page.screenshot(path=artifacts / "preview-ray.png")
        header(preview, "id").click()
        header(preview, "id").click()
        cell(preview, 0, 0).get_by_text(str(ROWS - 1), exact=True).wait_for()

        page.evaluate(
            """source => {
                const notebook = window.jupyterapp.shell.currentWidget.content;
                notebook.model.sharedModel.insertCell(1, {cell_type: 'code', source});
            }""",
            "\n".join(line.removeprefix("    ") for line in CELLS[1].strip("\n").splitlines()),
        )
        run_cell(page, 1)
        page.locator(".jp-Cell").nth(1).locator(".jp-OutputArea", has_text="ended").first.wait_for()
        preview.scroll_into_view_if_needed()
        header(preview, "text").click()
        preview.get_by_text("A part of the data is gone from the cluster.").wait_for(timeout=120_000)
        page.screenshot(path=artifacts / "preview-ray-lost.png")
        preview.get_by_role("button", name="Recompute").click()
        preview.get_by_text(f"{ROWS:,} rows × 2 columns").wait_for(timeout=120_000)
        expect(cell(preview, 3, 1)).to_have_text("3", use_inner_text=True)
        page.screenshot(path=artifacts / "preview-ray-again.png")
        assert page.problems == []
    finally:
        shut_down_kernels(lab)
