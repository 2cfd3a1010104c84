"""The slow import that Ray brings: put off while jsonschema loads, and as it was after that."""

from __future__ import annotations

import subprocess
import sys
import textwrap

from tests.helpers.releases import needs_ray

BEGIN = """
import sys
from daftnb.engine.lateimport import SLOW, put_off
put_off.install()
"""


def run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", BEGIN + textwrap.dedent(code)], capture_output=True, text=True, check=False
    )
    assert not done.returncode, done.stderr
    return done.stdout.strip()


@needs_ray
def test_a_first_dataframe_does_not_import_it() -> None:
    printed = run("""
        import daft
        daft.from_pydict({"a": [1]})
        print("ray" in sys.modules, "jsonschema._format" in sys.modules, SLOW in sys.modules, "lark" in sys.modules)
        print(put_off in sys.meta_path)
    """)
    assert printed == "True True False False\nFalse"


def test_jsonschema_checks_what_it_always_checks() -> None:
    printed = run("""
        import jsonschema
        before = SLOW in sys.modules
        checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
        print(before, checker.conforms("http://ä.example/", "iri"), checker.conforms("no iri", "iri"))
        print(SLOW in sys.modules, sys.modules[SLOW].__file__ is not None)
        made = jsonschema._format
        print(made.__spec__.loader is made.__loader__, type(made.__loader__).__name__)
    """)
    assert printed == "False True False\nTrue True\nTrue SourceFileLoader"


def test_the_users_own_import_has_the_real_one() -> None:
    printed = run("""
        import jsonschema, rfc3987_syntax
        from rfc3987_syntax.syntax_helpers import is_valid_syntax
        print(rfc3987_syntax.__file__.endswith(".py"), is_valid_syntax("iri", "a:b"))
        print(rfc3987_syntax.is_valid_syntax is is_valid_syntax)
    """)
    assert printed == "True True\nTrue"


def test_an_import_in_another_thread_at_the_same_time_has_what_it_asks_for() -> None:
    printed = run("""
        import threading
        found, there, done = [], threading.Event(), threading.Event()
        import daftnb.engine.lateimport as late
        made = late._standing
        def standing():
            module = made()
            there.set()
            return module
        late._standing = standing
        def load():
            import jsonschema
        def other():
            there.wait(30)
            import rfc3987_syntax.syntax_helpers as helpers
            from rfc3987_syntax import is_valid_syntax
            found.append((is_valid_syntax("iri", "a:b"), helpers.is_valid_syntax("iri", "no iri"), helpers.__name__))
        threads = [threading.Thread(target=load), threading.Thread(target=other)]
        for each in threads: each.start()
        for each in threads: each.join(60)
        import rfc3987_syntax, jsonschema
        checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
        print(found, rfc3987_syntax.__file__ is not None, checker.conforms("no iri", "iri"))
    """)
    assert printed == "[(True, False, 'rfc3987_syntax.syntax_helpers')] True False"


def test_where_it_is_not_installed_nothing_changes() -> None:
    printed = run("""
        sys.modules[SLOW] = None  # as if it were not there
        import jsonschema
        print("iri" in jsonschema.Draft202012Validator.FORMAT_CHECKER.checkers, sys.modules[SLOW])
        put_off.uninstall()
        put_off.install()
        print(put_off in sys.meta_path)
    """)
    assert printed == "False None\nFalse"
