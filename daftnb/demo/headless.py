"""``daftnb demo --headless``: runs the demo's notebook in a real kernel and checks what it showed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from daftnb.errors import DaftnbError

CELL_SECONDS = 300
_LOOK = """
import json as _json
import daftnb as _daftnb
_snapshot = _daftnb.get_session().snapshot()
print(_json.dumps({_name: _snapshot[_name] for _name in ("session", "queries", "settings", "backlog")}))
"""


def run_demo(notebook: Path, on_ray: bool = True) -> int:
    """Run ``notebook``, print what happened, and keep it as ``*-executed.ipynb``.

    Return 0 if all that was promised happened, else 1. DaftnbError if nbclient is not installed.
    """
    try:
        import nbclient
        import nbformat
    except ImportError:
        raise DaftnbError("nbclient is not installed in this environment.", "Try: pip install 'daftnb[lab]'") from None

    document = nbformat.read(notebook, as_version=4)
    document.cells.append(nbformat.v4.new_code_cell(_LOOK))
    client = nbclient.NotebookClient(
        document,
        timeout=CELL_SECONDS,
        kernel_name="python3",
        store_widget_state=False,
        resources={"metadata": {"path": str(notebook.parent)}},
        on_cell_executed=lambda cell, **_rest: _echo(cell),
    )
    try:
        client.execute()
    except nbclient.exceptions.CellExecutionError as error:
        print(f"daftnb: the notebook failed.\n{error}")
        return 1
    finally:
        look = document.cells.pop()
        nbformat.write(document, notebook.with_name(f"{notebook.stem}-executed.ipynb"))
    seen = json.loads("".join(output.text for output in look.outputs if output.output_type == "stream"))
    return judge(seen, on_ray)


def _echo(cell: Any) -> None:
    """Print what a cell wrote, as it ends."""
    if cell.cell_type != "code" or cell.source == _LOOK:
        return
    for output in cell.outputs:
        if output.output_type == "stream":
            print(output.text, end="", flush=True)


def judge(seen: dict[str, Any], on_ray: bool = True) -> int:
    """Print the queries, the peak backlog ratio, the workers and the settings.

    Return 1 if something promised is missing, else 0. ``on_ray``: whether the demo was to run on its cluster, rather
    than on Daft's native runner.
    """
    queries = list(seen["queries"].values())
    rows = seen["settings"]["rows"]
    peak = max((query["peak_ratio"] for query in queries if query["peak_ratio"] is not None), default=None)
    fewest = min((query["workers_from"] for query in queries if query["workers_from"] is not None), default=0)
    most = max((query["workers_to"] for query in queries if query["workers_to"] is not None), default=0)
    threshold = float(rows["threshold"]["in_effect"] or "nan")
    print("\nwhat was seen")
    for query in queries:
        ratio = "—" if query["peak_ratio"] is None else f"{query['peak_ratio']:.1f}"
        print(
            f"  query {query['number']}: {query['state']} on {query['runner']} in {query['elapsed']:.1f} s, "
            f"{query['tasks']} tasks, peak backlog ratio {ratio}, "
            f"workers {query['workers_from']} → {query['workers_to']}"
        )
    if not on_ray:
        return _verdict(
            {
                "every query finished on the native runner": all(
                    q["state"] == "finished" and q["runner"] == "native" for q in queries
                ),
                "at least two queries ran": len(queries) >= 2,
                "nothing was reported as a problem": not seen["session"]["problems"],
            },
            seen,
        )
    print(f"  peak backlog ratio {peak}, workers from {fewest} to {most}")
    print("  settings in effect: " + ", ".join(f"{name}={row['in_effect']}" for name, row in rows.items()))
    checks = {
        "every query finished on Ray": all(q["state"] == "finished" and q["runner"] == "ray" for q in queries),
        "at least five queries ran": len(queries) >= 5,
        "the backlog ratio rose above the threshold": peak is not None and peak > threshold,
        "workers went from 1 to at least 2": fewest <= 1 and most >= 2,
        "the changed threshold is in effect": threshold == 2.0,
        "nothing was reported as a problem": not seen["session"]["problems"],
    }
    return _verdict(checks, seen)


def _verdict(checks: dict[str, bool], seen: dict[str, Any]) -> int:
    for what, held in checks.items():
        print(f"  {'yes' if held else 'NO '}  {what}")
    for problem in seen["session"]["problems"].values():
        print(f"       {problem}")
    return 0 if all(checks.values()) else 1
