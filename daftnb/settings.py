"""The autoscaling settings on Ray, Daft's five and daftnb's own: the only list of names, types, defaults and ranges.

Their home is ``os.environ``, as Daft documents it: the panel, ``%daft set`` and a user's own assignment all end
there. What is read here is validated before it travels, because the scheduler is less forgiving: a threshold below
1.0 makes it panic, and a number it cannot parse silently becomes the default (``daft-distributed``,
``scheduling/scheduler/default.rs`` and ``python/ray/worker_manager.rs``).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass, field, fields
from functools import partial
from typing import Generic, Literal, TypeVar

from daftnb import blocks
from daftnb.errors import SettingError
from daftnb.text.parsing import parse_bool, parse_integer, parse_number, parse_word
from daftnb.text.spelling import nearest, shown

Value = TypeVar("Value", bool, int, float, str)
Kind = Literal["switch", "number", "choice"]

_LARGEST_INTEGER = 2**63 - 1  # the engine parses an unsigned 64-bit integer; this also fits Python's own timers


def _show(value: bool | int | float | str) -> str:
    """Return the spelling that is read where it acts: 1 or 0, digits, the shortest decimal, or a word."""
    if isinstance(value, bool):
        return "1" if value else "0"
    return value if isinstance(value, str) else repr(value)


@dataclass(frozen=True, slots=True)
class Setting(Generic[Value]):
    """One variable: its name for people, in the environment, its default and its range (both ends included).

    Attributes
    ----------
    name
        For people, in ``%daft set`` and Python.
    env
        The environment variable that the engine reads, or daftnb in the engine's process.
    label, help
        For panels: a title, and a sentence.
    default
        The engine's documented default; of daftnb's own, what makes it do nothing.
    parser
        Makes a value of a text; raises ValueError, with the reason, where it cannot.
    least, most
        The range. None: no bound.
    why
        What happens below ``least``; empty where there is nothing to say.
    choices
        The words that it may be; empty where it is no word.
    own
        Whether it is daftnb's own, of which the engine knows nothing.
    """

    name: str
    env: str
    label: str
    help: str
    default: Value
    parser: Callable[[str], Value]
    least: Value | None = None
    most: Value | None = None
    why: str = ""  # what happens below ``least``
    choices: tuple[str, ...] = ()
    own: bool = False

    @property
    def kind(self) -> Kind:
        """Return how it is shown and changed: a switch has the values 1 and 0, a choice one of its words."""
        if self.choices:
            return "choice"
        return "switch" if isinstance(self.default, bool) else "number"

    def among(self, values: Mapping[str, str] | None) -> str | None:
        """Return its text among settings that were in effect.

        Parameters
        ----------
        values
            Environment variables and their texts, as they were read back. None: not known.

        Returns
        -------
        str | None
            Its text; None where it is not known. Values that lack daftnb's own were recorded before there was it: the
            engine was left to itself, as it is by the default.

        Examples
        --------
        >>> before = {"DAFT_AUTOSCALING_THRESHOLD": "2.0"}
        >>> THRESHOLD.among(before), GROWTH.among(before), GROWTH.among(None)
        ('2.0', 'step', None)
        """
        return (values or {}).get(self.env, _show(self.default) if self.own and values else None)

    def parse(self, text: str) -> Value:
        """Return the value that ``text`` means.

        Parameters
        ----------
        text
            As it stands in the environment, or as a person has typed it.

        Returns
        -------
        Value
            The value, in its range.

        Raises
        ------
        SettingError
            If it means none that may be set. It names the value, the reason and what to type.

        Examples
        --------
        >>> THRESHOLD.parse(" 1.5 ")
        1.5
        """
        try:
            value = self.parser(text)
            if self.least is not None and value < self.least:
                raise ValueError(f"it must be at least {self.least}" + (f": {self.why}" if self.why else ""))
            if self.most is not None and value > self.most:
                raise ValueError(f"it must be at most {self.most}")
        except ValueError as reason:
            raise SettingError(
                f"{self.name} cannot be {shown(text)}: {reason}.", f"Try %daft set {self.name}={_show(self.default)}"
            ) from None
        return value


THRESHOLD = Setting(
    name="threshold",
    env="DAFT_AUTOSCALING_THRESHOLD",
    label="Scale-up threshold",
    help="Daft asks Ray for workers while pending tasks ÷ worker CPUs is above this.",
    default=1.25,
    parser=parse_number,
    least=1.0,
    why="below that the engine's scheduler stops with a panic",
)
DOWNSCALE = Setting(
    name="downscale",
    env="DAFT_AUTOSCALING_DOWNSCALE_ENABLED",
    label="Downscale",
    help="Retire idle workers, so that Ray can release their nodes.",
    default=True,
    parser=parse_bool,
)
IDLE_SECONDS = Setting(
    name="idle_seconds",
    env="DAFT_AUTOSCALING_DOWNSCALE_IDLE_SECONDS",
    label="Idle seconds",
    help="How long a worker must be idle before it may be retired.",
    default=60,
    parser=parse_integer,
    least=0,
    most=_LARGEST_INTEGER,
)
SURVIVORS = Setting(
    name="survivors",
    env="DAFT_AUTOSCALING_MIN_SURVIVOR_WORKERS",
    label="Survivors",
    help="Workers kept even when idle.",
    default=1,
    parser=parse_integer,
    least=0,
    most=_LARGEST_INTEGER,
)
LINEAR = Setting(
    name="linear",
    env="DAFT_SCHEDULER_LINEAR",
    label="Linear scheduler",
    help="One task at a time, in order (LinearScheduler), instead of the DefaultScheduler.",
    default=False,
    parser=parse_bool,
)
WAYS = ("step", "needed", "double")
GROWTH = Setting(
    name="growth",
    env="DAFTNB_GROWTH",
    label="Growth",
    help="How much one request asks for: step, one CPU more (Daft's way); needed, all that the threshold calls for; "
    "double, twice the last. By daftnb.",
    default="step",
    parser=partial(parse_word, words=WAYS),
    choices=WAYS,
    own=True,
)

AnySetting = Setting[bool] | Setting[int] | Setting[float] | Setting[str]
SETTINGS: dict[str, AnySetting] = {
    setting.name: setting for setting in (THRESHOLD, DOWNSCALE, IDLE_SECONDS, SURVIVORS, LINEAR, GROWTH)
}


@dataclass(frozen=True, slots=True)
class AutoscalingSettings:
    """One value for each setting, all valid. ``problems`` says which variables were not, and what is used instead.

    ``problems`` says which variables were not valid, and what is used instead; comparing two leaves it out.

    Attributes
    ----------
    threshold
        Pending tasks ÷ worker CPUs above which the scheduler asks Ray for workers; at least 1.0.
    downscale
        Whether idle workers are retired.
    idle_seconds
        Seconds that a worker must be idle before it may be retired.
    survivors
        Workers that are kept even when idle.
    linear
        Whether tasks run one at a time, in order.
    growth
        How much one request asks Ray for: ``step``, ``needed`` or ``double``.
    problems
        One sentence for each variable that cannot be used.

    Examples
    --------
    >>> AutoscalingSettings(threshold=2.0).environment()["DAFT_AUTOSCALING_THRESHOLD"]
    '2.0'
    """

    threshold: float = THRESHOLD.default
    downscale: bool = DOWNSCALE.default
    idle_seconds: int = IDLE_SECONDS.default
    survivors: int = SURVIVORS.default
    linear: bool = LINEAR.default
    growth: str = GROWTH.default
    problems: tuple[str, ...] = field(default=(), compare=False)

    @classmethod
    def read(cls, environment: Mapping[str, str] | None = None) -> AutoscalingSettings:
        """Return what the environment says, with the documented default where a variable is unset or wrong.

        Parameters
        ----------
        environment
            Variables and their texts. None: ``os.environ``.

        Returns
        -------
        AutoscalingSettings
            All of them; each variable that could not be used is one of ``problems``.

        Examples
        --------
        >>> AutoscalingSettings.read({"DAFT_AUTOSCALING_THRESHOLD": "0.5"}).problems[0][:45]
        'DAFT_AUTOSCALING_THRESHOLD: threshold cannot '
        """
        source = os.environ if environment is None else environment
        values: dict[str, bool | int | float | str] = {}
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
        """Return all of them as they are read where they act: environment variable to text."""
        return {setting.env: self.text(name) for name, setting in SETTINGS.items()}

    def text(self, name: str) -> str:
        """Return one value as it stands in the environment.

        Parameters
        ----------
        name
            One of the fields (``threshold``).

        Returns
        -------
        str
            The spelling that is read where it acts: 1 or 0, digits, the shortest decimal, or a word.

        Examples
        --------
        >>> AutoscalingSettings().text("downscale")
        '1'
        """
        return _show(getattr(self, name))


assert [each.name for each in fields(AutoscalingSettings)][:-1] == list(SETTINGS), "the fields are the settings"


# A parameter of set_runner_ray and a variable of Daft's beside its five; it goes along as it is set, if it can be.
EXCLUDE_ENV = "DAFT_AUTOSCALING_PENDING_RELEASE_EXCLUDE_SECONDS"
EXCLUDE_DEFAULT = "120"
# How often a Daft that has a reaper of its own looks for idle workers, in seconds; it goes along where it is set.
REAPER_ENV = "DAFT_AUTOSCALING_REAPER_INTERVAL_SECONDS"


def exclude_seconds(environment: Mapping[str, str] | None = None) -> str:
    """Return the seconds that a retired worker's node is left out; the engine's default where unset or wrong.

    Parameters
    ----------
    environment
        Variables and their texts. None: ``os.environ``.

    Returns
    -------
    str
        Digits, as the engine reads them.
    """
    text = (os.environ if environment is None else environment).get(EXCLUDE_ENV, EXCLUDE_DEFAULT).strip()
    fits = text.isascii() and text.isdigit() and len(text) < 19
    return text if fits else EXCLUDE_DEFAULT


def reaper_interval(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the variable with the seconds between two looks of Daft's own reaper; empty where unset or wrong.

    Parameters
    ----------
    environment
        Variables and their texts. None: ``os.environ``.

    Returns
    -------
    dict[str, str]
        The variable and its digits, as the engine reads them.

    Examples
    --------
    >>> reaper_interval({"DAFT_AUTOSCALING_REAPER_INTERVAL_SECONDS": " 2 "})
    {'DAFT_AUTOSCALING_REAPER_INTERVAL_SECONDS': '2'}
    >>> reaper_interval({"DAFT_AUTOSCALING_REAPER_INTERVAL_SECONDS": "soon"})
    {}
    """
    text = (os.environ if environment is None else environment).get(REAPER_ENV, "").strip()
    return {REAPER_ENV: text} if text.isascii() and text.isdigit() and len(text) < 19 else {}


