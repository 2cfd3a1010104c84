"""A preview's service without a widget: what it tells is kept, and awaited."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from daftnb.previews.service import PreviewService
from daftnb.previews.source import source_of
from tests.conftest import await_that
from tests.helpers.previewkernel import rows_of


class Asked:
    """A service over a dataframe, and what it has told."""

    def __init__(self, frame: Any, end_on_ray: Callable[[str], bool] = lambda _id: False, **options: Any) -> None:
        self.told: list[tuple[dict[str, Any], list[bytes]]] = []
        self.changes: list[tuple[str, str | None]] = []
        self.lock = threading.Lock()
        self.number = 0
        self.service = PreviewService(
            options.pop("source", None) or source_of(frame), "df", self.tell, self.changed, end_on_ray
        )

    def tell(self, content: dict[str, Any], buffers: list[bytes]) -> None:
        with self.lock:
            self.told.append((content, buffers))

    def changed(self) -> None:
        self.changes.append((self.service.state, self.service.note))

    def ask(self, type_: str, **content: Any) -> int:
        self.number += 1
        self.service.take({"type": type_, "id": self.number, **content})
        return self.number

    def answers(self, id_: int) -> list[dict[str, Any]]:
        return [content for content, _ in self.told if content["id"] == id_]

    def answer(self, id_: int, seconds: float = 60.0) -> tuple[dict[str, Any], list[bytes]]:
        """The answer that ends a request."""

        def last() -> Any:
            for content, buffers in self.told:
                if content["id"] == id_ and content.get("state") != "running" and content.get("done", True):
                    return content, buffers
            return None

        found: Any = await_that(last, f"an answer to {id_}", seconds)
        return found

    def rows(self, start: int, count: int, columns: list[int], view: int = 0) -> dict[str, list[Any]]:
        content, buffers = self.answer(self.ask("page", view=view, start=start, count=count, columns=columns))
        assert content["type"] == "page", content
        return rows_of(buffers[0])

    def view(self, **asked: Any) -> dict[str, Any]:
        request = {"sort": [], "filters": [], "search": "", "columns": [], **asked}
        return self.answer(self.ask("view", **request))[0]

    def summary(self, columns: list[int], view: int = 0) -> dict[int, dict[str, Any]]:
        id_ = self.ask("summary", view=view, columns=columns)
        assert self.answer(id_)[0]["type"] == "summary", self.answers(id_)
        found: dict[int, dict[str, Any]] = {}
        for content in self.answers(id_):
            for column, summary in content["columns"].items():
                found.setdefault(int(column), {}).update(summary)
        return found
