"""A real kernel whose previews are spoken to as a page does: comm messages, on a subshell as JupyterLab sends them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
from jupyter_client.manager import start_new_kernel

SECONDS = 60.0


class Page:
    """As much of a page as previews need. ``messages``: what came on the comms, in order, with the buffers."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.comms: dict[str, dict[str, Any]] = {}  # the state of each widget, by its comm's id
        self.messages: list[tuple[str, dict[str, Any], list[bytes]]] = []
        self.texts: list[str] = []  # of each cell that printed, all of it
        self.printing: str | None = None  # the cell the last of them is of
        self.bundles: list[dict[str, Any]] = []
        self.updates: list[dict[str, Any]] = []  # of what was displayed before
        self.errors: list[str] = []
        self.idle: set[str] = set()
        self.number = 0
        self.subshell: str | None = None

    def open_subshell(self) -> None:
        message = self.client.session.msg("create_subshell_request", {})
        self.client.control_channel.send(message)
        reply = self.client.control_channel.get_msg(timeout=SECONDS)
        self.subshell = reply["content"]["subshell_id"]

    def pump(self, seconds: float = 0.1) -> None:
        """Take in what comes, for a while."""
        import queue

        try:
            message = self.client.get_iopub_msg(timeout=seconds)
        except queue.Empty:
            return
        kind, content = message["header"]["msg_type"], message["content"]
        buffers = [bytes(buffer) for buffer in message.get("buffers", [])]
        if kind == "comm_open":
            state = dict(content["data"].get("state", {}))
            for path, buffer in zip(content["data"].get("buffer_paths", []), buffers, strict=True):
                state[path[0]] = buffer
            self.comms[content["comm_id"]] = state
        elif kind == "comm_msg":
            data = content["data"]
            if data.get("method") == "update":
                state = dict(data["state"])
                for path, buffer in zip(data.get("buffer_paths", []), buffers, strict=True):
                    state[path[0]] = buffer
                self.comms.setdefault(content["comm_id"], {}).update(state)
            elif data.get("method") == "custom":
                self.messages.append((content["comm_id"], data["content"], buffers))
        elif kind == "stream":
            # A kernel sends what was printed when its timer says so, which may be in the middle of a line.
            cell = message["parent_header"].get("msg_id", "")
            if self.printing != cell:
                self.printing = cell
                self.texts.append("")
            self.texts[-1] += content["text"]
        elif kind in ("execute_result", "display_data"):
            self.bundles.append(content["data"])
        elif kind == "update_display_data":
            self.updates.append(content["data"])
        elif kind == "error":
            self.errors.append("\n".join(content["traceback"]))
        elif kind == "status" and content["execution_state"] == "idle":
            self.idle.add(message["parent_header"].get("msg_id", ""))

    def start(self, code: str, cell: str | None = None, **metadata: Any) -> str:
        """``cell``: the notebook's id of the cell, which a page names; ``metadata``: what it says beside that."""
        if cell is None:
            found: str = self.client.execute(code)
            return found
        content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}}
        content |= {"allow_stdin": False, "stop_on_error": True}
        message = self.client.session.msg("execute_request", content, metadata={"cellId": cell, **metadata})
        self.client.shell_channel.send(message)
        id_: str = message["header"]["msg_id"]
        return id_

    def finish(self, cell: str) -> None:
        self.until(lambda: cell in self.idle, "the cell ends")

    def run(self, code: str, cell: str | None = None) -> None:
        self.finish(self.start(code, cell))
        assert not self.errors, self.errors

    def until(self, condition: Any, what: str, seconds: float = SECONDS) -> Any:
        deadline = time.monotonic() + seconds
        while not (found := condition()):
            assert time.monotonic() < deadline, f"not within {seconds} s: {what}; errors: {self.errors}"
            self.pump()
        return found

    def preview(self) -> str:
        """The comm of the preview displayed last."""
        for bundle in reversed(self.bundles):
            view = bundle.get("application/vnd.jupyter.widget-view+json")
            if view is not None:
                found: str = view["model_id"]
                return found
        raise AssertionError(f"no widget among {[list(bundle) for bundle in self.bundles]}")

    def send(self, comm: str, content: Any) -> None:
        data = {"method": "custom", "content": content}
        message = self.client.session.msg("comm_msg", {"comm_id": comm, "data": data})
        if self.subshell is not None:
            message["header"]["subshell_id"] = self.subshell
        self.client.shell_channel.send(message)

    def ask(self, comm: str, type_: str, **content: Any) -> int:
        """Send a request; its id."""
        self.number += 1
        self.send(comm, {"type": type_, "id": self.number, **content})
        return self.number

    def answers(self, id_: int) -> list[tuple[dict[str, Any], list[bytes]]]:
        return [(content, buffers) for _, content, buffers in self.messages if content.get("id") == id_]

    def answer(self, id_: int, done: Any = lambda content: True) -> tuple[dict[str, Any], list[bytes]]:
        """The first answer to a request which is ``done``, or an error."""

        def found() -> Any:
            return next((a for a in self.answers(id_) if a[0]["type"] == "error" or done(a[0])), None)

        answer: tuple[dict[str, Any], list[bytes]] = self.until(found, f"an answer to {id_}")
        return answer

    def rows(self, comm: str, start: int, count: int, columns: list[int], view: int = 0) -> dict[str, list[Any]]:
        content, buffers = self.answer(self.ask(comm, "page", view=view, start=start, count=count, columns=columns))
        assert content["type"] == "page", content
        assert content["start"] == start and content["columns"] == columns and content["view"] == view
        return rows_of(buffers[0])


def rows_of(data: bytes) -> dict[str, list[Any]]:
    """The rows of a page's buffer."""
    found: dict[str, list[Any]] = pa.ipc.open_stream(data).read_all().to_pydict()
    return found


@contextmanager
def kernel_page(subshell: bool = True) -> Iterator[Page]:
    """A page with a kernel of its own, daftnb loaded."""
    manager, client = start_new_kernel(kernel_name="python3", startup_timeout=SECONDS)
    try:
        page = Page(client)
        page.run("%load_ext daftnb\nimport daft\nfrom daft import col")
        if subshell:
            page.open_subshell()
        yield page
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