def find(name: str) -> AnySetting:
    """Return the setting of that name or environment variable.

    Parameters
    ----------
    name
        ``idle_seconds``, ``idle-seconds`` or ``DAFT_AUTOSCALING_DOWNSCALE_IDLE_SECONDS``; the case of a name is free.

    Returns
    -------
    Setting
        The one of :data:`SETTINGS`.

    Raises
    ------
    SettingError
        If there is none; it names the nearest one, or all.

    Examples
    --------
    >>> find("idle-seconds").env
    'DAFT_AUTOSCALING_DOWNSCALE_IDLE_SECONDS'
    """
    by_any_name = {**SETTINGS, **{setting.env: setting for setting in SETTINGS.values()}}
    found = by_any_name.get(name) or by_any_name.get(name.replace("-", "_").lower())
    if found is not None:
        return found
    near = nearest(name, SETTINGS)
    there = "" if near else f" (there are {', '.join(SETTINGS)})"
    raise SettingError(
        f"There is no setting {shown(name)}{there}.",
        f"Try %daft set {near or 'threshold'}=…",
    )


def assign(name: str, text: str, environment: MutableMapping[str, str] | None = None) -> None:
    """Check one setting, and put it where all readers look.

    Parameters
    ----------
    name
        The setting's name or environment variable.
    text
        Its new value.
    environment
        Where to put it, under its environment variable. None: ``os.environ``, to stay when a watched block ends.

    Raises
    ------
    SettingError
        If there is no such setting, or it cannot have this value.

    Examples
    --------
    >>> variables = {}
    >>> assign("survivors", "2", variables)
    >>> variables
    {'DAFT_AUTOSCALING_MIN_SURVIVOR_WORKERS': '2'}
    """
    setting = find(name)
    shown = _show(setting.parse(text))
    if environment is None:
        blocks.put({setting.env: shown}, in_block=False)
    else:
        environment[setting.env] = shown


