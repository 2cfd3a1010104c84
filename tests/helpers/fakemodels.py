"""A server on loopback that speaks OpenAI's protocol, refuses now and then, and counts what it is asked."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from daftnb.engine.meter.clients import AGAIN, REFUSED, WAITED

DIMENSIONS = 8
KEY = "sk-made-up-and-nobodys-0123456789"
WAIT = 0.05  # seconds
TOKENS = ("requests", "input tokens", "output tokens", "total tokens")


class FakeModels:
    """``refuse``: of this many requests one is refused, with a 429 that asks for ``wait`` seconds; 0: none is."""

    def __init__(self, refuse: int = 0, wait: float = 0.0) -> None:
        self.refuse, self.wait = refuse, wait
        self.lock = threading.Lock()
        self.counts: Counter[tuple[str, str]] = Counter()  # by model and what is counted
        self.keys: set[str] = set()
        self.url = ""

    def of(self, model: str, name: str) -> int:
        """Return how much it has counted of a model."""
        return self.counts[model, name]

    def refuses(self, model: str) -> bool:
        """Count a request; return True if it is refused."""
        with self.lock:
            self.counts[model, "asked"] += 1
            refused = self.refuse > 0 and self.counts[model, "asked"] % self.refuse == 0
            self.counts[model, "refused" if refused else "requests"] += 1
            return refused

    def usage(self, model: str, read: int, wrote: int) -> None:
        """Count the tokens of a request."""
        with self.lock:
            self.counts[model, "input tokens"] += read
            self.counts[model, "output tokens"] += wrote
            self.counts[model, "total tokens"] += read + wrote


def words(value: Any) -> int:
    """Return the words in all texts of a request: its tokens."""
    if isinstance(value, str):
        return len(value.split())
    if isinstance(value, dict):
        return sum(words(each) for name, each in value.items() if name in ("text", "content"))
    return sum(map(words, value)) if isinstance(value, list) else 0


def chat(model: str, read: int, wrote: int) -> dict[str, Any]:
    """Return an answer of the Chat Completions API."""
    message = {"role": "assistant", "content": "yes " * wrote}
    usage = {"prompt_tokens": read, "completion_tokens": wrote, "total_tokens": read + wrote}
    choice = {"index": 0, "finish_reason": "stop", "message": message}
    head = {"id": "chat", "object": "chat.completion", "created": 1, "model": model}
    return {**head, "choices": [choice], "usage": usage}


def response(model: str, read: int, wrote: int) -> dict[str, Any]:
    """Return an answer of the Responses API."""
    text = {"type": "output_text", "text": "yes " * wrote, "annotations": []}
    message = {"type": "message", "id": "message", "role": "assistant", "status": "completed", "content": [text]}
    usage = {"input_tokens": read, "output_tokens": wrote, "total_tokens": read + wrote}
    usage |= {"input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0}}
    head = {"id": "response", "object": "response", "created_at": 1, "model": model, "status": "completed"}
    rest = {"parallel_tool_calls": False, "tool_choice": "auto", "tools": []}
    return {**head, **rest, "output": [message], "usage": usage}


def embedding(model: str, texts: list[str], read: int) -> dict[str, Any]:
    """Return an answer of the Embeddings API."""
    data = [{"object": "embedding", "index": n, "embedding": [0.5] * DIMENSIONS} for n in range(len(texts))]
    return {"object": "list", "model": model, "data": data, "usage": {"prompt_tokens": read, "total_tokens": read}}


@contextmanager
def fake_models(refuse: int = 0, wait: float = 0.0) -> Iterator[FakeModels]:
    """Serve until left."""
    models = FakeModels(refuse, wait)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            models.keys.add(self.headers["Authorization"])
            model = asked["model"]
            if models.refuses(model):
                self.answer(429, {"error": {"message": "too many requests", "type": "rate_limit"}})
            elif self.path.endswith("/embeddings"):
                texts = [asked["input"]] if isinstance(asked["input"], str) else asked["input"]
                read = words(texts)
                models.usage(model, read, 0)
                self.answer(200, embedding(model, texts, read))
            else:
                by_chat = self.path.endswith("/chat/completions")
                read = words(asked["messages" if by_chat else "input"])
                wrote = read % 3 + 1
                models.usage(model, read, wrote)
                self.answer(200, (chat if by_chat else response)(model, read, wrote))

        def answer(self, status: int, content: dict[str, Any]) -> None:
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            if status != 200:
                self.send_header("Retry-After", str(models.wait))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: Any) -> None:
            """Print nothing."""

    class Server(ThreadingHTTPServer):
        request_queue_size = 128  # a client whose connection is not taken tries again

    server = Server(("127.0.0.1", 0), Handler)
    models.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield models
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def provided(models: FakeModels, retries: int) -> Iterator[None]:
    """Have Daft know the server as the provider "local", whose client makes a request again so often."""
    import daft
    from daft.ai.openai.provider import OpenAIProvider

    session = daft.current_session()
    session.attach_provider(OpenAIProvider("local", base_url=models.url, api_key=KEY, max_retries=retries))
    try:
        yield
    finally:
        session.detach_provider("local")


def expected(models: FakeModels, model: str, again: int, *, writes: bool) -> dict[str, int]:
    """Return what the server has counted of a model, in the words of the counters."""
    found = {name: models.of(model, name) for name in TOKENS if writes or name != "output tokens"}
    return found | by_client(models.of(model, "refused"), again)


def by_client(refused: int, again: int) -> dict[str, int]:
    """Return what the client counts, if the server asks it to wait for WAIT each time."""
    return {REFUSED: refused, AGAIN: again, WAITED: again * round(WAIT * 1_000)}
