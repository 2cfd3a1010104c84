"""The verbs for the autoscaling settings; a change acts on the next query."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from daftnb import settings
from daftnb.commands import sources
from daftnb.commands.parsing import Parser
from daftnb.commands.verb import Verb
from daftnb.errors import DaftnbError
from daftnb.kuberay import AUTOSCALERS, Pool, manifest
from daftnb.settings import SETTINGS, find
from daftnb.text.spelling import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

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


def _set_options(parser: Parser) -> None:
    parser.add_argument("assignments", nargs="+", metavar="NAME=VALUE", help="threshold=1.5, downscale=off, …")
    parser.sources["assignments"] = sources.setting_values


def _set(arguments: Namespace, session: Session) -> None:
    values = assignments(arguments.assignments)
    session.set(**values)
    print(settings_text(session))


def _settings(arguments: Namespace, session: Session) -> None:
    print(settings_text(session))


def _names(parser: Parser) -> None:
    parser.add_argument("names", nargs="*", metavar="NAME", help="which settings (all five)")
    parser.sources["names"] = sources.setting_names


def _get(arguments: Namespace, session: Session) -> None:
    current = session.settings
    for name in [find(name).name for name in arguments.names or SETTINGS]:
        print(f"{name}={current.text(name)}")


def _reset(arguments: Namespace, session: Session) -> None:
    settings.reset(*arguments.names)
    print(settings_text(session))


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
            lines = ["import os", "", *(f'os.environ["{name}"] = "{text}"' for name, text in variables.items())]
        case _:
            lines = [f"export {name}={text}" for name, text in variables.items()]
    return "\n".join(lines)


def _env(arguments: Namespace, session: Session) -> None:
    variables = session.settings.environment()
    options = vars(arguments)
    given = {field: options[name] for name, field in _POOL.items() if options[name] is not None}
    if arguments.form == "kuberay":
        print(manifest(Pool(**given), variables))
    elif given:
        name = next(name for name, field in _POOL.items() if field in given)
        raise DaftnbError(
            f"%daft env: --{name} is an option of --kuberay.", f"Try %daft env --kuberay --{name} {options[name]}"
        )
    else:
        print(env_text(variables, arguments.form))


VERBS = (
    Verb(
        "settings", "settings", "show what is set, and what is in effect: read back from the cluster at the last query",
        _settings, examples=("%daft settings",),
    ),
    Verb(
        "set", "settings", "set one or more settings: %daft set threshold=2",
        _set, _set_options, ("%daft set threshold=2", "%daft set downscale=off survivors=2"),
    ),
    Verb(
        "get", "settings", "print what is set, as NAME=VALUE lines",
        _get, _names, ("%daft get", "%daft get threshold"),
    ),
    Verb(
        "reset", "settings", "set all or some settings back to Daft's documented defaults",
        _reset, _names, ("%daft reset", "%daft reset threshold"),
    ),
    Verb(
        "env", "settings", "print the settings as shell exports, as Python, or in a RayCluster manifest",
        _env, _env_options, ("%daft env", "%daft env --python", "%daft env --kuberay --max 20 --image me/ray-daft:1"),
    ),
)  # fmt: skip