def current() -> AutoscalingSettings:
    """Return what is set now; the next query of this thread or task takes it.

    Returns
    -------
    AutoscalingSettings
        All of them, with the default for those that are not set.

    Examples
    --------
    >>> reset()
    >>> current().threshold
    1.25
    """
    return AutoscalingSettings.read(blocks.environment())


def check(**values: object) -> dict[str, str]:
    """Return the environment variables and texts of settings given by name; set nothing.

    Parameters
    ----------
    values
        Settings by name; a value may be anything whose text means one.

    Returns
    -------
    dict[str, str]
        Environment variables and their texts, as the engine reads them.

    Raises
    ------
    SettingError
        If there is no such setting, or one cannot have its value.

    Examples
    --------
    >>> check(threshold=2, downscale=False)
    {'DAFT_AUTOSCALING_THRESHOLD': '2.0', 'DAFT_AUTOSCALING_DOWNSCALE_ENABLED': '0'}
    """
    trial: dict[str, str] = {}
    for name, value in values.items():
        assign(name, str(value), trial)
    return trial


def set(**values: object) -> None:
    """Set settings by name, for the next query (``threshold=1.5``).

    In a watched block (:func:`daftnb.watch`), what that block itself sets is changed for the block alone.

    Parameters
    ----------
    values
        Settings by name.

    Raises
    ------
    SettingError
        If one is wrong; none of them is set then.

    Examples
    --------
    >>> set(threshold=1.5, survivors=2)
    >>> current().threshold
    1.5
    >>> set(survivors=-1)
    Traceback (most recent call last):
        ...
    daftnb.errors.SettingError: survivors cannot be '-1': it must be at least 0. Try %daft set survivors=1
    >>> reset("threshold", "survivors")
    """
    blocks.put(check(**values), in_block=True)


def keep(**values: object) -> None:
    """Set settings by name, as :func:`set`, to stay also when a watched block ends.

    ``%daft set`` and the panel do this.

    Parameters
    ----------
    values
        Settings by name.

    Raises
    ------
    SettingError
        If one is wrong; none of them is set then.

    Examples
    --------
    >>> keep(idle_seconds=30)
    >>> current().idle_seconds
    30
    >>> reset("idle_seconds")
    """
    blocks.put(check(**values), in_block=False)


def reset(*names: str) -> None:
    """Unset these settings, or all: the documented defaults hold again.

    Parameters
    ----------
    names
        Names or environment variables. None of them: all.

    Raises
    ------
    SettingError
        For a name that there is not; none of them is unset then.

    Examples
    --------
    >>> set(idle_seconds=5)
    >>> reset("idle_seconds")
    >>> current().idle_seconds
    60
    """
    blocks.put(dict.fromkeys([find(name).env for name in names or SETTINGS]), in_block=False)
