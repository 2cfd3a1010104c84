"""The verbs for the autoscaling settings, whose change acts on the next query, and for Daft's other options."""

from __future__ import annotations

import json
import shlex
from argparse import Namespace
from typing import TYPE_CHECKING

from daftnb import options, settings
from daftnb.commands import sources
from daftnb.commands.parsing import Parser
from daftnb.commands.verb import Verb
from daftnb.errors import DaftnbError, SettingError
from daftnb.kuberay import AUTOSCALERS, Pool, manifest
from daftnb.options.known import Variable
from daftnb.settings import SETTINGS, find
from daftnb.text.redaction import redact
from daftnb.text.spelling import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from daftnb.session import Session


def assignments(words: list[str]) -> dict[str, str]:
    """Return ``NAME=VALUE`` words as name → text.

    Raises DaftnbError where a word is not that, or names no setting.
    """
    values = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals:
            raise DaftnbError(f"{shown(word)} is not NAME=VALUE.", f"Try %daft set {find(name).name}=…")
        values[find(name).name] = text
    return values


def settings_text(session: Session) -> str:
    """Return what is set, and what is in effect, as text."""
    from daftnb.widgets.controls import controls_text

    return controls_text(session.snapshot()["settings"])


def is_setting(name: str) -> bool:
    """Return True for one of the autoscaling settings, False for another option of Daft's.

    Raises SettingError where it is neither.
    """
    try:
        find(name)
    except SettingError:
        options.find(name)
        return False
    return True


def _set_options(parser: Parser) -> None:
    parser.add_argument(
        "assignments", nargs="+", metavar="NAME=VALUE", help="threshold=1.5, downscale=off, default_morsel_size=1000, …"
    )
    parser.sources["assignments"] = sources.option_values


def _set(arguments: Namespace, session: Session) -> None:
    values: dict[str, str] = {}
    others: dict[str, str] = {}
    for word in arguments.assignments:
        name, equals, text = word.partition("=")
        setting = is_setting(name)
        if not equals:
            raise DaftnbError(f"{shown(word)} is not NAME=VALUE.", f"Try %daft set {name}=…")
        (values if setting else others)[name] = text
    values = {find(name).name: text for name, text in values.items()}
    settings.check(**values)
    options.set(**others)
    if values:
        session.set(**values)
        print(settings_text(session))
    _print_options(others)


def _print_options(names: Iterable[str]) -> None:
    """Print options as they are now, and when that acts."""
    for_workers = False
    for name in names:
        option = options.find(name)
        print(f"{_line(name)}  # {options.acts(name)}")
        for_workers |= isinstance(option, Variable) and option.in_workers
    if for_workers:
        print("Workers that run keep what they have. For new ones: %daft stop, then %daft start or %daft connect.")


def _line(name: str) -> str:
    option, now = options.find(name), options.value(name)
    if now is None:
        return f"# {option.name} is not set" if isinstance(option, Variable) else f"# {option.name}: not known"
    return f"{option.name}={redact(now)}"


def _settings_options(parser: Parser) -> None:
    parser.add_argument("--all", action="store_true", help="every option of Daft's for tuning: who reads it, and when")


def _settings(arguments: Namespace, session: Session) -> None:
    if arguments.all:
        from IPython.display import display

        display(options.table())
    else:
        print(settings_text(session))


def _names(parser: Parser) -> None:
    parser.add_argument("names", nargs="*", metavar="NAME", help="which settings or options (all autoscaling settings)")
    parser.sources["names"] = sources.option_names


def _get(arguments: Namespace, session: Session) -> None:
    current = session.settings
    names = arguments.names or SETTINGS
    for name in names:
        print(f"{find(name).name}={current.text(find(name).name)}" if is_setting(name) else _line(name))


