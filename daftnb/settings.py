"""The five autoscaling settings of Daft on Ray: the only list of their names, types, defaults and ranges.

Their home is ``os.environ``, as Daft documents it: the panel, ``%daft set`` and a user's own assignment all end
there. What is read here is validated before it travels, because the scheduler is less forgiving: a threshold below
1.0 makes it panic, and a number it cannot parse silently becomes the default (``daft-distributed``,
``scheduling/scheduler/default.rs`` and ``python/ray/worker_manager.rs``).
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from typing import Generic, TypeVar

from daftnb.errors import SettingError

Value = TypeVar("Value", bool, int, float)

_TRUE = ("1", "true", "on", "yes")
_FALSE = ("0", "false", "off", "no")
_LARGEST_INTEGER = 2**63 - 1  # the engine parses an unsigned 64-bit integer; this also fits Python's own timers


def _parse_bool(text: str) -> bool:
    lowered = text.strip().lower()
    if lowered in _TRUE:
        return True
    if lowered in _FALSE:
        return False
    raise ValueError("it is neither 1/true nor 0/false")


def _parse_integer(text: str) -> int:
    stripped = text.strip()
    # int() also takes "1_000" and other alphabets' digits; the engine does not.
    if not (stripped.isascii() and stripped.removeprefix("-").isdigit()):
        raise ValueError("it is not a whole number")
    return int(stripped)


def _parse_number(text: str) -> float:
    stripped = text.strip()
    if not stripped.isascii() or "_" in stripped:
        raise ValueError("it is not a number")
    try:
        value = float(stripped)
    except ValueError:
        raise ValueError("it is not a number") from None
    if not math.isfinite(value):
        raise ValueError("it is not a finite number")
    return value


def _show(value: bool | int | float) -> str:
    """The spelling the engine reads: 1 or 0, digits, or the shortest decimal."""
    if isinstance(value, bool):
        return "1" if value else "0"
    return repr(value)


@dataclass(frozen=True, slots=True)
class Setting(Generic[Value]):
    """One variable: its name for people, in the environment, its default and its range (both ends included)."""

    name: str
    env: str
    label: str
    help: str
    default: Value
    parser: Callable[[str], Value]
    least: Value | None = None
    most: Value | None = None
    why: str = ""  # what happens below ``least``

    def parse(self, text: str) -> Value:
        """The value that ``text`` means; raises SettingError, which names the value, the reason and what to type."""
        try:
            value = self.parser(text)
            if self.least is not None and value < self.least:
                raise ValueError(f"it must be at least {self.least}" + (f": {self.why}" if self.why else ""))
            if self.most is not None and value > self.most:
                raise ValueError(f"it must be at most {self.most}")
        except ValueError as reason:
            shown = text if len(text) <= 40 else text[:40] + "…"
            raise SettingError(
                f"{self.name} cannot be {shown!r}: {reason}.", f"Try %daft set {self.name}={_show(self.default)}"
            ) from None
        return value


THRESHOLD = Setting(
    name="threshold",
    env="DAFT_AUTOSCALING_THRESHOLD",
    label="Scale-up threshold",
    help="Ray is asked for workers while pending tasks ÷ worker CPUs is above this.",
    default=1.25,
    parser=_parse_number,
    least=1.0,
    why="below that the engine's scheduler stops with a panic",
)
DOWNSCALE = Setting(
    name="downscale",
    env="DAFT_AUTOSCALING_DOWNSCALE_ENABLED",
    label="Downscale",
    help="Retire idle workers, so that Ray can release their nodes.",
    default=True,
    parser=_parse_bool,
)
IDLE_SECONDS = Setting(
    name="idle_seconds",
    env="DAFT_AUTOSCALING_DOWNSCALE_IDLE_SECONDS",
    label="Idle seconds",
    help="How long a worker must be idle before it may be retired.",
    default=60,
    parser=_parse_integer,
    least=0,
    most=_LARGEST_INTEGER,
)
SURVIVORS = Setting(
    name="survivors",
    env="DAFT_AUTOSCALING_MIN_SURVIVOR_WORKERS",
    label="Survivors",
    help="Workers kept even when idle.",
    default=1,
    parser=_parse_integer,
    least=0,
    most=_LARGEST_INTEGER,
)
LINEAR = Setting(
    name="linear",
    env="DAFT_SCHEDULER_LINEAR",
    label="Linear scheduler",
    help="One task at a time, in order (LinearScheduler), instead of the DefaultScheduler.",
    default=False,
    parser=_parse_bool,
)

SETTINGS: dict[str, Setting[bool] | Setting[int] | Setting[float]] = {
    setting.name: setting for setting in (THRESHOLD, DOWNSCALE, IDLE_SECONDS, SURVIVORS, LINEAR)
}


@dataclass(frozen=True, slots=True)
class AutoscalingSettings:
    """One value for each setting, all valid. ``problems`` says which variables were not, and what is used instead."""

    threshold: float = THRESHOLD.default
    downscale: bool = DOWNSCALE.default
    idle_seconds: int = IDLE_SECONDS.default
    survivors: int = SURVIVORS.default
    linear: bool = LINEAR.default
    problems: tuple[str, ...] = field(default=(), compare=False)

    @classmethod
    def read(cls, environment: Mapping[str, str] | None = None) -> AutoscalingSettings:
        """What ``environment`` (default: ``os.environ``) says, with the documented default where unset or wrong."""
        source = os.environ if environment is None else environment
        values: dict[str, bool | int | float] = {}
        problems = []
        for name, setting in SETTINGS.items():
            text = source.get(setting.env)
            if text is None:
                continue
            try:
                values[name] = setting.parse(text)
            except SettingError as error:
                problems.append(f"{setting.env}: {error.what} The default {_show(setting.default)} is used.")
        return cls(**values, problems=tuple(problems))  # type: ignore[arg-type]  # each parser gives its field's type

    def environment(self) -> dict[str, str]:
        """All five as the engine reads them: environment variable to text."""
        return {setting.env: self.text(name) for name, setting in SETTINGS.items()}

    def text(self, name: str) -> str:
        """One value as it stands in the environment."""
        return _show(getattr(self, name))


assert [each.name for each in fields(AutoscalingSettings)][:-1] == list(SETTINGS), "the fields are the settings"


# A parameter of set_runner_ray and a variable of Daft's beside the five; it goes along as it is set, if it can be.
EXCLUDE_ENV = "DAFT_AUTOSCALING_PENDING_RELEASE_EXCLUDE_SECONDS"
EXCLUDE_DEFAULT = "120"


def exclude_seconds(environment: Mapping[str, str] | None = None) -> str:
    """How long a retired worker's node is left out: seconds; the engine's default where unset or wrong."""
    text = (os.environ if environment is None else environment).get(EXCLUDE_ENV, EXCLUDE_DEFAULT).strip()
    fits = text.isascii() and text.isdigit() and len(text) < 19
    return text if fits else EXCLUDE_DEFAULT


def find(name: str) -> Setting[bool] | Setting[int] | Setting[float]:
    """The setting of that name or environment variable; raises SettingError with the nearest valid name."""
    by_any_name = {**SETTINGS, **{setting.env: setting for setting in SETTINGS.values()}}
    found = by_any_name.get(name) or by_any_name.get(name.replace("-", "_").lower())
    if found is not None:
        return found
    near = get_close_matches(name.lower(), SETTINGS, n=1, cutoff=0.4)
    there = "" if near else f" (there are {', '.join(SETTINGS)})"
    raise SettingError(
        f"There is no setting {name[:40]!r}{there}.",
        f"Try %daft set {near[0] if near else 'threshold'}=…",
    )


def assign(name: str, text: str, environment: MutableMapping[str, str] | None = None) -> None:
    """Validate and put one setting where all readers look: ``os.environ`` (or the mapping given)."""
    setting = find(name)
    target = os.environ if environment is None else environment
    target[setting.env] = _show(setting.parse(text))


def current() -> AutoscalingSettings:
    """What is set now; the next query takes it."""
    return AutoscalingSettings.read()


def check(**values: object) -> dict[str, str]:
    """The environment variables and texts of settings by name; SettingError if one cannot be. Nothing is set."""
    trial: dict[str, str] = {}
    for name, value in values.items():
        assign(name, str(value), trial)
    return trial


def set(**values: object) -> None:
    """Set by name, for the next query (``threshold=1.5``); SettingError, and none of them set, if one is wrong."""
    os.environ.update(check(**values))


def reset(*names: str) -> None:
    """Unset these, or all five: the documented defaults hold again. SettingError for a name that there is not."""
    for variable in [find(name).env for name in names or SETTINGS]:
        os.environ.pop(variable, None)
