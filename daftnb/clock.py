"""The clock of the kernel and the runner actor: seconds since the epoch that never step.

The system's clock is asked once, and from then on counts one that nobody sets; so a duration is right whatever becomes
of the system's clock meanwhile, and a machine that was suspended has the time that passed. It imports nothing of
daftnb, as it is sent to the runner actor by value too.
"""

from __future__ import annotations

import time
from collections.abc import Callable


def counter() -> Callable[[], float]:
    """Return a function that counts the seconds, those of a suspended machine too where the system can."""
    for name in ("CLOCK_BOOTTIME", "CLOCK_MONOTONIC"):  # of Linux, and macOS, where it does what Linux calls BOOTTIME
        number = getattr(time, name, None)
        if number is not None:
            try:
                time.clock_gettime(number)
            except OSError:  # named, and not there
                continue
            return lambda: time.clock_gettime(number)
    return time.monotonic


class Steady:
    """Stands where the module ``time`` would: its ``time`` and its ``monotonic``. Unpickled, it begins anew."""

    def __init__(self, epoch: Callable[[], float] = time.time, count: Callable[[], float] | None = None) -> None:
        self._count = count or counter()
        self._began = epoch() - self._count()

    def time(self) -> float:
        """Return the seconds since the epoch, by the system's clock as it was when this was made."""
        return self._began + self._count()

    def monotonic(self) -> float:
        """Return seconds that are good for differences only."""
        return self._count()

    def __reduce__(self) -> tuple[type[Steady], tuple[()]]:
        return (Steady, ())


steady = Steady()