def _reset(arguments: Namespace, session: Session) -> None:
    names = arguments.names or list(SETTINGS)
    others = [name for name in names if not is_setting(name)]
    options.reset(*others)
    mine = [name for name in names if name not in others]
    if mine:
        settings.reset(*mine)
        print(settings_text(session))
    _print_options(others)


_POOL = dict(
    name="name", min="min_workers", max="max_workers", cpus="cpus", memory="memory", image="image",
    autoscaler="autoscaler",
)  # fmt: skip


def _env_options(parser: Parser) -> None:
    form = parser.add_mutually_exclusive_group()
    for name, what in (
        ("shell", "shell exports, to run before Ray starts there (the default)"),
        ("python", "lines of Python code"),
        ("kuberay", "a RayCluster manifest for KubeRay, with autoscaling on and the settings in it"),
    ):
        form.add_argument(f"--{name}", dest="form", action="store_const", const=name, default="shell", help=what)
    pool = parser.add_argument_group("options of a manifest")
    pool.add_argument("--name", metavar="NAME", help=f"the cluster's name ({Pool.name})")
    pool.add_argument("--min", type=int, metavar="N", help=f"fewest workers ({Pool.min_workers})")
    pool.add_argument("--max", type=int, metavar="N", help=f"most workers ({Pool.max_workers})")
    pool.add_argument("--cpus", type=int, metavar="N", help=f"CPUs of each worker ({Pool.cpus})")
    pool.add_argument("--memory", metavar="SIZE", help=f"memory of each worker ({Pool.memory})")
    pool.add_argument("--image", metavar="IMAGE", help="an image that has Daft (default: Ray's own, which has none)")
    pool.add_argument("--autoscaler", choices=AUTOSCALERS, help=f"Ray's first or second ({Pool.autoscaler})")


def env_text(variables: Mapping[str, str], form: str) -> str:
    """Return environment variables as ``shell`` exports, or as ``python``."""
    match form:
        case "python":
            lines = [
                "import os",
                "",
                *(f'os.environ["{name}"] = {json.dumps(text)}' for name, text in variables.items()),
            ]
        case _:
            lines = [f"export {name}={shlex.quote(text)}" for name, text in variables.items()]
    return "\n".join(lines)


def _env(arguments: Namespace, session: Session) -> None:
    variables = {**session.settings.environment(), **options.exported()}
    given_options = vars(arguments)
    given = {field: given_options[name] for name, field in _POOL.items() if given_options[name] is not None}
    if arguments.form == "kuberay":
        print(manifest(Pool(**given), variables))
    elif given:
        name = next(name for name, field in _POOL.items() if field in given)
        raise DaftnbError(
            f"%daft env: --{name} is an option of --kuberay.", f"Try %daft env --kuberay --{name} {given_options[name]}"
        )
    else:
        print(env_text(variables, arguments.form))


VERBS = (
    Verb(
        "settings", "settings", "show what is set, and what is in effect: read back from the cluster at the last query",
        _settings, _settings_options, ("%daft settings", "%daft settings --all"),
    ),
    Verb(
        "set", "settings", "set settings, or options that %daft settings --all lists: %daft set threshold=2",
        _set, _set_options,
        ("%daft set threshold=2", "%daft set downscale=off growth=needed", "%daft set default_morsel_size=10000"),
    ),
    Verb(
        "get", "settings", "print what is set, as NAME=VALUE lines",
        _get, _names, ("%daft get", "%daft get threshold", "%daft get shuffle_algorithm"),
    ),
    Verb(
        "reset", "settings", "set all settings, or some settings and options, back to Daft's documented defaults",
        _reset, _names, ("%daft reset", "%daft reset threshold", "%daft reset DAFT_MEMORY_LIMIT"),
    ),
    Verb(
        "env", "settings", "print the settings as shell exports, as Python, or in a RayCluster manifest",
        _env, _env_options, ("%daft env", "%daft env --python", "%daft env --kuberay --max 20 --image me/ray-daft:1"),
    ),
)  # fmt: skip
