"""A real Jupyter kernel that runs a benchmark's code."""

from __future__ import annotations

import json
from typing import Any

from jupyter_client.manager import start_new_kernel


class Kernel:
    """Runs source text; what it printed after RESULT, as JSON, is the answer."""

    def __init__(self) -> None:
        self.manager, self.client = start_new_kernel(kernel_name="python3")

    def run(self, source: str, seconds: float = 300) -> Any:
        printed: list[str] = []

        def hook(message: dict[str, Any]) -> None:
            if message["msg_type"] == "stream" and message["content"]["name"] == "stdout":
                printed.append(message["content"]["text"])

        reply = self.client.execute_interactive(source, output_hook=hook, timeout=seconds)
        if reply["content"]["status"] != "ok":
            raise RuntimeError("\n".join(reply["content"]["traceback"]))
        for line in "".join(printed).splitlines():
            if line.startswith("RESULT "):
                return json.loads(line.removeprefix("RESULT "))
        return None

    def end(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel()
