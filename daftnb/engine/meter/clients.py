"""Counts what the client of a model does by itself: requests refused by the server, those made again, and its waits.

For the protocol of OpenAI, Daft leaves retries to the ``openai`` package (``daft/ai/openai``: ``max_retries`` goes to
the client, and Daft itself tries no call again), so that neither Daft nor a function is told of a 429. The client calls
three of its own methods when a request fails; they are wrapped as soon as a process has the package. Requests that a
function makes in threads of its own are not counted, nor are those of other clients.
"""

from __future__ import annotations

import contextvars
import sys
from collections.abc import Callable
from typing import Any

from daftnb.engine.meter.tally import Tally

MODULE, CLASS = "openai._base_client", "BaseClient"
REFUSED, AGAIN, WAITED = "requests refused (429)", "requests made again", "milliseconds waited"
TOO_MANY_REQUESTS = 429
NEEDED = ("_build_request", "_should_retry", "_make_status_error_from_response", "_calculate_retry_timeout")

Fault = Callable[[str, BaseException], None]
Patch = Callable[[Any, str, Any], None]


def listen(current: contextvars.ContextVar[Any], patch: Patch, fault: Fault) -> bool:
    """Have the client counted in this process; return False where it is not loaded, or is another than is known.

    ``current``: has what counts for the function that runs, with its ``tally``.
    """
    client = getattr(sys.modules.get(MODULE), CLASS, None)
    if client is None or not all(hasattr(client, name) for name in NEEDED):
        return False
    build, should_retry, failed, wait = (getattr(client, name) for name in NEEDED)
    # Of the request that is being made: each call of a coroutine function has its own. Made here, as a variable of a
    # context cannot be pickled, and this module is sent to other processes.
    asked: contextvars.ContextVar[str] = contextvars.ContextVar("daftnb_model", default="")

    def count(tally: Tally, name: str, amount: int = 1) -> None:
        model = asked.get()  # the client does not know what Daft calls the provider
        tally.count(name, amount, {"model": model} if model else None)

    def noted(note: Callable[[Tally], None]) -> None:
        try:
            tally = getattr(current.get(), "tally", None)
            if tally is not None:
                note(tally)
        except Exception as error:
            fault("request", error)

    def metered_build(this: Any, options: Any, *arguments: Any, **more: Any) -> Any:
        def begin(tally: Tally) -> None:
            given = getattr(options, "json_data", None)
            model = given.get("model") if isinstance(given, dict) else None
            asked.set(model if isinstance(model, str) else "")
            for name in (REFUSED, AGAIN, WAITED):
                count(tally, name, 0)

        noted(begin)
        return build(this, options, *arguments, **more)

    def refused(response: Any) -> None:
        if response.status_code == TOO_MANY_REQUESTS:
            noted(lambda tally: count(tally, REFUSED))

    def metered_should_retry(this: Any, response: Any) -> bool:
        again: bool = should_retry(this, response)
        if again:  # if not, an error is made of the response
            refused(response)
        return again

    def metered_failed(this: Any, response: Any) -> Any:
        refused(response)
        return failed(this, response)

    def metered_wait(this: Any, *arguments: Any, **more: Any) -> float:
        seconds: float = wait(this, *arguments, **more)

        def again(tally: Tally) -> None:
            tally.made_again += 1
            tally.waited += int(seconds * 1e9)
            count(tally, AGAIN)
            count(tally, WAITED, round(seconds * 1e3))

        noted(again)
        return seconds

    metered: tuple[Callable[..., Any], ...] = (metered_build, metered_should_retry, metered_failed, metered_wait)
    for name, wrapped in zip(NEEDED, metered, strict=True):
        patch(client, name, wrapped)
    return True
